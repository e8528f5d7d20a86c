"""A process that cannot read the event log does not let anybody think that nothing happens: streams end, polls are refused, and who comes back once it sees hears all that was said, once."""

import contextlib

import pytest
import stack
import story
from checker import Listener
from client import eventually, problem, stream
from listening import Recorded, append, cursor_now, enrolled, ids_of, say, say_surely, side_by_side, tell
from stack import until
from wire import wired

BLIND = 'ea_hub_ended_total{reason="blind"}'
POLLS = "ea_hub_polls"


@pytest.fixture(scope="module")
def wire():
    with wired("chat-1") as [wire]:
        yield wire


@pytest.fixture(params=["cut", "die"])
def break_off(request, wire):
    yield getattr(wire, request.param)
    wire.mend()
    stack.await_ready("chat-1")


def refused(person, after):
    """Nobody new is taken, over any transport; each is told when to come again."""
    for wait in (0, 20):
        problem(person.get("/v1/events/poll", params={"after": after, "wait": wait}), 503, "unavailable")
    with stream(person, last_event_id=after) as events:
        assert events.status == 503 and int(events.response.getheader("Retry-After")) >= 1


def test_who_listens_is_told_and_misses_nothing(wire, break_off, student):
    before, ended = tell(student, 2), stack.metric("chat-1", BLIND)
    until("it has read them", lambda: cursor_now(student) >= before[-1])
    answers = []

    def wait_for_news():
        answers.append(student.tab().get("/v1/events/poll", params={"after": before[-1], "wait": 30}))

    with contextlib.ExitStack() as opened:
        streams = [opened.enter_context(Recorded(student, last_event_id=before[0] - 1)) for _ in range(3)]
        for s in streams:
            assert ids_of([s.next(), s.next()]) == before
        with side_by_side(wait_for_news, wait_for_news):
            until("two polls wait", lambda: stack.metric("chat-1", POLLS) == 2)
            break_off()
            missed = append(student, 5)
        for s in streams:
            s.wait_end()
            assert ids_of(s.events) == before
            retry, last, blank = s.lines[-3:]
            assert retry.startswith("retry: ") and last == f"id: {before[-1]}" and blank == ""
    for answer in answers:
        problem(answer, 503, "unavailable")
    until("each is counted", lambda: stack.metric("chat-1", BLIND) == ended + len(streams))
    assert not stack.is_ready("chat-1")
    refused(student, before[-1])
    wire.mend()
    stack.await_ready("chat-1")
    later = tell(student, 2)
    with stream(student, last_event_id=before[-1]) as events:
        assert ids_of(events.wait("attempt.changed") for _ in missed + later) == missed + later
    heard, cursor = [], before[-1]
    while len(heard) < len(missed + later):
        page = student.get("/v1/events/poll", params={"after": cursor, "wait": 20}).json()
        heard += [e["id"] for e in page["events"]]
        cursor = page["cursor"]
    assert heard == missed + later


def test_a_closed_session_does_not_live_on_where_nobody_hears_of_it(wire, break_off, school, student):
    session = school.login(student.email, student.password)
    with stream(session) as mine:
        eventually(lambda: mine.last_event_id is not None)
        break_off()
        assert session.post("/v1/auth/logout").status_code == 204
        append(student, 1)
        mine.wait_end()
        assert mine.events == []
    wire.mend()
    stack.await_ready("chat-1")
    problem(session.get("/v1/events/poll"), 401)
    with stream(session) as mine:
        assert mine.status == 401


def test_what_people_follow_is_asked_again_after_blindness(wire, break_off, student):
    """What is read on then may be the log of a database that took over, and has lost something."""
    asked = 'ea_hub_topics_total{from="database"}'
    tell(student, 1)  # so that nothing changes of what they follow
    cursor_now(student)
    before = stack.metric("chat-1", asked)
    cursor_now(student)
    assert stack.metric("chat-1", asked) == before
    break_off()
    until("it is blind", lambda: not stack.is_ready("chat-1"))
    wire.mend()
    stack.await_ready("chat-1")
    until("it takes people in", lambda: student.get("/v1/events/poll").status_code == 200)
    assert stack.metric("chat-1", asked) == before + 1
    cursor_now(student)
    assert stack.metric("chat-1", asked) == before + 1


# --- PostgreSQL itself ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def paused():
    """Alive, and saying nothing."""
    postmaster = stack.pid("postgres")
    with contextlib.ExitStack() as still:
        for process in [postmaster, *stack.children(postmaster)]:
            still.enter_context(stack.frozen(process))
        yield


@contextlib.contextmanager
def gone():
    with stack.stopped("postgres"):
        yield


@pytest.mark.parametrize("away", [paused, gone], ids=lambda f: f.__name__)
def test_what_is_said_around_an_outage_is_heard_once(school, teacher, course, away):
    room, ended = story.make_room(teacher, course), stack.metric("chat-1", BLIND)
    listeners = [Listener(person) for person in enrolled(school, course, 3) for _ in range(4)]
    try:
        until("all listen", lambda: all(one.opened for one in listeners))
        said = [say(teacher, room, str(n))["event_id"] for n in range(5)]
        with away():
            until("all streams are ended", lambda: stack.metric("chat-1", BLIND) >= ended + len(listeners))
            comes_back_later = teacher.get("/v1/events/poll")
            problem(comes_back_later, 503)
        said += [say_surely(teacher, room, f"{away.__name__} {n}")["event_id"] for n in range(5)]
        for one in listeners:
            until("all is heard", lambda o=one: len(o.ids("message.created")) >= len(said))
            assert one.ids("message.created") == said and one.opened > 1
    finally:
        for one in listeners:
            one.stop()
