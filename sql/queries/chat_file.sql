-- Files that come with messages.

-- name: room_writable
-- in: uuid, uuid
-- Room, who: may they say something there now? And how many files they have sent anywhere since yesterday.
SELECT EXISTS (SELECT FROM room_people p JOIN rooms r ON r.id = p.room_id
               WHERE p.room_id = $1::uuid AND p.user_id = $2::uuid AND (p.role <> 'student' OR (r.kind <> 'announcement' AND NOT ea_is_muted($2::uuid, $1::uuid)))),
       (SELECT count(*) FROM message_files f WHERE f.user_id = $2::uuid AND f.created_at > now() - interval '1 day');

-- name: message_files_insert
-- in: uuid, uuid, uuid[], text[], bigint[], text[], text[], text[]
-- Room, by whom; ids, names, sizes, hashes, media types, blobs. Answers with the files as messages show them.
WITH f AS (
    SELECT * FROM unnest($3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[]) WITH ORDINALITY AS f (id, name, size, sha256, media_type, blob, n)
), made AS (
    INSERT INTO message_files (id, room_id, user_id, name, size, sha256, media_type, blob)
    SELECT id, $1::uuid, $2::uuid, name, size, sha256, media_type, blob FROM f
)
SELECT jsonb_build_object('items', jsonb_agg(jsonb_build_object('id', id, 'name', name, 'size', size, 'media_type', media_type, 'sha256', sha256) ORDER BY n), 'next', NULL) FROM f;

-- name: message_file
-- in: uuid, uuid
-- Message, file: only while the message shows it.
SELECT f.name, f.media_type, f.blob
FROM messages m JOIN message_attachments a ON a.message_id = m.id JOIN message_files f ON f.id = a.file_id
WHERE m.id = $1::uuid AND f.id = $2::uuid AND m.deleted_at IS NULL AND m.hidden_at IS NULL;
