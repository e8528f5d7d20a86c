-- The autosave of both peers: membership, deadline and compare-and-set in one statement. $1 attempt, $2 student, $3 slot, $4 revision seen, $5 answer.
INSERT INTO bench.peer_answers AS s (attempt_id, slot, rev, answer, saved_at)
SELECT a.id, $3::int, 1, $5::jsonb, clock_timestamp()
FROM attempts a JOIN course_members m ON m.user_id = a.user_id AND m.course_id = a.course_id
WHERE a.id = $1::uuid AND a.user_id = $2::uuid AND a.state = 'in_progress' AND (a.late_at IS NULL OR clock_timestamp() <= a.late_at)
ON CONFLICT (attempt_id, slot) DO UPDATE SET rev = s.rev + 1, answer = excluded.answer, saved_at = excluded.saved_at WHERE s.rev = $4::int
RETURNING rev, saved_at
