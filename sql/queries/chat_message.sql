-- Messages: written in batches under the event log's lock, read by event id.

-- name: authz_message
-- in: uuid, uuid
-- What is not shown to somebody does not exist for them.
SELECT r.course_id, ea_room_role($1::uuid, r.id), true
FROM messages m JOIN rooms r ON r.id = m.room_id
WHERE m.id = $2::uuid
  AND EXISTS (SELECT FROM ea_shown(m.room_id, $1::uuid) s WHERE s.id = m.id)
  AND (r.kind <> 'direct' OR EXISTS (SELECT FROM room_members d WHERE d.room_id = r.id AND d.user_id = $1::uuid));

-- name: message_stage
-- in: text, text, text, text, text, text, text, text, text, text, text
-- Authors, rooms, ids, texts, htmls, client ids, replied-to, questions, asked without a name, numbers of files, traces travel before the log's lock is taken, so that nobody holds it
-- while they are on the way. What texts and files refer to is empty until message_resolve says.
SELECT set_config('ea.authors', $1::text, true), set_config('ea.rooms', $2::text, true), set_config('ea.ids', $3::text, true),
       set_config('ea.texts', $4::text, true), set_config('ea.htmls', $5::text, true), set_config('ea.clients', $6::text, true),
       set_config('ea.replies', $7::text, true), set_config('ea.questions', $8::text, true), set_config('ea.anonymous', $9::text, true),
       set_config('ea.files_n', $10::text, true), set_config('ea.traces', $11::text, true),
       set_config('ea.mentions', '{}', true), set_config('ea.files', '{}', true), set_config('ea.told', '{}', true), set_config('ea.told_by', '{}', true);

-- name: message_resolve
-- in: text[], text[]
-- Between message_stage and the log's lock, when a message of the batch has an @ or names files. Per message: what may be names, as lines "<number of the @> <words>", the longest that
-- is somebody's in the room being meant; and the ids of files, separated by blanks, of which those count that the author has sent to the room.
-- Not whether the author is in the room, which message_send judges: they may come in between, and whoever they name is told.
WITH want AS (
    SELECT w.n, w.author, w.room, m.names, f.ids, p.role
    FROM unnest(current_setting('ea.authors')::uuid[], current_setting('ea.rooms')::uuid[]) WITH ORDINALITY AS w (author, room, n)
    LEFT JOIN unnest($1::text[]) WITH ORDINALITY AS m (names, n) USING (n)
    LEFT JOIN unnest($2::text[]) WITH ORDINALITY AS f (ids, n) USING (n)
    LEFT JOIN room_people p ON p.room_id = w.room AND p.user_id = w.author
), word AS (
    SELECT w.n, w.room, w.role, split_part(l.line, ' ', 1)::int AS at, lower(substr(l.line, strpos(l.line, ' ') + 1)) AS name
    FROM want w CROSS JOIN LATERAL unnest(string_to_array(w.names, E'\n')) AS l (line)
), named AS (
    SELECT w.n, w.at, u.id, u.name, rank() OVER (PARTITION BY w.n, w.at ORDER BY length(w.name) DESC) AS nth
    FROM word w JOIN users u ON lower(u.name) = w.name JOIN room_people p ON p.room_id = w.room AND p.user_id = u.id
), mention AS (
    SELECT n, min(at) AS at, id, jsonb_build_object('kind', 'user', 'id', id, 'name', name) AS json FROM named WHERE nth = 1 GROUP BY n, id, name
    UNION ALL
    SELECT n, min(at), NULL, jsonb_build_object('kind', name) FROM word w
    WHERE (name = 'teachers' AND EXISTS (SELECT FROM room_people p WHERE p.room_id = w.room AND p.role IN ('assistant', 'teacher'))) OR (name = 'room' AND role <> 'student') GROUP BY n, name
), told AS (
    SELECT n, id AS who FROM mention WHERE id IS NOT NULL
    UNION
    SELECT m.n, p.user_id FROM mention m JOIN want w USING (n) JOIN room_people p ON p.room_id = w.room AND p.role IN ('assistant', 'teacher') WHERE m.json ->> 'kind' = 'teachers'
), file AS (
    SELECT w.n, jsonb_agg(jsonb_build_object('id', f.id, 'name', f.name, 'size', f.size, 'media_type', f.media_type, 'sha256', f.sha256) ORDER BY i.k) AS json
    FROM want w CROSS JOIN LATERAL unnest(string_to_array(w.ids, ' ')::uuid[]) WITH ORDINALITY AS i (id, k)
    JOIN message_files f ON f.id = i.id AND f.room_id = w.room AND f.user_id = w.author AND f.created_at > now() - interval '1 day'
    GROUP BY w.n
)
SELECT set_config('ea.mentions', (SELECT array_agg((SELECT jsonb_agg(m.json ORDER BY m.at) FROM mention m WHERE m.n = w.n) ORDER BY w.n) FROM want w)::text, true),
       set_config('ea.files', (SELECT array_agg((SELECT f.json FROM file f WHERE f.n = w.n) ORDER BY w.n) FROM want w)::text, true),
       set_config('ea.told', coalesce((SELECT array_agg(t.who ORDER BY t.n, t.who) FROM told t JOIN want w USING (n) WHERE t.who <> w.author), '{}')::text, true),
       set_config('ea.told_by', coalesce((SELECT array_agg(t.n ORDER BY t.n, t.who) FROM told t JOIN want w USING (n) WHERE t.who <> w.author), '{}')::text, true);

