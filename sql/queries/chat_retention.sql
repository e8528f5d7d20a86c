-- How long messages are kept, and taking them along.

-- name: retention_get
-- in: uuid
SELECT jsonb_build_object('message_days', message_days) FROM courses WHERE id = $1::uuid;

-- name: retention_put
-- in: uuid, int, uuid
-- Course, days or NULL, by whom.
WITH changed AS (
    UPDATE courses SET message_days = $2::int WHERE id = $1::uuid RETURNING *
), noted AS (
    INSERT INTO audit (actor, action, object, object_id, detail)
    SELECT $3::uuid, 'course.retention', 'course', id, jsonb_build_object('message_days', message_days) FROM changed
)
SELECT jsonb_build_object('message_days', message_days) FROM changed;

-- name: room_export_note
-- in: uuid, uuid
-- Room, who takes it along.
INSERT INTO audit (actor, action, object, object_id) VALUES ($2::uuid, 'room.exported', 'room', $1::uuid);

-- name: room_export_patience
-- in:
-- For the transaction that streams it: a reader may be slower than a statement may usually be.
SELECT set_config('statement_timeout', '60s', true);

-- name: room_export
-- in: uuid, uuid
-- Room, reader. One line per message, with what is hidden and what was said before; in a direct room, which nobody looks after, that of one's own messages (as message_versions). All of the room,
-- whenever somebody came. Who asked without a name stays without one; what was taken back is not in it.
SELECT (ea_message_json(m, u.name)
        || CASE WHEN r.kind <> 'direct' OR m.author_id = $2::uuid THEN
               jsonb_build_object('text', m.text, 'html', m.html,
                                  'versions', (SELECT coalesce(jsonb_agg(jsonb_build_object('version', v.version, 'text', v.text, 'replaced_at', ea_time(v.replaced_at)) ORDER BY v.version), '[]')
                                               FROM message_versions v WHERE v.message_id = m.id AND m.deleted_at IS NULL))
           ELSE '{"versions": []}' END
        || jsonb_build_object('reactions', (SELECT coalesce(jsonb_object_agg(e.emoji, e.n), '{}')
                                            FROM (SELECT emoji, count(*) AS n FROM reactions WHERE message_id = m.id GROUP BY emoji) e)))::text
FROM rooms r JOIN messages m ON m.room_id = r.id JOIN users u ON u.id = m.author_id
WHERE r.id = $1::uuid
ORDER BY m.event_id;
