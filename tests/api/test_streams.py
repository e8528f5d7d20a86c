"""Streams under strain: many at once, readers that are far behind or do not read, and a restart in the middle of it all. Whatever happens, everybody has every event once and in order."""

import contextlib
import http.client
import os
import pathlib
import socket
import ssl
import subprocess
import threading
import urllib.parse
import urllib.request

import httpx
import psycopg2
import pytest
from client import CA, PATIENCE, URL, Stream, eventually, stream, unique

ROOT = pathlib.Path(__file__).resolve().parents[2]
WINDOW = 16384  # events that a process keeps in memory


@pytest.fixture
def room(teacher, course):
    reply = teacher.post(f"/v1/courses/{course['id']}/rooms", json={"name": "Questions", "kind": "discussion"})
    assert reply.status_code == 201, reply.text
    return reply.json()


def say(person, room, text, **fields):
    reply = person.post(f"/v1/rooms/{room['id']}/messages", json={"text": text} | fields)
    assert reply.status_code == 201, reply.text
    return reply.json()


def tell(person, n, size=0):
    """n events for one person at once, appended as every process appends: under the log's lock, which makes their ids gap-free."""
    connection = psycopg2.connect(os.environ["EA_PG"])
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(4242)")
        cursor.execute(
            """INSERT INTO events (id, topic, kind, payload)
               SELECT coalesce((SELECT max(id) FROM events), 0) + n, 'u:' || %s, 'attempt.changed', jsonb_build_object('n', n, 'text', repeat('x', %s))
               FROM generate_series(1, %s) n RETURNING id""",
            (person.id, size, n),
        )
        ids = [row[0] for row in cursor.fetchall()]
    connection.close()
    return ids


def cursor_now(person):
    return person.get("/v1/events/poll").json()["cursor"]


def metric(line):
    """Of all chat processes together."""
    total = 0
    for at in (value for name, value in os.environ.items() if name.startswith("EA_METRICS_CHAT")):
        with urllib.request.urlopen(at + "/metrics", timeout=PATIENCE) as answer:
            total += sum(float(told.rsplit(" ", 1)[1]) for told in answer.read().decode().splitlines() if told.startswith(line + " "))
    return total


def ids_of(events):
    return [int(e["id"]) for e in events]


def read(events, n):
    got = []
    for _ in range(n):
        event = events.next()
        assert event is not None, f"the stream ended after {len(got)} of {n} events"
        assert event["event"] == "attempt.changed"
        got.append(event)
    return got


# --- far behind -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3000, WINDOW + 3000], ids=["in memory", "in the database"])
def test_however_far_behind_every_event_comes_once_and_in_order(student, n):
    after = cursor_now(student)
    told = tell(student, n)
    with stream(student, last_event_id=after) as events:
        later = tell(student, 10)
        assert ids_of(read(events, n + 10)) == told + later


@pytest.mark.parametrize("n", [3000, WINDOW + 3000], ids=["in memory", "in the database"])
def test_polls_go_on_where_the_last_one_ended(student, n):
    after = cursor_now(student)
    told, got = tell(student, n), []
    while len(got) < n:
        reply = student.get("/v1/events/poll", params={"after": after, "wait": 20, "limit": 1000}).json()
        got += [e["id"] for e in reply["events"]]
        assert reply["cursor"] > after
        after = reply["cursor"]
    assert got == told


def test_who_was_removed_while_away_hears_nothing_of_the_room(admin, student, teacher, course, room):
    after = cursor_now(student)
    tell(student, 2000)
    reply = admin.delete(f"/v1/courses/{course['id']}/enrolments/{student.id}")
    assert reply.status_code in (200, 204), reply.text
    say(teacher, room, "not for you")
    tell(student, 2000)
    with stream(student, last_event_id=after) as events:
        read(events, 4000)
        say(teacher, room, "nor this")
        tell(student, 1)
        read(events, 1)


# --- readers that do not read ---------------------------------------------------------------------------------------------


class Deaf:
    """A stream that is opened and never read."""

    def __init__(self, person, last_event_id):
        at = urllib.parse.urlsplit(URL)
        plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(PATIENCE)
        plain.connect((at.hostname, at.port))
        tls = ssl.create_default_context(cafile=CA)
        self.socket = tls.wrap_socket(plain, server_hostname=at.hostname)
        self.socket.sendall(
            f"GET /v1/events HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {person.token}\r\nLast-Event-ID: {last_event_id}\r\n\r\n".encode()
        )
        assert self.socket.recv(12) == b"HTTP/1.1 200"

    def close(self):
        self.socket.close()


