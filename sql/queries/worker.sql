-- What every consumer of jobs needs (workers/core).

-- name: worker_processed
-- in: text, bigint[]
-- Claims a batch's jobs for this consumer; only those it returns are fresh. In order of id, so that two workers with the same jobs cannot deadlock.
INSERT INTO processed (consumer, event_id) SELECT $1::text, e FROM unnest($2::bigint[]) AS e ORDER BY e
ON CONFLICT (consumer, event_id) DO NOTHING
RETURNING event_id;

-- name: worker_suspect_start
-- in: text, bigint, uuid
-- A job that was delivered before is about to run, alone. How many processes have begun it and not come back?
INSERT INTO suspects (consumer, event_id, process) VALUES ($1::text, $2::bigint, $3::uuid)
ON CONFLICT (consumer, event_id) DO UPDATE
    SET starts = suspects.starts + (suspects.process <> excluded.process)::int, process = excluded.process, at = now()
RETURNING starts;

-- name: worker_suspect_end
-- in: text, bigint
DELETE FROM suspects WHERE consumer = $1::text AND event_id = $2::bigint;
