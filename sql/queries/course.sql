-- Courses and who is in them.

-- name: time_zone_valid
-- in: text
-- PostgreSQL's list is slow to read; a zone that a course has is one.
SELECT EXISTS (SELECT 1 FROM courses WHERE time_zone = $1::text) OR ea_time_zone_valid($1::text);

-- name: course_insert
-- in: uuid, text, text, text, uuid
-- Id, title, code, time zone, its creator, who becomes its teacher.
WITH made AS (INSERT INTO courses (id, title, code, time_zone, created_by) VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::uuid) RETURNING *),
teacher AS (INSERT INTO enrolments (course_id, user_id, role) SELECT id, $5::uuid, 'teacher' FROM made)
SELECT ea_course_json(made, 'teacher')::text, made.version FROM made;

-- name: course_topics
-- in: uuid, uuid, text, text
-- Course, user, the role they had there and the one they have (NULL: none): the topics that this brings, and those that it takes, as JSON. A topic is in one of them only if it was not, or
-- was, followed before.
SELECT to_json(ea_topics_gained($1::uuid, $2::uuid, $3::text, $4::text))::text, to_json(ea_topics_gained($1::uuid, $2::uuid, $4::text, $3::text))::text;

-- name: course_read
-- in: uuid, uuid
SELECT ea_course_json(c, ea_course_role($2::uuid, c.id))::text, c.version FROM courses c WHERE c.id = $1::uuid;

-- name: course_list
-- in: uuid, boolean, text, int
-- Of whom, all courses?, cursor (code), limit.
SELECT ea_course_json(c, e.role)::text, c.code
FROM courses c LEFT JOIN enrolments e ON e.course_id = c.id AND e.user_id = $1::uuid
WHERE ($2::boolean OR e.user_id IS NOT NULL) AND c.code > $3::text
ORDER BY c.code LIMIT $4::int;

-- name: course_lock
-- in: uuid
SELECT version FROM courses WHERE id = $1::uuid FOR UPDATE;

-- name: course_update
-- in: uuid, text, text, text, uuid
-- Id, title, code, time zone (NULL leaves as it is), the caller.
WITH changed AS (UPDATE courses SET title = coalesce($2::text, title), code = coalesce($3::text, code), time_zone = coalesce($4::text, time_zone),
                        version = version + 1, updated_at = now()
                 WHERE id = $1::uuid RETURNING *)
SELECT ea_course_json(changed, ea_course_role($5::uuid, changed.id))::text, changed.version FROM changed;

-- name: enrolment_user
-- in: uuid, text
-- The person meant, by id or by e-mail.
SELECT id FROM users WHERE (id = $1::uuid OR email = $2::text) AND active;

-- name: course_people_lock
-- in: uuid
-- Who changes what people of a course hear (who is in it and as what, its rooms, their members) holds this from before they look until it is told. Else two who look at once each tell what the
-- other one has just made untrue. Taken before what people are (room_hold) and before messages.
SELECT FROM courses WHERE id = $1::uuid FOR NO KEY UPDATE;

-- name: enrolment_role
-- in: uuid, uuid
-- The role of somebody in a course; no row: none.
SELECT role FROM enrolments WHERE course_id = $1::uuid AND user_id = $2::uuid;

-- name: enrolment_put
-- in: uuid, uuid, text, uuid
-- Course, user, role, who does it. No row: nothing changed.
WITH put AS (INSERT INTO enrolments AS e (course_id, user_id, role) VALUES ($1::uuid, $2::uuid, $3::text)
             ON CONFLICT (course_id, user_id) DO UPDATE SET role = excluded.role WHERE e.role <> excluded.role RETURNING e.*),
noted AS (INSERT INTO audit (actor, action, object, object_id, detail)
          SELECT $4::uuid, 'enrolment.put', 'course', course_id, jsonb_build_object('user_id', user_id, 'role', role) FROM put)
SELECT 1 FROM put;

-- name: enrolment_read
-- in: uuid, uuid
SELECT ea_enrolment_json(e, u, true)::text FROM enrolments e JOIN users u ON u.id = e.user_id WHERE e.course_id = $1::uuid AND e.user_id = $2::uuid;

-- name: enrolment_list
-- in: uuid, text, boolean, text, int
-- Course, role or NULL, with e-mail?, cursor (id, then name), limit. In the order of names.
SELECT ea_enrolment_json(e, u, $3::boolean)::text, u.id::text || lower(u.name)
FROM enrolments e JOIN users u ON u.id = e.user_id
WHERE e.course_id = $1::uuid AND ($2::text IS NULL OR e.role = $2::text)
  AND ($4::text = '' OR (lower(u.name), u.id) > (substr($4::text, 37), left($4::text, 36)::uuid))
ORDER BY lower(u.name), u.id LIMIT $5::int;

-- name: enrolment_delete
-- in: uuid, uuid, uuid
-- Course, user, who does it.
WITH gone AS (DELETE FROM enrolments WHERE course_id = $1::uuid AND user_id = $2::uuid RETURNING *),
noted AS (INSERT INTO audit (actor, action, object, object_id, detail)
          SELECT $3::uuid, 'enrolment.deleted', 'course', course_id, jsonb_build_object('user_id', user_id, 'role', role) FROM gone)
SELECT role FROM gone;
