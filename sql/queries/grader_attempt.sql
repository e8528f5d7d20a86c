-- What the grader reads and writes of attempts.

-- name: attempt_for_grading
-- in: uuid
-- Waits for whoever has it. No row, or a state other than submitted: there is nothing to do.
SELECT state FROM attempts WHERE id = $1::uuid FOR UPDATE;

-- name: attempt_slots_for_grading
-- in: uuid
-- All but those that a person has marked.
SELECT s.slot, s.kind, s.points, v.definition::text, coalesce(s.answer, 'null')::text,
       jsonb_build_object('values', coalesce(s.draw -> 'values', '{}'))::text
FROM attempt_slots s JOIN item_versions v ON v.item_id = s.item_id AND v.version = s.item_version
WHERE s.attempt_id = $1::uuid AND s.graded_by IS NULL ORDER BY s.slot;

-- name: attempt_grade
-- in: uuid, int[], int[], text[], jsonb
-- Attempt, its slots, their scores (NULL: waits for a person) and explanations, the explanation of the whole. One row: student, the payload of attempt.graded, and
-- whether it waits for a person; then it stays submitted. A score that the quiz does not show yet is not in the payload.
WITH graded AS (
    UPDATE attempt_slots s SET score = x.score, explanation = x.explanation::jsonb
    FROM unnest($2::int[], $3::int[], $4::text[]) AS x (slot, score, explanation)
    WHERE s.attempt_id = $1::uuid AND s.slot = x.slot
    RETURNING s.score
), total AS (
    SELECT coalesce(bool_or(score IS NULL), false) AS waits, coalesce(sum(score), 0) AS score FROM (
        SELECT score FROM graded
        UNION ALL
        SELECT score FROM attempt_slots WHERE attempt_id = $1::uuid AND graded_by IS NOT NULL) AS x
), a AS (
    UPDATE attempts SET explanation = $5::jsonb, needs_grading = waits, state = CASE WHEN waits THEN 'submitted' ELSE 'graded' END,
        graded_at = CASE WHEN NOT waits THEN clock_timestamp() END, score = CASE WHEN NOT waits THEN total.score END
    FROM total WHERE id = $1::uuid AND state = 'submitted'
    RETURNING attempts.*
)
SELECT a.user_id, json_build_object('attempt_id', a.id, 'quiz_id', a.quiz_id, 'course_id', a.course_id, 'user_id', a.user_id, 'title', q.title,
    'score', CASE WHEN q.show_score = 'on_submit' OR (q.show_score = 'after_close' AND ea_quiz_over(q))
        THEN json_build_object('points', ea_points(a.score), 'of', ea_points(a.points)) END)::text, a.needs_grading
FROM a JOIN quizzes q ON q.id = a.quiz_id;
