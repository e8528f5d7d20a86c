# libworker.a (workers/core) and one program per worker.
noinst_LIBRARIES += libworker.a
libworker_a_SOURCES =
libworker_a_SOURCES += workers/core/inbox.c workers/core/inbox.h
libworker_a_SOURCES += workers/core/park.c workers/core/park.h
libworker_a_SOURCES += workers/core/process.c workers/core/process.h
libworker_a_SOURCES += workers/core/run.c workers/core/run.h
libworker_a_SOURCES += workers/core/tally.c workers/core/tally.h
libworker_a_SOURCES += workers/core/worker.c workers/core/worker.h

bin_PROGRAMS += ea-relay
ea_relay_SOURCES = workers/relay/main.c
ea_relay_SOURCES += workers/relay/feed.c workers/relay/feed.h
ea_relay_SOURCES += workers/relay/flight.c workers/relay/flight.h
ea_relay_SOURCES += workers/relay/partition.c workers/relay/partition.h
ea_relay_SOURCES += workers/relay/tidy.c workers/relay/tidy.h
ea_relay_LDADD = libworker.a $(LIBEA_LIBS)

bin_PROGRAMS += ea-notifier
ea_notifier_SOURCES = workers/notifier/main.c
ea_notifier_SOURCES += workers/notifier/mail.c workers/notifier/mail.h
ea_notifier_SOURCES += workers/notifier/mailer.c workers/notifier/mailer.h
ea_notifier_SOURCES += workers/notifier/notice.c workers/notifier/notice.h
ea_notifier_SOURCES += workers/notifier/smtp.c workers/notifier/smtp.h
ea_notifier_LDADD = libworker.a $(LIBEA_LIBS)
bin_PROGRAMS += ea-grader
ea_grader_SOURCES = workers/grader/main.c workers/grader/grader.h
ea_grader_SOURCES += workers/grader/attempt.c
ea_grader_SOURCES += workers/grader/check.c workers/grader/check.h
ea_grader_SOURCES += workers/grader/late.c workers/grader/late.h
ea_grader_SOURCES += workers/grader/orphan.c workers/grader/orphan.h
ea_grader_SOURCES += workers/grader/paper.c workers/grader/paper.h
GRADER_SCORE = workers/grader/score.c workers/grader/score.h workers/grader/score_private.h workers/grader/score_choice.c \
	workers/grader/score_cloze.c workers/grader/score_match.c workers/grader/score_number.c workers/grader/score_text.c
ea_grader_SOURCES += $(GRADER_SCORE)
ea_grader_SOURCES += workers/grader/submission.c
ea_grader_SOURCES += workers/grader/sweep.c workers/grader/sweep.h
ea_grader_SOURCES += workers/grader/text.c workers/grader/text.h
ea_grader_LDADD = libworker.a $(LIBEA_LIBS)
