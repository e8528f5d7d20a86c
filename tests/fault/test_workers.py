"""Jobs through relay, RabbitMQ and a worker, while what can die dies: every job has its effect exactly once, or is a dead letter with its reason."""

import pytest
from rig import run
from stack import until

pytestmark = pytest.mark.workers


def test_duplicate_deliveries_have_one_effect(rig):
    ids = rig.jobs("test.done", 500)
    relay, worker = rig.relay(), rig.worker()
    until("all is done", lambda: rig.done(ids))
    until("the cursor is stored", lambda: rig.number("SELECT id FROM cursors WHERE name = 'relay'") >= max(ids))
    assert relay.stop() == 0
    rig.sql("UPDATE cursors SET id = 0 WHERE name = 'relay'")
    rig.relay(name="relay-again")
    until("everything was delivered again", lambda: worker.metric('ea_worker_jobs_total{kind="test.done",outcome="duplicate"}') >= 500)
    rig.once(ids)


def test_a_job_that_kills_its_worker_takes_no_innocent_with_it(rig):
    before, [killer], after = rig.jobs("test.done", 50), rig.jobs("test.die"), rig.jobs("test.done", 50)
    rig.relay()
    worker = rig.worker()
    until("the killer is a dead letter", lambda: killer in rig.dead())
    until("the innocents are done", lambda: rig.done(before + after))
    assert "its worker died 3 times" in rig.dead()[killer]
    assert list(rig.dead()) == [killer]
    rig.once(before + after)
    assert worker.deaths == 4  # once in company, three times alone
    rig.tool("ea-queues", "drop", "grade", "--event", killer)
    assert rig.dead() == {}
    assert rig.number("SELECT count(*) FROM suspects") == 0


def test_a_failing_job_takes_every_step_and_is_dead_with_its_reason(rig):
    [bad] = rig.jobs("test.fail")
    good = rig.jobs("test.done", 20)
    rig.relay()
    worker = rig.worker()
    until("the good ones are done", lambda: rig.done(good))
    until("the bad one is dead", lambda: bad in rig.dead())
    assert "attempts 5" in rig.dead()[bad] and "as asked" in rig.dead()[bad]
    assert worker.metric('ea_worker_jobs_total{kind="test.fail",outcome="delayed"}') == 4
    assert bad not in rig.effects()
    assert rig.number(f"SELECT count(*) FROM processed WHERE event_id = {bad}") == 0
    rig.once(good)


def test_a_job_that_fails_twice_is_done_the_third_time(rig):
    ids = rig.jobs("test.fail_twice", 5)
    rig.relay()
    rig.worker()
    until("they are done", lambda: rig.done(ids))
    rig.once(ids)
    assert rig.sql("SELECT DISTINCT payload->>'attempt' FROM events WHERE kind = 'test.effect'") == "2"


def test_a_dead_letter_can_be_replayed(rig):
    repaired = rig.tmp / "repaired"
    ids = rig.jobs("test.repairable", 3)
    rig.relay()
    rig.worker(TEST_REPAIRED=str(repaired))
    until("they are dead", lambda: sorted(rig.dead()) == ids)
    repaired.touch()
    rig.tool("ea-queues", "replay", "grade", "--event", ids[0])
    until("the first is done", lambda: rig.done(ids[:1]))
    assert sorted(rig.dead()) == ids[1:]
    rig.tool("ea-queues", "replay", "grade", "--all")
    until("all are done", lambda: rig.done(ids))
    rig.once(ids)
    assert rig.dead() == {}


def test_dead_letters_are_there_for_who_looks_next(rig):
    ids = rig.jobs("test.of_another_kind", 3)
    rig.relay()
    rig.worker()
    until("they are dead", lambda: sorted(rig.dead()) == ids)
    for _ in range(20):
        assert sorted(rig.dead()) == ids
    rig.tool("ea-queues", "drop", "grade", "--event", ids[-1])
    assert sorted(rig.dead()) == ids[:-1]


