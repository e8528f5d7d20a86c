"""How many streams somebody may have open: a refusal with words beyond that, and room again as soon as one is closed."""

import contextlib
import json

import httpx
import pytest
from client import eventually, problem, stream
from listening import cursor_now, metric, side_by_side

MOST = 50  # of one person in a process, unless EA_STREAMS_PER_USER says otherwise


@pytest.fixture
def many(student):
    """As many streams as one person may have."""
    with contextlib.ExitStack() as streams:
        yield [streams.enter_context(stream(student)) for _ in range(MOST)]


def is_refused(person):
    with stream(person) as events:
        if events.status == 200:
            return False
        assert events.status == 429
        assert events.response.getheader("Retry-After")
        said = json.loads(events.response.read())
        assert said["type"] == "/problems/too-many-requests" and str(MOST) in said["detail"]
        assert events.response.getheader("Content-Type") == "application/problem+json"
        return True


def test_one_stream_too_many_is_refused_with_words(school, student, teacher, many):
    assert {s.status for s in many} == {200}
    refused = metric("ea_hub_refused_total")
    assert is_refused(student)
    again = school.login(student.email, student.password)
    assert is_refused(again), "another session is the same person"
    assert metric("ea_hub_refused_total") == refused + 2
    with stream(teacher) as events:
        assert events.status == 200, "nobody else is refused"
    many[0].close()
    eventually(lambda: not is_refused(student))


def test_a_waiting_poll_takes_a_place_and_a_plain_one_none(student, many):
    problem(student.get("/v1/events/poll", params={"after": cursor_now(student), "wait": 20}), 429, "too-many-requests")
    assert student.get("/v1/events/poll").status_code == 200
    many[0].close()
    eventually(lambda: student.get("/v1/events/poll", params={"after": cursor_now(student), "wait": 1}).status_code == 200)


def test_places_come_back_however_a_stream_ends(school, student):
    """A logout ends them all; so many may be opened again."""
    session = school.login(student.email, student.password)
    with contextlib.ExitStack() as streams:
        opened = [streams.enter_context(stream(session)) for _ in range(MOST)]
        assert session.post("/v1/auth/logout").status_code == 204
        for one in opened:
            one.wait_end()

    def opened():
        events = stream(student).__enter__()
        if events.status == 200:
            return events
        events.close()
        return None

    with contextlib.ExitStack() as streams:
        for _ in range(MOST):
            streams.enter_context(contextlib.closing(eventually(opened)))


def test_a_poll_whose_client_has_left_takes_no_place(student):
    """On a bad network they are many, and each wanted to wait for long."""
    after = cursor_now(student)
    for _ in range(MOST + 10):
        with contextlib.closing(student.tab()) as poll, pytest.raises(httpx.ReadTimeout):
            poll.get("/v1/events/poll", params={"after": after, "wait": 30}, timeout=httpx.Timeout(60, read=0.2))


def test_polls_that_end_leave_their_places(student):
    after = cursor_now(student)
    for _ in range(3):
        replies = []
        with side_by_side(*(lambda: replies.append(student.tab().get("/v1/events/poll", params={"after": after, "wait": 1})) for _ in range(MOST // 2))):
            pass
        assert {r.status_code for r in replies} == {200}
