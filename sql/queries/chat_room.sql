-- Rooms: what a course talks in, and who is in them.

-- name: authz_room
-- in: uuid, uuid
-- Direct rooms are their members' alone, whatever their role in the course: to a teacher who is not in one it does not exist.
SELECT r.course_id, ea_room_role($1::uuid, r.id), true
FROM rooms r
WHERE r.id = $2::uuid
  AND (r.kind <> 'direct' OR EXISTS (SELECT FROM room_members m WHERE m.room_id = r.id AND m.user_id = $1::uuid));

-- name: room_hold
-- in: uuid, uuid
-- A room, or the room of a message, and who: what they are in its course and in the room stays so until the transaction ends. No row: they are not of the course.
SELECT d.named
FROM rooms r JOIN enrolments e ON e.course_id = r.course_id AND e.user_id = $2::uuid
LEFT JOIN LATERAL (SELECT true AS named FROM room_members m WHERE m.room_id = r.id AND m.user_id = e.user_id FOR SHARE) d ON true
WHERE r.id = coalesce((SELECT m.room_id FROM messages m WHERE m.id = $1::uuid), $1::uuid)
FOR SHARE OF e;

-- name: room_insert
-- in: uuid, uuid, text, text, uuid, text
-- Id, course, name, kind, by whom, what of its past is shown to who joins later.
INSERT INTO rooms (id, course_id, name, kind, created_by, history) VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::uuid, $6::text);

-- name: room_direct
-- in: uuid, uuid, text, uuid, uuid[]
-- Id, course, name (NULL: those of its people), who makes it, people: the room of exactly these. Its id, whether it was made now, and whether all of them are of the
-- course; no row when they are not.
WITH p AS (
    SELECT array_agg(e.user_id ORDER BY e.user_id) AS people, left(string_agg(u.name, ', ' ORDER BY u.name, u.id), 200) AS names
    FROM enrolments e JOIN users u ON u.id = e.user_id WHERE e.course_id = $2::uuid AND e.user_id = ANY ($5::uuid[])
)
INSERT INTO rooms AS r (id, course_id, name, kind, created_by, people)
SELECT $1::uuid, $2::uuid, coalesce($3::text, p.names), 'direct', $4::uuid, p.people FROM p
WHERE cardinality(p.people) = (SELECT count(DISTINCT w) FROM unnest($5::uuid[]) AS w)
ON CONFLICT (course_id, people) WHERE kind = 'direct' DO UPDATE SET people = r.people
RETURNING id, id = $1::uuid;

-- name: room_members_insert
-- in: uuid, uuid[]
-- Members must be of the course. The rows tell who is new, and whether they heard a group before, by their role in the course.
WITH new AS (
    INSERT INTO room_members (room_id, user_id)
    SELECT $1::uuid, e.user_id
    FROM rooms r JOIN enrolments e ON e.course_id = r.course_id
    WHERE r.id = $1::uuid AND e.user_id = ANY ($2::uuid[])
    ON CONFLICT DO NOTHING
    RETURNING room_id, user_id
)
SELECT n.user_id, e.role <> 'student' FROM new n JOIN rooms r ON r.id = n.room_id JOIN enrolments e ON e.course_id = r.course_id AND e.user_id = n.user_id;

-- name: room_people_lock
-- in: uuid
-- course_people_lock of a room's course; its kind.
SELECT r.kind FROM courses c JOIN rooms r ON r.course_id = c.id WHERE r.id = $1::uuid FOR NO KEY UPDATE OF c;

-- name: room_member
-- in: uuid, uuid
SELECT 1 FROM room_members WHERE room_id = $1::uuid AND user_id = $2::uuid;

-- name: room_member_delete
-- in: uuid, uuid
-- A row: there was one; its second column says whether they heard the room by that: who teaches hears it all the same, who has left the course did not hear it any more.
DELETE FROM room_members d USING rooms r LEFT JOIN enrolments e ON e.course_id = r.course_id AND e.user_id = $2::uuid
WHERE d.room_id = $1::uuid AND d.user_id = $2::uuid AND r.id = d.room_id
RETURNING d.user_id, coalesce(e.role = 'student', false);

