-- What students get back, and what teachers see of all of them.

-- name: attempt_result
-- in: uuid, boolean
-- Attempt, whether everything may be seen; else the quiz's `show` decides. After the close means after the last close that anybody in the quiz has.
WITH a AS (
    SELECT a.*, q.title, q.show_score, q.show_key, q.show_feedback, ea_quiz_over(q) AS over
    FROM attempts a JOIN quizzes q ON q.id = a.quiz_id WHERE a.id = $1::uuid
), shown AS (
    SELECT a.*, a.state = 'graded' AND ($2::boolean OR show_score = 'on_submit' OR (show_score = 'after_close' AND over)) AS score_shown,
           a.state <> 'in_progress' AND ($2::boolean OR show_key = 'on_submit' OR (show_key = 'after_close' AND over)) AS key_shown,
           a.state = 'graded' AND ($2::boolean OR show_feedback = 'on_submit' OR (show_feedback = 'after_close' AND over)) AS feedback_shown
    FROM a
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
            'explanation', CASE WHEN score_shown THEN s.explanation - CASE WHEN key_shown THEN '' ELSE 'matched' END END,
            'key', CASE WHEN key_shown THEN CASE s.kind
                WHEN 'choice' THEN json_build_object('choices', (SELECT json_agg(c -> 'id') FROM jsonb_array_elements(v.definition -> 'choices') AS c WHERE (c ->> 'correct')::boolean))
                WHEN 'numeric' THEN json_build_object('answers', (SELECT json_agg(x - '{feedback,feedback_html}'::text[]) FROM jsonb_array_elements(v.definition -> 'answers') AS x))
                WHEN 'short_text' THEN json_build_object('accept', (SELECT json_agg(x - '{feedback,feedback_html}'::text[]) FROM jsonb_array_elements(v.definition -> 'accept') AS x))
                END END,
            'feedback_html', CASE WHEN feedback_shown THEN v.feedback_html END,
            'feedback', CASE WHEN feedback_shown THEN (
                SELECT coalesce(json_agg(coalesce(v.definition -> 'choices', v.definition -> 'answers', v.definition -> 'accept') -> m::integer ->> 'feedback_html' ORDER BY k)
                                FILTER (WHERE coalesce(v.definition -> 'choices', v.definition -> 'answers', v.definition -> 'accept') -> m::integer ? 'feedback_html'), '[]')
                FROM jsonb_array_elements_text(s.explanation -> 'matched') WITH ORDINALITY AS y (m, k)) END) ORDER BY s.slot), '[]')
        FROM attempt_slots s JOIN item_versions v ON v.item_id = s.item_id AND v.version = s.item_version
        WHERE s.attempt_id = a.id)),
    a.state || a.score_shown::text || a.key_shown || a.feedback_shown
FROM shown a;

-- name: quiz_results
-- in: uuid, text, bigint
-- Quiz, cursor, limit: each student of the course with what counts. Then the same as plain columns, for CSV.
SELECT json_build_object('user_id', e.user_id, 'name', u.name, 'email', u.email, 'state', r.state, 'attempts', r.attempts, 'attempt_id', r.kept,
                         'score', CASE WHEN r.score IS NOT NULL THEN json_build_object('points', ea_points(r.score), 'of', ea_points(r.points)) END,
                         'started_at', ea_time(r.started_at), 'submitted_at', ea_time(r.submitted_at)),
       e.user_id, u.name, u.email, r.state, r.attempts, ea_points(r.score), ea_points(r.points), ea_time(r.started_at), ea_time(r.submitted_at)
FROM quizzes q
JOIN enrolments e ON e.course_id = q.course_id AND e.role = 'student'
JOIN users u ON u.id = e.user_id
CROSS JOIN LATERAL (
    SELECT count(*) AS attempts, coalesce((array_agg(a.state ORDER BY a.number DESC))[1], 'not_started') AS state,
           CASE q.keep WHEN 'average' THEN round(avg(a.score))::bigint
                       WHEN 'highest' THEN max(a.score)
                       WHEN 'first' THEN (array_agg(a.score ORDER BY a.number) FILTER (WHERE a.state = 'graded'))[1]
                       ELSE (array_agg(a.score ORDER BY a.number DESC) FILTER (WHERE a.state = 'graded'))[1] END AS score,
           (array_agg(a.points ORDER BY CASE q.keep WHEN 'highest' THEN -a.score WHEN 'first' THEN a.number ELSE -a.number END, a.number)
            FILTER (WHERE a.state = 'graded'))[1] AS points,
           (array_agg(a.id ORDER BY CASE q.keep WHEN 'highest' THEN -a.score WHEN 'first' THEN a.number ELSE -a.number END, a.number)
            FILTER (WHERE a.state = 'graded' AND q.keep <> 'average'))[1] AS kept,
           min(a.started_at) AS started_at, max(a.submitted_at) AS submitted_at
    FROM attempts a WHERE a.quiz_id = q.id AND a.user_id = e.user_id) r
WHERE q.id = $1::uuid AND e.user_id > coalesce(nullif($2::text, '')::uuid, '00000000-0000-0000-0000-000000000000')
ORDER BY e.user_id LIMIT $3::bigint;
