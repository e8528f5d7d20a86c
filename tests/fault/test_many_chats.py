"""Several processes of chat behind nginx are one to those who talk: everything reaches everybody, whichever process holds their stream, and whoever of them dies."""

import contextlib
import threading

import pytest
import stack
import story
from client import eventually, stream, unique
from listening import Listener, cursor_now, enrolled, ids_of, say, say_surely, side_by_side
from responder import Request

PROCESSES = 3
STREAMS = 'ea_hub_streams'


@pytest.fixture(scope="module", autouse=True)
def three():
    stack.dev("up", "--chat", PROCESSES)
    yield stack.names("chat")
    stack.dev("up", "--chat", 1)


@pytest.fixture
def room(teacher, course):
    return story.make_room(teacher, course)


@contextlib.contextmanager
def on_every_process(three, person):
    """Streams of one person until each process holds one of them."""
    with contextlib.ExitStack() as opened:
        streams = []

        def spread():
            streams.append(opened.enter_context(stream(person)))
            return all(stack.metric(name, STREAMS) > before[name] for name in three)

        before = {name: stack.metric(name, STREAMS) for name in three}
        eventually(spread)
        yield streams


def test_news_and_typing_reach_the_streams_of_every_process_once(three, teacher, student, room):
    with on_every_process(three, student) as streams:
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
    with on_every_process(three, session) as streams, stream(student) as other:
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
    after, secret = cursor_now(student), unique("secret")
    message = say(teacher, room, secret)
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
