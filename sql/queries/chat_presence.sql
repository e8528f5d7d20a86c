-- Presence: in which rooms people who were seen are told of.

-- name: presence_rooms
-- in: uuid[], bigint
-- People, and how many may be in a room for its people to be told of each other: [[room, how many are in it, [who of them was seen, …]], …].
WITH seen AS MATERIALIZED (
    SELECT DISTINCT unnest($1::uuid[]) AS id
), heard AS MATERIALIZED (
    SELECT r.id AS room, s.id AS who
    FROM seen s JOIN enrolments e ON e.user_id = s.id JOIN rooms r ON r.course_id = e.course_id AND r.kind <> 'direct'
    WHERE ea_hears(r.kind, e.role, false)
    UNION
    SELECT r.id, s.id
    FROM seen s JOIN room_members m ON m.user_id = s.id JOIN rooms r ON r.id = m.room_id
    JOIN enrolments e ON e.course_id = r.course_id AND e.user_id = m.user_id
    WHERE ea_hears(r.kind, e.role, true)
)
SELECT coalesce(jsonb_agg(jsonb_build_array(h.room, p.n, h.who)), '[]')
FROM (SELECT room, array_agg(who) AS who FROM heard GROUP BY room) h
CROSS JOIN LATERAL (SELECT count(*) AS n FROM (SELECT FROM room_people q WHERE q.room_id = h.room LIMIT $2::bigint + 1) AS up_to) p
WHERE p.n BETWEEN 2 AND $2::bigint;
