-- Quizzes as teachers write them and members read them.

-- name: authz_quiz
-- in: uuid, uuid
SELECT q.course_id, ea_course_role($1::uuid, q.course_id), q.state = 'published'
FROM quizzes q WHERE q.id = $2::uuid AND q.deleted_at IS NULL;

-- name: quiz_insert
-- in: uuid, uuid, uuid, jsonb
-- Id, course, author, the body as it was checked against the schema. Absent members get the table's defaults.
WITH given AS (
    SELECT $4::jsonb AS b, c.time_zone AS zone FROM courses c WHERE c.id = $2::uuid
)
INSERT INTO quizzes (id, course_id, title, time_zone, opens_at, opens_local, closes_at, closes_local, time_limit_s, grace_s, attempts, keep,
                     sections, shuffle, navigation, show_score, show_key, show_feedback, access_code, delay_s, addresses,
                     credit_threshold_s, credit_max_s, credit_past_close, created_by)
SELECT $1::uuid, $2::uuid, b ->> 'title', zone,
       (b ->> 'opens_at')::timestamptz, ea_local_time((b ->> 'opens_at')::timestamptz, zone),
       (b ->> 'closes_at')::timestamptz, ea_local_time((b ->> 'closes_at')::timestamptz, zone),
       (b ->> 'time_limit_s')::integer, coalesce((b ->> 'grace_s')::integer, 60),
       CASE WHEN b ? 'attempts' THEN (b ->> 'attempts')::integer ELSE 1 END, coalesce(b ->> 'keep', 'highest'),
       coalesce(b -> 'sections', '[]'), coalesce((b ->> 'shuffle')::boolean, false), coalesce(b ->> 'navigation', 'free'),
       coalesce(b #>> '{show,score}', 'on_submit'), coalesce(b #>> '{show,key}', 'after_close'), coalesce(b #>> '{show,feedback}', 'on_submit'),
       nullif(b ->> 'access_code', ''),
       coalesce((b ->> 'delay_s')::integer, 0), (SELECT array_agg(x::inet) FROM jsonb_array_elements_text(nullif(b -> 'addresses', 'null')) AS x),
       CASE WHEN jsonb_typeof(b -> 'outage_credit') = 'object' THEN coalesce((b #>> '{outage_credit,threshold_s}')::integer, 30) END,
       coalesce((b #>> '{outage_credit,max_s}')::integer, 3600), coalesce((b #>> '{outage_credit,past_close}')::boolean, true), $3::uuid
FROM given;

-- name: quiz_lock
-- in: uuid
-- For a change: version, state, whether anybody has begun, course, sections.
SELECT q.version, q.state, EXISTS (SELECT 1 FROM attempts a WHERE a.quiz_id = q.id), q.course_id, q.sections::text
FROM quizzes q WHERE q.id = $1::uuid AND q.deleted_at IS NULL FOR UPDATE;

-- name: quiz_update
-- in: uuid, jsonb
-- Only the members that the body has change.
WITH given AS (
    SELECT $2::jsonb AS b
)
UPDATE quizzes SET
    title = coalesce(b ->> 'title', title),
    opens_at = CASE WHEN b ? 'opens_at' THEN (b ->> 'opens_at')::timestamptz ELSE opens_at END,
    opens_local = CASE WHEN b ? 'opens_at' THEN ea_local_time((b ->> 'opens_at')::timestamptz, time_zone) ELSE opens_local END,
    closes_at = CASE WHEN b ? 'closes_at' THEN (b ->> 'closes_at')::timestamptz ELSE closes_at END,
    closes_local = CASE WHEN b ? 'closes_at' THEN ea_local_time((b ->> 'closes_at')::timestamptz, time_zone) ELSE closes_local END,
    time_limit_s = CASE WHEN b ? 'time_limit_s' THEN (b ->> 'time_limit_s')::integer ELSE time_limit_s END,
    grace_s = coalesce((b ->> 'grace_s')::integer, grace_s),
    attempts = CASE WHEN b ? 'attempts' THEN (b ->> 'attempts')::integer ELSE attempts END,
    keep = coalesce(b ->> 'keep', keep),
    sections = coalesce(b -> 'sections', sections),
    shuffle = coalesce((b ->> 'shuffle')::boolean, shuffle),
    navigation = coalesce(b ->> 'navigation', navigation),
    show_score = coalesce(b #>> '{show,score}', show_score),
    show_key = coalesce(b #>> '{show,key}', show_key),
    show_feedback = coalesce(b #>> '{show,feedback}', show_feedback),
    access_code = CASE WHEN b ? 'access_code' THEN nullif(b ->> 'access_code', '') ELSE access_code END,
    delay_s = coalesce((b ->> 'delay_s')::integer, delay_s),
    addresses = CASE WHEN b ? 'addresses' THEN (SELECT array_agg(x::inet) FROM jsonb_array_elements_text(nullif(b -> 'addresses', 'null')) AS x) ELSE addresses END,
    credit_threshold_s = CASE jsonb_typeof(b -> 'outage_credit') WHEN 'object' THEN coalesce((b #>> '{outage_credit,threshold_s}')::integer, credit_threshold_s, 30)
                                                                 WHEN 'null' THEN NULL ELSE credit_threshold_s END,
    credit_max_s = coalesce((b #>> '{outage_credit,max_s}')::integer, credit_max_s),
    credit_past_close = coalesce((b #>> '{outage_credit,past_close}')::boolean, credit_past_close),
    papers = papers + (b ?| '{sections,shuffle}')::integer,
    version = version + 1,
    updated_at = now()
FROM given WHERE id = $1::uuid AND deleted_at IS NULL;

-- name: quiz_faults
-- in: uuid, jsonb, boolean
-- Course, sections, whether they are to be published. What is wrong with them: pointer, code, words.
WITH section AS (
    SELECT n - 1 AS n, s FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS x (s, n)
), fixed AS (
    SELECT section.n, k - 1 AS k, id::uuid AS id, count(*) OVER (PARTITION BY id ORDER BY section.n, k) AS nth
    FROM section, jsonb_array_elements_text(s -> 'items') WITH ORDINALITY AS y (id, k)
), pool AS MATERIALIZED (
    SELECT section.n, (s ->> 'draw')::integer AS draw, i.id
    FROM section LEFT JOIN items i ON i.course_id = $1::uuid AND ea_item_fits(i, s -> 'from') AND i.id NOT IN (SELECT id FROM fixed)
    WHERE s ? 'draw'
), shared AS ( -- what an earlier section may take away
    SELECT p.n, e.n AS earlier, least(e.draw, count(*)) AS n_shared FROM pool p JOIN pool e ON e.id = p.id AND e.n < p.n GROUP BY p.n, e.n, e.draw
), wanted AS (
    SELECT n, draw, count(id) - coalesce((SELECT sum(n_shared) FROM shared WHERE shared.n = pool.n), 0) AS there FROM pool GROUP BY n, draw
)
SELECT format('/sections/%s/items/%s', f.n, f.k), 'not-found', 'there is no such item in this course'
FROM fixed f WHERE NOT EXISTS (SELECT 1 FROM items i WHERE i.id = f.id AND i.course_id = $1::uuid)
UNION ALL
SELECT format('/sections/%s/items/%s', n, k), 'duplicate', 'this item is in the quiz already' FROM fixed WHERE nth > 1
UNION ALL
SELECT format('/sections/%s/draw', n), 'out-of-range', format('%s are to be drawn and %s fit', draw, there) FROM wanted WHERE $3::boolean AND draw > there
UNION ALL
SELECT '/sections', 'too-short', 'a quiz without items cannot be published' WHERE $3::boolean AND jsonb_array_length($2::jsonb) = 0;

-- name: quiz_publish
-- in: uuid
-- Once is enough: publishing what is published changes nothing.
UPDATE quizzes SET state = 'published', published_at = now(), updated_at = now(), version = version + 1
WHERE id = $1::uuid AND state = 'draft' AND deleted_at IS NULL;

-- name: quiz_delete
-- in: uuid, uuid
WITH q AS (
    UPDATE quizzes SET deleted_at = now(), updated_at = now(), version = version + 1
    WHERE id = $1::uuid AND deleted_at IS NULL RETURNING id, title
)
INSERT INTO audit (actor, action, object, object_id, detail)
SELECT $2::uuid, 'quiz.deleted', 'quiz', id, jsonb_build_object('title', title) FROM q;

-- name: quiz_get
-- in: uuid, uuid, boolean
-- Quiz, who asks, whether they teach: teachers see the paper and the code, a student the times and attempts that hold for them.
SELECT (jsonb_build_object(
    'id', q.id, 'course_id', q.course_id, 'title', q.title, 'state', q.state, 'version', q.version, 'time_zone', q.time_zone,
    'opens_at', ea_time(q.opens_at), 'closes_at', ea_time(coalesce(mine.closes_at, q.closes_at)),
    'local', jsonb_build_object('opens_at', q.opens_local, 'closes_at', coalesce(ea_local_time(mine.closes_at, q.time_zone), q.closes_local)),
    'time_limit_s', round(q.time_limit_s * coalesce(mine.extra_time_factor, 1000) / 1000.0)::integer + 60 * coalesce(mine.extra_minutes, 0), 'grace_s', q.grace_s,
    'attempts', q.attempts + coalesce(mine.extra_attempts, 0), 'keep', q.keep, 'shuffle', q.shuffle, 'navigation', q.navigation,
    'show', jsonb_build_object('score', q.show_score, 'key', q.show_key, 'feedback', q.show_feedback),
    'outage_credit', CASE WHEN q.credit_threshold_s IS NOT NULL THEN jsonb_build_object(
        'threshold_s', q.credit_threshold_s, 'max_s', q.credit_max_s, 'past_close', q.credit_past_close) END,
    'delay_s', q.delay_s, 'needs_access_code', q.access_code IS NOT NULL, 'created_at', ea_time(q.created_at), 'updated_at', ea_time(q.updated_at))
  || CASE WHEN $3::boolean THEN jsonb_build_object('sections', q.sections, 'access_code', q.access_code, 'addresses', to_jsonb(q.addresses))
          ELSE jsonb_build_object('my_attempts', (
              SELECT coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'number', a.number, 'state', a.state, 'started_at', ea_time(a.started_at),
                                                           'ends_at', ea_time(a.ends_at), 'submitted_at', ea_time(a.submitted_at)) ORDER BY a.number), '[]')
              FROM attempts a WHERE a.quiz_id = q.id AND a.user_id = $2::uuid)) END)::text,
    q.version
FROM quizzes q LEFT JOIN accommodations mine ON mine.quiz_id = q.id AND mine.user_id = $2::uuid AND NOT $3::boolean
WHERE q.id = $1::uuid AND q.deleted_at IS NULL;

-- name: quiz_list
-- in: uuid, uuid, boolean, text, bigint
-- Course, who asks, whether they teach (then drafts too), cursor, limit.
SELECT json_build_object(
    'id', q.id, 'course_id', q.course_id, 'title', q.title, 'state', q.state, 'version', q.version, 'time_zone', q.time_zone,
    'opens_at', ea_time(q.opens_at), 'closes_at', ea_time(coalesce(mine.closes_at, q.closes_at)),
    'time_limit_s', round(q.time_limit_s * coalesce(mine.extra_time_factor, 1000) / 1000.0)::integer + 60 * coalesce(mine.extra_minutes, 0),
    'attempts', q.attempts + coalesce(mine.extra_attempts, 0), 'needs_access_code', q.access_code IS NOT NULL), q.id
FROM quizzes q LEFT JOIN accommodations mine ON mine.quiz_id = q.id AND mine.user_id = $2::uuid AND NOT $3::boolean
WHERE q.course_id = $1::uuid AND q.deleted_at IS NULL AND ($3::boolean OR q.state = 'published')
  AND q.id > coalesce(nullif($4::text, '')::uuid, '00000000-0000-0000-0000-000000000000')
ORDER BY q.id LIMIT $5::bigint;

-- name: quiz_papers
-- in: uuid
-- How hard the papers are that were made so far.
SELECT json_build_object('quiz_id', $1::uuid, 'made', count(*), 'taken', count(*) FILTER (WHERE taken), 'rated', count(difficulty),
                         'difficulty', CASE WHEN count(difficulty) > 0 THEN json_build_object(
                             'min', ea_points(min(difficulty)), 'mean', round(avg(difficulty) / 1000, 4), 'max', ea_points(max(difficulty)),
                             'sd', round(coalesce(stddev_pop(difficulty), 0) / 1000, 4)) END)::text
FROM papers WHERE quiz_id = $1::uuid;
