-- How a student did in a course, and how that compares.

-- name: performance_figures
-- in: uuid, boolean, bigint
-- Course, whether everything may be seen, how many students there must be: {"all" | "work <id>" | "tag <tag>": {students, lower_quartile, median, upper_quartile}}, in percent
-- of the points. What fewer students have has no figures.
WITH attempt AS MATERIALIZED (
    SELECT * FROM ea_course_attempts($1::uuid, $2::boolean)
), work AS MATERIALIZED (
    SELECT quiz_id AS id, user_id, score, points FROM attempt WHERE place = 1
    UNION ALL
    SELECT assignment_id, user_id, score, points FROM ea_course_submissions($1::uuid, $2::boolean)
), got (name, score, points) AS (
    SELECT 'work ' || id, score, points FROM work
    UNION ALL
    SELECT 'all', sum(score), sum(points) FROM work GROUP BY user_id
    UNION ALL
    SELECT 'tag ' || tag, sum(x.score), sum(x.points)
    FROM ( -- the same tags are looked at once
        SELECT a.user_id, v.tags, sum(s.score) AS score, sum(s.points) AS points
        FROM attempt a JOIN attempt_slots s ON s.attempt_id = a.attempt_id JOIN item_versions v ON v.item_id = s.item_id AND v.version = s.item_version
        WHERE (a.place = 1 OR a.keep = 'average') AND v.tags <> '{}'
        GROUP BY a.user_id, v.tags) AS x, unnest(x.tags) AS tag
    GROUP BY x.user_id, tag
), figures AS (
    SELECT name, count(*) AS students, percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY 100 * score::float8 / points::float8) AS q
    FROM got WHERE points > 0 GROUP BY name HAVING count(*) >= $3::bigint
)
SELECT coalesce(jsonb_object_agg(name, jsonb_build_object('students', students, 'lower_quartile', round(q[1]::numeric, 1), 'median', round(q[2]::numeric, 1),
                                                          'upper_quartile', round(q[3]::numeric, 1))), '{}')::text
FROM figures;

-- name: performance
-- in: uuid, uuid, boolean, jsonb, bigint, bigint
-- Course, student, whether everything may be seen, the course's figures, how many of a tag's last items its mastery is of, and how many it needs. No row: no such student.
WITH attempt AS MATERIALIZED (
    SELECT * FROM ea_course_attempts($1::uuid, $3::boolean) WHERE user_id = $2::uuid
), work AS MATERIALIZED (
    SELECT 'quiz' AS kind, quiz_id AS id, CASE WHEN keep <> 'average' THEN attempt_id END AS of_id, title, submitted_at AS at, score, points FROM attempt WHERE place = 1
    UNION ALL
    SELECT 'assignment', assignment_id, submission_id, title, submitted_at, score, points FROM ea_course_submissions($1::uuid, $3::boolean) WHERE user_id = $2::uuid
), item AS (
    SELECT tag, s.score, s.points, row_number() OVER (PARTITION BY tag ORDER BY a.submitted_at DESC, a.attempt_id DESC, s.slot DESC) AS nth
    FROM attempt a JOIN attempt_slots s ON s.attempt_id = a.attempt_id JOIN item_versions v ON v.item_id = s.item_id AND v.version = s.item_version, unnest(v.tags) AS tag
    WHERE a.place = 1 OR a.keep = 'average'
), tags AS (
    SELECT tag, count(*) AS items, sum(score) AS score, sum(points) AS points, CASE WHEN count(*) >= $6::bigint THEN
               round(100.0 * sum(score) FILTER (WHERE nth <= $5::bigint) / nullif(sum(points) FILTER (WHERE nth <= $5::bigint), 0), 1) END AS mastery
    FROM item GROUP BY tag
)
SELECT json_build_object('course_id', e.course_id, 'user_id', e.user_id,
    'overall', (SELECT json_build_object('score', json_build_object('points', coalesce(ea_points(sum(score)::bigint), 0), 'of', coalesce(ea_points(sum(points)::bigint), 0)),
                                         'percent', round(100.0 * sum(score) / nullif(sum(points), 0), 1), 'course', $4::jsonb -> 'all') FROM work),
    'work', (SELECT coalesce(json_agg(json_build_object(
        'kind', kind, 'id', id, CASE kind WHEN 'quiz' THEN 'attempt_id' ELSE 'submission_id' END, of_id, 'title', title, 'at', ea_time(at),
        'score', json_build_object('points', ea_points(score), 'of', ea_points(points)), 'percent', round(100.0 * score / nullif(points, 0), 1),
        'course', $4::jsonb -> ('work ' || id)) ORDER BY at, id), '[]') FROM work),
    'tags', (SELECT coalesce(json_agg(json_build_object(
        'tag', tag, 'items', items, 'score', json_build_object('points', ea_points(score), 'of', ea_points(points)), 'percent', round(100.0 * score / nullif(points, 0), 1),
        'mastery', mastery, 'course', $4::jsonb -> ('tag ' || tag)) ORDER BY tag), '[]') FROM tags))::text
FROM enrolments e WHERE e.course_id = $1::uuid AND e.user_id = $2::uuid AND e.role = 'student';