-- name: message_send
-- in:
-- One row per message that was staged, judged, numbered and written by one statement that runs right after events_lock.
-- Outcomes: new, same (that client id is there already), not-found, forbidden, muted, slow, bad-reply, bad-file, no-question, no-anonymous; `wait` are the seconds that mute or slow mode last.
-- Who is mentioned is told after all messages of the batch. Leaves the last reply in ea.reply, for idempotency_settle.
WITH want AS (
    SELECT * FROM unnest(current_setting('ea.authors')::uuid[], current_setting('ea.rooms')::uuid[], current_setting('ea.ids')::uuid[],
                         current_setting('ea.texts')::text[], current_setting('ea.htmls')::text[], current_setting('ea.clients')::text[],
                         current_setting('ea.replies')::uuid[], current_setting('ea.questions')::boolean[], current_setting('ea.anonymous')::boolean[],
                         current_setting('ea.files_n')::int[], current_setting('ea.traces')::text[],
                         current_setting('ea.mentions')::jsonb[], current_setting('ea.files')::jsonb[])
        WITH ORDINALITY AS w (author, room, id, text, html, client, reply, question, anonymous, files_n, trace, mentions, files, n)
), judged AS (
    SELECT w.*, u.name, r.course_id, old.id AS old_id, r.slow_s, r.slow_s > 0 AND p.role = 'student' AS paced, q.thread_id AS in_thread,
           CASE
               WHEN p.role IS NULL THEN 'not-found'
               WHEN old.id IS NOT NULL THEN 'same'
               WHEN r.kind = 'announcement' AND p.role = 'student' THEN 'forbidden'
               WHEN p.role = 'student' AND EXISTS (SELECT FROM room_mutes x WHERE x.room_id = w.room AND x.user_id = w.author AND x.until > clock_timestamp()) THEN 'muted'
               WHEN w.reply IS NOT NULL AND q.id IS NULL THEN 'bad-reply'
               WHEN r.limited AND w.reply IS NOT NULL AND NOT EXISTS (SELECT FROM ea_shown(w.room, w.author) s WHERE s.id = w.reply) THEN 'bad-reply'
               WHEN w.files_n <> coalesce(jsonb_array_length(w.files), 0) THEN 'bad-file'
               WHEN w.question AND (r.kind = 'direct' OR p.role <> 'student') THEN 'no-question'
               WHEN w.anonymous AND NOT (w.question AND r.anonymous) THEN 'no-anonymous'
               WHEN r.slow_s > 0 AND p.role = 'student'
                    AND (row_number() OVER (PARTITION BY w.author, w.room ORDER BY w.n) > 1
                         OR EXISTS (SELECT FROM messages x WHERE x.paced AND x.room_id = w.room AND x.author_id = w.author
                                                             AND x.created_at > clock_timestamp() - r.slow_s * interval '1 second')) THEN 'slow'
               ELSE 'new'
           END AS outcome
    FROM want w
    LEFT JOIN rooms r ON r.id = w.room
    LEFT JOIN enrolments e ON e.course_id = r.course_id AND e.user_id = w.author -- not room_people: here each is looked up by its key
    LEFT JOIN room_members member ON member.room_id = w.room AND member.user_id = w.author
    CROSS JOIN LATERAL (SELECT CASE WHEN ea_hears(r.kind, e.role, member.user_id IS NOT NULL) THEN e.role END AS role) p
    LEFT JOIN users u ON u.id = w.author
    LEFT JOIN messages old ON old.author_id = w.author AND old.room_id = w.room AND old.client_id = w.client
    LEFT JOIN messages q ON q.id = w.reply AND q.room_id = w.room
), base AS MATERIALIZED (
    SELECT coalesce((SELECT max(id) FROM events), 0) AS top, clock_timestamp() AS at
), written AS (
    INSERT INTO messages (id, room_id, author_id, event_id, text, html, client_id, reply_to, thread_id, question, anonymous, paced, mentions, files, created_at)
    SELECT j.id, j.room, j.author, b.top + row_number() OVER (ORDER BY j.n), j.text, j.html, j.client, j.reply, coalesce(j.in_thread, j.reply),
           j.question, j.anonymous, j.paced, j.mentions, j.files, b.at
    FROM judged j CROSS JOIN base b
    WHERE j.outcome = 'new'
    RETURNING messages
), fresh AS (
    SELECT j.n, j.course_id, j.trace, w.messages AS m, ea_message_json(w.messages, j.name) || '{"replies": 0, "reactions": []}' AS json
    FROM written w JOIN judged j ON j.id = (w.messages).id
), told AS (
    INSERT INTO events (id, topic, kind, payload, trace, at)
    SELECT (f.m).event_id, 'r:' || (f.m).room_id, 'message.created', f.json, f.trace, (f.m).created_at FROM fresh f
    UNION ALL
    SELECT b.top + (SELECT count(*) FROM fresh) + row_number() OVER (ORDER BY f.n, t.who), 'u:' || t.who, 'message.mentioned',
           jsonb_build_object('course_id', f.course_id, 'room_id', (f.m).room_id, 'message_id', (f.m).id, 'event_id', (f.m).event_id, 'author', f.json -> 'author'),
           f.trace, (f.m).created_at
    FROM unnest(current_setting('ea.told')::uuid[], current_setting('ea.told_by')::bigint[]) AS t (who, n) JOIN fresh f USING (n)
    JOIN room_people p ON p.room_id = (f.m).room_id AND p.user_id = t.who -- who has not left since message_resolve
    CROSS JOIN base b
    RETURNING id
), attached AS (
    INSERT INTO message_attachments (file_id, message_id)
    SELECT DISTINCT (x.file ->> 'id')::uuid, (f.m).id FROM fresh f CROSS JOIN LATERAL jsonb_array_elements((f.m).files) AS x (file)
), answered AS MATERIALIZED (
    SELECT j.n, j.outcome, coalesce((f.m).event_id, 0) AS event_id,
           CASE j.outcome
               WHEN 'new' THEN f.json
               WHEN 'same' THEN (SELECT ea_message_view(said, j.name, j.author) FROM messages said WHERE said.id = j.old_id)
           END AS json,
           CASE j.outcome
               WHEN 'slow' THEN j.slow_s
               WHEN 'muted' THEN (SELECT ceil(extract(epoch FROM x.until - clock_timestamp())) FROM room_mutes x WHERE x.room_id = j.room AND x.user_id = j.author)
           END AS wait
    FROM judged j LEFT JOIN fresh f ON f.n = j.n
)
SELECT n, outcome, event_id, json, set_config('ea.reply', coalesce(json::text, ''), true), least(wait, 2147483647)::int, (SELECT max(id) FROM told) FROM answered ORDER BY n;

