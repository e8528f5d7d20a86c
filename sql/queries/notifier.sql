-- The notifier: notifications and the e-mails that go with them.

-- name: notifier_add
-- in: uuid, text, bigint, jsonb, boolean
-- Id, kind, event, payload, with mail. No row: the event was told before, or its user is not active.
WITH who AS (
    SELECT id FROM users WHERE id = ($4::jsonb ->> 'user_id')::uuid AND active
), added AS (
    INSERT INTO notifications (id, user_id, kind, payload, event_id)
    SELECT $1::uuid, who.id, $2::text, $4::jsonb, $3::bigint FROM who
    ON CONFLICT (event_id, user_id) DO NOTHING
    RETURNING *
), mailed AS (
    INSERT INTO mails (event_id, user_id, kind, payload)
    SELECT a.event_id, a.user_id, a.kind, a.payload FROM added a
    WHERE $5::boolean AND NOT EXISTS (SELECT FROM notification_preferences p WHERE p.user_id = a.user_id AND p.kind = a.kind AND NOT p.email)
    ON CONFLICT (event_id, user_id) DO NOTHING
)
SELECT a.user_id, ea_notification(ROW (a.*)::notifications)::text FROM added a;

-- name: mail_claim
-- in: bigint, bigint
-- Takes up to so many due e-mails for so many seconds.
WITH due AS (
    SELECT id FROM mails WHERE sent_at IS NULL AND failed_at IS NULL AND due_at <= now()
    ORDER BY due_at LIMIT $1::bigint FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE mails m SET due_at = now() + make_interval(secs => $2::bigint), attempts = m.attempts + 1
    FROM due WHERE m.id = due.id
    RETURNING m.*
)
SELECT c.id, c.event_id, c.user_id, u.email, u.name, c.kind, c.attempts,
       c.payload ->> 'title', c.payload #>> '{score,points}', c.payload #>> '{score,of}',
       coalesce(c.payload ->> 'submission_id', c.payload ->> 'attempt_id')
FROM claimed c JOIN users u ON u.id = c.user_id ORDER BY c.id;

-- name: mail_sent
-- in: bigint
UPDATE mails SET sent_at = now(), error = NULL WHERE id = $1::bigint;

-- name: mail_later
-- in: bigint, bigint, text, int
-- In so many seconds, because; so many attempts are not counted.
UPDATE mails SET due_at = now() + make_interval(secs => $2::bigint), error = $3::text, attempts = attempts - $4::int
WHERE id = $1::bigint AND sent_at IS NULL;

-- name: mail_failed
-- in: bigint, text
UPDATE mails SET failed_at = now(), error = $2::text WHERE id = $1::bigint AND sent_at IS NULL;

-- name: mail_next
-- in:
-- Milliseconds until the next e-mail is due; no row when none waits.
SELECT greatest(0, (extract(epoch FROM due_at - now()) * 1000)::bigint) FROM mails
WHERE sent_at IS NULL AND failed_at IS NULL ORDER BY due_at LIMIT 1;
