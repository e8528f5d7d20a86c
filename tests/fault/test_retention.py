"""The event log is kept for so many days: the relay drops its oldest partitions, and nobody who comes back with an older cursor is left in silence."""

import contextlib
import os
import threading

import psycopg2
import pytest
import stack
import story
from client import Stream, eventually, stream, unique
from listening import cursor_now, ids_of, tell
from stack import until

pytestmark = pytest.mark.workers

SIZE = 1000  # ids of a partition here
KEEP = {"EA_EVENTS_PARTITION": str(SIZE), "EA_EVENTS_KEEP_DAYS": "30"}


def statement(name):
    """A statement of the relay, to be run by hand."""
    text = (stack.ROOT / "sql/queries/relay.sql").read_text().split(f"-- name: {name}\n")[1].split("\n-- name:")[0]
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))


EXPIRED = statement("relay_expired").replace("$1::int", "30")


# --- the relay, on a database of its own ----------------------------------------------------------------------------------


@pytest.fixture
def log(rig):
    """A log of small partitions."""
    rig.sql("""DO $$ DECLARE p text; BEGIN
        FOR p IN SELECT name FROM event_partitions LOOP EXECUTE 'DROP TABLE ' || p; END LOOP;
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (1001);
    END $$""")
    grow(rig)
    return rig


def grow(rig):
    return rig.number(f"SELECT ea_events_grow({SIZE})")


def fill(rig, upto, days=0):
    """Events up to an id, so old; the log grows meanwhile."""
    newest = rig.number("SELECT coalesce(max(id), 0) FROM events")
    for begin in range(newest + 1, upto + 1, SIZE):
        rig.sql(f"""INSERT INTO events (id, topic, kind, payload, at)
            SELECT n, 'u:x', 'test.news', '{{}}', now() - interval '{days} days' FROM generate_series({begin}, {min(begin + SIZE - 1, upto)}) n""")
        grow(rig)


def relayed(rig, upto):
    rig.sql(f"UPDATE cursors SET id = {upto} WHERE name = 'relay'")


def oldest(rig):
    return rig.number("SELECT coalesce(min(id), 0) FROM events")


def expired(rig):
    return rig.sql(EXPIRED)


def partitions(rig):
    return rig.sql("SELECT string_agg(first || '-' || last, ' ' ORDER BY first) FROM event_partitions")


def test_partitions_are_made_ahead(log):
    assert partitions(log) == "1-1000 1001-2000"
    assert grow(log) == 2 * SIZE
    fill(log, 1)
    assert partitions(log) == "1-1000 1001-2000 2001-3000"
    assert grow(log) == 3 * SIZE - 1
    fill(log, 2500)
    assert partitions(log) == "1-1000 1001-2000 2001-3000 3001-4000 4001-5000"


def test_a_fresh_database_begins_with_partitions_of_the_usual_size(rig):
    assert partitions(rig) == "1-999999 1000000-1999999 2000000-2999999"


def test_the_relay_drops_what_is_older_than_it_is_kept_and_nothing_else(log):
    fill(log, 1999, days=40)
    fill(log, 2000, days=20)
    fill(log, 2500)
    relay = log.relay(**KEEP)
    until("the first partition is dropped", lambda: oldest(log) == 1001)
    until("it is told", lambda: relay.metric("ea_relay_partitions_dropped_total") == 1)
    assert relay.metric("ea_relay_log_left") >= 2 * SIZE  # told before that
    assert expired(log) == "", "the second has an event of twenty days"
    log.sql("UPDATE events SET at = now() - interval '31 days' WHERE id = 2000")
    until("the second one goes, too", lambda: oldest(log) == 2001)
    assert log.number("SELECT max(id) - min(id) + 1 - count(*) FROM events") == 0
    until("that is told, too", lambda: relay.metric("ea_relay_partitions_dropped_total") == 2)


def test_nothing_goes_that_was_not_relayed(log):
    fill(log, 2500, days=100)
    for cursor in (0, 1, 999):
        relayed(log, cursor)
        assert expired(log) == ""
    relayed(log, 1000)
    assert expired(log) == "events_1"


def test_the_newest_event_never_goes_and_ids_go_on_from_it(log):
    fill(log, 1000, days=100)  # a whole partition
    relayed(log, 1000)
    assert expired(log) == ""
    fill(log, 1001, days=100)
    relayed(log, 1001)
    assert expired(log) == "events_1"
    assert log.sql("SELECT ea_events_drop('events_1')") == "t"
    assert expired(log) == ""
    assert log.jobs("test.done") == [1002]