-- name: message_get
-- in: uuid, uuid
-- Message, reader.
SELECT ea_message_view(m, u.name, $2::uuid), m.version FROM messages m JOIN users u ON u.id = m.author_id WHERE m.id = $1::uuid;

-- Two statements, because each reads an index from one end only as far as its page goes.

-- name: message_history
-- in: uuid, bigint, bigint, bigint, uuid
-- Of a room, after an event id and before another, the newest first; limit, reader.
SELECT ea_message_view(m, u.name, $5::uuid), m.event_id
FROM ea_shown($1::uuid, $5::uuid) m JOIN users u ON u.id = m.author_id
WHERE m.event_id > $2::bigint AND m.event_id < $3::bigint
ORDER BY m.event_id DESC LIMIT $4::bigint;

-- name: message_history_on
-- in: uuid, bigint, bigint, bigint, uuid
-- The same, the oldest first.
SELECT ea_message_view(m, u.name, $5::uuid), m.event_id
FROM ea_shown($1::uuid, $5::uuid) m JOIN users u ON u.id = m.author_id
WHERE m.event_id > $2::bigint AND m.event_id < $3::bigint
ORDER BY m.event_id LIMIT $4::bigint;

-- name: message_thread
-- in: uuid, bigint, bigint, uuid
-- The replies of a thread, which is named by any message of it: after an event id, limit, reader.
SELECT ea_message_view(m, u.name, $4::uuid), m.event_id
FROM messages named JOIN LATERAL ea_shown(named.room_id, $4::uuid) m ON m.thread_id = coalesce(named.thread_id, named.id) JOIN users u ON u.id = m.author_id
WHERE named.id = $1::uuid AND m.event_id > $2::bigint
ORDER BY m.event_id
LIMIT $3::bigint;
