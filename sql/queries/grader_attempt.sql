-- What the grader reads and writes of attempts.

-- name: attempt_for_grading
-- in: uuid
-- Waits for whoever has it. No row, or a state other than submitted: there is nothing to do.
SELECT state FROM attempts WHERE id = $1::uuid FOR UPDATE;

-- name: attempt_slots_for_grading
-- in: uuid
SELECT s.slot, s.kind, s.points, v.definition::text, coalesce(s.answer, 'null')::text
FROM attempt_slots s JOIN item_versions v ON v.item_id = s.item_id AND v.version = s.item_version
WHERE s.attempt_id = $1::uuid ORDER BY s.slot;

-- name: attempt_grade
-- in: uuid, int[], int[], text[], jsonb
-- Attempt, its slots, their scores and explanations, the explanation of the whole. One row: student and the payload of attempt.graded;
-- a score that the quiz does not show yet is not in it.
WITH graded AS (
    UPDATE attempt_slots s SET score = x.score, explanation = x.explanation::jsonb
    FROM unnest($2::int[], $3::int[], $4::text[]) AS x (slot, score, explanation)
    WHERE s.attempt_id = $1::uuid AND s.slot = x.slot
    RETURNING s.score
), a AS (
    UPDATE attempts SET state = 'graded', graded_at = clock_timestamp(), explanation = $5::jsonb, score = (SELECT coalesce(sum(score), 0) FROM graded)
    WHERE id = $1::uuid AND state = 'submitted'
    RETURNING *
)
SELECT a.user_id, json_build_object('attempt_id', a.id, 'quiz_id', a.quiz_id, 'course_id', a.course_id, 'user_id', a.user_id, 'title', q.title,
    'score', CASE WHEN q.show_score = 'on_submit' OR (q.show_score = 'after_close' AND ea_quiz_over(q))
        THEN json_build_object('points', ea_points(a.score), 'of', ea_points(a.points)) END)::text
FROM a JOIN quizzes q ON q.id = a.quiz_id;
