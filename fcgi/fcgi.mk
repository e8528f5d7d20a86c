# libcore.a (fcgi/core) and one program per responder, e.g.
#   bin_PROGRAMS += ea-quiz
#   ea_quiz_SOURCES = fcgi/quiz/main.c …
#   ea_quiz_LDADD = libcore.a $(FCGI_LIBS) $(LIBEA_LIBS)
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = \
	fcgi/core/auth.c fcgi/core/auth.h \
	fcgi/core/commit.c \
	fcgi/core/conn.c fcgi/core/conn.h \
	fcgi/core/download.c fcgi/core/download.h \
	fcgi/core/frame.c fcgi/core/frame.h \
	fcgi/core/heap.c fcgi/core/heap.h \
	fcgi/core/hub.c fcgi/core/hub.h fcgi/core/hub_private.h \
	fcgi/core/hub_ask.c fcgi/core/hub_deliver.c fcgi/core/hub_feed.c fcgi/core/hub_fill.c \
	fcgi/core/hub_inbox.c fcgi/core/hub_live.c fcgi/core/hub_sight.c fcgi/core/hub_sub.c fcgi/core/hub_topics.c \
	fcgi/core/hub_inbox.c fcgi/core/hub_live.c fcgi/core/hub_presence.c fcgi/core/hub_sub.c fcgi/core/hub_topics.c \
	fcgi/core/idle.c fcgi/core/idle.h \
	fcgi/core/kept.c fcgi/core/kept.h \
	fcgi/core/listen.c fcgi/core/listen.h \
	fcgi/core/match.c fcgi/core/match.h \
	fcgi/core/multipart.c fcgi/core/multipart.h \
	fcgi/core/outbox.c fcgi/core/outbox.h \
	fcgi/core/pool.c fcgi/core/pool.h \
	fcgi/core/precond.c \
	fcgi/core/presence.c fcgi/core/presence.h \
	fcgi/core/reactor.c fcgi/core/reactor.h \
	fcgi/core/req.c fcgi/core/req.h fcgi/core/req_private.h \
	fcgi/core/resp.c fcgi/core/resp.h \
	fcgi/core/revoked.c fcgi/core/revoked.h \
	fcgi/core/route.c fcgi/core/route.h fcgi/core/run.h \
	fcgi/core/seats.c fcgi/core/seats.h \
	fcgi/core/server.c fcgi/core/server.h fcgi/core/server_private.h \
	fcgi/core/slab.c fcgi/core/slab.h \
	fcgi/core/shelf.c fcgi/core/shelf.h \
	fcgi/core/stamps.c fcgi/core/stamps.h \
	fcgi/core/token_cache.c fcgi/core/token_cache.h \
	fcgi/core/topics.c fcgi/core/topics.h \
	fcgi/core/upload.c fcgi/core/upload.h \
	fcgi/core/wheel.c fcgi/core/wheel.h \
	fcgi/core/window.c fcgi/core/window.h

bin_PROGRAMS += ea-gateway
ea_gateway_SOURCES = \
	fcgi/gateway/auth.c \
	fcgi/gateway/course.c \
	fcgi/gateway/enrolment.c \
	fcgi/gateway/gateway.h \
	fcgi/gateway/keys.c \
	fcgi/gateway/limit.c fcgi/gateway/limit.h \
	fcgi/gateway/main.c \
	fcgi/gateway/me.c \
	fcgi/gateway/me_cache.c fcgi/gateway/me_cache.h \
	fcgi/gateway/membership.c fcgi/gateway/membership.h \
	fcgi/gateway/ops.c \
	fcgi/gateway/page.c fcgi/gateway/page.h \
	fcgi/gateway/roster.c \
	fcgi/gateway/roster_file.c fcgi/gateway/roster_file.h \
	fcgi/gateway/session.c fcgi/gateway/session.h \
	fcgi/gateway/user.c
ea_gateway_LDADD = libcore.a $(FCGI_LIBS) $(CSV_LIBS) $(LIBEA_LIBS)

