-- Attempts: begun, looked at, submitted.

-- name: authz_attempt
-- in: uuid, uuid
SELECT a.course_id, ea_course_role($1::uuid, a.course_id), a.user_id = $1::uuid
FROM attempts a JOIN quizzes q ON q.id = a.quiz_id WHERE a.id = $2::uuid AND q.deleted_at IS NULL;

-- name: attempt_running
-- in: uuid, uuid, bigint
-- Quiz, student, age of the request: the attempt in progress, and whether its time was over when the request was received.
SELECT id, coalesce(clock_timestamp() - $3::bigint * interval '1 microsecond' > late_at AND ea_end_stands(quiz_id, late_at), false)
FROM attempts WHERE quiz_id = $1::uuid AND user_id = $2::uuid AND state = 'in_progress';

-- name: attempt_begin
-- in: uuid, uuid, text, text, bigint
-- Quiz, student, access code, address, age of the request. No row: no such quiz for this student. Verdict: ok; paper (there is none that is good: make it); begun (another request was first: read it);
-- running (another is just being first: all again); early, closed, code, spent, wait, place. Then the attempt, when the quiz opens, and when the next attempt may begin.
-- Codes are compared as hashes: time tells nothing. Leaves the attempt to attempt_get.
WITH q AS MATERIALIZED (
    SELECT q.*, acc.extra_time_factor, acc.extra_minutes, coalesce(acc.closes_at, q.closes_at) AS shut, q.attempts + coalesce(acc.extra_attempts, 0) AS allowed,
           coalesce(last.number, 0) AS used, last.state = 'in_progress' AS begun, last.submitted_at + q.delay_s * interval '1 second' AS next_at,
           date_trunc('milliseconds', clock_timestamp() - $5::bigint * interval '1 microsecond') AS at
    FROM quizzes q JOIN course_members m ON m.course_id = q.course_id AND m.user_id = $2::uuid AND m.role = 'student'
    LEFT JOIN accommodations acc ON acc.quiz_id = q.id AND acc.user_id = $2::uuid
    LEFT JOIN LATERAL (SELECT a.number, a.state, a.submitted_at FROM attempts a WHERE a.quiz_id = q.id AND a.user_id = $2::uuid ORDER BY a.number DESC LIMIT 1) last ON true
    WHERE q.id = $1::uuid AND q.state = 'published' AND q.deleted_at IS NULL
), judged AS MATERIALIZED (
    SELECT q.*, ea_attempt_end(at, time_limit_s, extra_time_factor, extra_minutes, shut) AS ends, CASE
        WHEN begun THEN 'begun'
        WHEN at < opens_at THEN 'early'
        WHEN at >= shut THEN 'closed'
        WHEN used >= allowed THEN 'spent'
        WHEN at < next_at THEN 'wait'
        WHEN addresses IS NOT NULL AND NOT coalesce(nullif($4::text, '')::inet <<= ANY (addresses), false) THEN 'place'
        WHEN sha256(convert_to(access_code, 'UTF8')) <> sha256(convert_to($3::text, 'UTF8')) THEN 'code'
        ELSE 'ok' END AS verdict
    FROM q
), paper AS (
    UPDATE papers p SET taken = true FROM judged j
    WHERE j.verdict = 'ok' AND p.quiz_id = $1::uuid AND p.user_id = $2::uuid AND p.number = j.used + 1 AND NOT p.taken AND p.made_from = j.papers
      AND p.made_at > coalesce((SELECT max(i.updated_at) FROM items i WHERE i.course_id = j.course_id), '-infinity')
    RETURNING p.id, p.seed, p.points, p.number
), new AS (
    INSERT INTO attempts (id, quiz_id, course_id, user_id, number, seed, points, started_at, ends_at, late_at, at_slot)
    SELECT p.id, j.id, j.course_id, $2::uuid, p.number, p.seed, p.points, j.at, j.ends, j.ends + j.grace_s * interval '1 second',
           CASE j.navigation WHEN 'sequential' THEN 1 END
    FROM judged j, paper p
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT CASE WHEN verdict <> 'ok' THEN verdict
            WHEN EXISTS (SELECT 1 FROM new) THEN 'ok'
            WHEN EXISTS (SELECT 1 FROM paper) THEN 'running'
            ELSE 'paper' END, (SELECT id FROM new), ea_time(opens_at), ea_time(next_at), set_config('ea.attempt', coalesce((SELECT id FROM new)::text, ''), true)
FROM judged;

-- name: paper_forget
-- in: uuid, uuid
-- Quiz, student: papers that nobody has taken, with their slots. Waits for who holds one.
WITH gone AS (
    DELETE FROM papers WHERE quiz_id = $1::uuid AND user_id = $2::uuid AND NOT taken RETURNING id
)
DELETE FROM attempt_slots s USING gone WHERE s.attempt_id = gone.id;

-- name: paper_make
-- in: uuid, uuid, uuid, bigint
-- Id, quiz, student, seed: of the next attempt; attempt_draw fills it. No row: somebody else makes it.
INSERT INTO papers (quiz_id, user_id, number, id, seed, made_from)
SELECT q.id, $3::uuid, 1 + coalesce((SELECT max(a.number) FROM attempts a WHERE a.quiz_id = q.id AND a.user_id = $3::uuid), 0), $1::uuid, $4::bigint, q.papers
FROM quizzes q
WHERE q.id = $2::uuid AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.quiz_id = q.id AND a.user_id = $3::uuid AND a.state = 'in_progress')
ON CONFLICT DO NOTHING
RETURNING id;