def test_the_relay_waits_for_its_own_jobs(log):
    """Jobs of a time without a broker are relayed before they go, however old they are."""
    ids = log.jobs("test.done", 1500)
    log.sql("UPDATE events SET at = now() - interval '100 days'")
    grow(log)
    assert expired(log) == ""
    log.relay(**KEEP)
    log.worker()
    until("all is done", lambda: log.done(ids))
    log.once(ids)
    until("then it goes", lambda: oldest(log) == 1001)


def test_who_keeps_everything_drops_nothing(log):
    fill(log, 2500, days=10000)
    relay = log.relay(EA_EVENTS_PARTITION=str(SIZE), EA_EVENTS_KEEP_DAYS="0")
    log.jobs("test.done")
    until("it has looked", lambda: relay.metric("ea_relay_log_left") > 0)
    until("it relays", lambda: log.number("SELECT id FROM cursors WHERE name = 'relay'") == 2501)
    assert oldest(log) == 1


def test_partitions_are_made_while_there_is_no_broker(log):
    relay = log.relay(EA_AMQP="amqp://guest:guest@127.0.0.1:1/nowhere", **KEEP)
    until("it has looked", lambda: relay.metric("ea_relay_log_left") > 0)
    before = partitions(log)
    log.sql("""INSERT INTO events (id, kind, payload) SELECT n, 'test.news', '{}' FROM generate_series(1, 1500) n""")
    until("the log has grown", lambda: partitions(log) != before)


def test_two_who_drop_and_make_at_once_do_so_once(log):
    fill(log, 5500, days=100)
    relayed(log, 5500)
    failed = []

    def one():
        with contextlib.closing(psycopg2.connect(log.pg)) as session:
            session.autocommit = True
            with session.cursor() as c:
                for _ in range(50):
                    try:
                        c.execute("SELECT ea_events_grow(1000)")
                        c.execute(EXPIRED)
                        for (name,) in c.fetchall():
                            c.execute("SELECT ea_events_drop(%s)", (name,))
                    except psycopg2.errors.LockNotAvailable:
                        pass  # the other one was reading: it comes again
                    except psycopg2.Error as fault:
                        failed.append(fault)

    sessions = [threading.Thread(target=one) for _ in range(3)]
    for s in sessions:
        s.start()
    for s in sessions:
        s.join()
    assert failed == []
    assert partitions(log) == "5001-6000 6001-7000 7001-8000"
    assert log.number("SELECT count(*) FROM events") == 500


def test_a_drop_that_meets_a_long_reader_gives_way_and_comes_again(log):
    fill(log, 2500, days=100)
    relayed(log, 2500)
    with contextlib.closing(psycopg2.connect(log.pg)) as reader, reader.cursor() as c:
        c.execute("SELECT count(*) FROM events")
        with pytest.raises(RuntimeError, match="lock timeout"):
            log.sql("SELECT ea_events_drop('events_1')")
        assert log.jobs("test.done") == [2501], "who appends is not stopped"
        reader.rollback()
        assert log.sql("SELECT ea_events_drop('events_1')") == "t"


def test_a_relay_killed_while_it_drops_leaves_the_log_whole(log):
    fill(log, 4500, days=100)
    relay = log.relay(**KEEP)
    for n in range(1, 4):
        until("one more is dropped", lambda n=n: oldest(log) > n * SIZE)
        relay.kill()
    until("it is back", relay.is_ready)
    assert log.number("SELECT max(id) - min(id) + 1 - count(*) FROM events") == 0
    assert log.jobs("test.done") == [4501]


# --- the running stack ----------------------------------------------------------------------------------------------------


def split_log(at):
    """The partition that is being filled becomes two, of which the second begins with this id."""
    name, first, last = stack.rows("SELECT name, first, last FROM event_partitions WHERE %s BETWEEN first AND last", at)[0]
    connection = psycopg2.connect(os.environ["EA_PG"])
    with connection, connection.cursor() as c:
        c.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        c.execute(f"ALTER TABLE events DETACH PARTITION {name}")
        c.execute(f"ALTER TABLE {name} RENAME TO events_before")
        c.execute(f"CREATE TABLE {name} PARTITION OF events FOR VALUES FROM ({first}) TO ({at})")
        c.execute(f"CREATE TABLE events_{at} PARTITION OF events FOR VALUES FROM ({at}) TO ({last + 1})")
        c.execute("INSERT INTO events SELECT * FROM events_before")
        c.execute("DROP TABLE events_before")
    connection.close()
    return name


def forget_before(at):
    """What the relay does with a log that is old enough."""
    stack.rows("UPDATE events SET at = now() - interval '1000 days' WHERE id < %s", at)
    until("the relay has dropped what is old", lambda: stack.value("SELECT min(id) FROM events") == at)