-- name: room_hearers
-- in: uuid
SELECT user_id FROM room_people WHERE room_id = $1::uuid;

-- name: room_get
-- in: uuid, uuid
SELECT ea_room_json(r, $2::uuid) || jsonb_build_object(
           'members', CASE WHEN r.kind IN ('direct', 'group') THEN
               (SELECT coalesce(jsonb_agg(jsonb_build_object('id', u.id, 'name', u.name) ORDER BY u.name, u.id), '[]')
                FROM room_members m JOIN users u ON u.id = m.user_id WHERE m.room_id = r.id) END),
       r.version, r.kind, r.history
FROM rooms r WHERE r.id = $1::uuid;

-- name: room_list
-- in: uuid, uuid, text, bigint, boolean
-- Course, reader, cursor, limit, and whether the reader is an administrator, who sees all but the direct ones of others.
SELECT ea_room_json(r, $2::uuid), r.id::text
FROM rooms r LEFT JOIN room_people p ON p.room_id = r.id AND p.user_id = $2::uuid
WHERE r.course_id = $1::uuid AND (p.user_id IS NOT NULL OR ($5::boolean AND r.kind <> 'direct'))
  AND ($3::text = '' OR r.id > nullif($3::text, '')::uuid)
ORDER BY r.id
LIMIT $4::bigint;

-- name: room_update
-- in: uuid, int, text, int, int, boolean, text
-- Room, the version that it has, name, edit_s, slow_s, anonymous, history (NULL leaves as it is). No row: somebody else was faster.
-- What was said until now stays closed to who came late: it was said to those who were there.
UPDATE rooms SET name = coalesce($3::text, name), edit_s = coalesce($4::int, edit_s), slow_s = coalesce($5::int, slow_s),
                 anonymous = coalesce($6::boolean, anonymous), history = coalesce($7::text, history),
                 opened = CASE WHEN history = 'joined' AND $7::text = 'all' THEN ea_log_place() ELSE opened END,
                 version = version + 1, updated_at = now()
WHERE id = $1::uuid AND version = $2::int
RETURNING version;

-- name: room_read_set
-- in: uuid, uuid, bigint
-- A cursor only moves forward, and not past what has happened: what comes next would never be unread.
INSERT INTO room_reads (room_id, user_id, event_id) VALUES ($1::uuid, $2::uuid, least($3::bigint, (SELECT coalesce(max(id), 0) FROM events)))
ON CONFLICT (user_id, room_id) DO UPDATE SET event_id = greatest(room_reads.event_id, excluded.event_id)
RETURNING event_id;

-- name: message_readers
-- in: uuid, uuid
-- How many of those to whom this message is shown, its author apart, have read up to it. Numbers only: who has read what is nobody else's.
SELECT count(*) FILTER (WHERE s.event_id >= m.event_id), count(p.user_id), m.author_id = $2::uuid
FROM messages m LEFT JOIN room_people p ON p.room_id = m.room_id AND p.user_id <> m.author_id AND p.shown_after < m.event_id
LEFT JOIN room_reads s ON s.user_id = p.user_id AND s.room_id = m.room_id
WHERE m.id = $1::uuid
GROUP BY m.id;

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
    SELECT a.n, 'r:' || r.id
    FROM asked a JOIN enrolments e ON e.user_id = a.id JOIN rooms r ON r.course_id = e.course_id AND r.kind <> 'direct'
    WHERE ea_hears(r.kind, e.role, false)
    UNION ALL
    SELECT a.n, 'r:' || r.id
    FROM asked a JOIN room_members m ON m.user_id = a.id JOIN rooms r ON r.id = m.room_id JOIN enrolments e ON e.course_id = r.course_id AND e.user_id = m.user_id
    WHERE ea_hears(r.kind, e.role, true)
)
SELECT n, topic FROM (
    SELECT f.n, f.topic FROM followed f WHERE NOT EXISTS (SELECT FROM turned t WHERE t.n = f.n AND t.topic = f.topic AND t.added)
    UNION
    SELECT t.n, t.topic FROM turned t WHERE NOT t.added
) AS back_then
ORDER BY n;
