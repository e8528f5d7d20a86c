# libcore.a (fcgi/core) and one program per responder, e.g.
#   bin_PROGRAMS += ea-quiz
#   ea_quiz_SOURCES = fcgi/quiz/main.c …
#   ea_quiz_LDADD = libcore.a $(FCGI_LIBS) $(LIBEA_LIBS)