bin_PROGRAMS += ea-chat
ea_chat_SOURCES = \
	fcgi/chat/access.c \
	fcgi/chat/chat.h \
	fcgi/chat/edit.c \
	fcgi/chat/event.c \
	fcgi/chat/export.c \
	fcgi/chat/file.c \
	fcgi/chat/hide.c \
	fcgi/chat/history.c \
	fcgi/chat/main.c \
	fcgi/chat/member.c \
	fcgi/chat/message.c \
	fcgi/chat/mute.c \
	fcgi/chat/pin.c \
	fcgi/chat/presence.c \
	fcgi/chat/question.c \
	fcgi/chat/reaction.c \
	fcgi/chat/read.c \
	fcgi/chat/report.c \
	fcgi/chat/retention.c \
	fcgi/chat/room.c \
	fcgi/chat/search.c \
	fcgi/chat/text.c
ea_chat_LDADD = libcore.a $(FCGI_LIBS) $(LIBEA_LIBS)

# The contract, as the gateway serves it.
openapidir = $(datadir)/edtech-assistant
nodist_openapi_DATA = openapi.json
CLEANFILES += openapi.json
EXTRA_DIST += fcgi/openapi.yaml
openapi.json: $(srcdir)/fcgi/openapi.yaml $(srcdir)/tools/openapi.py
	$(AM_V_GEN)$(PYTHON3) $(srcdir)/tools/openapi.py $(srcdir)/fcgi/openapi.yaml >$@.tmp && mv $@.tmp $@
bin_PROGRAMS += ea-assignment
ea_assignment_SOURCES = fcgi/assignment/main.c fcgi/assignment/assignment.h
ea_assignment_SOURCES += fcgi/assignment/assignment.c
ea_assignment_SOURCES += fcgi/assignment/file.c
ea_assignment_SOURCES += fcgi/assignment/grade.c
ea_assignment_SOURCES += fcgi/assignment/submission.c
ea_assignment_LDADD = libcore.a $(FCGI_LIBS) $(LIBEA_LIBS)
bin_PROGRAMS += ea-quiz
QUIZ_TEXT = fcgi/quiz/question.c fcgi/quiz/question.h
QUIZ_TEXT += fcgi/quiz/gift.h fcgi/quiz/gift_private.h fcgi/quiz/gift_answers.c fcgi/quiz/gift_choice.c fcgi/quiz/gift_comments.c
QUIZ_TEXT += fcgi/quiz/gift_match.c fcgi/quiz/gift_numeric.c fcgi/quiz/gift_read.c fcgi/quiz/gift_short.c fcgi/quiz/gift_text.c fcgi/quiz/gift_write.c
QUIZ_MARKUP = fcgi/quiz/markup.c fcgi/quiz/markup.h fcgi/quiz/markup_html.c fcgi/quiz/markup_private.h
QUIZ_TEXT += $(QUIZ_MARKUP)
ea_quiz_SOURCES = $(QUIZ_TEXT) fcgi/quiz/quiz.h
ea_quiz_SOURCES += fcgi/quiz/accommodation.c
ea_quiz_SOURCES += fcgi/quiz/admission.c fcgi/quiz/admission.h
ea_quiz_SOURCES += fcgi/quiz/announcement.c
ea_quiz_SOURCES += fcgi/quiz/answer.c
ea_quiz_SOURCES += fcgi/quiz/attempt.c
ea_quiz_SOURCES += fcgi/quiz/bank.c
ea_quiz_SOURCES += fcgi/quiz/event.c
ea_quiz_SOURCES += fcgi/quiz/grade.c
ea_quiz_SOURCES += fcgi/quiz/item.c
ea_quiz_SOURCES += fcgi/quiz/main.c
ea_quiz_SOURCES += fcgi/quiz/outage.c
ea_quiz_SOURCES += fcgi/quiz/page.c
ea_quiz_SOURCES += fcgi/quiz/pulse.c fcgi/quiz/pulse.h
ea_quiz_SOURCES += fcgi/quiz/performance.c
ea_quiz_SOURCES += fcgi/quiz/quiz.c
ea_quiz_SOURCES += fcgi/quiz/receipt.c
ea_quiz_SOURCES += fcgi/quiz/submit.c
ea_quiz_SOURCES += fcgi/quiz/result.c
ea_quiz_SOURCES += fcgi/quiz/results.c
ea_quiz_LDADD = libcore.a $(FCGI_LIBS) $(LIBEA_LIBS)