-- name: attempt_draw
-- in: uuid, uuid, uuid
-- Quiz, student, paper. Section by section the items that are fixed, or those that chance (the paper's seed) draws from what is not yet taken (ea_section_draw); then slots and what chance decides in each (ea_slot_draw).
WITH RECURSIVE attempt AS (
    SELECT p.id, p.seed, q.course_id, q.shuffle, q.sections FROM papers p JOIN quizzes q ON q.id = p.quiz_id
    WHERE p.quiz_id = $1::uuid AND p.user_id = $2::uuid AND p.id = $3::uuid
), section AS (
    SELECT n, s, CASE WHEN s ? 'items' THEN ARRAY(SELECT jsonb_array_elements_text(s -> 'items')::uuid) END AS fixed
    FROM attempt, jsonb_array_elements(sections) WITH ORDINALITY AS x (s, n)
), paper (n, taken, picks) AS (
    SELECT 0::bigint, ARRAY(SELECT unnest(fixed) FROM section), ARRAY[]::uuid[]
    UNION ALL
    SELECT section.n, p.taken || here.picks, here.picks
    FROM paper p JOIN section ON section.n = p.n + 1 CROSS JOIN attempt t
    CROSS JOIN LATERAL (SELECT coalesce(section.fixed, ea_section_draw(t.course_id, section.s -> 'from', (section.s ->> 'draw')::integer, p.taken, t.seed)) AS picks) here
), placed AS (
    SELECT t.id AS attempt_id, t.seed, p.n AS section, section.s ->> 'points' AS points, i.id AS item_id, i.version,
           row_number() OVER (ORDER BY p.n, CASE WHEN t.shuffle THEN ea_chance(t.seed, 'slot ' || i.id) END, pick.k) AS slot
    FROM attempt t, paper p JOIN section ON section.n = p.n, unnest(p.picks) WITH ORDINALITY AS pick (item, k)
    JOIN items i ON i.id = pick.item
), slots AS (
    INSERT INTO attempt_slots (attempt_id, slot, item_id, item_version, kind, points, section, draw, names, multiple)
    SELECT p.attempt_id, p.slot, p.item_id, p.version, v.kind, coalesce((p.points::numeric * 1000)::integer, v.points), p.section,
           ea_slot_draw(v.kind, v.definition, p.seed, p.item_id), ea_slot_names(v.kind, v.definition),
           coalesce((v.definition ->> 'multiple')::boolean, false)
    FROM placed p JOIN item_versions v ON v.item_id = p.item_id AND v.version = p.version
    RETURNING points, item_id, item_version
), sum AS (
    SELECT coalesce(sum(s.points), 0) AS points,
           round(sum(s.points * v.difficulty::bigint) / nullif(sum(s.points) FILTER (WHERE v.difficulty IS NOT NULL), 0)::numeric)::integer AS difficulty
    FROM slots s JOIN item_versions v ON v.item_id = s.item_id AND v.version = s.item_version
)
UPDATE papers p SET points = sum.points, difficulty = sum.difficulty FROM sum WHERE p.quiz_id = $1::uuid AND p.user_id = $2::uuid AND p.id = $3::uuid;

-- name: attempt_get
-- in: uuid
-- Attempt, or NULL for the one that attempt_begin has begun in this transaction, of which nothing is flagged yet. The paper as its student sees it: no key, no weights, no feedback, and of one that is walked through in order nothing beyond where they are.
SELECT json_build_object(
    'id', a.id, 'quiz_id', a.quiz_id, 'course_id', a.course_id, 'user_id', a.user_id, 'title', q.title, 'number', a.number, 'state', a.state,
    'started_at', ea_time(a.started_at), 'ends_at', ea_time(a.ends_at), 'grace_s', extract(epoch FROM a.late_at - a.ends_at)::integer, 'credited_s', a.credited_s,
    'submitted_at', ea_time(a.submitted_at), 'needs_grading', a.needs_grading, 'server_time', ea_time(clock_timestamp()), 'points', ea_points(a.points), 'navigation', q.navigation,
    'at_slot', a.at_slot, 'slots_in_all', (SELECT max(s.slot) FROM attempt_slots s WHERE s.attempt_id = a.id),
    'slots', (
        SELECT coalesce(json_agg(jsonb_build_object(
            'slot', s.slot, 'section', q.sections -> (s.section - 1) ->> 'title', 'kind', s.kind, 'points', ea_points(s.points),
            'stem', ea_slot_stem(s.kind, v.stem, s.draw), 'stem_html', ea_slot_stem(s.kind, v.stem_html, s.draw),
            'answer', s.answer, 'rev', s.rev, 'saved_at', ea_time(s.saved_at), 'flagged', coalesce(flag.up, false)) || ea_slot_view(s.kind, v.definition, s.draw)
            ORDER BY s.slot), '[]')
        FROM attempt_slots s JOIN item_versions v ON v.item_id = s.item_id AND v.version = s.item_version
        LEFT JOIN (SELECT DISTINCT ON (e.slot) e.slot, e.kind = 'flagged' AS up FROM attempt_events e
                   WHERE e.attempt_id = $1::uuid AND e.kind IN ('flagged', 'unflagged') ORDER BY e.slot, e.id DESC) flag ON flag.slot = s.slot
        WHERE s.attempt_id = a.id AND (s.slot <= a.at_slot OR a.at_slot IS NULL)))
FROM attempts a JOIN quizzes q ON q.id = a.quiz_id WHERE a.id = coalesce($1::uuid, nullif(current_setting('ea.attempt', true), '')::uuid);

-- name: attempt_list
-- in: uuid, text, text, text, bigint
-- Quiz, student ('' for all), whether a person must mark it ('' for any), cursor, limit.
SELECT json_build_object('id', a.id, 'quiz_id', a.quiz_id, 'user_id', a.user_id, 'number', a.number, 'state', a.state, 'started_at', ea_time(a.started_at),
                         'ends_at', ea_time(a.ends_at), 'submitted_at', ea_time(a.submitted_at), 'needs_grading', a.needs_grading,
                         'slots_waiting', CASE WHEN a.needs_grading THEN (SELECT json_agg(s.slot ORDER BY s.slot) FROM attempt_slots s WHERE s.attempt_id = a.id AND s.score IS NULL)
                                               ELSE '[]' END), a.user_id || ' ' || a.number
FROM attempts a
WHERE a.quiz_id = $1::uuid AND ($2::text = '' OR a.user_id = nullif($2::text, '')::uuid) AND ($3::text = '' OR a.needs_grading = nullif($3::text, '')::boolean)
  AND (a.user_id, a.number) > (coalesce(nullif(split_part($4::text, ' ', 1), '')::uuid, '00000000-0000-0000-0000-000000000000'),
                               coalesce(nullif(split_part($4::text, ' ', 2), '')::integer, 0))
ORDER BY a.user_id, a.number LIMIT $5::bigint;

-- name: attempt_next
-- in: uuid, integer, bigint
-- Attempt, the slot that is left for good, age of the request. Waits for the saves that are under way. Verdict: ok, again (it was left before), free, submitted, late, unsettled (its end
-- has passed and may still move), order.
WITH a AS MATERIALIZED (
    SELECT a.*, (SELECT max(s.slot) FROM attempt_slots s WHERE s.attempt_id = a.id) AS last FROM attempts a WHERE a.id = $1::uuid FOR UPDATE
), judged AS MATERIALIZED (
    SELECT id, CASE WHEN state <> 'in_progress' THEN 'submitted'
                    WHEN clock_timestamp() - $3::bigint * interval '1 microsecond' > late_at THEN CASE WHEN ea_end_stands(quiz_id, late_at) THEN 'late' ELSE 'unsettled' END
                    WHEN at_slot IS NULL THEN 'free'
                    WHEN at_slot = $2::integer + 1 THEN 'again'
                    WHEN at_slot <> $2::integer OR at_slot >= last THEN 'order'
                    ELSE 'ok' END AS verdict
    FROM a
), moved AS (
    UPDATE attempts SET at_slot = $2::integer + 1 FROM judged WHERE attempts.id = judged.id AND verdict = 'ok'
)
SELECT verdict FROM judged;

-- name: attempt_submit
-- in: uuid, bigint
-- Attempt, age of the request. Waits for the saves that are under way; from here on there are none. After its time it was the server that submitted it. No row: it is submitted already, or its
-- end has passed and may still move.
UPDATE attempts SET state = 'submitted',
    submitted_by = CASE WHEN received > late_at THEN 'server' ELSE 'student' END,
    submitted_at = date_trunc('milliseconds', CASE WHEN received > late_at THEN ends_at ELSE received END)
FROM (SELECT clock_timestamp() - $2::bigint * interval '1 microsecond') AS now (received)
WHERE id = $1::uuid AND state = 'in_progress' AND (coalesce(received <= late_at, true) OR ea_end_stands(quiz_id, late_at)) RETURNING id;

-- name: attempts_submit
-- in: uuid[], uuid[], bigint[], text[]
-- Students, attempts in order, ages of the requests, traces. As attempt_submit, of those that are their students' own; the rows are locked in that order, as a batch of saves locks them.
-- One whose end has passed and may still move stays. The events of what was submitted now are left for events_append_staged.
WITH held AS MATERIALIZED (
    SELECT k.n, k.trace, a.id, a.quiz_id, a.state, a.ends_at, a.late_at, clock_timestamp() - k.age * interval '1 microsecond' AS received
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[]) WITH ORDINALITY AS k (who, attempt, age, trace, n)
    JOIN attempts a ON a.id = k.attempt AND a.user_id = k.who
    JOIN quizzes q ON q.id = a.quiz_id AND q.deleted_at IS NULL
    JOIN course_members m ON m.user_id = k.who AND m.course_id = a.course_id AND m.role = 'student'
    ORDER BY k.n FOR UPDATE OF a
), submitted AS (
    UPDATE attempts a SET state = 'submitted',
        submitted_by = CASE WHEN h.received > h.late_at THEN 'server' ELSE 'student' END,
        submitted_at = date_trunc('milliseconds', CASE WHEN h.received > h.late_at THEN h.ends_at ELSE h.received END)
    FROM held h WHERE a.id = h.id AND h.state = 'in_progress' AND (coalesce(h.received <= h.late_at, true) OR ea_end_stands(h.quiz_id, h.late_at))
    RETURNING h.n, h.trace, a.id
)
SELECT set_config('ea.topics', coalesce(array_agg(NULL::text), '{}')::text, true),
       set_config('ea.kinds', coalesce(array_agg('attempt.submitted'::text), '{}')::text, true),
       set_config('ea.payloads', coalesce(array_agg(json_build_object('attempt_id', id)::text ORDER BY n), '{}')::text, true),
       set_config('ea.queues', coalesce(array_agg('grade'::text), '{}')::text, true),
       set_config('ea.traces', coalesce(array_agg(trace ORDER BY n), '{}')::text, true)
