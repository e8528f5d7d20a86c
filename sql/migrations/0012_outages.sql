-- Outages: measured, and given back to the attempts that were open.

-- When a quiz process was last known to serve: each writes it every second while requests are answered (fcgi/quiz/pulse.c). What is later than
-- this is not known yet: an outage may have begun. A gap becomes an outage under this row's lock, once.
CREATE TABLE quiz_pulse (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    at  timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO quiz_pulse DEFAULT VALUES;

CREATE TABLE outages (
    id         uuid PRIMARY KEY,
    began_at   timestamptz NOT NULL UNIQUE, -- the last sign of life before
    ended_at   timestamptz NOT NULL,        -- the first one after
    settled_at timestamptz,                 -- since then all who get time back have it
    CHECK (ended_at > began_at)
);

-- The rule of a quiz. NULL threshold: nothing is given back.
ALTER TABLE quizzes
    ADD COLUMN credit_threshold_s integer CHECK (credit_threshold_s > 0),           -- of shorter outages nothing
    ADD COLUMN credit_max_s       integer NOT NULL DEFAULT 3600 CHECK (credit_max_s > 0), -- for one attempt in all
    ADD COLUMN credit_past_close  boolean NOT NULL DEFAULT true;                    -- it counts beyond the closing too

-- What an attempt was given and has not lost again, in whole seconds; part of ends_at and late_at.
ALTER TABLE attempts ADD COLUMN credited_s integer NOT NULL DEFAULT 0 CHECK (credited_s >= 0);

CREATE TABLE outage_credits (
    outage_id  uuid NOT NULL REFERENCES outages (id),
    attempt_id uuid NOT NULL REFERENCES attempts (id),
    quiz_id    uuid NOT NULL,
    seconds    integer NOT NULL CHECK (seconds > 0),
    undone_by  uuid REFERENCES users (id),
    undone_at  timestamptz,
    PRIMARY KEY (outage_id, attempt_id)
);
CREATE INDEX outage_credits_quiz ON outage_credits (quiz_id, outage_id);

-- Whether the end of an attempt, which has passed, stays where it is. It may still move while no quiz process is known to have served after it: then
-- neither is the attempt submitted for its student nor an answer refused. Whoever sees the pulse beyond the end sees the end with all that was given back,
-- because the pulse moves in the transaction that gives it.
CREATE FUNCTION ea_end_stands(quiz uuid, late_at timestamptz) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$ BEGIN
    RETURN NOT EXISTS (SELECT FROM quizzes q WHERE q.id = quiz AND q.credit_threshold_s IS NOT NULL)
        OR EXISTS (SELECT FROM quiz_pulse p WHERE p.at > late_at);
END $$;

-- When an attempt ends: its time limit, stretched by an accommodation and with its extra minutes, or the closing, whichever comes first; NULL: never.
-- What was credited comes on top of the limit, and of the closing if the rule says so.
DROP FUNCTION ea_attempt_end(timestamptz, integer, integer, integer, timestamptz);
CREATE FUNCTION ea_attempt_end(started timestamptz, limit_s integer, factor integer, minutes integer, closes timestamptz,
                               credited_s integer DEFAULT 0, past_close boolean DEFAULT true) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT least(started + (limit_s * coalesce(factor, 1000) / 1000.0 + 60 * coalesce(minutes, 0) + credited_s) * interval '1 second',
                       closes + CASE WHEN past_close THEN credited_s ELSE 0 END * interval '1 second') $$;

-- Whether the quiz is over for everybody: closed, with the latest close that anybody was given, and the grace, and nobody at work in time that was given back or
-- may yet be. One that never closes is never over.
CREATE OR REPLACE FUNCTION ea_quiz_over(q quizzes) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT q.closes_at IS NOT NULL AND clock_timestamp() > q.grace_s * interval '1 second' + greatest(q.closes_at, (
            SELECT max(acc.closes_at) FROM accommodations acc WHERE acc.quiz_id = q.id))
          AND NOT EXISTS (SELECT FROM attempts a WHERE a.quiz_id = q.id AND a.state = 'in_progress' AND a.late_at IS NOT NULL
                                                   AND (a.credited_s > 0 OR q.credit_threshold_s IS NOT NULL)) $$;

-- The payload of attempt.changed.
CREATE FUNCTION ea_attempt_changed(a attempts) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT json_build_object('attempt_id', a.id, 'quiz_id', a.quiz_id, 'course_id', a.course_id, 'user_id', a.user_id, 'ends_at', ea_time(a.ends_at),
                                   'credited_s', a.credited_s)::text $$;
