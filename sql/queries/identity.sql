-- Sessions: login, refresh, logout, and what GET /v1/me shows.

-- name: login_user
-- in: text
SELECT id, CASE WHEN active THEN password_hash END FROM users WHERE email = $1::text;

-- name: session_open
-- in: uuid, uuid, text, text, text
-- Session, user, CSRF token or NULL, hex SHA-256 of the refresh token, client's address. No row: the user is not active any more. The row lock on the user orders this before or after
-- a deactivation, which closes the sessions that it can see.
WITH person AS (SELECT * FROM users WHERE id = $2::uuid AND active FOR SHARE),
opened AS (INSERT INTO sessions (id, user_id, csrf, expires_at) SELECT $1::uuid, id, $3::text, now() + interval '30 days' FROM person),
token AS (INSERT INTO refresh_tokens (hash, session_id) SELECT decode($4::text, 'hex'), $1::uuid FROM person),
noted AS (INSERT INTO audit (actor, action, object, object_id, detail)
          SELECT id, 'session.opened', 'session', $1::uuid, jsonb_build_object('address', $5::text) FROM person),
swept AS (DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < now() - interval '7 days'
                                            ORDER BY expires_at LIMIT 20 FOR UPDATE SKIP LOCKED))
SELECT id, email, name, role FROM person;

-- name: refresh_lock
-- in: text
-- Locks the whole family, so that what refresh_read then sees is nobody else's to change.
SELECT 1 FROM sessions WHERE id = (SELECT session_id FROM refresh_tokens WHERE hash = decode($1::text, 'hex')) FOR UPDATE;

-- name: refresh_read
-- in: text
-- live: the session may go on. used: the token was exchanged before. spare: it was so less than 30 s ago and what it was exchanged for was never used (a lost reply, two tabs).
SELECT s.id, u.id, u.email, u.name, u.role, s.csrf,
       s.closed_at IS NULL AND s.expires_at > now() AND u.active AS live,
       t.used_at IS NOT NULL AS used,
       t.used_at > clock_timestamp() - interval '30 seconds'
           AND NOT EXISTS (SELECT 1 FROM refresh_tokens c WHERE c.session_id = t.session_id AND c.parent = t.hash AND c.used_at IS NOT NULL) AS spare
FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id
WHERE t.hash = decode($1::text, 'hex');

-- name: refresh_rotate
-- in: text, text, text
-- Old hash, new hash, CSRF token for a session that becomes one of cookies, or NULL. A session lives 30 days from its last refresh, half a year at most.
WITH spent AS (UPDATE refresh_tokens SET used_at = coalesce(used_at, clock_timestamp()) WHERE hash = decode($1::text, 'hex') RETURNING session_id),
fresh AS (INSERT INTO refresh_tokens (hash, session_id, parent) SELECT decode($2::text, 'hex'), session_id, decode($1::text, 'hex') FROM spent)
UPDATE sessions SET csrf = coalesce(csrf, $3::text), expires_at = least(now() + interval '30 days', created_at + interval '180 days')
WHERE id = (SELECT session_id FROM spent) RETURNING csrf;

-- name: session_close
-- in: uuid, text, int
-- Session, reason, life of an access token in seconds. No row: it was closed before.
WITH closed AS (UPDATE sessions SET closed_at = now(), reason = $2::text WHERE id = $1::uuid AND closed_at IS NULL RETURNING id, user_id),
revoked AS (INSERT INTO revocations (session_id, until) SELECT id, now() + $3::int * interval '1 second' FROM closed ON CONFLICT DO NOTHING),
noted AS (INSERT INTO audit (actor, action, object, object_id, detail)
          SELECT user_id, 'session.closed', 'session', id, jsonb_build_object('reason', $2::text) FROM closed),
swept AS (DELETE FROM revocations WHERE session_id IN (SELECT session_id FROM revocations WHERE until < now() - interval '1 hour'
                                                       ORDER BY until LIMIT 20 FOR UPDATE SKIP LOCKED))
SELECT id, user_id, extract(epoch FROM now() + $3::int * interval '1 second')::bigint FROM closed;

-- name: session_close_all
-- in: uuid, text, int
-- The same for every session of a user.
WITH closed AS (UPDATE sessions SET closed_at = now(), reason = $2::text
                WHERE user_id = $1::uuid AND closed_at IS NULL AND expires_at > now() RETURNING id, user_id),
revoked AS (INSERT INTO revocations (session_id, until) SELECT id, now() + $3::int * interval '1 second' FROM closed ON CONFLICT DO NOTHING)
SELECT id, user_id, extract(epoch FROM now() + $3::int * interval '1 second')::bigint FROM closed;

-- name: me_read
-- in: uuid
SELECT json_build_object('id', u.id, 'email', u.email, 'name', u.name, 'role', u.role,
    'enrolments', coalesce((SELECT json_agg(json_build_object('course_id', e.course_id, 'role', e.role) ORDER BY e.created_at, e.course_id)
                            FROM enrolments e WHERE e.user_id = u.id), '[]'::json))::text
FROM users u WHERE u.id = $1::uuid;
