noinst_LIBRARIES += libea.a
libea_a_SOURCES = \
	lib/alloc.c lib/alloc.h \
	lib/arena.c lib/arena.h \
	lib/authz.c lib/authz.h \
	lib/buf.c lib/buf.h \
	lib/clock.c lib/clock.h \
	lib/decimal.c lib/decimal.h \
	lib/err.c lib/err.h \
	lib/faults.c \
	lib/id.c lib/id.h \
	lib/json.c lib/json.h lib/json_write.c \
	lib/password.c lib/password.h \
	lib/receipt.c lib/receipt.h \
	lib/rules.c lib/rules.h \
	lib/scalar.c lib/scalar.h \
	lib/schema.c lib/schema.h \
	lib/token.c lib/token.h \
	lib/utf8.c lib/utf8.h
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
