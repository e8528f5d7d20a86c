-- Assignments, what is handed in for them, and what it is given.

-- The local time a deadline was meant as: kept beside the UTC instant, so that a later change of a zone's rules can be told apart from the teacher's intention.
CREATE FUNCTION ea_local_time(t timestamptz, zone text) RETURNS text
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    AS $$ SELECT to_char(t AT TIME ZONE zone, 'YYYY-MM-DD"T"HH24:MI:SS') $$;

CREATE TABLE assignments (
    id                uuid PRIMARY KEY,
    course_id         uuid NOT NULL REFERENCES courses (id),
    title             text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    instructions      text NOT NULL,
    instructions_html text NOT NULL,
    state             text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'published')),
    time_zone         text NOT NULL, -- the course's when the times were set
    opens_at          timestamptz,
    opens_local       text,
    due_at            timestamptz,
    due_local         text,
    lock_at           timestamptz,
    lock_local        text,
    accepts           text[] NOT NULL CHECK (accepts <@ ARRAY['text', 'file'] AND cardinality(accepts) BETWEEN 1 AND 2),
    max_files         integer NOT NULL CHECK (max_files BETWEEN 1 AND 20),
    max_bytes         bigint NOT NULL CHECK (max_bytes > 0), -- of one file
    extensions        text[],                                -- lower case, without dot; NULL: any
    attempts          integer CHECK (attempts > 0),          -- NULL: any number
    release           text NOT NULL CHECK (release IN ('auto', 'manual')),
    rules             integer NOT NULL DEFAULT 1,            -- the version of assignment_rules in force
    version           integer NOT NULL DEFAULT 1,
    created_by        uuid NOT NULL REFERENCES users (id),
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    published_at      timestamptz,
    deleted_at        timestamptz, -- gone for everybody; the rows stay, for grades and receipts depend on them
    CONSTRAINT assignments_opens_before_due CHECK (opens_at <= due_at),
    CONSTRAINT assignments_opens_before_lock CHECK (opens_at <= lock_at),
    CONSTRAINT assignments_due_before_lock CHECK (due_at <= lock_at)
);
CREATE INDEX assignments_course ON assignments (course_id, id) WHERE deleted_at IS NULL;

-- What a grade is worked out from. Rows never change: a submission keeps the version it was handed in under, so a grade can be worked out again.
CREATE TABLE assignment_rules (
    assignment_id uuid NOT NULL REFERENCES assignments (id),
    version       integer NOT NULL,
    points        bigint NOT NULL CHECK (points > 0), -- 1/1000 point
    late_policy   jsonb,
    checks        jsonb NOT NULL,
    rubric        jsonb NOT NULL,
    created_by    uuid NOT NULL REFERENCES users (id),
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (assignment_id, version)
);

-- How many attempts a student has used. Its row's lock makes the limit and the numbering free of races.
CREATE TABLE submission_counts (
    assignment_id uuid NOT NULL REFERENCES assignments (id),
    user_id       uuid NOT NULL REFERENCES users (id),
    used          integer NOT NULL,
    PRIMARY KEY (assignment_id, user_id)
);

CREATE TABLE submissions (
    id            uuid PRIMARY KEY,
    assignment_id uuid NOT NULL REFERENCES assignments (id),
    user_id       uuid NOT NULL REFERENCES users (id),
    attempt       integer NOT NULL,
    rules         integer NOT NULL,
    state         text NOT NULL DEFAULT 'submitted' CHECK (state IN ('submitted', 'grading', 'graded', 'failed')),
    submitted_at  timestamptz NOT NULL, -- when the request was received
    due_at        timestamptz,          -- the due date that held for it
    late          boolean NOT NULL,
    text          text,
    html          text,
    receipt       jsonb NOT NULL,
    score         bigint, -- 1/1000 point
    explanation   jsonb,
    feedback      text,
    feedback_html text,
    criteria      jsonb,
    released      boolean NOT NULL DEFAULT false, -- the student may see the score
    graded_at     timestamptz,
    graded_by     uuid REFERENCES users (id), -- NULL: automatically
    version       integer NOT NULL DEFAULT 1,
    UNIQUE (assignment_id, user_id, attempt),
    FOREIGN KEY (assignment_id, rules) REFERENCES assignment_rules (assignment_id, version),
    CHECK ((state = 'graded') = (score IS NOT NULL)),
    CHECK (state = 'graded' OR NOT released)
);
CREATE INDEX submissions_assignment ON submissions (assignment_id, id);

CREATE TABLE submission_files (
    id            uuid PRIMARY KEY,
    submission_id uuid NOT NULL REFERENCES submissions (id),
    position      integer NOT NULL,
    name          text NOT NULL,
    size          bigint NOT NULL,
    sha256        text NOT NULL,
    media_type    text NOT NULL, -- ours, from the extension; never the client's word
    blob          text NOT NULL UNIQUE,
    UNIQUE (submission_id, position)
);

-- Every grade a submission was ever given, insert-only.
CREATE TABLE grades (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    submission_id uuid NOT NULL REFERENCES submissions (id),
    version       integer NOT NULL, -- of the submission that carries it
    at            timestamptz NOT NULL DEFAULT now(),
    graded_by     uuid REFERENCES users (id),
    score         bigint NOT NULL,
    explanation   jsonb NOT NULL,
    feedback      text,
    criteria      jsonb,
    UNIQUE (submission_id, version)
);
