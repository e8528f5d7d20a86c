-- What an attempt leaves behind beside its answers: what its student's client reported, and the marks that people gave; and how students did in a course.

-- All that is known of these is that the student's client said so. `key` is the client's name for an entry: one that comes again adds nothing.
CREATE TABLE attempt_events (
    id         bigint GENERATED ALWAYS AS IDENTITY, -- the order in which they came
    attempt_id uuid NOT NULL REFERENCES attempts (id),
    key        text NOT NULL CHECK (length(key) BETWEEN 1 AND 64),
    kind       text NOT NULL,                       -- those of fcgi/quiz/event.c
    slot       integer,
    at         timestamptz NOT NULL,                -- when the request was received
    client_at  timestamptz NOT NULL,                -- what the client's clock said
    PRIMARY KEY (attempt_id, key)
);
CREATE TRIGGER attempt_events_immutable BEFORE UPDATE OR DELETE ON attempt_events
    FOR EACH ROW EXECUTE FUNCTION ea_immutable();
-- Which slots are flagged now: the last word on each.
CREATE INDEX attempt_events_flags ON attempt_events (attempt_id, slot, id) WHERE kind IN ('flagged', 'unflagged');

-- Every mark that a person gave to a slot. The audit tells of those given before this table was there, though not of their comments but the last.
CREATE TABLE slot_grades (
    attempt_id uuid NOT NULL REFERENCES attempts (id),
    slot       integer NOT NULL,
    version    integer NOT NULL,                    -- attempt_slots.grades from then on
    at         timestamptz NOT NULL,
    graded_by  uuid NOT NULL REFERENCES users (id),
    score      integer NOT NULL,                    -- thousandths
    before     integer,                             -- NULL: it had waited for a person
    comment    text,
    PRIMARY KEY (attempt_id, slot, version)
);
INSERT INTO slot_grades (attempt_id, slot, version, at, graded_by, score, before, comment)
SELECT t.object_id, s.slot, t.version, t.at, t.actor, (t.detail ->> 'points')::numeric * 1000, (t.detail ->> 'before')::numeric * 1000,
       CASE WHEN t.version = s.grades THEN s.comment END
FROM (SELECT *, row_number() OVER (PARTITION BY object_id, detail ->> 'slot' ORDER BY id) AS version FROM audit WHERE action = 'slot.graded') t
JOIN attempt_slots s ON s.attempt_id = t.object_id AND s.slot = (t.detail ->> 'slot')::integer;
CREATE TRIGGER slot_grades_immutable BEFORE UPDATE OR DELETE ON slot_grades
    FOR EACH ROW EXECUTE FUNCTION ea_immutable();

-- What waits for a person in a quiz.
CREATE INDEX attempts_marking ON attempts (quiz_id, user_id, number) WHERE needs_grading;
-- What one student was given beyond the others, and when.
CREATE INDEX audit_accommodations ON audit (object_id, (detail ->> 'user_id')) WHERE action = 'accommodation.changed';

-- Graded attempts of a course's students; of all quizzes, or of those whose score `show` opens at this moment. The one at place 1 counts by the quiz's rule, and
-- `score` is what the rule makes of all that its student has: with `average` each has a part in it. Inlined by the planner.
CREATE FUNCTION ea_course_attempts(course uuid, everything boolean)
    RETURNS TABLE (quiz_id uuid, title text, keep text, user_id uuid, attempt_id uuid, submitted_at timestamptz, score bigint, points integer, place bigint)
    LANGUAGE sql STABLE
    AS $$
SELECT q.id, q.title, q.keep, a.user_id, a.id, a.submitted_at,
       CASE q.keep WHEN 'average' THEN round(avg(a.score) OVER student)::bigint ELSE a.score END, a.points,
       row_number() OVER (student ORDER BY CASE q.keep WHEN 'highest' THEN -a.score WHEN 'first' THEN a.number ELSE -a.number END, a.number)
FROM quizzes q
JOIN attempts a ON a.quiz_id = q.id AND a.state = 'graded'
JOIN enrolments e ON e.course_id = q.course_id AND e.user_id = a.user_id AND e.role = 'student'
WHERE q.course_id = course AND q.deleted_at IS NULL
  AND (everything OR q.show_score = 'on_submit' OR (q.show_score = 'after_close' AND ea_quiz_over(q)))
WINDOW student AS (PARTITION BY a.quiz_id, a.user_id)
$$;

-- Of each of a course's students and assignments the newest graded submission; of all, or of those whose grade is released.
CREATE FUNCTION ea_course_submissions(course uuid, everything boolean)
    RETURNS TABLE (assignment_id uuid, title text, user_id uuid, submission_id uuid, submitted_at timestamptz, score bigint, points bigint)
    LANGUAGE sql STABLE
    AS $$
SELECT DISTINCT ON (s.assignment_id, s.user_id) s.assignment_id, a.title, s.user_id, s.id, s.submitted_at, s.score, r.points
FROM assignments a
JOIN submissions s ON s.assignment_id = a.id AND s.state = 'graded' AND (everything OR s.released)
JOIN assignment_rules r ON r.assignment_id = s.assignment_id AND r.version = s.rules
JOIN enrolments e ON e.course_id = a.course_id AND e.user_id = s.user_id AND e.role = 'student'
WHERE a.course_id = course AND a.deleted_at IS NULL
ORDER BY s.assignment_id, s.user_id, s.attempt DESC
$$;
