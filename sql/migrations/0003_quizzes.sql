-- Quizzes: the item bank, quizzes, attempts, and every answer that was ever saved.

-- What is written once and never changed: a row that grades depend on.
CREATE FUNCTION ea_immutable() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$;

-- An item as people find it: the columns repeat those of its current version, so that lists and filters read one table.
CREATE TABLE items (
    id         uuid PRIMARY KEY,
    course_id  uuid NOT NULL REFERENCES courses (id),
    version    integer NOT NULL DEFAULT 1,
    kind       text NOT NULL,
    category   text,
    tags       text[] NOT NULL DEFAULT '{}',
    difficulty smallint,
    search     tsvector NOT NULL,
    created_by uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX items_course ON items (course_id, id);
CREATE INDEX items_tags ON items USING gin (tags);
CREATE INDEX items_search ON items USING gin (search);

-- What an attempt is drawn with and graded by.
CREATE TABLE item_versions (
    item_id       uuid NOT NULL REFERENCES items (id),
    version       integer NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('choice', 'numeric', 'short_text', 'match', 'order', 'cloze', 'formula', 'essay')),
    title         text,
    category      text,
    stem          text NOT NULL,
    stem_html     text NOT NULL,
    feedback      text,
    feedback_html text,
    points        integer NOT NULL CHECK (points BETWEEN 0 AND 1000000), -- thousandths
    tags          text[] NOT NULL DEFAULT '{}',
    difficulty    smallint CHECK (difficulty BETWEEN 0 AND 1000),        -- thousandths; 0 easy, 1000 hard
    definition    jsonb NOT NULL,
    created_by    uuid NOT NULL REFERENCES users (id),
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (item_id, version)
);
CREATE TRIGGER item_versions_immutable BEFORE UPDATE OR DELETE ON item_versions
    FOR EACH ROW EXECUTE FUNCTION ea_immutable();

CREATE TABLE quizzes (
    id            uuid PRIMARY KEY,
    course_id     uuid NOT NULL REFERENCES courses (id),
    title         text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    state         text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'published')),
    -- A deadline keeps the zone and the local time that it was meant in.
    time_zone     text NOT NULL,
    opens_at      timestamptz,
    opens_local   text,
    closes_at     timestamptz,
    closes_local  text,
    time_limit_s  integer CHECK (time_limit_s > 0),
    grace_s       integer NOT NULL DEFAULT 60 CHECK (grace_s >= 0),
    attempts      integer CHECK (attempts > 0), -- NULL: any number
    keep          text NOT NULL DEFAULT 'highest' CHECK (keep IN ('highest', 'latest', 'first', 'average')),
    -- As the API has them: [{title, points, items: [id]} or {title, points, draw, from: {tags, kinds, difficulty}}]
    sections      jsonb NOT NULL DEFAULT '[]',
    shuffle       boolean NOT NULL DEFAULT false,
    navigation    text NOT NULL DEFAULT 'free' CHECK (navigation IN ('free', 'sequential')),
    show_score    text NOT NULL DEFAULT 'on_submit' CHECK (show_score IN ('on_submit', 'after_close', 'never')),
    show_key      text NOT NULL DEFAULT 'after_close' CHECK (show_key IN ('on_submit', 'after_close', 'never')),
    show_feedback text NOT NULL DEFAULT 'on_submit' CHECK (show_feedback IN ('on_submit', 'after_close', 'never')),
    access_code   text,
    version       integer NOT NULL DEFAULT 1,
    created_by    uuid NOT NULL REFERENCES users (id),
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    published_at  timestamptz,
    deleted_at    timestamptz, -- attempts keep what they were made from
    CONSTRAINT quizzes_opens_before_closes CHECK (opens_at < closes_at)
);
CREATE INDEX quizzes_course ON quizzes (course_id, id) WHERE deleted_at IS NULL;

CREATE TABLE accommodations (
    quiz_id           uuid NOT NULL REFERENCES quizzes (id),
    user_id           uuid NOT NULL REFERENCES users (id),
    extra_time_factor integer CHECK (extra_time_factor BETWEEN 1000 AND 10000), -- thousandths of the time limit
    extra_attempts    integer NOT NULL DEFAULT 0 CHECK (extra_attempts >= 0),
    closes_at         timestamptz,
    version           integer NOT NULL DEFAULT 1,
    updated_by        uuid NOT NULL REFERENCES users (id),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (quiz_id, user_id)
);

