-- The pulse of the quiz processes, the outages that it shows, and the time that is given back for them.

-- name: pulse_beat
-- in: bigint
-- Seconds: a sign of life. No row: there was none for longer; then the rest of this file is to be done first.
UPDATE quiz_pulse SET at = clock_timestamp() WHERE at >= clock_timestamp() - $1::bigint * interval '1 second' RETURNING at;

-- name: pulse_lock
-- in:
-- From here to COMMIT nobody else finds, settles or ends an outage. A statement of its own: the next one sees what the holder before has done.
SELECT at FROM quiz_pulse FOR UPDATE;

-- name: outage_find
-- in: uuid, bigint
-- Id for a new one, seconds: the outage that the pulse shows, and its length in whole seconds; one that somebody began to settle is found again as it was. No row: there is none.
WITH gap AS (
    SELECT at FROM quiz_pulse WHERE at > '-infinity' AND at < clock_timestamp() - $2::bigint * interval '1 second'
), new AS (
    INSERT INTO outages (id, began_at, ended_at) SELECT $1::uuid, at, clock_timestamp() FROM gap ON CONFLICT (began_at) DO NOTHING
    RETURNING id, began_at, ended_at
)
SELECT id, ceil(extract(epoch FROM ended_at - began_at))::integer FROM (
    SELECT id, began_at, ended_at FROM new
    UNION ALL
    SELECT id, began_at, ended_at FROM outages WHERE began_at = (SELECT at FROM gap)) AS found;

-- name: outage_credit
-- in: uuid, integer, bigint
-- Outage, its length in seconds, limit: attempts that were open when it began (as far as that is known: beats are a second apart, and what began after the last one had a service to begin with) get the time back, each once, as if their clock had stood still. A row for each: its student, and the
-- payload of attempt.changed, NULL when its end is the closing and stays. What was handed in meanwhile gets nothing.
WITH due AS (
    SELECT a.id, a.ends_at AS was, x.seconds, CASE WHEN q.credit_past_close OR shut IS NULL THEN a.ends_at + x.seconds * interval '1 second'
                                                   ELSE greatest(a.ends_at, least(a.ends_at + x.seconds * interval '1 second', shut)) END AS ends
    FROM outages o
    JOIN attempts a ON a.state = 'in_progress' AND a.late_at >= o.began_at AND a.started_at <= o.began_at + interval '1 second'
    JOIN quizzes q ON q.id = a.quiz_id AND q.credit_threshold_s <= $2::integer AND q.credit_max_s > a.credited_s
    LEFT JOIN accommodations acc ON acc.quiz_id = a.quiz_id AND acc.user_id = a.user_id
    CROSS JOIN LATERAL (SELECT least($2::integer, q.credit_max_s - a.credited_s) AS seconds, coalesce(acc.closes_at, q.closes_at) AS shut) x
    WHERE o.id = $1::uuid AND NOT EXISTS (SELECT FROM outage_credits c WHERE c.outage_id = o.id AND c.attempt_id = a.id)
    ORDER BY a.id LIMIT $3::bigint FOR UPDATE OF a
), given AS (
    UPDATE attempts a SET ends_at = due.ends, late_at = a.late_at + (due.ends - due.was), credited_s = a.credited_s + due.seconds
    FROM due WHERE a.id = due.id
    RETURNING a.id, a.quiz_id, a.user_id, a.ends_at, due.seconds, CASE WHEN due.ends > due.was THEN ea_attempt_changed(a) END AS changed
), kept AS (
    INSERT INTO outage_credits (outage_id, attempt_id, quiz_id, seconds) SELECT $1::uuid, id, quiz_id, seconds FROM given
), noted AS (
    INSERT INTO audit (action, object, object_id, detail)
    SELECT 'outage.credited', 'attempt', id, jsonb_build_object('outage_id', $1::uuid, 'seconds', seconds, 'ends_at', ea_time(ends_at)) FROM given
)
SELECT user_id, changed FROM given;

