"""Streams end on purpose: at an age of their own, and where nginx counts too many behind one address. Nobody misses anything by it, and nobody waits for nothing."""

import json
import os
import subprocess
import threading

import pytest
import stack
import story
from client import eventually, stream, unique
from listening import Listener, enrolled, ids_of, say, side_by_side

AGE = 'ea_hub_ended_total{reason="age"}'


@pytest.fixture
def short_lives():
    stack.begin_anew(["chat-1"], {"EA_STREAM_AGE_S": "2"}, there=True)
    yield
    stack.begin_anew(["chat-1"], {"EA_STREAM_AGE_S": "2"}, there=False)


def test_streams_end_at_an_age_and_lose_nothing_by_it(short_lives, school, teacher, course):
    room, last = story.make_room(teacher, course), unique("last")
    listeners = [Listener(person, last) for person in enrolled(school, course, 4) for _ in range(5)]
    said, over = [], threading.Event()

    def talk():
        for listener in listeners:
            assert listener.listens.wait(stack.PATIENCE)
        while not over.is_set():
            said.append(say(teacher, room, unique("message"))["event_id"])
        said.append(say(teacher, room, last)["event_id"])

    with side_by_side(*listeners, talk):
        try:
            eventually(lambda: all(len(one.ends) >= 3 for one in listeners), within=2 * stack.PATIENCE)
        finally:
            over.set()
    for listener in listeners:
        assert ids_of(listener.heard) == said
        for retry, cursor, blank in listener.ends:
            assert retry.startswith("retry: ") and cursor.startswith("id: ") and blank == ""
    assert stack.metric("chat-1", AGE) >= 3 * len(listeners)


# --- one address ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def five_per_address():
    """nginx begins anew: what a worker had counted that was killed in an earlier test stays counted until then."""
    instance = {**os.environ, "EA_STREAMS_ADDRESS": "5"}
    subprocess.run([str(stack.ROOT / "dev"), "up"], env=instance, capture_output=True, check=True)
    stack.restart("nginx")
    yield
    subprocess.run([str(stack.ROOT / "dev"), "up"], env={**os.environ, "EA_STREAMS_ADDRESS": "12000"}, capture_output=True, check=True)


def test_too_many_streams_behind_one_address_are_refused(five_per_address, school, course):
    people = enrolled(school, course, 6)
    eventually(lambda: refused(people[5]) is None)  # nginx has taken its configuration
    streams = [eventually(lambda p=person: opened(p)) for person in people[:5]]  # nginx may still count the one before
    try:
        said = eventually(lambda: refused(people[5]))
        assert said["type"] == "/problems/too-many-requests" and said["instance"] == "/v1/events"
        assert people[5].get("/v1/me").status_code == 200
        assert people[5].get("/v1/events/poll").status_code == 200
        streams[0].close()
        eventually(lambda: refused(people[5]) is None)
    finally:
        for s in streams:
            s.close()


def opened(person):
    """A stream; None when it is refused."""
    events = stream(person).__enter__()
    if events.status == 200:
        return events
    events.close()
    return None


def refused(person):
    """The problem that a stream is answered with; None when it is opened."""
    with stream(person) as events:
        if events.status == 200:
            return None
        assert events.status == 429 and events.response.getheader("Retry-After")
        return json.loads(events.response.read())