def test_what_cannot_ever_work_is_dead_at_once(rig):
    [unknown] = rig.jobs("test.of_another_kind")
    [unrouted] = rig.jobs("test.done", queue="nowhere")
    rig.mq("publish", "grade", 1000001, "test.done", 0, "{ not json")
    rig.mq("publish", "grade", 1000002, "test.done", 0, "[1]")
    rig.mq("publish", "grade", 0, "test.done", 0, "{}")
    good = rig.jobs("test.done", 5)
    rig.relay()
    rig.worker()
    until("the good ones are done", lambda: rig.done(good))
    until("the others are dead", lambda: len(rig.dead()) == 4)
    assert 'does not know jobs of kind "test.of_another_kind"' in rig.dead()[unknown]
    assert "not JSON" in rig.dead()[1000001]
    assert "not an object" in rig.dead()[1000002]
    assert "no event id" in rig.dead()[0]
    assert "knows no such queue" in rig.dead("unrouted")[unrouted]


def test_killed_between_commit_and_acknowledgement(rig):
    trap = rig.tmp / "die-after-commit"
    trap.touch()
    ids = rig.jobs("test.done", 200)
    rig.relay()
    worker = rig.worker(TEST_DIE_AFTER_COMMIT=str(trap))
    until("it died there", lambda: worker.deaths == 1)
    until("all is done", lambda: rig.done(ids))
    until("nothing is left to deliver", lambda: rig.depth("ea.grade") == 0)
    until("what was done before was recognised", lambda: worker.metric('ea_worker_jobs_total{kind="test.done",outcome="duplicate"}') > 0)
    rig.once(ids)


def test_killed_again_and_again_under_load(rig):
    rig.relay()
    worker = rig.worker()
    ids = []
    for _ in range(8):
        ids += rig.jobs("test.done", 400)
        worker.kill()
    until("all is done", lambda: rig.done(ids))
    rig.once(ids)
    assert rig.dead() == {}


def test_terminated_under_load_it_ends_with_status_0(rig):
    rig.relay()
    ids = []
    for n in range(4):
        worker = rig.worker(name=f"worker-{n}")
        ids += rig.jobs("test.done", 1000)
        until("it works", lambda: len(rig.effects()) > n * 1000)
        assert worker.stop() == 0
    rig.worker()
    until("all is done", lambda: rig.done(ids))
    rig.once(ids)
    assert rig.dead() == {}


def test_an_alarm_of_the_broker_stops_publishing_only(rig):
    if not rig.servers.rabbitmqctl:
        pytest.fail("EA_TEST_RABBITMQCTL is not set: this test raises an alarm in the broker")
    first = rig.jobs("test.done", 10)
    relay, worker = rig.relay(), rig.worker()
    until("it works", lambda: rig.done(first))
    rig_ctl(rig, "set_vm_memory_high_watermark", "absolute", "1")
    try:
        blocked, bad = rig.jobs("test.done", 2000), rig.jobs("test.fail_twice", 1)
        until("the relay was told", lambda: relay.said("RabbitMQ takes no publishes: it has an alarm") > 0)
        assert relay.is_ready() and worker.is_ready()
        more = rig.jobs("test.done", 2000)
    finally:
        rig_ctl(rig, "set_vm_memory_high_watermark", "absolute", "512MB")
    until("all is done", lambda: rig.done(first + blocked + bad + more))
    rig.once(first + blocked + bad + more)
    until("the relay was told that, too", lambda: relay.said("RabbitMQ takes publishes again") > 0)


def rig_ctl(rig, *args):
    run(*rig.servers.rabbitmqctl, *args)


def test_a_handler_that_dawdles_fails_alone(rig):
    [slow] = rig.jobs("test.dawdle")
    good = rig.jobs("test.done", 30)
    rig.relay()
    rig.worker()
    until("the good ones are done", lambda: rig.done(good))
    until("the slow one is dead", lambda: slow in rig.dead())
    assert "25P03" in rig.dead()[slow]
    rig.once(good)


def test_a_job_that_breaks_its_session_fails_alone(rig):
    good, [breaker], more = rig.jobs("test.done", 10), rig.jobs("test.break_session"), rig.jobs("test.done", 10)
    rig.relay()
    rig.worker()
    until("the good ones are done", lambda: rig.done(good + more))
    until("the other is dead", lambda: breaker in rig.dead(), seconds=120)
    rig.once(good + more)


def test_a_statement_that_fails_is_the_reason(rig):
    [bad] = rig.jobs("test.bad_statement")
    good = rig.jobs("test.done", 10)
    rig.relay()
    rig.worker()
    until("the good ones are done", lambda: rig.done(good))
    until("the other is dead", lambda: bad in rig.dead())
    assert "23502" in rig.dead()[bad]
    rig.once(good)


