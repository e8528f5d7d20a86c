-- Marks that people give to slots.

-- name: slot_grade_lock
-- in: uuid, integer
-- Attempt, slot: the attempt's state, what the slot is worth, how often people have marked it, whether the grader has looked at it.
SELECT a.state, s.points, s.grades, s.explanation IS NOT NULL FROM attempts a JOIN attempt_slots s ON s.attempt_id = a.id WHERE a.id = $1::uuid AND s.slot = $2::integer FOR UPDATE OF a;

-- name: slot_grade
-- in: uuid, integer, uuid, bigint, text
-- Attempt, slot, who marks it, points, comment. The reply and its version; the student and the payload of attempt.graded, NULL while other slots wait.
-- What the grader had found is kept in the explanation.
WITH was AS (
    SELECT score, explanation FROM attempt_slots WHERE attempt_id = $1::uuid AND slot = $2::integer
), s AS (
    UPDATE attempt_slots s SET score = $4::bigint, comment = $5::text, graded_by = $3::uuid, grades = s.grades + 1,
        explanation = s.explanation - '{waits_for,steps}'::text[] || jsonb_build_object('rule', 'person/1',
            'automatic', coalesce(s.explanation -> 'automatic', jsonb_build_object('rule', s.explanation -> 'rule', 'steps', s.explanation -> 'steps')),
            'final', jsonb_build_object('points', ea_points($4::bigint), 'of', ea_points(s.points)))
    WHERE s.attempt_id = $1::uuid AND s.slot = $2::integer
    RETURNING s.*
), noted AS (
    INSERT INTO audit (actor, action, object, object_id, detail)
    SELECT $3::uuid, 'slot.graded', 'attempt', $1::uuid, jsonb_build_object('slot', $2::integer, 'points', ea_points($4::bigint), 'before', ea_points(score)) FROM was
), history AS (
    INSERT INTO slot_grades (attempt_id, slot, version, at, graded_by, score, before, comment)
    SELECT s.attempt_id, s.slot, s.grades, statement_timestamp(), s.graded_by, s.score, was.score, s.comment FROM s, was
), total AS (
    SELECT bool_or(score IS NULL) AS waits, sum(score) AS score FROM (
        SELECT score FROM attempt_slots WHERE attempt_id = $1::uuid AND slot <> $2::integer
        UNION ALL
        SELECT $4::bigint) AS x
), a AS (
    UPDATE attempts SET needs_grading = waits, state = CASE WHEN waits THEN state ELSE 'graded' END,
        graded_at = CASE WHEN NOT waits THEN clock_timestamp() END, score = CASE WHEN NOT waits THEN total.score END
    FROM total WHERE id = $1::uuid
    RETURNING attempts.*
)
SELECT json_build_object('attempt_id', a.id, 'slot', s.slot, 'score', json_build_object('points', ea_points(s.score), 'of', ea_points(s.points)),
                         'comment', s.comment, 'graded_by', s.graded_by, 'state', a.state, 'needs_grading', a.needs_grading, 'version', s.grades), s.grades, a.user_id,
       CASE WHEN a.state = 'graded' THEN json_build_object('attempt_id', a.id, 'quiz_id', a.quiz_id, 'course_id', a.course_id, 'user_id', a.user_id, 'title', q.title,
           'score', CASE WHEN q.show_score = 'on_submit' OR (q.show_score = 'after_close' AND ea_quiz_over(q))
               THEN json_build_object('points', ea_points(a.score), 'of', ea_points(a.points)) END)::text END
FROM a JOIN quizzes q ON q.id = a.quiz_id, s;

-- name: slot_grades
-- in: uuid, integer, text, bigint
-- Attempt, slot, cursor, limit: the marks that people gave it, newest first.
SELECT json_build_object('version', version, 'at', ea_time(at), 'graded_by', graded_by, 'points', ea_points(score), 'before', ea_points(before), 'comment', comment), version
FROM slot_grades WHERE attempt_id = $1::uuid AND slot = $2::integer AND version < coalesce(nullif($3::text, '')::integer, 2147483647)
ORDER BY version DESC LIMIT $4::bigint;

-- name: slot_exists
-- in: uuid, integer
SELECT EXISTS (SELECT 1 FROM attempt_slots WHERE attempt_id = $1::uuid AND slot = $2::integer);
