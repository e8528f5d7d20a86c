-- Roster import: thousands of rows in a statement.

-- name: roster_courses
-- in: text[]
-- Which of these course codes there are.
SELECT code FROM courses WHERE code = ANY ($1::text[]);

-- name: roster_accounts
-- in: text[]
-- Which of these e-mail addresses have an account.
SELECT email FROM users WHERE email = ANY ($1::text[]);

-- name: roster_users
-- in: uuid[], text[], text[], text[], text[]
-- Ids for new ones, e-mails (each once), names, roles, password hashes. Accounts that exist keep role and password.
-- Answers with the accounts that were made or changed.
INSERT INTO users AS u (id, email, name, role, password_hash)
SELECT r.id, r.email, r.name, r.role, r.hash
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) AS r (id, email, name, role, hash)
ORDER BY r.email
ON CONFLICT (email) DO UPDATE SET name = excluded.name, version = u.version + 1, updated_at = now() WHERE u.name <> excluded.name
RETURNING id, xmax = 0;

-- name: roster_people_lock
-- in: text[]
-- course_people_lock of the courses with these codes.
SELECT FROM courses WHERE code = ANY ($1::text[]) ORDER BY id FOR NO KEY UPDATE;

-- name: roster_enrol
-- in: text[], text[], text[]
-- E-mails, course codes, roles. Answers with what changed: user, the topics that the role brings and those that it takes.
WITH r AS MATERIALIZED (
    SELECT c.id AS course, u.id AS who, r.role
    FROM unnest($1::text[], $2::text[], $3::text[]) AS r (email, code, role) JOIN courses c ON c.code = r.code JOIN users u ON u.email = r.email
), put AS (
    -- not those who are that already: ON CONFLICT would lock them, and who writes in a room would wait for the whole import
    INSERT INTO enrolments (course_id, user_id, role)
    SELECT course, who, role FROM r WHERE NOT EXISTS (SELECT FROM enrolments e WHERE e.course_id = r.course AND e.user_id = r.who AND e.role = r.role) ORDER BY course, who
    ON CONFLICT (course_id, user_id) DO UPDATE SET role = excluded.role
    RETURNING course_id, user_id, role
)
SELECT p.user_id, to_json(ea_topics_gained(p.course_id, p.user_id, was.role, p.role))::text, to_json(ea_topics_gained(p.course_id, p.user_id, p.role, was.role))::text
FROM put p LEFT JOIN enrolments was ON was.course_id = p.course_id AND was.user_id = p.user_id;

-- name: roster_audit
-- in: uuid, int, int, int
INSERT INTO audit (actor, action, object, detail)
VALUES ($1::uuid, 'roster.imported', 'roster', jsonb_build_object('created', $2::int, 'updated', $3::int, 'enrolled', $4::int));
