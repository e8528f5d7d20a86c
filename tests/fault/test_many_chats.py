"""Several processes of chat behind nginx are one to those who talk: everything reaches everybody, whichever process holds their stream, and whoever of them dies."""

import contextlib
import threading

import pytest
import stack
import story
from client import eventually, problem, stream, unique
from listening import Listener, enrolled, ids_of, say, say_surely, side_by_side
from responder import Request
from wire import wired

PROCESSES = 3
BLIND = 'ea_hub_ended_total{reason="blind"}'


@pytest.fixture(scope="module", autouse=True)
def three():
    stack.dev("up", "--chat", PROCESSES)
    yield stack.names("chat")
    stack.dev("up", "--chat", 1)


def test_news_and_typing_reach_the_streams_of_every_process_once(three, teacher, student, room):
    with story.on_every_process(three, student) as streams:
        assert teacher.post(f"/v1/rooms/{room['id']}/typing").status_code == 204
        for s in streams:
            typing = s.wait("typing")
            assert typing["data"] == {"room_id": room["id"], "user_id": teacher.id}
        said = [say(teacher, room, str(n))["event_id"] for n in range(10)]
        for s in streams:
            assert ids_of(s.wait("message.created") for _ in said) == said
            assert [e["event"] for e in s.events].count("typing") == 1


def test_a_logout_ends_the_streams_of_every_process(three, school, teacher, student, room):
    session = school.login(student.email, student.password)
    with story.on_every_process(three, session) as streams, stream(student) as other:
        assert session.post("/v1/auth/logout").status_code == 204
        for s in streams:
            s.wait_end()
        said = say(teacher, room, "not for a closed session")["event_id"]
        assert ids_of([other.wait("message.created")]) == [said]
        assert all(said not in ids_of(s.events) for s in streams)


def test_polls_go_from_process_to_process_and_miss_nothing(teacher, student, room):
    after = student.get("/v1/events/poll").json()["cursor"]
    said, heard = [], []

    def talk():
        tab = teacher.tab()
        for n in range(60):
            said.append(say(tab, room, str(n))["event_id"])

    def follow():
        tab, cursor = student.tab(), after
        while len(heard) < 60:
            reply = tab.get("/v1/events/poll", params={"after": cursor, "wait": 20}).json()
            assert "reset" not in [e["kind"] for e in reply["events"]]
            heard.extend(e["id"] for e in reply["events"] if e["kind"] == "message.created")
            cursor = reply["cursor"]

    with side_by_side(talk, follow):
        pass
    assert heard == said


def test_processes_that_are_killed_one_after_the_other_lose_nothing(three, school, teacher, course, room):
    last = unique("last")
    listeners = [Listener(person, last) for person in enrolled(school, course, 4) for _ in range(6)]
    said, over = [], threading.Event()

    def talk():
        for listener in listeners:
            assert listener.listens.wait(stack.PATIENCE)
        while not over.is_set():
            said.append(say_surely(teacher, room, unique("message"))["event_id"])
        said.append(say_surely(teacher, room, last)["event_id"])

    with side_by_side(*listeners, talk):
        try:
            for name in [*three, *three]:
                before = len(said)
                eventually(lambda b=before: len(said) > b + 5)
                stack.kill(name)
                stack.await_ready(name)
        finally:
            over.set()
    for listener in listeners:
        assert ids_of(listener.heard) == said
    assert sum(len(listener.ends) for listener in listeners) > 0


# --- what was taken back --------------------------------------------------------------------------------------------------


def asked(name, person, path, query="", method="GET"):
    """What one of them answers, past nginx."""
    request = Request(name, person, path, query, method)
    try:
        return request.read().decode()
    finally:
        request.close()


