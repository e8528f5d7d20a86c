"""PostgreSQL, Redis or RabbitMQ away for ten seconds: who needs it is told to come back, the rest goes on, and afterwards everything drains."""

import contextlib
import time

import pytest
import stack
import story
from checker import Life
from client import problem
from stack import until

AWAY_S = 10
BLIND = 'ea_hub_ended_total{reason="blind"}'


@contextlib.contextmanager
def away(server):
    with stack.stopped(server):
        begin = time.monotonic()
        yield
        time.sleep(max(0, begin + AWAY_S - time.monotonic()))


def comes_back_later(reply):
    problem(reply, 503)
    assert int(reply.headers["retry-after"]) >= 1


def without_postgres(life, person, relay, worker):
    attempt = story.start(person, life.quiz)
    ended = stack.metric("chat-1", BLIND)
    with away("postgres"):
        until("neither is ready", lambda: not relay.is_ready() and not worker.is_ready())
        comes_back_later(story.say(person, life.room, "hello"))
        comes_back_later(story.save(person, attempt, 1, 0, "word"))
        comes_back_later(story.hand_in(person, life.assignment, "words", key="a-key-of-the-outage"))
        comes_back_later(person.get("/v1/courses"))
        comes_back_later(person.post("/v1/auth/login", json={"email": person.email, "password": person.password}))
        comes_back_later(person.get("/readyz"))
        # a remembered session may have been closed without anybody's knowing: it counts no longer than the log can be read
        until("no token is trusted any more", lambda: person.get("/v1/me").status_code == 503)
        for path in ("/healthz", "/version", "/.well-known/jwks.json", "/v1/openapi.json"):
            assert person.get(path).status_code == 200, path
        until("nobody listens to silence", lambda: stack.metric("chat-1", BLIND) >= ended + len(life.students))


def without_redis(life, person, relay, worker):
    with away("redis"):
        comes_back_later(person.post("/v1/events/ticket"))
        life.goes_on()
        heard = [len(s.listener.heard) for s in life.students]
        until("the news arrives", lambda: all(len(s.listener.heard) > n for s, n in zip(life.students, heard)))
        assert person.post("/v1/auth/login", json={"email": person.email, "password": person.password}).status_code == 200
        assert person.get("/readyz").status_code == 200


def without_rabbitmq(life, person, relay, worker):
    with away("rabbitmq"):
        until("neither is ready", lambda: not relay.is_ready() and not worker.is_ready())
        life.goes_on()
        given = story.hand_in(person, life.assignment, "words")
        assert given.status_code == 201
        assert person.get("/readyz").status_code == 200
    path = f"/v1/submissions/{given.json()['id']}"
    until("it is graded", lambda: person.get(path).json()["state"] == "graded")


@pytest.mark.parametrize("without", [without_postgres, without_redis, without_rabbitmq], ids=lambda f: f.__name__)
def test_a_server_is_away_for_ten_seconds(school, rig, without):
    """For people with all of the stack, and for the jobs of a relay and a worker of which every single one is counted."""
    before, slow = rig.jobs("test.done", 3000), rig.jobs("test.fail_twice", 3)
    relay, worker = rig.relay(), rig.worker()
    until("it works", lambda: len(rig.effects()) > 0)
    with Life(school) as life:
        without(life, enrolled(school, life), relay, worker)
        life.goes_on()
        after = rig.jobs("test.done", 100)
    until("both are ready", lambda: relay.is_ready() and worker.is_ready())
    until("all is done", lambda: rig.done(before + slow + after))
    rig.once(before + slow + after)
    assert rig.dead() == {}
    # no attempt was counted for the time without the server
    others = "(payload->>'of')::bigint <> ALL (ARRAY[%s]::bigint[])" % ",".join(map(str, slow))
    assert rig.sql(f"SELECT DISTINCT payload->>'attempt' FROM events WHERE kind = 'test.effect' AND {others}") == "0"
    assert (relay.deaths, worker.deaths) == (0, 0)
    life.check()


def enrolled(school, life):
    person = school.person()
    school.enrol({"id": life.room["course_id"]}, person)
    return person
