-- Who may say nothing in a room for a time.

-- name: room_is_direct
-- in: uuid
SELECT kind = 'direct' FROM rooms WHERE id = $1::uuid;

-- name: mute_put
-- in: uuid, uuid, bigint, uuid
-- Room, who, until when in microseconds, by whom. Answers with the payload of room.muted; no row: no student of the room.
WITH held AS ( -- what they are about to say is said before (room_hold)
    SELECT e.user_id FROM rooms r JOIN enrolments e ON e.course_id = r.course_id AND e.user_id = $2::uuid WHERE r.id = $1::uuid FOR NO KEY UPDATE OF e
), muted AS (
    INSERT INTO room_mutes AS x (room_id, user_id, until, muted_by)
    SELECT p.room_id, h.user_id, to_timestamp($3::bigint / 1000000.0), $4::uuid
    FROM held h JOIN room_people p ON p.room_id = $1::uuid AND p.user_id = h.user_id AND p.role = 'student'
    ON CONFLICT (room_id, user_id) DO UPDATE SET until = excluded.until, muted_by = excluded.muted_by, muted_at = now()
    RETURNING *
), noted AS (
    INSERT INTO audit (actor, action, object, object_id, detail)
    SELECT $4::uuid, 'room.muted', 'room', room_id, jsonb_build_object('user_id', user_id, 'until', ea_time(until)) FROM muted
)
SELECT jsonb_build_object('room_id', room_id, 'until', ea_time(until)) FROM muted;

-- name: mute_delete
-- in: uuid, uuid, uuid
-- Room, who, by whom.
WITH heard AS (
    DELETE FROM room_mutes WHERE room_id = $1::uuid AND user_id = $2::uuid RETURNING *
), noted AS (
    INSERT INTO audit (actor, action, object, object_id, detail)
    SELECT $3::uuid, 'room.unmuted', 'room', room_id, jsonb_build_object('user_id', user_id) FROM heard
)
SELECT jsonb_build_object('room_id', room_id, 'until', NULL) FROM heard;

-- name: mute_list
-- in: uuid
SELECT jsonb_build_object('user', jsonb_build_object('id', u.id, 'name', u.name), 'until', ea_time(x.until), 'muted_at', ea_time(x.muted_at),
                          'muted_by', jsonb_build_object('id', b.id, 'name', b.name)), NULL
FROM room_mutes x JOIN users u ON u.id = x.user_id JOIN users b ON b.id = x.muted_by
WHERE x.room_id = $1::uuid AND x.until > clock_timestamp()
ORDER BY u.name, u.id;
