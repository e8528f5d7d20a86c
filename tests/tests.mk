# Unit tests: one cmocka program per module, tests/unit/<folder>_<module>.c, e.g.
#   check_PROGRAMS += tests/unit/lib_arena
#   tests_unit_lib_arena_SOURCES = tests/unit/lib_arena.c
#   tests_unit_lib_arena_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
