-- What students hand in.

-- name: authz_submission
-- in: uuid, uuid
SELECT a.course_id, ea_course_role($1::uuid, a.course_id), s.user_id = $1::uuid
FROM submissions s JOIN assignments a ON a.id = s.assignment_id WHERE s.id = $2::uuid AND a.deleted_at IS NULL;

-- name: submission_limits
-- in: uuid
-- What an upload is measured against while it streams in.
SELECT 'text' = ANY (accepts), 'file' = ANY (accepts), max_files, max_bytes, array_to_string(extensions, ' ') FROM assignments WHERE id = $1::uuid;

-- name: submission_admit
-- in: uuid, uuid, bigint
-- Assignment, student, age of the request in microseconds: is it in time by when it was received, and is an attempt left? The count's row lock, held to COMMIT, answers
-- the second for one request at a time. Verdict: ok, early, locked, spent; no row: nothing that can be handed in for.
WITH a AS (
    SELECT id, rules, opens_at, due_at, lock_at, attempts, date_trunc('milliseconds', clock_timestamp() - $3::bigint * interval '1 microsecond') AS at
    FROM assignments WHERE id = $1::uuid AND state = 'published' AND deleted_at IS NULL
), n AS (
    INSERT INTO submission_counts AS c (assignment_id, user_id, used)
    SELECT id, $2::uuid, 1 FROM a WHERE (opens_at IS NULL OR at >= opens_at) AND (lock_at IS NULL OR at <= lock_at)
    ON CONFLICT (assignment_id, user_id) DO UPDATE SET used = c.used + 1
        WHERE c.used < coalesce((SELECT attempts FROM a), 2147483647)
    RETURNING used
)
SELECT CASE WHEN a.at < a.opens_at THEN 'early' WHEN a.at > a.lock_at THEN 'locked' WHEN n.used IS NULL THEN 'spent' ELSE 'ok' END,
       n.used, ea_time(a.at), a.rules, a.due_at, ea_time(a.opens_at), ea_time(a.lock_at), a.attempts
FROM a LEFT JOIN n ON true;

-- name: submission_insert
-- in: uuid, uuid, uuid, integer, timestamptz, integer, timestamptz, text, text, jsonb
-- Id, assignment, student, attempt, received, rules, due, text, its HTML, receipt.
INSERT INTO submissions (id, assignment_id, user_id, attempt, submitted_at, rules, due_at, late, text, html, receipt)
VALUES ($1::uuid, $2::uuid, $3::uuid, $4::integer, $5::timestamptz, $6::integer, $7::timestamptz,
        coalesce($5::timestamptz > $7::timestamptz, false), $8::text, $9::text, $10::jsonb);

-- name: submission_files_insert
-- in: uuid, uuid[], text[], bigint[], text[], text[], text[]
-- Submission; then ids, names, sizes, hashes, media types, blob keys, in the order they came.
INSERT INTO submission_files (submission_id, id, name, size, sha256, media_type, blob, position)
SELECT $1::uuid, f.id, f.name, f.size, f.sha256, f.media_type, f.blob, f.n
FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[]) WITH ORDINALITY AS f (id, name, size, sha256, media_type, blob, n);

-- name: submission_created
-- in: uuid
-- The reply to handing in.
SELECT json_build_object(
    'id', s.id, 'assignment_id', s.assignment_id, 'attempt', s.attempt, 'state', s.state, 'submitted_at', ea_time(s.submitted_at), 'late', s.late,
    'files', (SELECT coalesce(json_agg(json_build_object('id', f.id, 'name', f.name, 'size', f.size, 'media_type', f.media_type, 'sha256', f.sha256)
                                       ORDER BY f.position), '[]') FROM submission_files f WHERE f.submission_id = s.id),
    'receipt', s.receipt), s.version
FROM submissions s WHERE s.id = $1::uuid;

-- name: submission_get
-- in: uuid, boolean
-- The whole of one. The second parameter says that the reader marks work: others see the score, its explanation and the feedback only when released.
SELECT json_build_object(
    'id', s.id, 'assignment_id', s.assignment_id, 'course_id', a.course_id, 'user', json_build_object('id', u.id, 'name', u.name),
    'attempt', s.attempt, 'state', s.state, 'submitted_at', ea_time(s.submitted_at), 'late', s.late, 'text', s.text, 'html', s.html,
    'files', (SELECT coalesce(json_agg(json_build_object('id', f.id, 'name', f.name, 'size', f.size, 'media_type', f.media_type, 'sha256', f.sha256)
                                       ORDER BY f.position), '[]') FROM submission_files f WHERE f.submission_id = s.id),
    'receipt', s.receipt, 'released', s.released,
    'score', CASE WHEN seen AND s.score IS NOT NULL THEN json_build_object('points', ea_points(s.score), 'of', ea_points(r.points)) END,
    'feedback', CASE WHEN seen AND s.feedback IS NOT NULL THEN json_build_object('text', s.feedback, 'html', s.feedback_html) END,
    'criteria', CASE WHEN seen THEN s.criteria END,
    'explanation', CASE WHEN seen THEN s.explanation END,
    'graded_at', CASE WHEN seen THEN ea_time(s.graded_at) END,
    'graded_by', CASE WHEN seen THEN s.graded_by END,
    'version', s.version), s.version
FROM submissions s
JOIN assignments a ON a.id = s.assignment_id
JOIN assignment_rules r ON r.assignment_id = s.assignment_id AND r.version = s.rules
JOIN users u ON u.id = s.user_id
CROSS JOIN LATERAL (SELECT $2::boolean OR s.released AS seen) AS v
WHERE s.id = $1::uuid;

-- name: submission_list
-- in: uuid, uuid, boolean, text, text, bigint
-- Assignment, whose (NULL: everybody's), reader marks work, state or '', cursor, limit.
SELECT json_build_object(
    'id', s.id, 'assignment_id', s.assignment_id, 'user', json_build_object('id', u.id, 'name', u.name),
    'attempt', s.attempt, 'state', s.state, 'submitted_at', ea_time(s.submitted_at), 'late', s.late, 'released', s.released,
    'score', CASE WHEN ($3::boolean OR s.released) AND s.score IS NOT NULL THEN json_build_object('points', ea_points(s.score), 'of', ea_points(r.points)) END,
    'files', (SELECT coalesce(json_agg(json_build_object('id', f.id, 'name', f.name, 'size', f.size, 'media_type', f.media_type, 'sha256', f.sha256)
                                       ORDER BY f.position), '[]') FROM submission_files f WHERE f.submission_id = s.id),
    'version', s.version), s.id
FROM submissions s
JOIN assignment_rules r ON r.assignment_id = s.assignment_id AND r.version = s.rules
JOIN users u ON u.id = s.user_id
WHERE s.assignment_id = $1::uuid AND ($2::uuid IS NULL OR s.user_id = $2::uuid) AND ($4::text = '' OR s.state = $4::text)
  AND s.id > coalesce(nullif($5::text, '')::uuid, '00000000-0000-0000-0000-000000000000')
ORDER BY s.id LIMIT $6::bigint;

-- name: submission_file
-- in: uuid, uuid
SELECT f.name, f.media_type, f.blob FROM submission_files f WHERE f.submission_id = $1::uuid AND f.id = $2::uuid;
