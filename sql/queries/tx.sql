-- Transaction control, used by lib/pg only.

-- name: begin
-- in:
BEGIN;

-- name: begin_snapshot
-- in:
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- name: commit
-- in:
COMMIT;

-- name: rollback
-- in:
ROLLBACK;

-- name: savepoint
-- in:
SAVEPOINT ea;

-- name: rollback_to
-- in:
ROLLBACK TO SAVEPOINT ea;

-- name: release
-- in:
RELEASE SAVEPOINT ea;