CREATE TABLE attempts (
    id           uuid PRIMARY KEY,
    quiz_id      uuid NOT NULL REFERENCES quizzes (id),
    course_id    uuid NOT NULL,
    user_id      uuid NOT NULL REFERENCES users (id),
    number       integer NOT NULL,
    state        text NOT NULL DEFAULT 'in_progress' CHECK (state IN ('in_progress', 'submitted', 'graded')),
    seed         bigint NOT NULL,              -- of everything that is drawn by chance for it
    started_at   timestamptz NOT NULL,
    ends_at      timestamptz,                  -- fixed at the start; only ever moved later
    late_at      timestamptz,                  -- ends_at and the grace: the last moment that a save may be received
    submitted_at timestamptz,
    submitted_by text CHECK (submitted_by IN ('student', 'server')),
    graded_at    timestamptz,
    points       integer NOT NULL DEFAULT 0,   -- to be had, thousandths
    score        integer,                      -- reached, thousandths
    explanation  jsonb,
    UNIQUE (quiz_id, user_id, number),
    CHECK (score BETWEEN 0 AND points),
    CHECK ((state = 'in_progress') = (submitted_at IS NULL))
) WITH (fillfactor = 85);
-- One at a time.
CREATE UNIQUE INDEX attempts_running ON attempts (quiz_id, user_id) WHERE state = 'in_progress';
-- What has run out and must be submitted for its student.
CREATE INDEX attempts_late ON attempts (late_at) WHERE state = 'in_progress';

-- A slot of a paper: the version of an item, drawn for good, and the answer as it stands. Room on each page keeps a save a HOT update.
-- No foreign key to item_versions (never deleted): a whole class that starts at once would queue for share locks on the same few rows.
CREATE TABLE attempt_slots (
    attempt_id   uuid NOT NULL REFERENCES attempts (id),
    slot         integer NOT NULL,
    item_id      uuid NOT NULL,
    item_version integer NOT NULL,
    kind         text NOT NULL,
    points       integer NOT NULL,
    section      integer NOT NULL,
    choices      jsonb,                        -- of a choice item: the ids in the order this student sees
    multiple     boolean NOT NULL DEFAULT false,
    rev          integer NOT NULL DEFAULT 0,
    answer       jsonb,                        -- 'null': taken back
    saved_at     timestamptz,
    score        integer,
    explanation  jsonb,
    PRIMARY KEY (attempt_id, slot),
    CHECK (score BETWEEN 0 AND points)
) WITH (fillfactor = 70);

-- The journal: every answer that was acknowledged, for good. Its slot row is locked by the statement that writes it, so it needs no foreign key.
CREATE TABLE answer_events (
    attempt_id uuid NOT NULL,
    slot       integer NOT NULL,
    rev        integer NOT NULL,
    answer     jsonb NOT NULL,
    at         timestamptz NOT NULL,
    client_at  timestamptz,                    -- what the client's clock said, from its own journal
    PRIMARY KEY (attempt_id, slot, rev)
);
CREATE TRIGGER answer_events_immutable BEFORE UPDATE OR DELETE ON answer_events
    FOR EACH ROW EXECUTE FUNCTION ea_immutable();

-- When an attempt ends: its time limit, stretched by an accommodation, or the closing, whichever comes first; NULL: never.
CREATE FUNCTION ea_attempt_end(started timestamptz, limit_s integer, factor integer, closes timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT least(started + limit_s * coalesce(factor, 1000) / 1000.0 * interval '1 second', closes) $$;

-- The order of chance: the same seed and thing give the same number on every machine and in every version.
CREATE FUNCTION ea_chance(seed bigint, thing text) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT ('x' || left(md5(seed::text || ':' || thing), 16))::bit(64)::bigint $$;

-- Whether the quiz is over for everybody: closed, with the latest close that anybody was given, and the grace. One that never closes is never over.
CREATE FUNCTION ea_quiz_over(q quizzes) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT q.closes_at IS NOT NULL AND clock_timestamp() > q.grace_s * interval '1 second' + greatest(q.closes_at, (
            SELECT max(acc.closes_at) FROM accommodations acc WHERE acc.quiz_id = q.id)) $$;

-- Whether an item is one of those that a section draws from: {tags, kinds, difficulty: [min, max]}; an absent member is any.
CREATE FUNCTION ea_item_fits(i items, wanted jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT (NOT wanted ? 'tags' OR to_jsonb(i.tags) @> (wanted -> 'tags'))
             AND (NOT wanted ? 'kinds' OR (wanted -> 'kinds') ? i.kind)
             AND (NOT wanted ? 'difficulty' OR i.difficulty BETWEEN (wanted #>> '{difficulty,0}')::numeric * 1000 AND (wanted #>> '{difficulty,1}')::numeric * 1000) $$;