def test_two_workers_share_the_jobs(rig):
    ids = rig.jobs("test.done", 3000)
    rig.relay()
    first, second = rig.worker(name="worker-1"), rig.worker(name="worker-2")
    until("all is done", lambda: rig.done(ids))
    rig.once(ids)
    done = [w.metric('ea_worker_jobs_total{kind="test.done",outcome="done"}') for w in (first, second)]
    assert sum(done) == 3000


def test_one_relay_is_active_and_another_takes_over(rig):
    first = rig.relay(name="relay-1")
    until("the first is active", lambda: first.metric("ea_relay_active") == 1)
    second = rig.relay(name="relay-2")
    rig.worker()
    ids = rig.jobs("test.done", 500)
    until("all is done", lambda: rig.done(ids))
    until("the second stands by, and is ready", second.is_ready)
    assert second.metric("ea_relay_active") == 0
    assert first.stop() == 0
    until("the second is active", lambda: second.metric("ea_relay_active") == 1)
    ids += rig.jobs("test.done", 500)
    until("all is done", lambda: rig.done(ids))
    rig.once(ids)
    assert second.metric("ea_relay_published_total") < 1000  # it went on from where the first had come


def test_the_relay_is_killed_again_and_again(rig):
    relay = rig.relay()
    rig.worker()
    ids = []
    for _ in range(6):
        ids += rig.jobs("test.done", 2000)
        relay.kill()
    until("all is done", lambda: rig.done(ids))
    rig.once(ids)
    until("the cursor has followed", lambda: rig.number("SELECT id FROM cursors WHERE name = 'relay'") >= max(ids))


def test_the_relay_loses_the_session_with_its_lock(rig):
    relay = rig.relay()
    rig.worker()
    ids = []
    for n in range(1, 5):
        until("it is active", lambda: relay.said("active") >= n)
        ids += rig.jobs("test.done", 1000)
        rig.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'relay'")
    until("all is done", lambda: rig.done(ids))
    rig.once(ids)
    assert relay.deaths == 0


def test_a_deleted_queue_comes_back(rig):
    rig.relay()
    worker = rig.worker()
    first = rig.jobs("test.done", 10)
    until("it works", lambda: rig.done(first))
    if not rig.servers.rabbitmqctl:
        pytest.fail("EA_TEST_RABBITMQCTL is not set: this test deletes a queue")
    vhost = rig.servers.amqp.rsplit("/", 1)[1].replace("%2f", "/")
    rig_ctl(rig, "delete_queue", "-p", vhost, "ea.grade")
    ids = rig.jobs("test.done", 100)
    until("all is done", lambda: rig.done(ids))
    rig.once(first + ids)
    assert worker.deaths == 0


def test_housekeeping(rig):
    rig.sql("""INSERT INTO users (id, email, name, role) VALUES ('018f0000-0000-7000-8000-000000000001', 'a@example.org', 'A', 'member')""")
    rig.sql("""INSERT INTO idempotency (user_id, scope, key, body_sha256, created_at)
        SELECT '018f0000-0000-7000-8000-000000000001', 'POST /x', n::text, '', now() - interval '25 hours' * (n % 2) FROM generate_series(1, 5000) n""")
    rig.sql("""INSERT INTO revocations (session_id, until) VALUES ('018f0000-0000-7000-8000-000000000002', now() - interval '1 second'),
        ('018f0000-0000-7000-8000-000000000003', now() + interval '1 hour')""")
    rig.sql("INSERT INTO processed (consumer, event_id, at) SELECT 'x', n, now() - interval '15 days' FROM generate_series(1, 3000) n")
    rig.sql("INSERT INTO processed (consumer, event_id) VALUES ('x', 5000)")
    rig.sql("INSERT INTO events (id, kind, payload) VALUES (1234567, 'test.far', '{}')")
    rig.sql("UPDATE cursors SET id = 1234567")
    rig.relay()
    until("the log can grow", lambda: rig.number("SELECT max(last) FROM event_partitions") >= 1234567 + 2000000)
    until("what nobody asks for is gone", lambda: rig.number("SELECT count(*) FROM processed") == 1)
    assert rig.number("SELECT count(*) FROM idempotency") == 2500
    assert rig.number("SELECT count(*) FROM revocations") == 1
    rig.sql("INSERT INTO events (id, kind, payload) VALUES (3000001, 'test.farther', '{}')")
    assert rig.number("SELECT count(*) FROM events_3000000") == 1