FROM submitted;

-- name: attempts_receipts
-- in: uuid[], uuid[]
-- Students and their attempts: what was received of those that are submitted, in order, with hashes where attempt_receipt has texts: number from 1, quiz, when it was submitted, then per answered
-- slot its name in the receipt, SHA-256 and size of the answer's text; without answers one row whose name is NULL.
SELECT k.n, a.quiz_id, ea_time(a.submitted_at), 'slot ' || s.slot || ' rev ' || s.rev, encode(sha256(convert_to(s.answer::text, 'UTF8')), 'hex'), octet_length(s.answer::text)
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS k (who, attempt, n)
JOIN attempts a ON a.id = k.attempt AND a.user_id = k.who AND a.state <> 'in_progress'
JOIN quizzes q ON q.id = a.quiz_id AND q.deleted_at IS NULL
JOIN course_members m ON m.user_id = k.who AND m.course_id = a.course_id AND m.role = 'student'
LEFT JOIN attempt_slots s ON s.attempt_id = a.id AND s.rev > 0
ORDER BY k.n, s.slot;

-- name: attempt_over
-- in: uuid, bigint
-- Attempt, age of the request: whether it is in progress beyond its time.
SELECT state = 'in_progress' AND coalesce(clock_timestamp() - $2::bigint * interval '1 microsecond' > late_at AND ea_end_stands(quiz_id, late_at), false)
FROM attempts WHERE id = $1::uuid;

