-- Accounts, for administrators.

-- name: user_insert
-- in: uuid, text, text, text, text, uuid
-- Id, e-mail, name, role, password hash or NULL, who does it.
WITH made AS (INSERT INTO users (id, email, name, role, password_hash) VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text) RETURNING *),
noted AS (INSERT INTO audit (actor, action, object, object_id, detail)
          SELECT $6::uuid, 'user.created', 'user', id, jsonb_build_object('role', role) FROM made)
SELECT ea_user_json(made)::text, made.version FROM made;

-- name: user_read
-- in: uuid
SELECT ea_user_json(u)::text, u.version FROM users u WHERE u.id = $1::uuid;

-- name: user_list
-- in: text, text, boolean, text, int
-- Words of name or e-mail, role, active, cursor (e-mail), limit; NULL filters nothing.
SELECT ea_user_json(u)::text, u.email FROM users u
WHERE u.email > $4::text
  AND ($1::text IS NULL OR position(lower($1::text) IN lower(u.name)) > 0 OR position(lower($1::text) IN u.email) > 0)
  AND ($2::text IS NULL OR u.role = $2::text)
  AND ($3::boolean IS NULL OR u.active = $3::boolean)
ORDER BY u.email LIMIT $5::int;

-- name: user_lock
-- in: uuid
SELECT version, role, active FROM users WHERE id = $1::uuid FOR UPDATE;

-- name: user_lock_admins
-- in: uuid
-- The other active administrators, locked: two who demote each other at once leave one.
SELECT id FROM users WHERE role = 'admin' AND active AND id <> $1::uuid ORDER BY id FOR UPDATE;

-- name: user_update
-- in: uuid, text, text, boolean, text, uuid
-- Id, name, role, active, password hash, who does it; NULL leaves as it is.
WITH changed AS (UPDATE users SET name = coalesce($2::text, name), role = coalesce($3::text, role), active = coalesce($4::boolean, active),
                        password_hash = coalesce($5::text, password_hash), version = version + 1, updated_at = now()
                 WHERE id = $1::uuid RETURNING *),
noted AS (INSERT INTO audit (actor, action, object, object_id, detail)
          SELECT $6::uuid, 'user.changed', 'user', id, jsonb_strip_nulls(jsonb_build_object('name', $2::text, 'role', $3::text, 'active', $4::boolean,
                                                                                             'password', CASE WHEN $5::text IS NOT NULL THEN 'changed' END)) FROM changed)
SELECT ea_user_json(changed)::text, changed.version FROM changed;
