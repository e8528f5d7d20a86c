# Unit tests: one cmocka program per module, tests/unit/<folder>_<module>.c, e.g.
#   check_PROGRAMS += tests/unit/lib_arena
#   tests_unit_lib_arena_SOURCES = tests/unit/lib_arena.c
#   tests_unit_lib_arena_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

# Every statement of sql/queries, prepared against a real database by ./dev check.
noinst_PROGRAMS += tests/sql/prepare
tests_sql_prepare_SOURCES = tests/sql/prepare.c
tests_sql_prepare_LDADD = libea.a $(PQ_LIBS)

check_PROGRAMS += tests/unit/grader_check tests/unit/grader_late tests/unit/grader_text tests/unit/lib_receipt tests/unit/lib_rules
tests_unit_grader_check_SOURCES = tests/unit/grader_check.c workers/grader/check.c workers/grader/late.c workers/grader/text.c
tests_unit_grader_check_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_grader_late_SOURCES = tests/unit/grader_late.c workers/grader/late.c
tests_unit_grader_late_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_grader_text_SOURCES = tests/unit/grader_text.c workers/grader/text.c
tests_unit_grader_text_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_lib_receipt_SOURCES = tests/unit/lib_receipt.c
tests_unit_lib_receipt_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_lib_rules_SOURCES = tests/unit/lib_rules.c
tests_unit_lib_rules_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
# The hub's parts.
check_PROGRAMS += tests/unit/fcgi_core_wheel tests/unit/fcgi_core_topics tests/unit/fcgi_core_window tests/unit/fcgi_core_outbox tests/unit/fcgi_core_seats tests/unit/fcgi_core_slab
tests_unit_fcgi_core_wheel_SOURCES = tests/unit/fcgi_core_wheel.c fcgi/core/wheel.c
tests_unit_fcgi_core_wheel_LDADD = $(CMOCKA_LIBS)
tests_unit_fcgi_core_seats_SOURCES = tests/unit/fcgi_core_seats.c fcgi/core/seats.c fcgi/core/slab.c
tests_unit_fcgi_core_seats_LDADD = $(CMOCKA_LIBS)
tests_unit_fcgi_core_slab_SOURCES = tests/unit/fcgi_core_slab.c fcgi/core/slab.c
tests_unit_fcgi_core_slab_LDADD = $(CMOCKA_LIBS)
tests_unit_fcgi_core_topics_SOURCES = tests/unit/fcgi_core_topics.c fcgi/core/topics.c fcgi/core/slab.c
tests_unit_fcgi_core_topics_LDADD = $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/fcgi_core_hub tests/unit/fcgi_core_hub_chance
HUB_RIG = tests/unit/hub_rig.c tests/unit/hub_rig.h tests/unit/unit.h \
	fcgi/core/hub.c fcgi/core/hub_ask.c fcgi/core/hub_deliver.c fcgi/core/hub_feed.c fcgi/core/hub_fill.c fcgi/core/hub_inbox.c \
	fcgi/core/hub_live.c fcgi/core/hub_presence.c fcgi/core/hub_sight.c fcgi/core/hub_sub.c fcgi/core/hub_topics.c \
	fcgi/core/frame.c fcgi/core/kept.c fcgi/core/outbox.c fcgi/core/presence.c fcgi/core/seats.c fcgi/core/shelf.c fcgi/core/slab.c \
	fcgi/core/topics.c fcgi/core/wheel.c fcgi/core/window.c
tests_unit_fcgi_core_hub_SOURCES = tests/unit/fcgi_core_hub.c $(HUB_RIG)
tests_unit_fcgi_core_hub_chance_SOURCES = tests/unit/fcgi_core_hub_chance.c tests/unit/chance.c tests/unit/chance.h $(HUB_RIG)
tests_unit_fcgi_core_hub_chance_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_core_hub_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/fcgi_core_kept tests/unit/fcgi_core_presence tests/unit/fcgi_core_shelf tests/unit/fcgi_core_stamps
tests_unit_fcgi_core_kept_SOURCES = tests/unit/fcgi_core_kept.c tests/unit/unit.h fcgi/core/kept.c fcgi/core/slab.c fcgi/core/topics.c
tests_unit_fcgi_core_kept_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_core_shelf_SOURCES = tests/unit/fcgi_core_shelf.c fcgi/core/shelf.c
tests_unit_fcgi_core_shelf_LDADD = $(CMOCKA_LIBS)
tests_unit_fcgi_core_presence_SOURCES = tests/unit/fcgi_core_presence.c fcgi/core/presence.c fcgi/core/shelf.c fcgi/core/slab.c fcgi/core/topics.c fcgi/core/frame.c
tests_unit_fcgi_core_presence_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_core_stamps_SOURCES = tests/unit/fcgi_core_stamps.c fcgi/core/stamps.c tests/unit/servers.c tests/unit/servers.h tests/unit/unit.h
tests_unit_fcgi_core_stamps_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_core_window_SOURCES = tests/unit/fcgi_core_window.c fcgi/core/window.c fcgi/core/frame.c fcgi/core/topics.c fcgi/core/slab.c
tests_unit_fcgi_core_window_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_core_outbox_SOURCES = tests/unit/fcgi_core_outbox.c fcgi/core/outbox.c fcgi/core/frame.c
tests_unit_fcgi_core_outbox_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

