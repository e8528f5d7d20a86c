# Small command-line tools: ea-migrate, ea-token, ea-queues, ea-receipt.
EXTRA_DIST += tools/openapi.py tools/stmts.awk

bin_PROGRAMS += ea-migrate
ea_migrate_SOURCES = tools/ea_migrate.c
ea_migrate_LDADD = $(LIBEA_LIBS)

bin_PROGRAMS += ea-token
ea_token_SOURCES = tools/ea_token.c
ea_token_LDADD = $(LIBEA_LIBS)

bin_PROGRAMS += ea-queues
ea_queues_SOURCES = tools/ea_queues.c
ea_queues_LDADD = $(LIBEA_LIBS)

bin_PROGRAMS += ea-receipt
ea_receipt_SOURCES = tools/ea_receipt.c
ea_receipt_LDADD = $(LIBEA_LIBS)
