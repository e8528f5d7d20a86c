-- What becomes of a message after it was said.

-- name: message_lock
-- in: uuid, uuid
-- Message, caller. Its row is held: what is told of its changes comes in their order.
SELECT m.room_id, m.author_id, r.kind, m.author_id = $2::uuid, m.deleted_at IS NOT NULL, m.hidden_at IS NOT NULL, m.question,
       clock_timestamp() < m.created_at + r.edit_s * interval '1 second', ea_is_muted($2::uuid, m.room_id)
FROM messages m JOIN rooms r ON r.id = m.room_id WHERE m.id = $1::uuid FOR UPDATE OF m;

-- name: message_edit
-- in: uuid, uuid, text, text, boolean
-- Message, by whom, text, its HTML, whether message_resolve has left what it mentions. Answers with the payload of message.updated.
WITH kept AS (
    INSERT INTO message_versions (message_id, version, text, html, replaced_by)
    SELECT id, version, text, html, $2::uuid FROM messages WHERE id = $1::uuid
), changed AS (
    UPDATE messages SET text = $3::text, html = $4::text, version = version + 1, edited_at = clock_timestamp(),
                        mentions = CASE WHEN $5::boolean THEN (current_setting('ea.mentions')::jsonb[])[1] END
    WHERE id = $1::uuid RETURNING messages AS m
), found AS ( -- also where nobody has searched yet: who takes the message in meanwhile may have read what it said before
    INSERT INTO message_words AS w (message_id, event_id, words) SELECT (c.m).id, (c.m).event_id, ea_message_words(c.m) FROM changed c
    ON CONFLICT (message_id) DO UPDATE SET words = excluded.words
)
SELECT ea_message_changed(c.m, u.name) FROM changed c JOIN users u ON u.id = (c.m).author_id;

-- name: message_delete
-- in: uuid, uuid
-- Only its place is left; the text goes to the versions. Answers with the payloads of message.deleted and of events.unsaid.
WITH kept AS (
    INSERT INTO message_versions (message_id, version, text, html, replaced_by)
    SELECT id, version, text, html, $2::uuid FROM messages WHERE id = $1::uuid
), unfound AS (
    DELETE FROM message_words WHERE message_id = $1::uuid
), unsaid AS (
    UPDATE messages SET text = '', html = '', mentions = NULL, version = version + 1, deleted_at = clock_timestamp(), deleted_by = $2::uuid,
                        pinned_at = NULL, pinned_by = NULL
    WHERE id = $1::uuid RETURNING *
)
SELECT jsonb_build_object('id', id, 'event_id', event_id, 'room_id', room_id, 'version', version, 'deleted_at', ea_time(deleted_at)), ea_events_unsay(id, room_id, event_id)
FROM unsaid;

-- name: message_versions
-- in: uuid, uuid
-- Message, caller: every version, the newest first; whether its room is a direct one; whether it is the caller's. Who asked without a name is not named here either.
SELECT jsonb_build_object('items',
           CASE WHEN m.deleted_at IS NULL
               THEN jsonb_build_array(jsonb_build_object('version', m.version, 'text', m.text, 'html', m.html, 'replaced_at', NULL, 'replaced_by', NULL)) ELSE '[]' END
           || coalesce((SELECT jsonb_agg(jsonb_build_object('version', v.version, 'text', v.text, 'html', v.html, 'replaced_at', ea_time(v.replaced_at),
                                                            'replaced_by', CASE WHEN NOT m.anonymous OR u.id <> m.author_id THEN jsonb_build_object('id', u.id, 'name', u.name) END)
                                         ORDER BY v.version DESC)
                        FROM message_versions v JOIN users u ON u.id = v.replaced_by WHERE v.message_id = m.id), '[]'),
           'next', NULL),
       r.kind = 'direct', m.author_id = $2::uuid
FROM messages m JOIN rooms r ON r.id = m.room_id WHERE m.id = $1::uuid;

-- name: message_hide
-- in: uuid, uuid, boolean
-- Message, by whom, hidden? Answers with the room, the payload of message.updated and, when hidden, that of events.unsaid; no row: it is as it was, or was taken back. What is shown again can be
-- found again.
WITH changed AS (
    UPDATE messages SET hidden_at = CASE WHEN $3::boolean THEN clock_timestamp() END, hidden_by = CASE WHEN $3::boolean THEN $2::uuid END
    WHERE id = $1::uuid AND deleted_at IS NULL AND (hidden_at IS NOT NULL) <> $3::boolean
    RETURNING messages AS m
), noted AS (
    INSERT INTO audit (actor, action, object, object_id)
    SELECT $2::uuid, CASE WHEN $3::boolean THEN 'message.hidden' ELSE 'message.shown' END, 'message', (c.m).id FROM changed c
), found AS (
    INSERT INTO message_words (message_id, event_id, words) SELECT (c.m).id, (c.m).event_id, ea_message_words(c.m) FROM changed c WHERE NOT $3::boolean
    ON CONFLICT (message_id) DO NOTHING
)
SELECT (c.m).room_id, ea_message_changed(c.m, u.name), CASE WHEN $3::boolean THEN ea_events_unsay((c.m).id, (c.m).room_id, (c.m).event_id) END
FROM changed c JOIN users u ON u.id = (c.m).author_id;
