-- What ea-migrate does beside the migrations themselves.

-- name: migrate_session
-- in:
-- A migration may take its time, but not queue everybody else behind a table lock that it waits for.
SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '10s', false),
       set_config('idle_in_transaction_session_timeout', '0', false), set_config('client_min_messages', 'warning', false);

-- name: migrate_lock
-- in:
-- Held by the session: one ea-migrate at a time.
SELECT pg_try_advisory_lock(4243);

-- name: migrate_table
-- in:
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    int PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: migrate_applied
-- in:
SELECT version, name, sha256 FROM schema_migrations ORDER BY version;

-- name: migrate_record
-- in: int, text, text
INSERT INTO schema_migrations (version, name, sha256) VALUES ($1::int, $2::text, $3::text);
