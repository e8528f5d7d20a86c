-- Rooms: what a course talks in.

-- name: authz_room
-- in: uuid, uuid
-- Direct rooms are their members' alone, whatever their role in the course: to a teacher who is not in one it does not exist.
SELECT r.course_id, ea_room_role($1::uuid, r.id), true
FROM rooms r
WHERE r.id = $2::uuid
  AND (r.kind <> 'direct' OR EXISTS (SELECT FROM room_members m WHERE m.room_id = r.id AND m.user_id = $1::uuid));

-- name: authz_message
-- in: uuid, uuid
SELECT r.course_id, ea_room_role($1::uuid, r.id), true
FROM messages m JOIN rooms r ON r.id = m.room_id
WHERE m.id = $2::uuid
  AND (r.kind <> 'direct' OR EXISTS (SELECT FROM room_members d WHERE d.room_id = r.id AND d.user_id = $1::uuid));

-- name: room_insert
-- in: uuid, uuid, text, text, uuid
INSERT INTO rooms (id, course_id, name, kind, created_by) VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::uuid);

-- name: room_members_insert
-- in: uuid, uuid[]
-- Members must be of the course; the row count tells.
INSERT INTO room_members (room_id, user_id)
SELECT $1::uuid, e.user_id
FROM rooms r JOIN enrolments e ON e.course_id = r.course_id
WHERE r.id = $1::uuid AND e.user_id = ANY ($2::uuid[])
ON CONFLICT DO NOTHING
RETURNING user_id;

-- name: room_member_delete
-- in: uuid, uuid
DELETE FROM room_members WHERE room_id = $1::uuid AND user_id = $2::uuid RETURNING user_id;

-- name: room_members_of
-- in: uuid
SELECT user_id FROM room_members WHERE room_id = $1::uuid ORDER BY user_id;

-- name: room_get
-- in: uuid, uuid
-- A room as its caller sees it. `cursor` is the log's newest id of this snapshot: who follows from there misses nothing.
SELECT jsonb_build_object(
           'id', r.id, 'course_id', r.course_id, 'name', r.name, 'kind', r.kind, 'created_at', ea_time(r.created_at),
           'members', CASE WHEN r.kind = 'direct' THEN
               (SELECT jsonb_agg(jsonb_build_object('id', u.id, 'name', u.name) ORDER BY u.name, u.id)
                FROM room_members m JOIN users u ON u.id = m.user_id WHERE m.room_id = r.id) END,
           'unread', (SELECT count(*) FROM (
               SELECT FROM messages m
               WHERE m.room_id = r.id AND m.author_id <> $2::uuid
                 AND m.event_id > coalesce((SELECT s.event_id FROM room_reads s WHERE s.user_id = $2::uuid AND s.room_id = r.id), 0)
               LIMIT 1000) unread),
           'last_message', (SELECT ea_message_json(m, u.name) FROM messages m JOIN users u ON u.id = m.author_id
                            WHERE m.room_id = r.id ORDER BY m.event_id DESC LIMIT 1),
           'cursor', (SELECT coalesce(max(id), 0) FROM events)),
       r.version, r.kind
FROM rooms r WHERE r.id = $1::uuid;

-- name: room_list
-- in: uuid, uuid, text, bigint
SELECT jsonb_build_object(
           'id', r.id, 'course_id', r.course_id, 'name', r.name, 'kind', r.kind, 'created_at', ea_time(r.created_at),
           'unread', (SELECT count(*) FROM (
               SELECT FROM messages m
               WHERE m.room_id = r.id AND m.author_id <> $2::uuid
                 AND m.event_id > coalesce((SELECT s.event_id FROM room_reads s WHERE s.user_id = $2::uuid AND s.room_id = r.id), 0)
               LIMIT 1000) unread),
           'last_message', (SELECT ea_message_json(m, u.name) FROM messages m JOIN users u ON u.id = m.author_id
                            WHERE m.room_id = r.id ORDER BY m.event_id DESC LIMIT 1),
           'cursor', (SELECT coalesce(max(id), 0) FROM events)),
       r.id::text
FROM rooms r
WHERE r.course_id = $1::uuid
  AND (r.kind <> 'direct' OR EXISTS (SELECT FROM room_members m WHERE m.room_id = r.id AND m.user_id = $2::uuid))
  AND ($3::text = '' OR r.id > nullif($3::text, '')::uuid)
ORDER BY r.id
LIMIT $4::bigint;

-- name: room_update
-- in: uuid, int, text
-- No row: somebody else was faster.
UPDATE rooms SET name = coalesce($3::text, name), version = version + 1, updated_at = now()
WHERE id = $1::uuid AND version = $2::int
RETURNING version;

-- name: room_read_set
-- in: uuid, uuid, bigint
-- A cursor only moves forward.
INSERT INTO room_reads (room_id, user_id, event_id) VALUES ($1::uuid, $2::uuid, $3::bigint)
ON CONFLICT (user_id, room_id) DO UPDATE SET event_id = greatest(room_reads.event_id, excluded.event_id)
RETURNING event_id;

-- name: topics_of_users
-- in: uuid[], bigint[]
-- Users, and for each an event's id: everything that they might follow right after it, one's after the other's, with their place in the list from 0. That is what they may follow now, without
-- what has been added to it since and with what has been taken away: the first change of a topic since then tells what went before.
WITH asked AS (
    SELECT id, at, n - 1 AS n FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS a (id, at, n)
), turned AS MATERIALIZED (
    SELECT DISTINCT ON (a.n, t.topic) a.n, t.topic, t.added
    FROM asked a JOIN events c ON c.topic = 'u:' || a.id AND c.id > a.at AND c.kind = 'membership.changed'
    CROSS JOIN LATERAL (
        SELECT jsonb_array_elements_text(c.payload -> 'add') AS topic, true AS added
        UNION ALL
        SELECT jsonb_array_elements_text(c.payload -> 'remove'), false) t
    ORDER BY a.n, t.topic, c.id
), followed AS (
    SELECT n, 'u:' || id AS topic FROM asked
    UNION ALL
    SELECT a.n, 'c:' || e.course_id FROM asked a JOIN enrolments e ON e.user_id = a.id
    UNION ALL
    SELECT a.n, 'r:' || r.id FROM asked a JOIN enrolments e ON e.user_id = a.id JOIN rooms r ON r.course_id = e.course_id AND r.kind <> 'direct'
    UNION ALL
    SELECT a.n, 'r:' || m.room_id
    FROM asked a
    JOIN room_members m ON m.user_id = a.id
    JOIN rooms r ON r.id = m.room_id AND r.kind = 'direct'
    JOIN enrolments e ON e.course_id = r.course_id AND e.user_id = m.user_id
)
SELECT n, topic FROM (
    SELECT f.n, f.topic FROM followed f WHERE NOT EXISTS (SELECT FROM turned t WHERE t.n = f.n AND t.topic = f.topic AND t.added)
    UNION
    SELECT t.n, t.topic FROM turned t WHERE NOT t.added
) AS back_then
ORDER BY n;
