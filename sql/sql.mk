# One line per module of statements and per migration.
STMT_FILES =
STMT_FILES += $(srcdir)/sql/queries/assignment.sql
STMT_FILES += $(srcdir)/sql/queries/assignment_grade.sql
STMT_FILES += $(srcdir)/sql/queries/assignment_submission.sql
STMT_FILES += $(srcdir)/sql/queries/chat_message.sql
STMT_FILES += $(srcdir)/sql/queries/chat_room.sql
STMT_FILES += $(srcdir)/sql/queries/core.sql
STMT_FILES += $(srcdir)/sql/queries/course.sql
STMT_FILES += $(srcdir)/sql/queries/grader_attempt.sql
STMT_FILES += $(srcdir)/sql/queries/grader_orphan.sql
STMT_FILES += $(srcdir)/sql/queries/grader_paper.sql
STMT_FILES += $(srcdir)/sql/queries/identity.sql
STMT_FILES += $(srcdir)/sql/queries/migrate.sql
STMT_FILES += $(srcdir)/sql/queries/notifier.sql
STMT_FILES += $(srcdir)/sql/queries/quiz.sql
STMT_FILES += $(srcdir)/sql/queries/quiz_accommodation.sql
STMT_FILES += $(srcdir)/sql/queries/quiz_answer.sql
STMT_FILES += $(srcdir)/sql/queries/quiz_attempt.sql
STMT_FILES += $(srcdir)/sql/queries/quiz_grade.sql
STMT_FILES += $(srcdir)/sql/queries/quiz_item.sql
STMT_FILES += $(srcdir)/sql/queries/quiz_outage.sql
STMT_FILES += $(srcdir)/sql/queries/quiz_result.sql
STMT_FILES += $(srcdir)/sql/queries/relay.sql
STMT_FILES += $(srcdir)/sql/queries/roster.sql
STMT_FILES += $(srcdir)/sql/queries/tx.sql
STMT_FILES += $(srcdir)/sql/queries/user.sql
STMT_FILES += $(srcdir)/sql/queries/worker.sql

migrationsdir = $(datadir)/edtech-assistant/migrations
dist_migrations_DATA =
dist_migrations_DATA += sql/migrations/0001_core.sql
dist_migrations_DATA += sql/migrations/0002_assignments.sql
dist_migrations_DATA += sql/migrations/0003_quizzes.sql
dist_migrations_DATA += sql/migrations/0004_chat.sql
dist_migrations_DATA += sql/migrations/0005_notifications.sql
dist_migrations_DATA += sql/migrations/0006_identity.sql
dist_migrations_DATA += sql/migrations/0008_item_kinds.sql
dist_migrations_DATA += sql/migrations/0009_papers.sql
dist_migrations_DATA += sql/migrations/0010_results.sql
dist_migrations_DATA += sql/migrations/0011_installation.sql
dist_migrations_DATA += sql/migrations/0012_outages.sql
dist_migrations_DATA += sql/migrations/0017_inlined.sql

demodir = $(datadir)/edtech-assistant/demo
dist_demo_DATA = sql/demo/0001_school.sql

EXTRA_DIST += $(STMT_FILES)