# Those that run against real servers share tests/unit/servers.c (EA_TEST_PG, EA_TEST_REDIS).
check_PROGRAMS += tests/unit/lib_events
tests_unit_lib_events_SOURCES = tests/unit/lib_events.c tests/unit/servers.c tests/unit/servers.h tests/unit/unit.h
tests_unit_lib_events_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/lib_pg
tests_unit_lib_pg_SOURCES = tests/unit/lib_pg.c tests/unit/servers.c tests/unit/servers.h tests/unit/unit.h
tests_unit_lib_pg_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/lib_arena
tests_unit_lib_arena_SOURCES = tests/unit/lib_arena.c tests/unit/oom.h
tests_unit_lib_arena_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_buf
tests_unit_lib_buf_SOURCES = tests/unit/lib_buf.c tests/unit/oom.h
tests_unit_lib_buf_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_clock
tests_unit_lib_clock_SOURCES = tests/unit/lib_clock.c
tests_unit_lib_clock_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_csv
tests_unit_lib_csv_SOURCES = tests/unit/lib_csv.c tests/unit/unit.h
tests_unit_lib_csv_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_flight
tests_unit_lib_flight_SOURCES = tests/unit/lib_flight.c tests/unit/oom.h tests/unit/unit.h
tests_unit_lib_flight_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_err
tests_unit_lib_err_SOURCES = tests/unit/lib_err.c
tests_unit_lib_err_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_id
tests_unit_lib_id_SOURCES = tests/unit/lib_id.c
tests_unit_lib_id_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_decimal
tests_unit_lib_decimal_SOURCES = tests/unit/lib_decimal.c
tests_unit_lib_decimal_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_json
tests_unit_lib_json_SOURCES = tests/unit/lib_json.c tests/unit/oom.h
tests_unit_lib_json_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_problem
tests_unit_lib_problem_SOURCES = tests/unit/lib_problem.c
tests_unit_lib_problem_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_schema
tests_unit_lib_schema_SOURCES = tests/unit/lib_schema.c tests/unit/oom.h
tests_unit_lib_schema_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/lib_authz tests/unit/lib_password tests/unit/lib_token
tests_unit_lib_authz_SOURCES = tests/unit/lib_authz.c tests/unit/servers.c tests/unit/servers.h tests/unit/unit.h
tests_unit_lib_authz_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_lib_password_SOURCES = tests/unit/lib_password.c
tests_unit_lib_password_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_lib_token_SOURCES = tests/unit/lib_token.c
tests_unit_lib_token_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

# The gateway's parts.
check_PROGRAMS += tests/unit/fcgi_gateway_limit tests/unit/fcgi_gateway_me_cache tests/unit/fcgi_gateway_roster_file
tests_unit_fcgi_gateway_limit_SOURCES = tests/unit/fcgi_gateway_limit.c
tests_unit_fcgi_gateway_limit_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_gateway_me_cache_SOURCES = tests/unit/fcgi_gateway_me_cache.c
tests_unit_fcgi_gateway_me_cache_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_gateway_roster_file_SOURCES = tests/unit/fcgi_gateway_roster_file.c fcgi/gateway/roster_file.c
tests_unit_fcgi_gateway_roster_file_LDADD = $(LIBEA_LIBS) $(CSV_LIBS) $(CMOCKA_LIBS)

