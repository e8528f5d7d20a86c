-- Grades of submissions, given by people and by the grader.

-- name: submission_lock
-- in: uuid
-- For a grade: version, points of the assignment (1/1000), whether grades are released as they are given.
SELECT s.version, r.points, a.release = 'auto' OR s.released
FROM submissions s
JOIN assignments a ON a.id = s.assignment_id
JOIN assignment_rules r ON r.assignment_id = s.assignment_id AND r.version = s.rules
WHERE s.id = $1::uuid AND a.deleted_at IS NULL FOR UPDATE OF s;

-- name: submission_rubric
-- in: uuid
-- The criteria of the rubric it is marked by: id, points (1/1000).
SELECT c.id, (c.points * 1000)::bigint
FROM submissions s
JOIN assignment_rules r ON r.assignment_id = s.assignment_id AND r.version = s.rules
CROSS JOIN jsonb_to_recordset(r.rubric) AS c (id text, points numeric)
WHERE s.id = $1::uuid;

-- name: submission_for_grading
-- in: uuid
-- What the grader works from. No row, or a state other than submitted: there is nothing to do.
SELECT s.state, s.text, (extract(epoch FROM s.submitted_at) * 1000000)::bigint, (extract(epoch FROM s.due_at) * 1000000)::bigint,
       r.points, r.version, json_build_object('checks', r.checks, 'late_policy', r.late_policy)::text, a.release = 'auto'
FROM submissions s
JOIN assignments a ON a.id = s.assignment_id
JOIN assignment_rules r ON r.assignment_id = s.assignment_id AND r.version = s.rules
WHERE s.id = $1::uuid FOR UPDATE OF s;

-- name: submission_files_for_grading
-- in: uuid
SELECT name, size, blob FROM submission_files WHERE submission_id = $1::uuid ORDER BY position;

-- name: submission_grade
-- in: uuid, bigint, jsonb, text, text, jsonb, uuid, boolean
-- Id, score, explanation, feedback, its HTML, criteria, by whom (NULL: the grader), released. One row: student and the payload of submission.graded.
-- What automatic checks found stays in the explanation of a grade given by hand.
WITH before AS (
    SELECT id, score, explanation FROM submissions WHERE id = $1::uuid
), s AS (
    UPDATE submissions SET state = 'graded', score = $2::bigint,
        explanation = CASE WHEN $7::uuid IS NULL THEN $3::jsonb
                           ELSE $3::jsonb || jsonb_build_object('automatic', CASE WHEN submissions.explanation ? 'automatic'
                                                                                  THEN submissions.explanation -> 'automatic'
                                                                                  ELSE submissions.explanation END) END,
        feedback = $4::text, feedback_html = $5::text, criteria = $6::jsonb, graded_by = $7::uuid, graded_at = now(),
        released = $8::boolean, version = version + 1
    WHERE id = $1::uuid
    RETURNING *
), history AS (
    INSERT INTO grades (submission_id, version, graded_by, score, explanation, feedback, criteria)
    SELECT id, version, graded_by, score, explanation, feedback, criteria FROM s
), trail AS (
    INSERT INTO audit (actor, action, object, object_id, detail)
    SELECT s.graded_by, 'submission.graded', 'submission', s.id,
           jsonb_build_object('from', ea_points(before.score), 'to', ea_points(s.score), 'version', s.version, 'released', s.released) FROM s, before
)
SELECT s.user_id, json_build_object('submission_id', s.id, 'assignment_id', a.id, 'course_id', a.course_id, 'user_id', s.user_id, 'title', a.title,
                                    'score', json_build_object('points', ea_points(s.score), 'of', ea_points(r.points)))::text
FROM s
JOIN assignments a ON a.id = s.assignment_id
JOIN assignment_rules r ON r.assignment_id = s.assignment_id AND r.version = s.rules;

-- name: submission_leave
-- in: uuid, text, jsonb
-- The grader has looked and gives no grade: a person must (submitted), or it could not be read (failed). The explanation says why.
UPDATE submissions SET state = $2::text, explanation = $3::jsonb, version = version + 1 WHERE id = $1::uuid AND state = 'submitted';

-- name: submission_grades
-- in: uuid
-- History, newest first.
SELECT json_build_object('items', coalesce(json_agg(json_build_object(
    'version', g.version, 'at', ea_time(g.at), 'graded_by', g.graded_by, 'points', ea_points(g.score), 'explanation', g.explanation,
    'feedback', g.feedback, 'criteria', g.criteria) ORDER BY g.version DESC), '[]'), 'next', NULL)
FROM grades g WHERE g.submission_id = $1::uuid;

-- name: assignment_release
-- in: uuid, uuid
-- Everything graded and held back becomes visible: one row per student and the payload of submission.graded.
WITH due AS (
    SELECT id FROM submissions WHERE assignment_id = $1::uuid AND state = 'graded' AND NOT released ORDER BY id FOR UPDATE
), s AS (
    UPDATE submissions SET released = true, version = version + 1 FROM due WHERE submissions.id = due.id RETURNING submissions.*
), trail AS (
    INSERT INTO audit (actor, action, object, object_id, detail)
    SELECT $2::uuid, 'assignment.released', 'assignment', $1::uuid, jsonb_build_object('submissions', count(*)) FROM s
)
SELECT s.user_id, json_build_object('submission_id', s.id, 'assignment_id', a.id, 'course_id', a.course_id, 'user_id', s.user_id, 'title', a.title,
                                    'score', json_build_object('points', ea_points(s.score), 'of', ea_points(r.points)))::text
FROM s
JOIN assignments a ON a.id = s.assignment_id
JOIN assignment_rules r ON r.assignment_id = s.assignment_id AND r.version = s.rules
ORDER BY s.id;
