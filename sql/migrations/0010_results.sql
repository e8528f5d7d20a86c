-- Results: what counts of each student, and what of an attempt may be shown at this moment.

-- Each student of the quiz's course with what counts, after a student in the order of ids. Inlined by the planner.
CREATE FUNCTION ea_quiz_results(quiz uuid, after uuid)
    RETURNS TABLE (user_id uuid, name text, email text, state text, attempts bigint, kept uuid, score bigint, points integer,
                   started_at timestamptz, submitted_at timestamptz)
    LANGUAGE sql STABLE
    AS $$
SELECT e.user_id, u.name, u.email, r.state, r.attempts, r.kept, r.score, r.points, r.started_at, r.submitted_at
FROM quizzes q
JOIN enrolments e ON e.course_id = q.course_id AND e.role = 'student'
JOIN users u ON u.id = e.user_id
CROSS JOIN LATERAL (
    SELECT count(*) AS attempts, coalesce((array_agg(a.state ORDER BY a.number DESC))[1], 'not_started') AS state,
           CASE q.keep WHEN 'average' THEN round(avg(a.score))::bigint
                       WHEN 'highest' THEN max(a.score)
                       WHEN 'first' THEN (array_agg(a.score ORDER BY a.number) FILTER (WHERE a.state = 'graded'))[1]
                       ELSE (array_agg(a.score ORDER BY a.number DESC) FILTER (WHERE a.state = 'graded'))[1] END AS score,
           (array_agg(a.points ORDER BY CASE q.keep WHEN 'highest' THEN -a.score WHEN 'first' THEN a.number ELSE -a.number END, a.number)
            FILTER (WHERE a.state = 'graded'))[1] AS points,
           (array_agg(a.id ORDER BY CASE q.keep WHEN 'highest' THEN -a.score WHEN 'first' THEN a.number ELSE -a.number END, a.number)
            FILTER (WHERE a.state = 'graded' AND q.keep <> 'average'))[1] AS kept,
           min(a.started_at) AS started_at, max(a.submitted_at) AS submitted_at
    FROM attempts a WHERE a.quiz_id = q.id AND a.user_id = e.user_id) r
WHERE q.id = quiz AND e.user_id > after
$$;

-- What the quiz's `show` opens of an attempt to its student now, and which state of things that is: `version` changes with every change of the attempt's row
-- (a grade, a regrade) and of the quiz, so what was made of an older state is never taken for this one. Answers change without it while the attempt runs.
CREATE VIEW attempt_shown AS
SELECT a.id, a.state, a.late_at,
       a.state = 'graded' AND (q.show_score = 'on_submit' OR (q.show_score = 'after_close' AND now.over)) AS score,
       a.state <> 'in_progress' AND (q.show_key = 'on_submit' OR (q.show_key = 'after_close' AND now.over)) AS key,
       a.state = 'graded' AND (q.show_feedback = 'on_submit' OR (q.show_feedback = 'after_close' AND now.over)) AS feedback,
       concat_ws('.', a.id, q.version, a.xmin, extract(epoch FROM a.graded_at)) AS version
FROM attempts a JOIN quizzes q ON q.id = a.quiz_id CROSS JOIN LATERAL (SELECT ea_quiz_over(q) AS over OFFSET 0) now;