# What fault tests run: a worker, a hand in RabbitMQ, and the grader's pure function.
noinst_PROGRAMS += tests/fault/mq
tests_fault_mq_SOURCES = tests/fault/mq.c
tests_fault_mq_LDADD = $(LIBEA_LIBS)
noinst_PROGRAMS += tests/fault/testworker
tests_fault_testworker_SOURCES = tests/fault/testworker.c
tests_fault_testworker_LDADD = libworker.a $(LIBEA_LIBS)
noinst_PROGRAMS += tests/fault/rescore
tests_fault_rescore_SOURCES = tests/fault/rescore.c $(GRADER_SCORE)
tests_fault_rescore_LDADD = $(LIBEA_LIBS)
# FastCGI regress tests: each talks to tests/regress/subject, a responder made of the real core, with a client that can also misbehave.
noinst_PROGRAMS += tests/regress/subject
tests_regress_subject_SOURCES = tests/regress/subject.c
tests_regress_subject_LDADD = libcore.a $(FCGI_LIBS) $(LIBEA_LIBS)
REGRESS_CLIENT = tests/regress/client.c tests/regress/client.h tests/regress/spawn.c
check_PROGRAMS += tests/unit/lib_cfg
tests_unit_lib_cfg_SOURCES = tests/unit/lib_cfg.c tests/unit/capture.h
tests_unit_lib_cfg_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_log
tests_unit_lib_log_SOURCES = tests/unit/lib_log.c tests/unit/capture.h tests/unit/oom.h
tests_unit_lib_log_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_metrics
tests_unit_lib_metrics_SOURCES = tests/unit/lib_metrics.c tests/unit/capture.h tests/unit/oom.h
tests_unit_lib_metrics_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
# starts a syslog-ng of its own and fails where there is none
check_PROGRAMS += tests/unit/lib_log_syslog
tests_unit_lib_log_syslog_SOURCES = tests/unit/lib_log_syslog.c tests/unit/capture.h
tests_unit_lib_log_syslog_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/lib_batch
tests_unit_lib_batch_SOURCES = tests/unit/lib_batch.c tests/unit/servers.c tests/unit/servers.h tests/unit/unit.h
tests_unit_lib_batch_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/lib_follow
tests_unit_lib_follow_SOURCES = tests/unit/lib_follow.c tests/unit/servers.c tests/unit/servers.h tests/unit/unit.h
tests_unit_lib_follow_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/lib_redis
tests_unit_lib_redis_SOURCES = tests/unit/lib_redis.c tests/unit/servers.c tests/unit/servers.h tests/unit/unit.h
tests_unit_lib_redis_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/rule01
tests_regress_rule01_SOURCES = tests/regress/rule01.c $(REGRESS_CLIENT)
tests_regress_rule01_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/rule02
tests_regress_rule02_SOURCES = tests/regress/rule02.c $(REGRESS_CLIENT)
tests_regress_rule02_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/rule03
tests_regress_rule03_SOURCES = tests/regress/rule03.c $(REGRESS_CLIENT)
tests_regress_rule03_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/rule04
tests_regress_rule04_SOURCES = tests/regress/rule04.c $(REGRESS_CLIENT)
tests_regress_rule04_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/rule05
tests_regress_rule05_SOURCES = tests/regress/rule05.c $(REGRESS_CLIENT)
tests_regress_rule05_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/rule06
tests_regress_rule06_SOURCES = tests/regress/rule06.c $(REGRESS_CLIENT)
tests_regress_rule06_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/rule07
tests_regress_rule07_SOURCES = tests/regress/rule07.c $(REGRESS_CLIENT)
tests_regress_rule07_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/rule08
tests_regress_rule08_SOURCES = tests/regress/rule08.c $(REGRESS_CLIENT)
tests_regress_rule08_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/rule09
tests_regress_rule09_SOURCES = tests/regress/rule09.c $(REGRESS_CLIENT)
tests_regress_rule09_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/rule10
tests_regress_rule10_SOURCES = tests/regress/rule10.c $(REGRESS_CLIENT)
tests_regress_rule10_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/rule11
tests_regress_rule11_SOURCES = tests/regress/rule11.c $(REGRESS_CLIENT)
tests_regress_rule11_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/rule12
tests_regress_rule12_SOURCES = tests/regress/rule12.c $(REGRESS_CLIENT)
tests_regress_rule12_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/lib_blob
tests_unit_lib_blob_SOURCES = tests/unit/lib_blob.c tests/unit/unit.h
tests_unit_lib_blob_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/lib_md
tests_unit_lib_md_SOURCES = tests/unit/lib_md.c tests/unit/unit.h
tests_unit_lib_md_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/lib_jwks
tests_unit_lib_jwks_SOURCES = tests/unit/lib_jwks.c tests/unit/unit.h
tests_unit_lib_jwks_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_keyring
tests_unit_lib_keyring_SOURCES = tests/unit/lib_keyring.c tests/unit/unit.h
tests_unit_lib_keyring_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/tools_migrate
tests_unit_tools_migrate_SOURCES = tests/unit/tools_migrate.c tests/unit/servers.c tests/unit/servers.h tests/unit/unit.h
tests_unit_tools_migrate_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/regress/idle tests/regress/drain tests/regress/reply
tests_regress_reply_SOURCES = tests/regress/reply.c $(REGRESS_CLIENT)
tests_regress_reply_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_regress_idle_SOURCES = tests/regress/idle.c $(REGRESS_CLIENT)
tests_regress_idle_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_regress_drain_SOURCES = tests/regress/drain.c $(REGRESS_CLIENT)
tests_regress_drain_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