-- name: pulse_move
-- in: uuid
-- The outage that is settled now, or NULL: the service is there again.
WITH settled AS (
    UPDATE outages SET settled_at = clock_timestamp() WHERE id = $1::uuid RETURNING ended_at
)
UPDATE quiz_pulse SET at = coalesce((SELECT ended_at FROM settled), clock_timestamp());

-- name: outage_list
-- in: uuid, text, bigint
-- Quiz, cursor, limit: outages that began while somebody was at this quiz.
SELECT json_build_object('id', o.id, 'began_at', ea_time(o.began_at), 'ended_at', ea_time(o.ended_at), 'seconds', ceil(extract(epoch FROM o.ended_at - o.began_at))::integer,
                         'attempts_open', open.n, 'attempts_credited', given.n, 'credited_s', given.seconds, 'undone_at', ea_time(given.undone_at), 'undone_by', given.undone_by),
       o.began_at
FROM outages o
CROSS JOIN LATERAL (SELECT count(*) AS n FROM attempts a WHERE a.quiz_id = $1::uuid AND a.started_at <= o.began_at + interval '1 second' AND coalesce(a.submitted_at, 'infinity') > o.began_at) open
CROSS JOIN LATERAL (SELECT count(*) AS n, coalesce(sum(c.seconds), 0) AS seconds, max(c.undone_at) AS undone_at, (array_agg(c.undone_by))[1] AS undone_by
                    FROM outage_credits c WHERE c.quiz_id = $1::uuid AND c.outage_id = o.id) given
WHERE o.settled_at IS NOT NULL AND o.began_at > coalesce(nullif($2::text, '')::timestamptz, '-infinity')
  AND o.ended_at > (SELECT q.created_at FROM quizzes q WHERE q.id = $1::uuid) AND (open.n > 0 OR given.n > 0)
ORDER BY o.began_at LIMIT $3::bigint;

-- name: outage_known
-- in: uuid
SELECT 1 FROM outages WHERE id = $1::uuid AND settled_at IS NOT NULL;

-- name: outage_undo
-- in: uuid, uuid, uuid
-- Quiz, outage, by whom: what its attempts were given is taken back, once. One that still runs ends earlier, but never before now, and not before what it has without this credit; one
-- whose end has passed, or that was handed in, keeps what it had. A row for each whose end moves: its student, and the payload of attempt.changed.
WITH undone AS (
    UPDATE outage_credits SET undone_by = $3::uuid, undone_at = clock_timestamp()
    WHERE quiz_id = $1::uuid AND outage_id = $2::uuid AND undone_at IS NULL RETURNING attempt_id, seconds
), due AS (
    SELECT a.id, a.ends_at AS was, u.seconds, CASE WHEN a.ends_at IS NOT NULL THEN least(a.ends_at, greatest(
               a.ends_at - u.seconds * interval '1 second', date_trunc('milliseconds', clock_timestamp()),
               ea_attempt_end(a.started_at, q.time_limit_s, acc.extra_time_factor, acc.extra_minutes, coalesce(acc.closes_at, q.closes_at),
                              a.credited_s - u.seconds, q.credit_past_close))) END AS ends
    FROM undone u JOIN attempts a ON a.id = u.attempt_id AND a.state = 'in_progress' JOIN quizzes q ON q.id = a.quiz_id
    LEFT JOIN accommodations acc ON acc.quiz_id = a.quiz_id AND acc.user_id = a.user_id
    ORDER BY a.id FOR UPDATE OF a
), moved AS (
    UPDATE attempts a SET ends_at = due.ends, late_at = a.late_at - (due.was - due.ends), credited_s = a.credited_s - due.seconds
    FROM due WHERE a.id = due.id
    RETURNING a.user_id, CASE WHEN due.ends < due.was THEN ea_attempt_changed(a) END AS changed
), noted AS (
    INSERT INTO audit (actor, action, object, object_id, detail)
    SELECT $3::uuid, 'outage.undone', 'quiz', $1::uuid, jsonb_build_object('outage_id', $2::uuid, 'attempts', count(*), 'seconds', sum(seconds)) FROM undone HAVING count(*) > 0
)
SELECT user_id, changed FROM moved WHERE changed IS NOT NULL;
