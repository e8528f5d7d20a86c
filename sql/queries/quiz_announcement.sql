-- What is told to all who are taking a quiz.

-- name: announcement_insert
-- in: uuid, uuid, uuid, text, text
-- Id, quiz, author, text, its HTML. One row per student whose attempt is running: the student, and the payload of announcement.created.
WITH made AS (
    INSERT INTO announcements (id, quiz_id, author_id, text, html) VALUES ($1::uuid, $2::uuid, $3::uuid, $4::text, $5::text) RETURNING announcements AS a
), told AS (
    INSERT INTO announcement_readers (announcement_id, user_id, told_at)
    SELECT (m.a).id, t.user_id, (m.a).created_at FROM made m JOIN attempts t ON t.quiz_id = (m.a).quiz_id
    WHERE t.state = 'in_progress' AND (t.late_at IS NULL OR t.late_at > clock_timestamp())
    RETURNING user_id
)
SELECT t.user_id, ea_announcement_json(m.a, u.name) || jsonb_build_object('course_id', q.course_id)
FROM told t CROSS JOIN made m JOIN users u ON u.id = (m.a).author_id JOIN quizzes q ON q.id = (m.a).quiz_id;

-- name: announcement_get
-- in: uuid
-- As who announces sees it.
SELECT ea_announcement_json(a, u.name)
       || (SELECT jsonb_build_object('told', count(r.told_at), 'seen', count(r.seen_at)) FROM announcement_readers r WHERE r.announcement_id = a.id)
FROM announcements a JOIN users u ON u.id = a.author_id WHERE a.id = $1::uuid;

-- name: announcement_list
-- in: uuid, text, bigint
-- Quiz, cursor, limit; as who announces sees them.
SELECT ea_announcement_json(a, u.name)
       || (SELECT jsonb_build_object('told', count(r.told_at), 'seen', count(r.seen_at)) FROM announcement_readers r WHERE r.announcement_id = a.id), a.id
FROM announcements a JOIN users u ON u.id = a.author_id
WHERE a.quiz_id = $1::uuid AND ($2::text = '' OR a.id > nullif($2::text, '')::uuid)
ORDER BY a.id LIMIT $3::bigint;

-- name: announcement_list_mine
-- in: uuid, text, bigint, uuid
-- The same for somebody who has begun an attempt; for others there is nothing.
SELECT ea_announcement_json(a, u.name) || jsonb_build_object('seen_at', (SELECT ea_time(r.seen_at) FROM announcement_readers r WHERE r.announcement_id = a.id AND r.user_id = $4::uuid)), a.id
FROM announcements a JOIN users u ON u.id = a.author_id
WHERE a.quiz_id = $1::uuid AND ($2::text = '' OR a.id > nullif($2::text, '')::uuid)
  AND EXISTS (SELECT FROM attempts t WHERE t.quiz_id = a.quiz_id AND t.user_id = $4::uuid)
ORDER BY a.id LIMIT $3::bigint;

-- name: announcement_quiz
-- in: uuid
SELECT quiz_id FROM announcements WHERE id = $1::uuid;

-- name: announcement_seen
-- in: uuid, uuid
-- Announcement, who has seen it; the first time stays. No row: they take no part in the quiz.
INSERT INTO announcement_readers AS r (announcement_id, user_id, seen_at)
SELECT a.id, $2::uuid, clock_timestamp() FROM announcements a
WHERE a.id = $1::uuid AND EXISTS (SELECT FROM attempts t WHERE t.quiz_id = a.quiz_id AND t.user_id = $2::uuid)
ON CONFLICT (announcement_id, user_id) DO UPDATE SET seen_at = coalesce(r.seen_at, excluded.seen_at)
RETURNING jsonb_build_object('seen_at', ea_time(seen_at));

-- name: announcement_readers
-- in: uuid, text, bigint
-- Announcement, cursor (user), limit.
SELECT jsonb_build_object('user', jsonb_build_object('id', u.id, 'name', u.name), 'told_at', ea_time(r.told_at), 'seen_at', ea_time(r.seen_at)), u.id
FROM announcement_readers r JOIN users u ON u.id = r.user_id
WHERE r.announcement_id = $1::uuid AND ($2::text = '' OR u.id > nullif($2::text, '')::uuid)
ORDER BY u.id LIMIT $3::bigint;
