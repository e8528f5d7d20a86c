noinst_LIBRARIES += libea.a
libea_a_SOURCES =
libea_a_SOURCES += lib/alloc.c lib/alloc.h
libea_a_SOURCES += lib/answer.c lib/answer.h
libea_a_SOURCES += lib/arena.c lib/arena.h
libea_a_SOURCES += lib/authz.c lib/authz.h
libea_a_SOURCES += lib/batch.c lib/batch.h
libea_a_SOURCES += lib/blob.c lib/blob.h
libea_a_SOURCES += lib/buf.c lib/buf.h
libea_a_SOURCES += lib/cfg.c lib/cfg.def lib/cfg.h
libea_a_SOURCES += lib/clock.c lib/clock.h
libea_a_SOURCES += lib/csv.c lib/csv.h
libea_a_SOURCES += lib/decimal.c lib/decimal.h
libea_a_SOURCES += lib/err.c lib/err.h
libea_a_SOURCES += lib/events.c lib/events.h
libea_a_SOURCES += lib/exact.c lib/exact.h
libea_a_SOURCES += lib/faults.c
libea_a_SOURCES += lib/fields.def
libea_a_SOURCES += lib/flight.c lib/flight.h
libea_a_SOURCES += lib/follow.c lib/follow.h
libea_a_SOURCES += lib/formula.c lib/formula.h
libea_a_SOURCES += lib/id.c lib/id.h
libea_a_SOURCES += lib/item.c lib/item.h lib/item_private.h lib/item_read.c lib/item_settle.c lib/item_write.c
libea_a_SOURCES += lib/item_cloze.c lib/item_essay.c lib/item_formula.c lib/item_match.c
libea_a_SOURCES += lib/json.c lib/json.h lib/json_write.c
libea_a_SOURCES += lib/jwks.c lib/jwks.h
libea_a_SOURCES += lib/keyring.c lib/keyring.h
libea_a_SOURCES += lib/log.c lib/log.h lib/log_stderr.c lib/log_stderr.h lib/log_syslog.c lib/log_syslog.h
libea_a_SOURCES += lib/metrics.c lib/metrics.h lib/metrics_http.c lib/metrics_process.c lib/metrics_process.h
libea_a_SOURCES += lib/mq.c lib/mq.h
libea_a_SOURCES += lib/mq_login.c lib/mq_login.h
libea_a_SOURCES += lib/mq_message.c lib/mq_message.h
libea_a_SOURCES += lib/mq_topology.c lib/mq_topology.h
libea_a_SOURCES += lib/md.c lib/md.h
libea_a_SOURCES += lib/password.c lib/password.h
libea_a_SOURCES += lib/pattern.c lib/pattern.h
libea_a_SOURCES += lib/pg.c lib/pg.h lib/pg_internal.h lib/pg_pipe.c lib/pg_session.c lib/pg_value.c
libea_a_SOURCES += lib/problem.c lib/problem.h
libea_a_SOURCES += lib/receipt.c lib/receipt.h
libea_a_SOURCES += lib/redis.c lib/redis.h
libea_a_SOURCES += lib/rules.c lib/rules.h
libea_a_SOURCES += lib/scalar.c lib/scalar.h
libea_a_SOURCES += lib/schema.c lib/schema.h
libea_a_SOURCES += lib/schema_check.c lib/schema_check.h
libea_a_SOURCES += lib/token.c lib/token.h
libea_a_SOURCES += lib/unit.c lib/unit.h
libea_a_SOURCES += lib/utf8.c lib/utf8.h
nodist_libea_a_SOURCES = stmts.c stmts_enum.h schema_version.h

# The statement table is made from every file of sql/queries.
BUILT_SOURCES += stmts_enum.h
CLEANFILES += stmts.c stmts_enum.h
stmts_enum.h: $(STMT_FILES) $(srcdir)/tools/stmts.awk
	$(AM_V_GEN)$(AWK) -v out=enum -f $(srcdir)/tools/stmts.awk $(STMT_FILES) >$@.tmp && mv $@.tmp $@
stmts.c: $(STMT_FILES) $(srcdir)/tools/stmts.awk
	$(AM_V_GEN)$(AWK) -v out=table -f $(srcdir)/tools/stmts.awk $(STMT_FILES) >$@.tmp && mv $@.tmp $@

# The newest migration this build knows; a responder refuses to start on any other schema.
BUILT_SOURCES += schema_version.h
CLEANFILES += schema_version.h
schema_version.h: $(dist_migrations_DATA:%=$(srcdir)/%)
	$(AM_V_GEN)printf '#define EA_SCHEMA_VERSION %d\n' "$$(ls $(srcdir)/sql/migrations | sed -n 's/^0*\([0-9]*\)_.*\.sql$$/\1/p' | sort -n | tail -n 1)" >$@.tmp && mv $@.tmp $@
