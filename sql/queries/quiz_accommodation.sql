-- What one student is given beyond the others.

-- name: accommodation_put
-- in: uuid, uuid, uuid, jsonb
-- Quiz, student, by whom, body: it replaces what there was. No row: they are no student of the course.
WITH given AS (
    SELECT $4::jsonb AS b FROM quizzes q
    JOIN enrolments e ON e.course_id = q.course_id AND e.user_id = $2::uuid AND e.role = 'student' WHERE q.id = $1::uuid
), new AS (
    INSERT INTO accommodations AS acc (quiz_id, user_id, extra_time_factor, extra_minutes, extra_attempts, closes_at, updated_by)
    SELECT $1::uuid, $2::uuid, ((b ->> 'extra_time_factor')::numeric * 1000)::integer, coalesce((b ->> 'extra_minutes')::integer, 0), coalesce((b ->> 'extra_attempts')::integer, 0),
           (b ->> 'closes_at')::timestamptz, $3::uuid FROM given
    ON CONFLICT (quiz_id, user_id) DO UPDATE SET extra_time_factor = excluded.extra_time_factor, extra_minutes = excluded.extra_minutes, extra_attempts = excluded.extra_attempts,
        closes_at = excluded.closes_at, updated_by = excluded.updated_by, updated_at = now(), version = acc.version + 1
    RETURNING *
), trail AS (
    INSERT INTO audit (actor, action, object, object_id, detail)
    SELECT $3::uuid, 'accommodation.changed', 'quiz', $1::uuid, jsonb_build_object('user_id', $2::uuid, 'given', b) FROM given
)
SELECT version FROM new;

-- name: accommodation_get
-- in: uuid, uuid
SELECT json_build_object('quiz_id', quiz_id, 'user_id', user_id, 'extra_time_factor', ea_points(extra_time_factor), 'extra_minutes', extra_minutes, 'extra_attempts', extra_attempts,
                         'closes_at', ea_time(closes_at), 'version', version, 'updated_at', ea_time(updated_at)), version
FROM accommodations WHERE quiz_id = $1::uuid AND user_id = $2::uuid;

-- name: attempt_retime
-- in: uuid, text
-- Quiz, student ('' for all): running attempts whose end is now later get it at once; an end never moves earlier. One row each: student, payload of attempt.changed.
WITH due AS (
    SELECT a.id, ea_attempt_end(a.started_at, q.time_limit_s, acc.extra_time_factor, acc.extra_minutes, coalesce(acc.closes_at, q.closes_at),
                                a.credited_s, q.credit_past_close) AS ends, q.grace_s
    FROM attempts a JOIN quizzes q ON q.id = a.quiz_id
    LEFT JOIN accommodations acc ON acc.quiz_id = a.quiz_id AND acc.user_id = a.user_id
    WHERE a.quiz_id = $1::uuid AND ($2::text = '' OR a.user_id = nullif($2::text, '')::uuid) AND a.state = 'in_progress' AND a.ends_at IS NOT NULL
    ORDER BY a.id FOR UPDATE OF a
)
UPDATE attempts a SET ends_at = due.ends, late_at = due.ends + due.grace_s * interval '1 second'
FROM due WHERE a.id = due.id AND (due.ends IS NULL OR due.ends > a.ends_at)
RETURNING a.user_id, ea_attempt_changed(a);
