-- Reactions, under the lock of their message's row.

-- name: reaction_put
-- in: uuid, text, uuid
-- Message, emoji, who. No row: it was there.
INSERT INTO reactions (message_id, emoji, user_id) VALUES ($1::uuid, $2::text, $3::uuid) ON CONFLICT DO NOTHING RETURNING 1;

-- name: reaction_delete
-- in: uuid, text, uuid
DELETE FROM reactions WHERE message_id = $1::uuid AND emoji = $2::text AND user_id = $3::uuid RETURNING 1;

-- name: reaction_payload
-- in: uuid, text, uuid
-- A statement after the change: the payload of reaction.changed, and how many kinds there are.
SELECT jsonb_build_object('room_id', m.room_id, 'message_id', m.id, 'emoji', $2::text, 'user_id', $3::uuid,
                          'added', coalesce(bool_or(r.user_id = $3::uuid) FILTER (WHERE r.emoji = $2::text), false),
                          'count', count(r.user_id) FILTER (WHERE r.emoji = $2::text)),
       count(DISTINCT r.emoji)
FROM messages m LEFT JOIN reactions r ON r.message_id = m.id WHERE m.id = $1::uuid GROUP BY m.id;
