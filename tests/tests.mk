# Unit tests: one cmocka program per module, tests/unit/<folder>_<module>.c, e.g.
#   check_PROGRAMS += tests/unit/lib_arena
#   tests_unit_lib_arena_SOURCES = tests/unit/lib_arena.c
#   tests_unit_lib_arena_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

# Every statement of sql/queries, prepared against a real database by ./dev check.
noinst_PROGRAMS += tests/sql/prepare
tests_sql_prepare_SOURCES = tests/sql/prepare.c
tests_sql_prepare_LDADD = libea.a $(PQ_LIBS)
