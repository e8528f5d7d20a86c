# Small command-line tools: ea-migrate, ea-token, ea-queues.
EXTRA_DIST += tools/stmts.awk
