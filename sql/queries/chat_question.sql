-- Questions of students.

-- name: question_list
-- in: uuid, boolean, bigint, bigint, uuid
-- Room, answered or not (NULL: both), before which event, limit, reader. The newest first.
SELECT ea_message_view(m, u.name, $5::uuid), m.event_id
FROM ea_shown($1::uuid, $5::uuid) m JOIN users u ON u.id = m.author_id
WHERE m.question AND m.event_id < $3::bigint AND m.deleted_at IS NULL AND m.hidden_at IS NULL
  AND ($2::boolean IS NULL OR (m.answered_at IS NOT NULL) = $2::boolean)
ORDER BY m.event_id DESC LIMIT $4::bigint;

-- name: question_answered
-- in: uuid, uuid, uuid
-- Question, by whom, the message that answers it or NULL. Answers with the payload of question.changed, how long it has waited in seconds, and whether this is news; no row: that message
-- is not of the room, or not shown to them. The first time stays.
WITH old AS (
    SELECT answered_at IS NULL AS open FROM messages WHERE id = $1::uuid
)
UPDATE messages m SET answered_at = coalesce(m.answered_at, clock_timestamp()), answered_by = coalesce(m.answered_by, $2::uuid), answer_id = $3::uuid
FROM old
WHERE m.id = $1::uuid AND ($3::uuid IS NULL OR EXISTS (SELECT FROM ea_shown(m.room_id, $2::uuid) a WHERE a.id = $3::uuid AND a.deleted_at IS NULL))
RETURNING jsonb_build_object('room_id', m.room_id, 'message_id', m.id, 'answered_at', ea_time(m.answered_at), 'answer_id', m.answer_id),
          floor(extract(epoch FROM m.answered_at - m.created_at))::bigint, old.open;

-- name: question_reopen
-- in: uuid
-- No row: it was open.
UPDATE messages SET answered_at = NULL, answered_by = NULL, answer_id = NULL WHERE id = $1::uuid AND answered_at IS NOT NULL
RETURNING jsonb_build_object('room_id', room_id, 'message_id', id, 'answered_at', NULL, 'answer_id', NULL);

-- name: question_summary
-- in: uuid, uuid
-- Course, reader: over the rooms that the reader hears.
SELECT jsonb_build_object('asked', count(*), 'answered', count(m.answered_at),
                          'median_s', round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM m.answered_at - m.created_at)))::numeric, 3))
FROM room_people p JOIN messages m ON m.room_id = p.room_id AND m.event_id > p.shown_after AND m.question AND m.deleted_at IS NULL AND m.hidden_at IS NULL
WHERE p.course_id = $1::uuid AND p.user_id = $2::uuid;

-- name: message_author
-- in: uuid, uuid
-- Message, who looks.
WITH seen AS (
    SELECT u.id, u.name, m.anonymous FROM messages m JOIN users u ON u.id = m.author_id WHERE m.id = $1::uuid
), noted AS (
    INSERT INTO audit (actor, action, object, object_id) SELECT $2::uuid, 'message.author_seen', 'message', $1::uuid FROM seen WHERE anonymous
)
SELECT jsonb_build_object('id', id, 'name', name) FROM seen;
