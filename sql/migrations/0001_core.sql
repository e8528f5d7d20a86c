-- What every process shares: people, courses, sessions, the event log, idempotency, consumers.

-- RFC 3339 in UTC with milliseconds, as the API shows times.
CREATE FUNCTION ea_time(t timestamptz) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

-- Scores are stored as integers in 1/1000 point and shown as decimals.
CREATE FUNCTION ea_points(milli bigint) RETURNS numeric
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT trim_scale(milli::numeric / 1000) $$;

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) <= 254),
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    role          text NOT NULL CHECK (role IN ('admin', 'staff', 'member')),
    password_hash text, -- argon2id; NULL: cannot sign in with a password
    active        boolean NOT NULL DEFAULT true,
    version       integer NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE courses (
    id         uuid PRIMARY KEY,
    title      text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    code       text NOT NULL UNIQUE CHECK (length(code) BETWEEN 1 AND 50),
    time_zone  text NOT NULL,
    version    integer NOT NULL DEFAULT 1,
    created_by uuid REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE enrolments (
    course_id  uuid NOT NULL REFERENCES courses (id),
    user_id    uuid NOT NULL REFERENCES users (id),
    role       text NOT NULL CHECK (role IN ('teacher', 'assistant', 'student')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (course_id, user_id)
);
CREATE INDEX enrolments_user ON enrolments (user_id, course_id);

-- The role that lib/authz and batch statements decide by; NULL: no member. Inlined by the planner.
CREATE FUNCTION ea_course_role(who uuid, course uuid) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT role FROM enrolments WHERE user_id = who AND course_id = course $$;

-- The same for statements that decide about many rows at once: joined, where a function would be called for each.
CREATE VIEW course_members AS SELECT course_id, user_id, role FROM enrolments;

-- A session is a family of refresh tokens. An access token names its session; closing the session revokes it everywhere.
CREATE TABLE sessions (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users (id),
    csrf       text, -- of cookie sessions
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    closed_at  timestamptz,
    reason     text
);
CREATE INDEX sessions_user ON sessions (user_id) WHERE closed_at IS NULL;

CREATE TABLE refresh_tokens (
    hash       bytea PRIMARY KEY, -- SHA-256 of the token
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    parent     bytea,             -- the token it replaced
    issued_at  timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- What followers must know at their start: sessions whose access tokens are still unexpired but no longer good.
CREATE TABLE revocations (
    session_id uuid PRIMARY KEY,
    until      timestamptz NOT NULL
);
CREATE INDEX revocations_until ON revocations (until);

-- The event log: insert-only, ids gap-free and in commit order (lib/events.h). No foreign keys, no triggers: nothing may take a row lock after the log's lock.
CREATE TABLE events (
    id      bigint NOT NULL PRIMARY KEY,
    topic   text,           -- for people's streams: u:<user>, c:<course>, r:<room>; sys: for processes
    kind    text NOT NULL,
    payload jsonb NOT NULL,
    queue   text,           -- a job for RabbitMQ
    trace   text,
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
) PARTITION BY RANGE (id);
CREATE TABLE events_0 PARTITION OF events FOR VALUES FROM (1) TO (10000000);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (10000000) TO (20000000);
CREATE INDEX events_topic ON events (topic, id) WHERE topic IS NOT NULL;
CREATE INDEX events_queue ON events (id) WHERE queue IS NOT NULL;

-- How far a named reader (the relay) has come: everything up to id is dealt with.
CREATE TABLE cursors (
    name text PRIMARY KEY,
    id   bigint NOT NULL,
    at   timestamptz NOT NULL DEFAULT now()
);
INSERT INTO cursors (name, id) VALUES ('relay', 0);

-- One row per job done, in the transaction of its effect: a job delivered again changes nothing.
CREATE TABLE processed (
    consumer text NOT NULL,
    event_id bigint NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);

-- Replies of POSTs that carried an Idempotency-Key, kept 24 h. The row commits with the effect; status is NULL only inside the transaction that makes it.
CREATE TABLE idempotency (
    user_id      uuid NOT NULL,
    scope        text NOT NULL, -- method and path
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    body_sha256  text NOT NULL,
    status       integer,
    content_type text,
    headers      text,
    body         text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, scope, key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);

-- Who did what to which grade, role or login.
CREATE TABLE audit (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor     uuid,
    action    text NOT NULL,
    object    text NOT NULL,
    object_id uuid,
    detail    jsonb NOT NULL DEFAULT '{}'
);

-- What following a course means: the topics that membership.changed adds or removes. Later migrations replace it as courses get more topics.
CREATE FUNCTION ea_course_topics(course uuid) RETURNS text[]
    LANGUAGE sql STABLE
    AS $$ SELECT ARRAY['c:' || course] $$;
