-- What students get back, and what teachers see of all of them.

-- name: attempt_result_version
-- in: uuid, boolean, bigint
-- Attempt, whether everything may be seen, age of the request: the version that attempt_result would have now, whether it is graded, whether its time is over and it still runs.
SELECT CASE WHEN state <> 'in_progress' THEN concat_ws('.', version, ($2::boolean AND state = 'graded' OR score)::int, ($2::boolean AND state <> 'in_progress' OR key)::int,
                                                       ($2::boolean AND state = 'graded' OR feedback)::int) END,
       state = 'graded', state = 'in_progress' AND coalesce(clock_timestamp() - $3::bigint * interval '1 microsecond' > late_at, false)
FROM attempt_shown WHERE id = $1::uuid;

-- name: attempt_result
-- in: uuid, boolean
-- Attempt, whether everything may be seen; else the quiz's `show` decides. After the close means after the last close that anybody in the quiz has.
-- Then the version of what was read, NULL while it still changes.
WITH a AS (
    SELECT a.*, q.title, $2::boolean AND a.state = 'graded' OR shown.score AS score_shown, $2::boolean AND a.state <> 'in_progress' OR shown.key AS key_shown,
           $2::boolean AND a.state = 'graded' OR shown.feedback AS feedback_shown, shown.version AS version
    FROM attempts a JOIN quizzes q ON q.id = a.quiz_id JOIN attempt_shown shown ON shown.id = a.id WHERE a.id = $1::uuid
)
SELECT json_build_object(
    'attempt_id', a.id, 'quiz_id', a.quiz_id, 'course_id', a.course_id, 'user_id', a.user_id, 'title', a.title, 'number', a.number, 'state', a.state,
    'started_at', ea_time(a.started_at), 'submitted_at', ea_time(a.submitted_at), 'submitted_by', a.submitted_by, 'graded_at', ea_time(a.graded_at),
    'shown', json_build_object('score', score_shown, 'key', key_shown, 'feedback', feedback_shown),
    'score', CASE WHEN score_shown THEN json_build_object('points', ea_points(a.score), 'of', ea_points(a.points)) END,
    'explanation', CASE WHEN score_shown THEN a.explanation END,
    'slots', (
        SELECT coalesce(json_agg(json_build_object(
            'slot', s.slot, 'kind', s.kind, 'answer', s.answer, 'rev', s.rev,
            'score', CASE WHEN score_shown THEN json_build_object('points', ea_points(s.score), 'of', ea_points(s.points)) END,
            'explanation', CASE WHEN score_shown THEN s.explanation - CASE WHEN key_shown THEN '{}' ELSE '{matched,matched_gaps,expected}' END::text[] END,
            'key', CASE WHEN key_shown THEN ea_slot_key(s.kind, v.definition) END,
            'feedback_html', CASE WHEN feedback_shown THEN v.feedback_html END,
            'comment', CASE WHEN feedback_shown THEN s.comment END,
            'feedback', CASE WHEN feedback_shown THEN ea_slot_feedback(v.definition, s.explanation) END) ORDER BY s.slot), '[]')
        FROM attempt_slots s JOIN item_versions v ON v.item_id = s.item_id AND v.version = s.item_version
        WHERE s.attempt_id = a.id)),
    CASE WHEN a.state <> 'in_progress' THEN concat_ws('.', a.version, a.score_shown::int, a.key_shown::int, a.feedback_shown::int) END
FROM a;

-- name: quiz_results
-- in: uuid, text, bigint
-- Quiz, cursor, limit: each student of the course with what counts.
SELECT json_build_object('user_id', user_id, 'name', name, 'email', email, 'state', state, 'attempts', attempts, 'attempt_id', kept,
                         'score', CASE WHEN score IS NOT NULL THEN json_build_object('points', ea_points(score), 'of', ea_points(points)) END,
                         'started_at', ea_time(started_at), 'submitted_at', ea_time(submitted_at)), user_id
FROM ea_quiz_results($1::uuid, coalesce(nullif($2::text, '')::uuid, '00000000-0000-0000-0000-000000000000'))
ORDER BY user_id LIMIT $3::bigint;

-- name: quiz_results_table
-- in: uuid
-- The same of all of them, as plain columns.
SELECT user_id, name, email, state, attempts, ea_points(score), ea_points(points), ea_time(started_at), ea_time(submitted_at)
FROM ea_quiz_results($1::uuid, '00000000-0000-0000-0000-000000000000') ORDER BY user_id;

-- name: quiz_results_patience
-- in:
-- For the transaction that streams them: a reader may be slower than a statement may usually be.
SELECT set_config('statement_timeout', '60s', true);
