-- The relay: one process at a time carries the event log's jobs to RabbitMQ.

-- name: relay_lock
-- in:
-- Held by the session, so it ends with it.
SELECT pg_try_advisory_lock(4244);

-- name: relay_cursor
-- in:
SELECT id FROM cursors WHERE name = 'relay';

-- name: relay_read
-- in: bigint, bigint, bigint
-- Jobs after, up to, limit.
SELECT id, kind, payload::text, queue, coalesce(trace, ''), ea_time(at) FROM events
WHERE queue IS NOT NULL AND id > $1::bigint AND id <= $2::bigint ORDER BY id LIMIT $3::bigint;

-- name: relay_save
-- in: bigint
-- Never backwards, whoever else may have written.
UPDATE cursors SET id = $1::bigint, at = now() WHERE name = 'relay' AND id < $1::bigint;

-- name: relay_grow
-- in: bigint
-- How many ids the log's partitions have left.
SELECT ea_events_grow($1::bigint);

-- name: relay_expired
-- in: int
-- The log's oldest partition, if all in it is older than so many days. Never one that holds what the relay has not dealt with, and never the one with the newest event: ids go on
-- from there. Of all that may go only the oldest: a clock that is wrong for a moment costs one.
SELECT p.name
FROM event_partitions p
WHERE p.first = (SELECT min(first) FROM event_partitions)
  AND p.last <= (SELECT id FROM cursors WHERE name = 'relay')
  AND p.last < (SELECT max(id) FROM events)
  AND coalesce((SELECT at FROM events WHERE id <= p.last ORDER BY id DESC LIMIT 1), '-infinity') < now() - make_interval(days => $1::int);

-- name: relay_drop
-- in: text
SELECT ea_events_drop($1::text);

-- Each of these takes away a bounded number of rows that nobody will ask for again; it is run until it finds fewer.

-- name: relay_tidy_idempotency
-- in: bigint
DELETE FROM idempotency WHERE created_at < now() - interval '24 hours'
    AND ctid = ANY (ARRAY (SELECT ctid FROM idempotency WHERE created_at < now() - interval '24 hours' LIMIT $1::bigint));

-- name: relay_tidy_revocations
-- in: bigint
DELETE FROM revocations WHERE until < now()
    AND ctid = ANY (ARRAY (SELECT ctid FROM revocations WHERE until < now() LIMIT $1::bigint));

-- name: relay_tidy_processed
-- in: bigint
DELETE FROM processed WHERE at < now() - interval '14 days'
    AND ctid = ANY (ARRAY (SELECT ctid FROM processed WHERE at < now() - interval '14 days'
                               AND event_id <= (SELECT id FROM cursors WHERE name = 'relay') LIMIT $1::bigint));

-- name: relay_tidy_suspects
-- in: bigint
DELETE FROM suspects WHERE at < now() - interval '7 days'
    AND ctid = ANY (ARRAY (SELECT ctid FROM suspects WHERE at < now() - interval '7 days' LIMIT $1::bigint));

-- name: relay_tidy_mails
-- in: bigint
DELETE FROM mails WHERE sent_at < now() - interval '30 days'
    AND ctid = ANY (ARRAY (SELECT ctid FROM mails WHERE sent_at < now() - interval '30 days' LIMIT $1::bigint));

-- name: relay_tidy_messages
-- in: bigint
-- What a course keeps no longer, with all that hangs on it. A room's oldest come first, so none is looked for among those that stay.
WITH old AS (
    SELECT m.id FROM courses c JOIN rooms r ON r.course_id = c.id
    CROSS JOIN LATERAL (SELECT q.id, q.created_at FROM messages q WHERE q.room_id = r.id ORDER BY q.event_id LIMIT $1::bigint) m
    WHERE c.message_days IS NOT NULL AND m.created_at < now() - c.message_days * interval '1 day'
    LIMIT $1::bigint
), versions AS (
    DELETE FROM message_versions WHERE message_id IN (SELECT id FROM old)
), signs AS (
    DELETE FROM reactions WHERE message_id IN (SELECT id FROM old)
), words AS (
    DELETE FROM message_words WHERE message_id IN (SELECT id FROM old)
), files AS (
    DELETE FROM message_attachments WHERE message_id IN (SELECT id FROM old)
), complaints AS (
    DELETE FROM reports WHERE message_id IN (SELECT id FROM old)
)
DELETE FROM messages WHERE id IN (SELECT id FROM old);

-- name: relay_tidy_files
-- in: bigint
-- Files that no message names and none can name any more; then nothing names their blobs.
DELETE FROM message_files WHERE id = ANY (ARRAY (
    SELECT f.id FROM message_files f
    WHERE f.created_at < now() - interval '2 days' AND NOT EXISTS (SELECT FROM message_attachments a WHERE a.file_id = f.id) LIMIT $1::bigint));
