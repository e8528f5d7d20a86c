-- The event log's partitions: made ahead by the relay, in steps that retention can drop one after the other.

-- Which ids each partition holds: from `first` to `last`.
CREATE VIEW event_partitions AS
    SELECT c.relname::text AS name, bounds[1]::bigint AS first, bounds[2]::bigint - 1 AS last
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid,
         regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \('(\d+)'\) TO \('(\d+)'\)$$) AS bounds
    WHERE i.inhparent = 'events'::regclass;

-- Makes partitions of `size` ids until two of them lie whole beyond the newest event; returns how many ids are left then. A table that is
-- attached takes no lock that stops those who append.
DROP FUNCTION ea_events_grow();
CREATE FUNCTION ea_events_grow(size bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    newest bigint;
    upto   bigint;
    part   text;
BEGIN
    PERFORM pg_advisory_xact_lock(4245); -- one at a time, whoever else believes to be the active relay
    newest := (SELECT coalesce(max(id), 0) FROM events);
    upto := (SELECT max(last) FROM event_partitions);
    WHILE upto < newest + 2 * size LOOP
        part := 'events_' || upto + 1;
        EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING ALL)', part);
        EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', part, upto + 1, upto + 1 + size);
        upto := upto + size;
    END LOOP;
    RETURN upto - newest;
END
$$;

-- Drops a partition; false: somebody else has. Nobody reads or appends while it goes, so it waits for its lock so briefly that nobody notices, and
-- its caller comes again. Which one may go is the caller's to say (sql/queries/relay.sql).
CREATE FUNCTION ea_events_drop(part text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(4245);
    IF NOT EXISTS (SELECT FROM event_partitions WHERE name = part) THEN
        RETURN false;
    END IF;
    PERFORM set_config('lock_timeout', '100ms', true);
    EXECUTE format('DROP TABLE %I', part);
    RETURN true;
END
$$;

-- What 0001 made holds ten million events each; an installation that begins now gets partitions of the usual size.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM events) THEN
        DROP TABLE events_0, events_1;
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (1000000);
        PERFORM ea_events_grow(1000000);
    END IF;
END
$$;
