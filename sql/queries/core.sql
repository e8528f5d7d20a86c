-- The event log and what core needs of every process.

-- name: events_lock
-- in:
-- The log's lock: ids are given out in commit order because it is held from here to COMMIT.
SELECT pg_advisory_xact_lock(4242);

-- name: events_append
-- in: text[], text[], text[], text[], text[]
-- Topics, kinds, payloads, queues, traces. A statement of its own after the lock: READ COMMITTED gives it a snapshot that sees the last commit.
-- Rows of this transaction that must know where in the log they came about have asked for its place (ea_log_place): here it is known.
WITH base AS MATERIALIZED (
    SELECT coalesce((SELECT max(id) FROM events), 0) AS top
), placed AS (
    INSERT INTO log_places (id, event_id) SELECT current_setting('ea.log_place', true)::bigint, b.top FROM base b WHERE current_setting('ea.log_place', true) <> ''
)
INSERT INTO events (id, topic, kind, payload, queue, trace)
SELECT b.top + e.n, e.topic, e.kind, e.payload::jsonb, e.queue, e.trace
FROM base b CROSS JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS e (topic, kind, payload, queue, trace, n)
ORDER BY e.n
RETURNING id;

-- name: events_stage
-- in: text, text, text, text, text
-- Large events travel before the lock is taken, so that nobody holds it while they are on the way.
SELECT set_config('ea.topics', $1::text, true), set_config('ea.kinds', $2::text, true), set_config('ea.payloads', $3::text, true),
       set_config('ea.queues', $4::text, true), set_config('ea.traces', $5::text, true);

-- name: events_append_staged
-- in:
WITH base AS MATERIALIZED (
    SELECT coalesce((SELECT max(id) FROM events), 0) AS top
), placed AS (
    INSERT INTO log_places (id, event_id) SELECT current_setting('ea.log_place', true)::bigint, b.top FROM base b WHERE current_setting('ea.log_place', true) <> ''
)
INSERT INTO events (id, topic, kind, payload, queue, trace)
SELECT b.top + e.n, e.topic, e.kind, e.payload::jsonb, e.queue, e.trace
FROM base b CROSS JOIN unnest(current_setting('ea.topics')::text[], current_setting('ea.kinds')::text[], current_setting('ea.payloads')::text[],
            current_setting('ea.queues')::text[], current_setting('ea.traces')::text[])
    WITH ORDINALITY AS e (topic, kind, payload, queue, trace, n)
ORDER BY e.n
RETURNING id;

-- name: events_newest
-- in:
SELECT coalesce(max(id), 0) FROM events;

-- name: events_after
-- in: bigint, bigint
-- The follower's look: everything after a cursor, in order.
SELECT id, topic, kind, payload::text, queue, ea_time(at) FROM events WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint;

-- name: events_of_topics
-- in: uuid, text[], bigint, bigint, bigint
-- Replay for one subscriber: who, what they might follow right after `after`, after, up to, limit. Each event is theirs or not by what they might follow when it was written.
WITH turns AS MATERIALIZED (
    SELECT c.id, t.topic, t.added
    FROM events c
    CROSS JOIN LATERAL (
        SELECT jsonb_array_elements_text(c.payload -> 'add') AS topic, true AS added
        UNION ALL
        SELECT jsonb_array_elements_text(c.payload -> 'remove'), false) t
    WHERE c.topic = 'u:' || $1::uuid AND c.kind = 'membership.changed' AND c.id > $3::bigint AND c.id <= $4::bigint
)
SELECT e.id, e.kind, ea_time(e.at), e.payload::text, e.topic FROM events e
WHERE e.topic = ANY ($2::text[] || ARRAY(SELECT topic FROM turns WHERE added)) AND e.id > $3::bigint AND e.id <= $4::bigint
  AND coalesce((SELECT t.added FROM turns t WHERE t.topic = e.topic AND t.id < e.id ORDER BY t.id DESC LIMIT 1), e.topic = ANY ($2::text[]))
ORDER BY e.id LIMIT $5::bigint;

-- name: events_recent
-- in: bigint, bigint
-- What people's streams may hear of a stretch of the log: after, up to.
SELECT id, topic, kind, payload::text, ea_time(at) FROM events
WHERE id > $1::bigint AND id <= $2::bigint AND topic <> 'sys' ORDER BY id;

-- name: events_oldest
-- in:
SELECT coalesce(min(id), 0) FROM events;

-- name: revocations_live
-- in:
SELECT session_id, extract(epoch FROM until)::bigint FROM revocations WHERE until > now();

-- name: idempotency_patience
-- in:
-- For the claim that follows in the same round trip: how long to wait for a running request with the same key.
SELECT set_config('ea.lock_timeout', current_setting('lock_timeout'), true), set_config('lock_timeout', '2s', true);

-- name: idempotency_impatience
-- in:
SELECT set_config('lock_timeout', current_setting('ea.lock_timeout'), true);

-- name: idempotency_claim
-- in: uuid, text, text, text
-- Waits (lock_timeout) for a running request with the same key; no row: the key is taken, read it.
INSERT INTO idempotency (user_id, scope, key, body_sha256) VALUES ($1::uuid, $2::text, $3::text, $4::text)
ON CONFLICT (user_id, scope, key) DO UPDATE
    SET body_sha256 = excluded.body_sha256, status = NULL, headers = NULL, body = NULL, created_at = now()
    WHERE idempotency.created_at < now() - interval '24 hours'
RETURNING 1;

-- name: idempotency_read
-- in: uuid, text, text
SELECT body_sha256, status, content_type, headers, body FROM idempotency WHERE user_id = $1::uuid AND scope = $2::text AND key = $3::text;

-- name: idempotency_store
-- in: uuid, text, text, int, text, text, text
UPDATE idempotency SET status = $4::int, content_type = $5::text, headers = $6::text, body = $7::text
WHERE user_id = $1::uuid AND scope = $2::text AND key = $3::text;

-- name: idempotency_settle
-- in: uuid, text, text, int, text, text
-- As idempotency_store, with the body that an earlier statement of the same pipeline left in ea.reply. Empty: it was refused, and the key is free again.
WITH refused AS (
    DELETE FROM idempotency WHERE user_id = $1::uuid AND scope = $2::text AND key = $3::text AND current_setting('ea.reply') = ''
)
UPDATE idempotency SET status = $4::int, content_type = $5::text, headers = $6::text, body = current_setting('ea.reply')
WHERE user_id = $1::uuid AND scope = $2::text AND key = $3::text AND current_setting('ea.reply') <> '';

-- name: schema_newest
-- in:
SELECT coalesce(max(version), 0) FROM schema_migrations;

-- name: ping
-- in:
SELECT 1;

-- name: authz_course
-- in: uuid, uuid
SELECT c.id, ea_course_role($1::uuid, c.id), true FROM courses c WHERE c.id = $2::uuid;
