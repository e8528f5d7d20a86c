-- Assignments as teachers write them and members read them.

-- name: authz_assignment
-- in: uuid, uuid
SELECT a.course_id, ea_course_role($1::uuid, a.course_id), a.state = 'published'
FROM assignments a WHERE a.id = $2::uuid AND a.deleted_at IS NULL;

-- name: assignment_insert
-- in: uuid, uuid, uuid, jsonb, text
-- Id, course, author, the body as it was checked against the schema, its instructions as HTML. Absent members get their defaults.
WITH given AS (
    SELECT $4::jsonb AS b, c.time_zone AS zone FROM courses c WHERE c.id = $2::uuid
), a AS (
    INSERT INTO assignments (id, course_id, title, instructions, instructions_html, time_zone, opens_at, opens_local, due_at, due_local, lock_at, lock_local,
                             accepts, max_files, max_bytes, extensions, attempts, release, created_by)
    SELECT $1::uuid, $2::uuid, b ->> 'title', coalesce(b ->> 'instructions', ''), $5::text, zone,
           (b ->> 'opens_at')::timestamptz, ea_local_time((b ->> 'opens_at')::timestamptz, zone),
           (b ->> 'due_at')::timestamptz, ea_local_time((b ->> 'due_at')::timestamptz, zone),
           (b ->> 'lock_at')::timestamptz, ea_local_time((b ->> 'lock_at')::timestamptz, zone),
           CASE WHEN b ? 'accepts' THEN ARRAY(SELECT DISTINCT jsonb_array_elements_text(b -> 'accepts')) ELSE ARRAY['text', 'file'] END,
           coalesce((b ->> 'max_files')::integer, 5), coalesce((b ->> 'max_bytes')::bigint, 33554432),
           CASE WHEN jsonb_typeof(b -> 'extensions') = 'array' THEN ARRAY(SELECT DISTINCT lower(ltrim(jsonb_array_elements_text(b -> 'extensions'), '.'))) END,
           (b ->> 'attempts')::integer, coalesce(b ->> 'release', 'auto'), $3::uuid
    FROM given
    RETURNING id
)
INSERT INTO assignment_rules (assignment_id, version, points, late_policy, checks, rubric, created_by)
SELECT a.id, 1, ((b ->> 'points')::numeric * 1000)::bigint, nullif(b -> 'late_policy', 'null'), coalesce(nullif(b -> 'checks', 'null'), '[]'),
       coalesce(nullif(b -> 'rubric', 'null'), '[]'), $3::uuid
FROM a, given;

-- name: assignment_lock
-- in: uuid
SELECT version FROM assignments WHERE id = $1::uuid AND deleted_at IS NULL FOR UPDATE;

-- name: assignment_update
-- in: uuid, jsonb, text, uuid
-- Only the members that the body has change. A change of what grades are worked out from is a new version of the rules; submissions keep theirs.
WITH given AS (
    SELECT $2::jsonb AS b, $2::jsonb ?| ARRAY['points', 'late_policy', 'checks', 'rubric'] AS new_rules
), a AS (
    UPDATE assignments SET
        title = coalesce(b ->> 'title', title),
        instructions = coalesce(b ->> 'instructions', instructions),
        instructions_html = coalesce($3::text, instructions_html),
        opens_at = CASE WHEN b ? 'opens_at' THEN (b ->> 'opens_at')::timestamptz ELSE opens_at END,
        opens_local = CASE WHEN b ? 'opens_at' THEN ea_local_time((b ->> 'opens_at')::timestamptz, time_zone) ELSE opens_local END,
        due_at = CASE WHEN b ? 'due_at' THEN (b ->> 'due_at')::timestamptz ELSE due_at END,
        due_local = CASE WHEN b ? 'due_at' THEN ea_local_time((b ->> 'due_at')::timestamptz, time_zone) ELSE due_local END,
        lock_at = CASE WHEN b ? 'lock_at' THEN (b ->> 'lock_at')::timestamptz ELSE lock_at END,
        lock_local = CASE WHEN b ? 'lock_at' THEN ea_local_time((b ->> 'lock_at')::timestamptz, time_zone) ELSE lock_local END,
        accepts = CASE WHEN b ? 'accepts' THEN ARRAY(SELECT DISTINCT jsonb_array_elements_text(b -> 'accepts')) ELSE accepts END,
        max_files = coalesce((b ->> 'max_files')::integer, max_files),
        max_bytes = coalesce((b ->> 'max_bytes')::bigint, max_bytes),
        extensions = CASE WHEN jsonb_typeof(b -> 'extensions') = 'array' THEN ARRAY(SELECT DISTINCT lower(ltrim(jsonb_array_elements_text(b -> 'extensions'), '.')))
                          WHEN b ? 'extensions' THEN NULL ELSE extensions END,
        attempts = CASE WHEN b ? 'attempts' THEN (b ->> 'attempts')::integer ELSE attempts END,
        release = coalesce(b ->> 'release', release),
        rules = rules + new_rules::integer,
        version = version + 1,
        updated_at = now()
    FROM given
    WHERE id = $1::uuid AND deleted_at IS NULL
    RETURNING id, rules
)
INSERT INTO assignment_rules (assignment_id, version, points, late_policy, checks, rubric, created_by)
SELECT a.id, a.rules, coalesce(((b ->> 'points')::numeric * 1000)::bigint, old.points),
       CASE WHEN b ? 'late_policy' THEN nullif(b -> 'late_policy', 'null') ELSE old.late_policy END,
       CASE WHEN b ? 'checks' THEN coalesce(nullif(b -> 'checks', 'null'), '[]') ELSE old.checks END,
       CASE WHEN b ? 'rubric' THEN coalesce(nullif(b -> 'rubric', 'null'), '[]') ELSE old.rubric END, $4::uuid