class Dawdler(Stream):
    """Begins to read when it is told to."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.reads = threading.Event()

    def _read(self):
        self.reads.wait()
        super()._read()


def test_a_slow_reader_keeps_its_stream(student):
    with Dawdler(student) as events:
        told = [i for _ in range(12) for i in tell(student, 1000, size=1000)]
        eventually(lambda: cursor_now(student) >= told[-1])
        events.reads.set()
        assert ids_of(read(events, len(told))) == told


def test_readers_that_are_behind_and_do_not_read_hold_no_thread(student, teacher, room):
    after = cursor_now(student)
    eventually(lambda: metric("ea_hub_streams") == 0)
    tell(student, 10000, size=1000)
    with contextlib.ExitStack() as open_streams:
        for _ in range(20):
            open_streams.enter_context(contextlib.closing(Deaf(student, after)))
        # the hub holds them all, so no thread of the pool does
        eventually(lambda: metric("ea_hub_streams") == 20)
        say(teacher, room, "still there")


# --- many -----------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def side_by_side(*work):
    """Runs each in a thread for the block; what one of them raises is raised at its end."""
    faults = []

    def guarded(do):
        try:
            do()
        except BaseException as fault:  # noqa: BLE001  (handed on below)
            faults.append(fault)

    threads = [threading.Thread(target=guarded, args=(do,)) for do in work]
    for t in threads:
        t.start()
    try:
        yield
    finally:
        for t in threads:
            t.join()
    if faults:
        raise faults[0]


def enrolled(school, course, n):
    people = [school.person() for _ in range(n)]
    for person in people:
        school.enrol(course, person)
    return people


def test_two_hundred_streams_opened_at_once(school, teacher, course, room):
    people = enrolled(school, course, 5)
    streams = [stream(person) for person in people for _ in range(40)]
    try:
        with side_by_side(*(s.__enter__ for s in streams)):
            pass
        assert {s.status for s in streams} == {200}
        said = [say(teacher, room, str(i))["event_id"] for i in range(5)]
        for s in streams:
            assert ids_of(s.wait("message.created") for _ in said) == said
    finally:
        for s in streams:
            s.close()


# --- a restart ------------------------------------------------------------------------------------------------------------


class Recorded(Stream):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.lines = []

    def _line(self, line):
        self.lines.append(line)
        super()._line(line)


class Listener:
    """Comes back whenever its stream ends, with the id that it has seen last, until it has heard `last`."""

    def __init__(self, person, last):
        self.person, self.last = person, last
        self.heard, self.ends, self.cursor = [], [], None
        self.listens = threading.Event()

    def __call__(self):
        while not self.heard or self.heard[-1]["data"]["text"] != self.last:
            try:
                self.listen()
            except (OSError, http.client.HTTPException):
                pass

    def listen(self):
        with Recorded(self.person, last_event_id=self.cursor) as events:
            if events.status != 200:
                return
            eventually(lambda: events.last_event_id is not None)
            self.listens.set()
            while (event := events.next(2 * PATIENCE)) is not None:
                self.heard.append(event)
                if event["data"].get("text") == self.last:
                    return
            self.cursor = events.last_event_id
            self.ends.append(events.lines[-3:])


def say_surely(person, room, text):
    """As a client does whose server is being restarted: again, with the same client id, until it is answered."""

    def attempt():
        try:
            reply = person.post(f"/v1/rooms/{room['id']}/messages", json={"text": text, "client_id": text})
        except httpx.TransportError:
            return None
        assert reply.status_code in (201, 502, 503), reply.text
        return reply.status_code == 201 and reply.json()

    return eventually(attempt, within=2 * PATIENCE)


def test_a_restart_loses_nothing_and_doubles_nothing(school, teacher, course, room):
    people, last = enrolled(school, course, 5), unique("last")
    listeners = [Listener(person, last) for person in people for _ in range(10)]
    over, said = threading.Event(), []

    def talk():
        for listener in listeners:
            assert listener.listens.wait(PATIENCE)
        while not over.is_set():
            said.append(say_surely(teacher, room, unique("message"))["event_id"])
        said.append(say_surely(teacher, room, last)["event_id"])

    with side_by_side(*listeners, talk):
        try:
            eventually(lambda: len(said) > 20)
            done = subprocess.run([str(ROOT / "dev"), "restart", "chat"], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
            before = len(said)
            eventually(lambda: len(said) > before + 20)
        finally:
            over.set()
    for listener in listeners:
        assert ids_of(listener.heard) == said
        retry, cursor, blank = listener.ends[0]
        assert retry.startswith("retry: ") and cursor.startswith("id: ") and blank == ""


def test_a_restart_answers_who_is_waiting(student):
    after, waiting = cursor_now(student), metric("ea_hub_polls")
    replies = []
    with side_by_side(lambda: replies.append(student.tab().get("/v1/events/poll", params={"after": after, "wait": 30}))):
        eventually(lambda: metric("ea_hub_polls") > waiting)
        done = subprocess.run([str(ROOT / "dev"), "restart", "chat"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert replies[0].status_code == 200 and replies[0].json()["events"] == []
    assert replies[0].json()["cursor"] >= after


def test_head_of_a_stream_is_its_head(student):
    reply = student.head("/v1/events")
    assert reply.status_code == 200 and reply.headers["content-type"] == "text/event-stream" and reply.content == b""
