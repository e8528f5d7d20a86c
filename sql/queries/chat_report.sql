-- What somebody thinks should not have been said.

-- name: report_insert
-- in: uuid, uuid, uuid, text
-- Id, message, by whom, reason. Answers with the report as its reporter sees it, and whether it is new.
WITH made AS (
    INSERT INTO reports (id, course_id, room_id, message_id, author_id, reporter_id, reason, text, html, anonymous)
    SELECT $1::uuid, r.course_id, m.room_id, m.id, m.author_id, $3::uuid, $4::text, m.text, m.html, m.anonymous
    FROM messages m JOIN rooms r ON r.id = m.room_id WHERE m.id = $2::uuid
    ON CONFLICT (message_id, reporter_id) DO NOTHING
    RETURNING id, message_id, reason, created_at
)
SELECT jsonb_build_object('id', id, 'message_id', message_id, 'reason', reason, 'created_at', ea_time(created_at)), true FROM made
UNION ALL
SELECT jsonb_build_object('id', id, 'message_id', message_id, 'reason', reason, 'created_at', ea_time(created_at)), false
FROM reports WHERE message_id = $2::uuid AND reporter_id = $3::uuid;

-- name: report_told
-- in: uuid
-- Who decides, but for whom it is about, and the payload of report.created.
SELECT e.user_id, jsonb_build_object('report_id', p.id, 'course_id', p.course_id, 'room_id', p.room_id, 'message_id', p.message_id)
FROM reports p JOIN enrolments e ON e.course_id = p.course_id AND e.role <> 'student' AND e.user_id <> p.author_id
WHERE p.id = $1::uuid;

-- name: report_list
-- in: uuid, uuid, text, text, bigint
-- Course, reader, state or '', cursor, limit: none about the reader.
SELECT jsonb_build_object(
           'id', p.id, 'message_id', p.message_id, 'room', jsonb_build_object('id', r.id, 'name', r.name, 'kind', r.kind),
           'author', CASE WHEN NOT p.anonymous THEN jsonb_build_object('id', a.id, 'name', a.name) END,
           'reporter', jsonb_build_object('id', b.id, 'name', b.name), 'reason', p.reason, 'text', p.text, 'html', p.html, 'state', p.state,
           'created_at', ea_time(p.created_at), 'resolved_at', ea_time(p.resolved_at),
           'resolved_by', CASE WHEN d.id IS NOT NULL THEN jsonb_build_object('id', d.id, 'name', d.name) END),
       p.id::text
FROM reports p JOIN rooms r ON r.id = p.room_id JOIN users a ON a.id = p.author_id JOIN users b ON b.id = p.reporter_id LEFT JOIN users d ON d.id = p.resolved_by
WHERE p.course_id = $1::uuid AND p.author_id <> $2::uuid AND ($3::text = '' OR p.state = $3::text)
  AND ($4::text = '' OR p.id > nullif($4::text, '')::uuid)
ORDER BY p.id LIMIT $5::bigint;

-- name: report_lock
-- in: uuid, uuid
-- Report, who decides: course, message, decided? No row: it is about them.
SELECT course_id, message_id, state <> 'open' FROM reports WHERE id = $1::uuid AND author_id <> $2::uuid FOR UPDATE;

-- name: report_resolve
-- in: uuid, uuid, text
WITH done AS (
    UPDATE reports SET state = $3::text, resolved_at = now(), resolved_by = $2::uuid WHERE id = $1::uuid RETURNING *
), noted AS (
    INSERT INTO audit (actor, action, object, object_id, detail) SELECT $2::uuid, 'report.resolved', 'report', id, jsonb_build_object('state', state) FROM done
)
SELECT jsonb_build_object('id', id, 'message_id', message_id, 'state', state, 'resolved_at', ea_time(resolved_at)) FROM done;
