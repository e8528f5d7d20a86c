-- What workers keep: jobs that may have killed their worker, notifications, e-mails to be sent; and how the event log grows.

-- A redelivered job that has begun and not ended yet. starts counts the processes that did not come back from it.
CREATE TABLE suspects (
    consumer text NOT NULL,
    event_id bigint NOT NULL,
    process  uuid NOT NULL,
    starts   integer NOT NULL DEFAULT 1,
    at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);

-- Housekeeping finds old rows without an index that every job would have to maintain.
CREATE INDEX processed_at ON processed USING brin (at);

CREATE TABLE notifications (
    id         uuid PRIMARY KEY, -- UUIDv7: in order of their making
    user_id    uuid NOT NULL REFERENCES users (id),
    kind       text NOT NULL CHECK (length(kind) BETWEEN 1 AND 60), -- of the event it tells of
    payload    jsonb NOT NULL,
    event_id   bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    read_at    timestamptz,
    UNIQUE (event_id, user_id)
);
CREATE INDEX notifications_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id, id) WHERE read_at IS NULL;

-- A notification as the API and the event `notification` show it.
CREATE FUNCTION ea_notification(n notifications) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT jsonb_build_object('id', n.id, 'kind', n.kind, 'payload', n.payload, 'created_at', ea_time(n.created_at), 'read_at', ea_time(n.read_at)) $$;

-- No row: everything is on.
CREATE TABLE notification_preferences (
    user_id uuid NOT NULL REFERENCES users (id),
    kind    text NOT NULL CHECK (length(kind) BETWEEN 1 AND 60),
    email   boolean NOT NULL,
    PRIMARY KEY (user_id, kind)
);

-- E-mails: one per event and user, sent by the notifier. Who sends one moves due_at ahead first, so that nobody else takes it and a crash only delays it.
CREATE TABLE mails (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   bigint NOT NULL,
    user_id    uuid NOT NULL REFERENCES users (id),
    kind       text NOT NULL,
    payload    jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    due_at     timestamptz NOT NULL DEFAULT now(),
    attempts   integer NOT NULL DEFAULT 0,
    sent_at    timestamptz,
    failed_at  timestamptz, -- given up
    error      text,        -- of the last attempt
    UNIQUE (event_id, user_id)
);
CREATE INDEX mails_due ON mails (due_at) WHERE sent_at IS NULL AND failed_at IS NULL;
CREATE INDEX mails_sent ON mails (sent_at) WHERE sent_at IS NOT NULL;

-- Makes the partition after the one that is being filled; true when there was none. Attaching takes no lock that stops those who append.
CREATE FUNCTION ea_events_grow() RETURNS boolean
    LANGUAGE plpgsql
    AS $$
DECLARE
    size constant bigint := 10000000;
    n    bigint := (SELECT coalesce(max(id), 0) FROM events) / size + 1;
    part text   := 'events_' || n;
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING ALL)', part);
    EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', part, n * size, (n + 1) * size);
    RETURN true;
END
$$;