-- name: attempt_expire
-- in: uuid, bigint
-- Attempt, age of the request: submitted for its student if its time was over when the request was received.
UPDATE attempts SET state = 'submitted', submitted_by = 'server', submitted_at = date_trunc('milliseconds', ends_at)
WHERE id = $1::uuid AND state = 'in_progress' AND clock_timestamp() - $2::bigint * interval '1 microsecond' > late_at AND ea_end_stands(quiz_id, late_at) RETURNING id;

-- name: attempt_sweep
-- in: bigint
-- At most so many that have run out are submitted for their students. What somebody holds is left to him, or to the next round, and so is what may still get time back.
WITH due AS (
    SELECT id FROM attempts WHERE state = 'in_progress' AND late_at < now() AND ea_end_stands(quiz_id, late_at)
    ORDER BY late_at LIMIT $1::bigint FOR UPDATE SKIP LOCKED
)
UPDATE attempts a SET state = 'submitted', submitted_by = 'server', submitted_at = date_trunc('milliseconds', a.ends_at)
FROM due WHERE a.id = due.id RETURNING a.id;

-- name: attempt_receipt
-- in: uuid
-- What was received: one row per answered slot, as its name in the receipt and the answer's text. Without answers one row whose name is NULL.
SELECT a.quiz_id, a.user_id, ea_time(a.submitted_at), 'slot ' || s.slot || ' rev ' || s.rev, s.answer::text
FROM attempts a LEFT JOIN attempt_slots s ON s.attempt_id = a.id AND s.rev > 0
WHERE a.id = $1::uuid AND a.state <> 'in_progress' ORDER BY s.slot;
