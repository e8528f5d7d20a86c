-- Messages: written in batches under the event log's lock, read by event id.

-- name: message_stage
-- in: text, text, text, text, text, text, text, text
-- Authors, rooms, ids, texts, htmls, client ids, replied-to, traces travel before the log's lock is taken, so that nobody holds it while they are on the way.
SELECT set_config('ea.authors', $1::text, true), set_config('ea.rooms', $2::text, true), set_config('ea.ids', $3::text, true),
       set_config('ea.texts', $4::text, true), set_config('ea.htmls', $5::text, true), set_config('ea.clients', $6::text, true),
       set_config('ea.replies', $7::text, true), set_config('ea.traces', $8::text, true);

-- name: message_send
-- in:
-- One row per message that was staged, judged, numbered and written by one statement that runs right after events_lock.
-- Outcomes: new, same (that client id is there already), not-found, forbidden, bad-reply. Leaves the last reply in ea.reply, for idempotency_settle.
WITH want AS (
    SELECT * FROM unnest(current_setting('ea.authors')::uuid[], current_setting('ea.rooms')::uuid[], current_setting('ea.ids')::uuid[],
                         current_setting('ea.texts')::text[], current_setting('ea.htmls')::text[], current_setting('ea.clients')::text[],
                         current_setting('ea.replies')::uuid[], current_setting('ea.traces')::text[])
        WITH ORDINALITY AS w (author, room, id, text, html, client, reply, trace, n)
), judged AS (
    SELECT w.*, u.name, old.id AS old_id,
           CASE
               WHEN role.name IS NULL THEN 'not-found'
               WHEN old.id IS NOT NULL THEN 'same'
               WHEN r.kind = 'announcement' AND role.name = 'student' THEN 'forbidden'
               WHEN w.reply IS NOT NULL AND NOT EXISTS (SELECT FROM messages q WHERE q.id = w.reply AND q.room_id = w.room) THEN 'bad-reply'
               ELSE 'new'
           END AS outcome
    FROM want w
    LEFT JOIN rooms r ON r.id = w.room
    LEFT JOIN users u ON u.id = w.author
    LEFT JOIN messages old ON old.author_id = w.author AND old.room_id = w.room AND old.client_id = w.client
    CROSS JOIN LATERAL (SELECT ea_room_role(w.author, w.room) AS name) role
), base AS MATERIALIZED (
    SELECT coalesce((SELECT max(id) FROM events), 0) AS top, clock_timestamp() AS at
), written AS (
    INSERT INTO messages (id, room_id, author_id, event_id, text, html, client_id, reply_to, created_at)
    SELECT j.id, j.room, j.author, b.top + row_number() OVER (ORDER BY j.n), j.text, j.html, j.client, j.reply, b.at
    FROM judged j CROSS JOIN base b
    WHERE j.outcome = 'new'
    RETURNING messages
), told AS (
    INSERT INTO events (id, topic, kind, payload, trace, at)
    SELECT (w.messages).event_id, 'r:' || j.room, 'message.created', ea_message_json(w.messages, j.name), j.trace, (w.messages).created_at
    FROM written w JOIN judged j ON j.id = (w.messages).id
), answered AS MATERIALIZED (
    SELECT j.n, j.outcome, coalesce((w.messages).event_id, 0) AS event_id,
           CASE j.outcome
               WHEN 'new' THEN ea_message_json(w.messages, j.name)
               WHEN 'same' THEN (SELECT ea_message_json(m, j.name) FROM messages m WHERE m.id = j.old_id)
           END AS json
    FROM judged j LEFT JOIN written w ON (w.messages).id = j.id
)
SELECT n, outcome, event_id, json, set_config('ea.reply', coalesce(json::text, ''), true) FROM answered ORDER BY n;

-- name: message_history
-- in: uuid, bigint, bigint, bigint
-- Of a room, after an event id and before another; the newest first unless `after` is given.
SELECT ea_message_json(m, u.name), m.event_id
FROM messages m JOIN users u ON u.id = m.author_id
WHERE m.room_id = $1::uuid AND m.event_id > $2::bigint AND m.event_id < $3::bigint
ORDER BY CASE WHEN $2::bigint > 0 THEN m.event_id ELSE -m.event_id END
LIMIT $4::bigint;
