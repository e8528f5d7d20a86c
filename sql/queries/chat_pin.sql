-- What a room keeps at hand.

-- name: message_pin
-- in: uuid, uuid, boolean
-- Message, by whom, pinned? Answers with the payload of pin.changed; no row: it is as it was.
UPDATE messages SET pinned_at = CASE WHEN $3::boolean THEN clock_timestamp() END, pinned_by = CASE WHEN $3::boolean THEN $2::uuid END
WHERE id = $1::uuid AND (pinned_at IS NOT NULL) <> $3::boolean
RETURNING jsonb_build_object('room_id', room_id, 'message_id', id, 'pinned_at', ea_time(pinned_at), 'user_id', $2::uuid);

-- name: room_pins_count
-- in: uuid
SELECT count(*) FROM messages WHERE room_id = $1::uuid AND pinned_at IS NOT NULL;

-- name: room_pins
-- in: uuid, uuid
-- Room, reader: the last pinned first.
SELECT ea_message_view(m, u.name, $2::uuid), m.event_id
FROM ea_shown($1::uuid, $2::uuid) m JOIN users u ON u.id = m.author_id
WHERE m.pinned_at IS NOT NULL
ORDER BY m.pinned_at DESC;