# These need PostgreSQL and Redis (tests/unit/servers.h).
REGRESS_PEOPLE = $(REGRESS_CLIENT) tests/regress/people.c tests/regress/people.h tests/unit/servers.c tests/unit/servers.h
check_PROGRAMS += tests/regress/auth tests/regress/writes
tests_regress_auth_SOURCES = tests/regress/auth.c $(REGRESS_PEOPLE)
tests_regress_auth_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_regress_writes_SOURCES = tests/regress/writes.c $(REGRESS_PEOPLE)
tests_regress_writes_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/fcgi_core_auth tests/unit/fcgi_core_match tests/unit/fcgi_core_multipart
tests_unit_fcgi_core_auth_SOURCES = tests/unit/fcgi_core_auth.c fcgi/core/revoked.c fcgi/core/token_cache.c
tests_unit_fcgi_core_auth_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_core_match_SOURCES = tests/unit/fcgi_core_match.c fcgi/core/match.c
tests_unit_fcgi_core_match_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_core_multipart_SOURCES = tests/unit/fcgi_core_multipart.c fcgi/core/multipart.c
tests_unit_fcgi_core_multipart_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)

# Items, answers, scores, files of questions. Chance makes them for property tests.
CHANCE = tests/unit/chance.c tests/unit/chance_item.c tests/unit/chance.h tests/unit/unit.h
check_PROGRAMS += tests/unit/lib_exact
tests_unit_lib_exact_SOURCES = tests/unit/lib_exact.c tests/unit/unit.h
tests_unit_lib_exact_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_formula
tests_unit_lib_formula_SOURCES = tests/unit/lib_formula.c tests/unit/unit.h
tests_unit_lib_formula_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_item
tests_unit_lib_item_SOURCES = tests/unit/lib_item.c $(CHANCE)
tests_unit_lib_item_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/lib_pattern
tests_unit_lib_pattern_SOURCES = tests/unit/lib_pattern.c tests/unit/unit.h
tests_unit_lib_pattern_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/fcgi_quiz_admission
tests_unit_fcgi_quiz_admission_SOURCES = tests/unit/fcgi_quiz_admission.c
tests_unit_fcgi_quiz_admission_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/fcgi_quiz_gift
tests_unit_fcgi_quiz_gift_SOURCES = tests/unit/fcgi_quiz_gift.c tests/unit/unit.h $(QUIZ_TEXT)
tests_unit_fcgi_quiz_gift_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/fcgi_quiz_gift_bad tests/unit/fcgi_quiz_gift_out
tests_unit_fcgi_quiz_gift_bad_SOURCES = tests/unit/fcgi_quiz_gift_bad.c $(CHANCE) $(QUIZ_TEXT)
tests_unit_fcgi_quiz_gift_bad_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
tests_unit_fcgi_quiz_gift_out_SOURCES = tests/unit/fcgi_quiz_gift_out.c $(CHANCE) $(QUIZ_TEXT)
tests_unit_fcgi_quiz_gift_out_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/fcgi_chat_text
tests_unit_fcgi_chat_text_SOURCES = tests/unit/fcgi_chat_text.c tests/unit/unit.h fcgi/chat/text.c
tests_unit_fcgi_chat_text_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/fcgi_quiz_markup
tests_unit_fcgi_quiz_markup_SOURCES = tests/unit/fcgi_quiz_markup.c tests/unit/unit.h $(QUIZ_MARKUP)
tests_unit_fcgi_quiz_markup_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/grader_score
tests_unit_grader_score_SOURCES = tests/unit/grader_score.c $(CHANCE) $(GRADER_SCORE)
tests_unit_grader_score_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
# Workers. lib_mq needs a RabbitMQ (EA_TEST_AMQP).
check_PROGRAMS += tests/unit/lib_mq
tests_unit_lib_mq_SOURCES = tests/unit/lib_mq.c tests/unit/unit.h
tests_unit_lib_mq_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/notifier_mail
tests_unit_notifier_mail_SOURCES = tests/unit/notifier_mail.c tests/unit/unit.h workers/notifier/mail.c
tests_unit_notifier_mail_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/relay_flight
tests_unit_relay_flight_SOURCES = tests/unit/relay_flight.c tests/unit/unit.h workers/relay/flight.c
tests_unit_relay_flight_LDADD = $(CMOCKA_LIBS)

