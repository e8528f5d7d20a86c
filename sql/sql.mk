# One line per module of statements and per migration.
STMT_FILES = \
	$(srcdir)/sql/queries/assignment.sql \
	$(srcdir)/sql/queries/assignment_grade.sql \
	$(srcdir)/sql/queries/assignment_submission.sql \
	$(srcdir)/sql/queries/chat_message.sql \
	$(srcdir)/sql/queries/chat_room.sql \
	$(srcdir)/sql/queries/core.sql

migrationsdir = $(datadir)/edtech-assistant/migrations
dist_migrations_DATA = \
	sql/migrations/0001_core.sql \
	sql/migrations/0002_assignments.sql
	sql/migrations/0004_chat.sql

demodir = $(datadir)/edtech-assistant/demo
dist_demo_DATA =

EXTRA_DIST += $(STMT_FILES)
