-- What students' clients report of an attempt, and what is known of it in all.

-- name: attempt_event_admit
-- in: uuid, uuid, bigint
-- Attempt, who reports, age of the request. Verdict: ok, other (it is not theirs), submitted, late, unsettled (its end has passed and may still move); and the last slot that may be named. To the transaction's end no submit
-- comes between, and no other report of this attempt.
SELECT CASE WHEN a.user_id <> $2::uuid THEN 'other'
            WHEN a.state <> 'in_progress' THEN 'submitted'
            WHEN clock_timestamp() - $3::bigint * interval '1 microsecond' > a.late_at THEN CASE WHEN ea_end_stands(a.quiz_id, a.late_at) THEN 'late' ELSE 'unsettled' END
            ELSE 'ok' END,
       coalesce(a.at_slot, (SELECT max(s.slot) FROM attempt_slots s WHERE s.attempt_id = a.id), 0),
       pg_advisory_xact_lock(hashtextextended('attempt_events ' || $1::uuid, 0))
FROM attempts a WHERE a.id = $1::uuid FOR SHARE OF a;

-- name: attempt_event_add
-- in: uuid, bigint, bigint, text[], text[], integer[], timestamptz[]
-- Attempt, age of the request, how many entries of one kind it may hold; then keys, kinds, slots, the client's times, in the client's order. How many are new, how many were
-- known, and a kind of which there would be too many: then nothing is added.
WITH given AS (
    SELECT DISTINCT ON (key) * FROM unnest($4::text[], $5::text[], $6::integer[], $7::timestamptz[]) WITH ORDINALITY AS g (key, kind, slot, client_at, n) ORDER BY key, n
), fresh AS MATERIALIZED (
    SELECT g.* FROM given g WHERE NOT EXISTS (SELECT 1 FROM attempt_events e WHERE e.attempt_id = $1::uuid AND e.key = g.key)
), excess AS MATERIALIZED (
    SELECT f.kind FROM fresh f GROUP BY f.kind
    HAVING count(*) + (SELECT count(*) FROM attempt_events e WHERE e.attempt_id = $1::uuid AND e.kind = f.kind) > $3::bigint
), new AS (
    INSERT INTO attempt_events (attempt_id, key, kind, slot, at, client_at)
    SELECT $1::uuid, key, kind, slot, statement_timestamp() - $2::bigint * interval '1 microsecond', client_at
    FROM fresh WHERE NOT EXISTS (SELECT 1 FROM excess) ORDER BY n
    RETURNING 1
)
SELECT (SELECT count(*) FROM new), cardinality($4::text[]) - (SELECT count(*) FROM fresh), (SELECT min(kind) FROM excess);

-- name: attempt_log
-- in: uuid, boolean, text, bigint
-- Attempt, whether the reader marks work (else it is its student, who sees no person's mark, and the score only as the quiz shows it), cursor, limit. One time line from where
-- each thing is kept; `source` tells those that are only a client's word. Of equal times those of a lower rank come first; `n` puts a rank in order.
WITH a AS MATERIALIZED (
    SELECT a.*, $2::boolean OR shown.score AS score_shown FROM attempts a JOIN attempt_shown shown ON shown.id = a.id WHERE a.id = $1::uuid
), entry (at, rank, n, kind, slot, by, client_at, detail) AS (
    SELECT a.started_at, 0, 0::bigint, 'started', NULL::integer, a.user_id, NULL::timestamptz, jsonb_build_object('number', a.number) FROM a
    UNION ALL
    SELECT t.at, 1, t.id, 'accommodated', NULL, CASE WHEN $2::boolean THEN t.actor END, NULL, t.detail -> 'given'
    FROM a JOIN audit t ON t.object_id = a.quiz_id AND t.detail ->> 'user_id' = a.user_id::text
    WHERE t.action = 'accommodation.changed' AND t.at <= coalesce(a.submitted_at, 'infinity')
    UNION ALL
    SELECT o.settled_at, 7, (extract(epoch FROM o.began_at) * 1000000)::bigint, 'credited', NULL, NULL, NULL,
           jsonb_build_object('outage_id', o.id, 'began_at', ea_time(o.began_at), 'ended_at', ea_time(o.ended_at), 'seconds', c.seconds)
    FROM a JOIN outages o ON o.settled_at > a.started_at JOIN outage_credits c ON c.outage_id = o.id AND c.attempt_id = a.id
    UNION ALL
    -- of what was handed in before the undo it has taken nothing back
    SELECT c.undone_at, 8, (extract(epoch FROM o.began_at) * 1000000)::bigint, 'credit_undone', NULL, CASE WHEN $2::boolean THEN c.undone_by END, NULL,
           jsonb_build_object('outage_id', o.id, 'seconds', c.seconds)
    FROM a JOIN outages o ON o.settled_at > a.started_at JOIN outage_credits c ON c.outage_id = o.id AND c.attempt_id = a.id
    WHERE c.undone_at <= coalesce(a.submitted_at, 'infinity')
    UNION ALL
    SELECT e.at, 2, (e.slot::bigint << 32) + e.rev, CASE WHEN e.answer = 'null' THEN 'cleared' WHEN e.rev = 1 THEN 'answered' ELSE 'changed' END, e.slot, a.user_id,
           e.client_at, jsonb_build_object('rev', e.rev, 'answer', e.answer)
    FROM a JOIN answer_events e ON e.attempt_id = a.id
    UNION ALL
    SELECT e.at, 3, e.id, e.kind, e.slot, a.user_id, e.client_at, jsonb_build_object('key', e.key) FROM a JOIN attempt_events e ON e.attempt_id = a.id
    UNION ALL
    -- a submit's reply is its receipt; of what has run out nobody was given one before asking for it
    SELECT a.submitted_at, 4, 0, CASE a.submitted_by WHEN 'server' THEN 'expired' ELSE 'submitted' END, NULL, CASE a.submitted_by WHEN 'student' THEN a.user_id END, NULL,
           jsonb_build_object('receipt', a.submitted_by = 'student')
    FROM a WHERE a.submitted_at IS NOT NULL
    UNION ALL
    SELECT g.at, 5, (g.slot::bigint << 32) + g.version, 'marked', g.slot, g.graded_by, NULL,
           jsonb_build_object('points', ea_points(g.score), 'before', ea_points(g.before), 'comment', g.comment, 'version', g.version)
    FROM a JOIN slot_grades g ON g.attempt_id = a.id WHERE $2::boolean
    UNION ALL
    SELECT a.graded_at, 6, 0, 'graded', NULL, NULL, NULL, jsonb_build_object('score', jsonb_build_object('points', ea_points(a.score), 'of', ea_points(a.points)))
    FROM a WHERE a.state = 'graded' AND a.score_shown
)
SELECT json_build_object('at', ea_time(at), 'kind', kind, 'source', CASE rank WHEN 3 THEN 'client' ELSE 'server' END, 'slot', slot, 'by', by, 'client_at', ea_time(client_at),
                         'detail', detail),
       concat_ws(' ', us, rank, n)
FROM entry, LATERAL (SELECT (extract(epoch FROM at) * 1000000)::bigint AS us) t
WHERE $3::text = '' OR (us, rank, n) > (nullif(split_part($3::text, ' ', 1), '')::bigint, nullif(split_part($3::text, ' ', 2), '')::integer, nullif(split_part($3::text, ' ', 3), '')::bigint)
ORDER BY us, rank, n LIMIT $4::bigint;