FROM a, given, assignment_rules old
WHERE given.new_rules AND old.assignment_id = a.id AND old.version = a.rules - 1;

-- name: assignment_publish
-- in: uuid
-- Once is enough: publishing what is published changes nothing.
UPDATE assignments SET state = 'published', published_at = now(), updated_at = now(), version = version + 1
WHERE id = $1::uuid AND state = 'draft' AND deleted_at IS NULL;

-- name: assignment_delete
-- in: uuid, uuid
WITH a AS (
    UPDATE assignments SET deleted_at = now(), updated_at = now(), version = version + 1
    WHERE id = $1::uuid AND deleted_at IS NULL RETURNING id, title
)
INSERT INTO audit (actor, action, object, object_id, detail)
SELECT $2::uuid, 'assignment.deleted', 'assignment', id, jsonb_build_object('title', title) FROM a;

-- name: assignment_get
-- in: uuid
SELECT json_build_object(
    'id', a.id, 'course_id', a.course_id, 'title', a.title, 'state', a.state, 'points', ea_points(r.points),
    'instructions', a.instructions, 'instructions_html', a.instructions_html,
    'opens_at', ea_time(a.opens_at), 'due_at', ea_time(a.due_at), 'lock_at', ea_time(a.lock_at), 'time_zone', a.time_zone,
    'local', json_build_object('opens_at', a.opens_local, 'due_at', a.due_local, 'lock_at', a.lock_local),
    'accepts', to_json(a.accepts), 'max_files', a.max_files, 'max_bytes', a.max_bytes, 'extensions', to_json(a.extensions), 'attempts', a.attempts,
    'late_policy', r.late_policy, 'checks', r.checks, 'rubric', r.rubric, 'release', a.release, 'version', a.version,
    'created_at', ea_time(a.created_at), 'updated_at', ea_time(a.updated_at)), a.version
FROM assignments a JOIN assignment_rules r ON r.assignment_id = a.id AND r.version = a.rules
WHERE a.id = $1::uuid AND a.deleted_at IS NULL;

-- name: assignment_list
-- in: uuid, boolean, text, bigint
-- Course, whether drafts are shown, cursor, limit. Without the long members.
SELECT json_build_object(
    'id', a.id, 'course_id', a.course_id, 'title', a.title, 'state', a.state, 'points', ea_points(r.points),
    'opens_at', ea_time(a.opens_at), 'due_at', ea_time(a.due_at), 'lock_at', ea_time(a.lock_at), 'time_zone', a.time_zone,
    'accepts', to_json(a.accepts), 'attempts', a.attempts, 'release', a.release, 'version', a.version), a.id
FROM assignments a JOIN assignment_rules r ON r.assignment_id = a.id AND r.version = a.rules
WHERE a.course_id = $1::uuid AND a.deleted_at IS NULL AND ($2::boolean OR a.state = 'published')
  AND a.id > coalesce(nullif($3::text, '')::uuid, '00000000-0000-0000-0000-000000000000')
ORDER BY a.id LIMIT $4::bigint;