def test_what_is_taken_back_after_the_log_has_dropped_it_goes_from_memory_too(teacher, student, room):
    """No event could name it any more: memory forgets what lies before the log."""
    message = story.say(student, room, unique("secret")).json()
    at = tell(student, 1)[0]
    split_log(at)
    forget_before(at)

    def back():
        return teacher.get("/v1/events/poll", params={"after": message["event_id"] - 1})

    assert message["text"] in back().text
    with stream(teacher) as events:
        assert student.delete(f"/v1/messages/{message['id']}").status_code == 204
        events.wait("message.deleted")
    assert [e["kind"] for e in back().json()["events"]] == ["reset"]


@pytest.fixture
def cut(student):
    """A log whose events before this id are gone, and a process of chat that has none of them in memory."""
    tell(student, 100)
    at = tell(student, 20)[0]
    split_log(at)
    forget_before(at)
    stack.restart("chat-1")
    return at


def test_a_stream_older_than_the_log_is_reset_and_goes_on(cut, teacher, student, room):
    for old in (cut - 2, cut - 50, 1, 0):
        with stream(student, last_event_id=old) as events:
            reset = events.next()
            assert reset["event"] == "reset" and int(reset["id"]) == reset["data"]["cursor"] >= cut
            said = story.say(teacher, room, "after the reset").json()
            assert ids_of([events.wait("message.created")]) == [said["event_id"]]
            assert said["event_id"] > reset["data"]["cursor"]
    with stream(student, path=f"/v1/events?after={cut - 2}") as events:
        assert events.next()["event"] == "reset"


@pytest.mark.parametrize("wait", [0, 20], ids=["plain", "long"])
def test_a_poll_older_than_the_log_is_reset_at_once(cut, student, wait):
    for old in (cut - 2, cut - 50, 0):
        reply = student.get("/v1/events/poll", params={"after": old, "wait": wait})
        [reset] = reply.json()["events"]
        assert reset["kind"] == "reset" and cut <= reset["data"]["cursor"] == reply.json()["cursor"]
        assert "etag" not in reply.headers


def test_who_has_just_seen_what_is_gone_misses_nothing(cut, student):
    told = list(range(cut, cut + 20))
    assert [e["id"] for e in student.get("/v1/events/poll", params={"after": cut - 1, "wait": 20}).json()["events"]] == told
    with stream(student, last_event_id=cut - 1) as events:
        assert ids_of(events.next() for _ in told) == told


class Dawdler(Stream):
    """Begins to read when it is told to."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.reads = threading.Event()

    def _read(self):
        self.reads.wait()
        super()._read()


def test_a_slow_reader_whose_events_go_before_it_has_them_is_reset(school, teacher, student, room):
    after = cursor_now(student)
    told = [i for _ in range(12) for i in tell(student, 1000, size=1000)]
    for _ in range(12):
        tell(school.person(), 1000, size=1000)  # the process's memory holds these, and no more
    at = told[-1] + 1
    split_log(at)
    eventually(lambda: cursor_now(student) >= at)
    looks = stack.metric("chat-1", "ea_hub_log_reads_total")
    with Dawdler(student, last_event_id=after) as events:
        until("it is read for", lambda: stack.metric("chat-1", "ea_hub_log_reads_total") > looks)
        forget_before(at)
        events.reads.set()
        heard = []
        while (event := events.next())["event"] != "reset":
            heard.append(event)
        assert ids_of(heard) == told[: len(heard)] and len(heard) < len(told)
        assert event["data"]["cursor"] >= told[-1]
        said = story.say(teacher, room, "after the reset").json()
        assert ids_of([events.wait("message.created")]) == [said["event_id"]]


def test_a_write_during_a_drop_waits_and_is_saved(teacher, student, room):
    """The one moment that stops everybody: a table of the log going. It is over before anybody's patience is."""
    at = tell(student, 10)[0]
    name = split_log(at)
    until("all that goes is relayed", lambda: stack.value("SELECT id FROM cursors WHERE name = 'relay'") >= at)
    said = []
    talking = threading.Thread(target=lambda: said.append(story.say(teacher, room, "meanwhile")))
    connection = psycopg2.connect(os.environ["EA_PG"])
    with connection, connection.cursor() as c:
        c.execute("SELECT ea_events_drop(%s)", (name,))
        talking.start()
        until("somebody waits for the log", lambda: stack.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%events%%'") > 0)
    talking.join()
    connection.close()
    assert said[0].status_code == 201, said[0].text
    assert said[0].json()["text"] in [m["text"] for m in story.messages(student, room)]
