-- The item bank. An item goes in and out of the statements as one JSON object; points and difficulty in thousandths.

-- name: authz_item
-- in: uuid, uuid
-- The bank is the teachers': a student sees no item but in an attempt.
SELECT i.course_id, ea_course_role($1::uuid, i.course_id), false FROM items i WHERE i.id = $2::uuid;

-- name: item_insert
-- in: uuid, uuid, jsonb
-- Course, author, [{id, kind, title, category, stem, stem_html, feedback, feedback_html, points, tags, difficulty, definition}].
WITH given AS (
    SELECT * FROM jsonb_to_recordset($3::jsonb) AS x (id uuid, kind text, title text, category text, stem text, stem_html text, feedback text,
                                                      feedback_html text, points integer, tags text[], difficulty smallint, definition jsonb)
), new AS (
    INSERT INTO items (id, course_id, kind, category, tags, difficulty, search, created_by)
    SELECT id, $1::uuid, kind, category, coalesce(tags, '{}'), difficulty, to_tsvector('simple', concat_ws(' ', title, stem)), $2::uuid FROM given
)
INSERT INTO item_versions (item_id, version, kind, title, category, stem, stem_html, feedback, feedback_html, points, tags, difficulty, definition, created_by)
SELECT id, 1, kind, title, category, stem, stem_html, feedback, feedback_html, points, coalesce(tags, '{}'), difficulty, definition, $2::uuid FROM given;

-- name: item_lock
-- in: uuid
-- For a new version: the current one.
SELECT i.version, v.kind, v.title, v.category, v.stem, v.feedback, v.points, array_to_json(v.tags)::text, v.difficulty, v.definition::text
FROM items i JOIN item_versions v ON v.item_id = i.id AND v.version = i.version
WHERE i.id = $1::uuid FOR UPDATE OF i;

-- name: item_revise
-- in: uuid, uuid, jsonb
-- Item, author, one object as of item_insert.
WITH given AS (
    SELECT * FROM jsonb_to_record($3::jsonb) AS x (kind text, title text, category text, stem text, stem_html text, feedback text,
                                                   feedback_html text, points integer, tags text[], difficulty smallint, definition jsonb)
), item AS (
    UPDATE items i SET version = i.version + 1, kind = g.kind, category = g.category, tags = coalesce(g.tags, '{}'), difficulty = g.difficulty,
        search = to_tsvector('simple', concat_ws(' ', g.title, g.stem)), updated_at = now()
    FROM given g WHERE i.id = $1::uuid
    RETURNING i.id, i.version
)
INSERT INTO item_versions (item_id, version, kind, title, category, stem, stem_html, feedback, feedback_html, points, tags, difficulty, definition, created_by)
SELECT item.id, item.version, g.kind, g.title, g.category, g.stem, g.stem_html, g.feedback, g.feedback_html, g.points, coalesce(g.tags, '{}'),
       g.difficulty, g.definition, $2::uuid
FROM item, given g;

-- name: item_get
-- in: uuid
SELECT json_build_object(
    'id', i.id, 'course_id', i.course_id, 'version', i.version, 'kind', v.kind, 'title', v.title, 'category', v.category,
    'stem', v.stem, 'stem_html', v.stem_html, 'points', ea_points(v.points), 'tags', to_json(v.tags), 'difficulty', ea_points(v.difficulty),
    'feedback', v.feedback, 'feedback_html', v.feedback_html, 'definition', v.definition,
    'created_at', ea_time(i.created_at), 'updated_at', ea_time(i.updated_at)), i.version
FROM items i JOIN item_versions v ON v.item_id = i.id AND v.version = i.version WHERE i.id = $1::uuid;

-- name: item_list
-- in: uuid, text, text, text, text, text, bigint
-- Course, tag, kind, category, words to look for, cursor, limit; '' is any.
SELECT json_build_object(
    'id', i.id, 'course_id', i.course_id, 'version', i.version, 'kind', v.kind, 'title', v.title, 'category', v.category,
    'stem', v.stem, 'stem_html', v.stem_html, 'points', ea_points(v.points), 'tags', to_json(v.tags), 'difficulty', ea_points(v.difficulty),
    'updated_at', ea_time(i.updated_at)), i.id
FROM items i JOIN item_versions v ON v.item_id = i.id AND v.version = i.version
WHERE i.course_id = $1::uuid AND ($2::text = '' OR i.tags @> ARRAY[$2::text]) AND ($3::text = '' OR i.kind = $3::text)
  AND ($4::text = '' OR i.category = $4::text) AND ($5::text = '' OR i.search @@ websearch_to_tsquery('simple', $5::text))
  AND i.id > coalesce(nullif($6::text, '')::uuid, '00000000-0000-0000-0000-000000000000')
ORDER BY i.id LIMIT $7::bigint;

-- name: item_export
-- in: uuid, uuid, bigint
-- Course, after which item, limit: all that an item says, in the order in which items were made.
SELECT i.id, v.kind, v.title, v.category, v.stem, v.feedback, v.points, array_to_json(v.tags)::text, v.difficulty, v.definition::text
FROM items i JOIN item_versions v ON v.item_id = i.id AND v.version = i.version
WHERE i.course_id = $1::uuid AND i.id > $2::uuid ORDER BY i.id LIMIT $3::bigint;
