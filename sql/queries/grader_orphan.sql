-- Files that were stored and are named by no submission and no message.

-- name: installation_id
-- in:
SELECT id FROM installation;

-- name: orphans_among
-- in: text[]
-- Of these keys, those that no row names.
SELECT k.key FROM unnest($1::text[]) AS k (key)
WHERE NOT EXISTS (SELECT FROM submission_files f WHERE f.blob = k.key) AND NOT EXISTS (SELECT FROM message_files f WHERE f.blob = k.key);
