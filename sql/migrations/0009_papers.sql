-- Papers: made before the opening, balanced by difficulty, walked through in order where the quiz says so.

ALTER TABLE quizzes
    ADD COLUMN delay_s   integer NOT NULL DEFAULT 0 CHECK (delay_s >= 0), -- between a submit and the next start
    ADD COLUMN addresses inet[],                                           -- networks that an attempt may be begun from; NULL: any
    ADD COLUMN papers    integer NOT NULL DEFAULT 1;                       -- counts the changes that make papers stale
ALTER TABLE accommodations ADD COLUMN extra_minutes integer NOT NULL DEFAULT 0 CHECK (extra_minutes >= 0);

-- A paper is drawn for one attempt and has its id. Before the start it is nobody's: no row of attempts speaks of it. To begin is to take it, once.
-- `taken` is in no index, so taking one is a HOT update; who makes papers anew looks at it under the row's lock.
CREATE TABLE papers (
    quiz_id    uuid NOT NULL REFERENCES quizzes (id),
    user_id    uuid NOT NULL REFERENCES users (id),
    number     integer NOT NULL,
    id         uuid NOT NULL,
    seed       bigint NOT NULL,                          -- of everything that chance decides
    points     integer NOT NULL DEFAULT 0,               -- to be had, thousandths
    difficulty integer,                                  -- mean over the items of which it is known, weighted by points, thousandths
    made_from  integer NOT NULL,                         -- quizzes.papers
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    taken      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (quiz_id, user_id, number)
) WITH (fillfactor = 85);
INSERT INTO papers (quiz_id, user_id, number, id, seed, points, made_from, taken)
SELECT quiz_id, user_id, number, id, seed, points, 1, true FROM attempts;

-- Slots are there before their attempt is.
ALTER TABLE attempt_slots DROP CONSTRAINT attempt_slots_attempt_id_fkey;

-- Sequential navigation: the only slot that may be saved, and the last that is shown. NULL: all are open.
ALTER TABLE attempts ADD COLUMN at_slot integer;

-- When the bank of a course last changed.
CREATE INDEX items_changed ON items (course_id, updated_at);
-- Whose papers are due.
CREATE INDEX quizzes_opening ON quizzes (opens_at) WHERE state = 'published' AND deleted_at IS NULL;

-- When an attempt ends: its time limit, stretched by an accommodation and with its extra minutes, or the closing, whichever comes first; NULL: never.
DROP FUNCTION ea_attempt_end(timestamptz, integer, integer, timestamptz);
CREATE FUNCTION ea_attempt_end(started timestamptz, limit_s integer, factor integer, minutes integer, closes timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT least(started + (limit_s * coalesce(factor, 1000) / 1000.0 + 60 * coalesce(minutes, 0)) * interval '1 second', closes) $$;

-- Which items a section draws from what fits and is not taken. Those of known difficulty are put in order and cut into as many strata as are to be drawn, and chance takes
-- one of each; those of unknown difficulty give as many as their share of the pool. So from one pool the sums of two papers differ by no more than the pool's
-- hardest and easiest item do, and their means by that divided by the number drawn: strata follow one another, so their widths add up to at most that.
CREATE FUNCTION ea_section_draw(course uuid, wanted jsonb, draw integer, taken uuid[], seed bigint) RETURNS uuid[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$ BEGIN
    RETURN (
        WITH pool AS MATERIALIZED (
            SELECT i.id, i.difficulty, ea_chance(seed, i.id::text) AS chance
            FROM items i WHERE i.course_id = course AND i.id <> ALL (taken) AND ea_item_fits(i, wanted)
        ), share AS (
            SELECT least(draw, count(*))::integer AS n, round(least(draw, count(*)) * count(*) FILTER (WHERE difficulty IS NULL) / greatest(count(*), 1)::numeric)::integer AS unknown
            FROM pool
        ), stratum AS (
            SELECT pool.*, ntile(greatest(share.n - share.unknown, 1)) OVER (ORDER BY pool.difficulty, pool.id) AS k
            FROM pool, share WHERE pool.difficulty IS NOT NULL AND share.n > share.unknown
        ), picked AS (
            (SELECT DISTINCT ON (k) id, chance FROM stratum ORDER BY k, chance, id)
            UNION ALL
            (SELECT id, chance FROM pool WHERE difficulty IS NULL ORDER BY chance, id LIMIT (SELECT unknown FROM share))
        )
        SELECT coalesce(array_agg(id ORDER BY chance, id), '{}') FROM picked);
END $$;
