"""Streams under strain: many at once, readers that are far behind or do not read, and a restart in the middle of it all. Whatever happens, everybody has every event once and in order."""

import contextlib
import pathlib
import socket
import ssl
import subprocess
import threading
import urllib.parse

import pytest
from client import CA, PATIENCE, URL, Stream, eventually, stream, unique
from listening import Listener, cursor_now, enrolled, ids_of, metric, say, say_surely, side_by_side, tell

ROOT = pathlib.Path(__file__).resolve().parents[2]
WINDOW = 16384  # events that a process keeps in memory


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
        told = tell(student, 12000, size=1000)
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
    after, replies = cursor_now(student), []
    eventually(lambda: metric("ea_hub_polls") == 0)
    with side_by_side(lambda: replies.append(student.tab().get("/v1/events/poll", params={"after": after, "wait": 30}))):
        eventually(lambda: metric("ea_hub_polls") == 1)
        done = subprocess.run([str(ROOT / "dev"), "restart", "chat"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert replies[0].status_code == 200 and replies[0].json()["events"] == []
    assert replies[0].json()["cursor"] >= after


def test_head_of_a_stream_is_its_head(student):
    reply = student.head("/v1/events")
    assert reply.status_code == 200 and reply.headers["content-type"] == "text/event-stream" and reply.content == b""