@pytest.mark.parametrize("how", ["deleted", "hidden"])
def test_every_process_forgets_what_was_taken_back(three, teacher, student, room, how):
    secret = unique("secret")
    message = say(teacher, room, secret)
    after = message["event_id"] - 1
    path = f"/v1/messages/{message['id']}" + ("/hidden" if how == "hidden" else "")

    def tells(name):
        answer = asked(name, student, "/v1/events/poll", f"after={after}")
        return secret in answer, "message.created" in answer and answer.count('"event_id"') == 2

    for name in three:
        eventually(lambda n=name: tells(n) == (True, False))
    first, *others = three
    with stack.frozen(stack.pid(others[-1])):  # it reads of it later
        assert "Status: 204" in asked(first, teacher, path, method="DELETE" if how == "deleted" else "PUT")
        for name in three[:-1]:
            eventually(lambda n=name: tells(n) == (False, True))
    eventually(lambda: tells(others[-1]) == (False, True))


# --- one of them is blind -------------------------------------------------------------------------------------------------


@pytest.fixture
def blind(three):
    """One that is cut off from PostgreSQL: (its name, what cuts it off)."""
    with wired(three[1]) as [wire]:
        yield three[1], wire.cut


def blind_now(three, student, blind):
    name, cut = blind
    with story.on_every_process(three, student):
        before = stack.metric(name, BLIND)
        cut()
        eventually(lambda: stack.metric(name, BLIND) > before)


def test_those_who_listened_to_a_blind_process_are_with_the_others_at_once(three, blind, teacher, student, room):
    name, cut = blind
    with story.on_every_process(three, student) as streams, contextlib.ExitStack() as opened:
        before = stack.metric(name, BLIND)
        said = [say(teacher, room, "before")["event_id"]]
        for s in streams:
            assert ids_of([s.next()]) == said
        cut()
        said.append(say_surely(teacher, room, unique("while it is blind"))["event_id"])
        ended = [s for s in streams if s.next() is None]  # the others have heard it
        assert ended
        stack.until("each is counted", lambda: stack.metric(name, BLIND) - before == len(ended))
        again = [opened.enter_context(stream(student, last_event_id=s.last_event_id)) for s in ended]
        assert {s.status for s in again} == {200}
        for s in again:
            assert ids_of([s.next()]) == said[1:]
        said.append(say_surely(teacher, room, unique("after"))["event_id"])
        for s in again + [s for s in streams if s not in ended]:
            assert ids_of([s.next()]) == said[2:]


def test_whoever_asks_for_events_is_answered_by_one_that_sees(three, blind, teacher, student, room):
    blind_now(three, student, blind)
    said = say_surely(teacher, room, unique("message"))["event_id"]
    after = said - 1
    for _ in range(2 * PROCESSES):
        with stream(student, last_event_id=after) as events:
            assert events.status == 200 and ids_of([events.wait("message.created")]) == [said]
        ticket = story.again(lambda: student.post("/v1/events/ticket")).json()["ticket"]
        with stream(None, path=f"/v1/events?ticket={ticket}&after={after}") as events:
            assert events.status == 200 and ids_of([events.wait("message.created")]) == [said]
        for wait in (0, 20):
            reply = student.get("/v1/events/poll", params={"after": after, "wait": wait})
            assert [e["id"] for e in reply.json()["events"]] == [said]


def test_what_is_written_to_a_blind_process_is_refused_and_not_handed_on(three, blind, student, room):
    blind_now(three, student, blind)
    refused = []

    def write():
        text = unique("message")
        reply = story.say(student, room, text)
        assert reply.status_code in (201, 503)
        if reply.status_code == 503:
            refused.append(text)
        return refused

    eventually(write)
    assert stack.value("SELECT count(*) FROM messages WHERE text = ANY (%s)", refused) == 0


def test_where_nobody_sees_everybody_is_told_when_to_come_again(three, blind, student):
    blind_now(three, student, blind)
    with stack.stopped(*(name for name in three if name != blind[0])):
        for _ in range(2 * PROCESSES):
            problem(student.get("/v1/events/poll"), 503)
            with stream(student) as events:
                assert events.status == 503 and int(events.response.getheader("Retry-After")) >= 1
