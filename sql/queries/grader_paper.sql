-- Papers made before the opening.

-- name: papers_due
-- in: bigint, bigint
-- Seconds before the opening, limit: students of quizzes that open soon who have no paper, or one that a change of the quiz or the bank has made stale.
SELECT q.id, e.user_id
FROM quizzes q
CROSS JOIN LATERAL (SELECT coalesce(max(i.updated_at), '-infinity') AS at FROM items i WHERE i.course_id = q.course_id) changed
JOIN enrolments e ON e.course_id = q.course_id AND e.role = 'student'
LEFT JOIN papers p ON p.quiz_id = q.id AND p.user_id = e.user_id AND p.number = 1
WHERE q.state = 'published' AND q.deleted_at IS NULL AND q.opens_at > now() AND q.opens_at <= now() + $1::bigint * interval '1 second'
  AND (p.id IS NULL OR NOT p.taken AND (p.made_from <> q.papers OR p.made_at <= changed.at))
ORDER BY q.opens_at, random() LIMIT $2::bigint;
