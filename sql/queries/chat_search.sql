-- Searching what was said.

-- name: course_index
-- in: uuid, int
-- Takes in what is not searchable yet: course, how much at most; how much it was.
SELECT ea_course_index($1::uuid, $2::int);

-- name: message_search
-- in: uuid, uuid, text, text, text, timestamptz, boolean, bigint, bigint
-- Course, reader, words (as a search engine takes them), part of the author's name, part of the room's, before when, with a file?, before which event, limit. The newest first.
-- Only the rooms that the reader hears are looked into, so the room's lexeme is part of what is asked; and of each only what is shown to them.
WITH heard AS (
    SELECT r.id, r.name, p.shown_after FROM rooms r JOIN room_people p ON p.room_id = r.id AND p.user_id = $2::uuid
    WHERE r.course_id = $1::uuid AND ($5::text = '' OR strpos(lower(r.name), lower($5::text)) > 0)
), author AS (
    SELECT u.id FROM enrolments e JOIN users u ON u.id = e.user_id
    WHERE e.course_id = $1::uuid AND $4::text <> '' AND strpos(lower(u.name), lower($4::text)) > 0 LIMIT 100
), asked AS ( -- an empty query is no neutral one to PostgreSQL, so each part is there only where it asks for something
    SELECT q4.q FROM (SELECT string_agg(quote_literal('room:' || id), ' | ')::tsquery AS q FROM heard) q1
    CROSS JOIN LATERAL (SELECT CASE WHEN $4::text = '' THEN q1.q
                                    ELSE q1.q && coalesce((SELECT string_agg(quote_literal('author:' || id), ' | ')::tsquery FROM author), '''author:nobody'''::tsquery) END AS q) q2
    CROSS JOIN LATERAL (SELECT CASE WHEN $7::boolean THEN q2.q && '''has:file'''::tsquery ELSE q2.q END AS q) q3
    CROSS JOIN LATERAL (SELECT CASE WHEN btrim($3::text) = '' THEN q3.q ELSE q3.q && websearch_to_tsquery('simple', $3::text) END AS q) q4
)
SELECT ea_message_view(m, u.name, $2::uuid) || jsonb_build_object('room', jsonb_build_object('id', h.id, 'name', h.name)), m.event_id
FROM asked a JOIN message_words w ON w.words @@ a.q
JOIN messages m ON m.id = w.message_id JOIN heard h ON h.id = m.room_id AND m.event_id > h.shown_after JOIN users u ON u.id = m.author_id
WHERE m.deleted_at IS NULL AND m.hidden_at IS NULL AND w.event_id < $8::bigint AND ($6::timestamptz IS NULL OR m.created_at < $6::timestamptz)
ORDER BY w.event_id DESC LIMIT $9::bigint;
