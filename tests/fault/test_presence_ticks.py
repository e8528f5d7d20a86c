"""Presence over three processes of chat: each stream is told once per tick at most, of everybody, wherever they say that they are there; and what becomes of it without Redis."""

import contextlib
import datetime
import os
import threading

import pytest
import stack
import story
from client import eventually, problem
from listening import enrolled, say, side_by_side

PROCESSES, TICK_S = 3, 1
# what the spacing of two messages may be short of a tick: they bear the wall clock, to the millisecond, while ticks are measured by another
CLOCKS_S = 0.05


@pytest.fixture(scope="module", autouse=True)
def three():
    usual = os.environ["EA_PRESENCE_S"]
    os.environ["EA_PRESENCE_S"] = str(TICK_S)
    stack.dev("up", "--chat", PROCESSES)
    yield stack.names("chat")
    os.environ["EA_PRESENCE_S"] = usual
    stack.dev("up", "--chat", 1)


def here(person):
    assert person.post("/v1/presence").status_code == 204


def asked(person, course):
    return person.get(f"/v1/rooms/{course['id']}/presence")


def moment(text):
    return datetime.datetime.fromisoformat(text)


def names(data):
    return [item["user_id"] for item in data["items"]]


def told(listener):
    return [e["data"] for e in listener.events if e["event"] == "presence"]


@contextlib.contextmanager
def saying_so(*people):
    """They say so without a pause."""
    over = threading.Event()

    def say_so(person):
        tab = person.tab()
        while not over.is_set():
            here(tab)
            over.wait(0.02)

    with side_by_side(*(lambda p=person: say_so(p) for person in people)):
        try:
            yield
        finally:
            over.set()


def test_a_stream_is_told_once_in_a_tick_of_everybody_wherever_they_are(three, school, teacher, course):
    people = enrolled(school, course, 6)
    with story.on_every_process(three, teacher) as streams:
        with saying_so(*people):
            for s in streams:
                for _ in range(4):
                    s.wait("presence")
        for s in streams:
            times = [moment(data["server_time"]) for data in told(s)]
            assert all((b - a).total_seconds() >= TICK_S - CLOCKS_S for a, b in zip(times, times[1:], strict=False)), times
            assert all(len(set(names(data))) == len(names(data)) for data in told(s))
            assert {user for data in told(s) for user in names(data)} == {person.id for person in people}


def test_who_is_seen_by_one_process_is_told_to_the_streams_of_all(three, teacher, student):
    with story.on_every_process(three, teacher) as streams:
        here(student)
        for s in streams:
            s.wait("presence", lambda data: student.id in names(data))


def known(person, course, who):
    """The answer once it shows them; they say so again until then, as a client does."""

    def look():
        here(who)
        reply = asked(person, course)
        return reply.status_code == 200 and who.id in names(reply.json()) and reply.json()

    return eventually(look)


def knows_less(person, course, who, before):
    """The answer once it tells that stamps of a later time than before may be missing; somebody says so until then, to processes that had lost something."""

    def look():
        here(who)
        reply = asked(person, course)
        return reply.status_code == 200 and moment(reply.json()["known_since"]) > least and reply.json()

    # what was whole for long is so for a quarter of an hour, which moves on by itself
    least = max(moment(before["known_since"]), moment(before["server_time"]) - datetime.timedelta(minutes=1))
    return eventually(look)


def test_without_redis_presence_is_unknown_and_nothing_else_suffers(three, school, teacher, student, course):
    [other] = enrolled(school, course, 1)
    before = known(teacher, course, student)
    with story.on_every_process(three, teacher) as streams:
        with stack.stopped("redis"):
            problem(asked(teacher, course), 503)
            with saying_so(student):
                for s in streams:  # each hears what its own process is told
                    s.wait("presence", lambda data: student.id in names(data))
            said = say(teacher, {"id": course["id"]}, "still here")
            for s in streams:
                s.wait("message.created", lambda data: data["id"] == said["id"])
        found = knows_less(teacher, course, other, before)
        assert student.id not in names(found), "Redis began anew"


def test_what_redis_forgot_is_told_to_be_unknown(school, teacher, student, course):
    [other] = enrolled(school, course, 1)
    before = known(teacher, course, student)
    stack.flush_redis()
    forgotten = knows_less(teacher, course, other, before)
    assert known(teacher, course, student)["known_since"] >= forgotten["known_since"]


def test_what_could_not_be_stamped_is_told_to_be_unknown(three, school, teacher, student, course):
    """Redis stood still and has forgotten nothing, but nobody could stamp meanwhile."""
    [other] = enrolled(school, course, 1)
    before = known(teacher, course, other)
    with story.on_every_process(three, teacher) as streams, stack.frozen(stack.pid("redis")), saying_so(student):
        for s in streams:  # so each process has tried
            s.wait("presence", lambda data: student.id in names(data))
    knows_less(teacher, course, other, before)