# This one needs nginx.
check_PROGRAMS += tests/regress/records
tests_regress_records_SOURCES = tests/regress/records.c $(REGRESS_CLIENT)
tests_regress_records_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/regress/nginx
tests_regress_nginx_SOURCES = tests/regress/nginx.c $(REGRESS_CLIENT)
tests_regress_nginx_LDADD = $(LIBEA_LIBS) $(CMOCKA_LIBS)
# What tests/bench runs: a ceiling, a peer, and loads.
noinst_PROGRAMS += tests/bench/canned tests/bench/closed tests/bench/hello tests/bench/idle tests/bench/mint tests/bench/score tests/bench/storm tests/bench/swarm
tests_bench_closed_SOURCES = tests/bench/closed.c tests/bench/wire.c tests/bench/wire.h
tests_bench_closed_LDADD = $(SSL_LIBS)
tests_bench_mint_SOURCES = tests/bench/mint.c
tests_bench_mint_LDADD = $(LIBEA_LIBS)
tests_bench_score_SOURCES = tests/bench/score.c $(GRADER_SCORE)
tests_bench_score_LDADD = $(LIBEA_LIBS)
tests_bench_storm_SOURCES = tests/bench/storm.c tests/bench/wire.c tests/bench/wire.h
tests_bench_storm_LDADD = $(SSL_LIBS) $(JSON_LIBS)
tests_bench_swarm_SOURCES = tests/bench/swarm.c tests/bench/audience.c tests/bench/audience.h tests/bench/wire.c tests/bench/wire.h
tests_bench_swarm_LDADD = $(SSL_LIBS) $(JSON_LIBS)
tests_bench_canned_SOURCES = tests/bench/canned.c
tests_bench_hello_SOURCES = tests/bench/hello.c
tests_bench_hello_LDADD = $(FCGI_LIBS)
tests_bench_idle_SOURCES = tests/bench/idle.c

# Fuzz targets: as programs that run their corpus once, and (./dev fuzz, with clang) as libFuzzer's.
check_PROGRAMS += tests/fuzz/gift tests/fuzz/score
tests_fuzz_gift_SOURCES = tests/fuzz/gift.c tests/fuzz/replay.c $(QUIZ_TEXT)
tests_fuzz_gift_CPPFLAGS = $(AM_CPPFLAGS) -DEA_FUZZ_TARGET='"gift"'
tests_fuzz_gift_LDADD = $(LIBEA_LIBS)
tests_fuzz_score_SOURCES = tests/fuzz/score.c tests/fuzz/replay.c $(GRADER_SCORE)
tests_fuzz_score_CPPFLAGS = $(AM_CPPFLAGS) -DEA_FUZZ_TARGET='"score"'
tests_fuzz_score_LDADD = $(LIBEA_LIBS)
EXTRA_PROGRAMS = tests/fuzz/fuzz-gift tests/fuzz/fuzz-score
tests_fuzz_fuzz_gift_SOURCES = tests/fuzz/gift.c $(QUIZ_TEXT)
tests_fuzz_fuzz_gift_LDADD = $(LIBEA_LIBS)
tests_fuzz_fuzz_gift_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_score_SOURCES = tests/fuzz/score.c $(GRADER_SCORE)
tests_fuzz_fuzz_score_LDADD = $(LIBEA_LIBS)
tests_fuzz_fuzz_score_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
