"""Signing in and out while what it leans on is away, and across the death of the process that does it."""

import concurrent.futures

import httpx
import pytest
from client import PASSWORD, Person, problem
from stack import await_ready, kill, names, stopped, until


def login(person, email, password):
    return person.post("/v1/auth/login", json={"email": email, "password": password})


def refresh(person):
    return person.post("/v1/auth/refresh", json={"refresh_token": person.refresh_token})


def refresh_over_an_own_connection(token):
    """The status; None when the connection was cut."""
    try:
        with Person() as client:
            return client.post("/v1/auth/refresh", json={"refresh_token": token}).status_code
    except httpx.TransportError:
        return None


def one_of_each(course):
    at = "/v1/courses/" + course["id"]
    return ["/v1/me", at + "/assignments", at + "/quizzes", at + "/rooms"]


def test_without_redis(school, course, student):
    """Nothing is lost but speed: people sign in and out, logouts hold everywhere, and guessing is still limited by each process itself."""
    victim = school.account()
    with stopped("redis"), Person() as guesser:
        fresh = school.login(student.email, PASSWORD)
        assert refresh(fresh).status_code == 200
        for path in one_of_each(course):
            assert fresh.get(path).status_code == 200, path
        assert fresh.post("/v1/auth/logout").status_code == 204
        for path in one_of_each(course):
            until(f"the logout holds at {path}", lambda p=path: fresh.get(p).status_code == 401)
        guesses = 10 * len(names("gateway"))
        for _ in range(guesses):
            assert login(guesser, victim["email"], "wrong-password").status_code in (401, 429)
        problem(login(guesser, victim["email"], PASSWORD), 429, "too-many-requests")
        assert student.get("/v1/me").status_code == 200
    assert login(school.anonymous(), student.email, PASSWORD).status_code == 200


def test_without_postgres(school, course, student):
    """What needs it says so and when to come back; nobody is told that they may not what they may."""
    assert student.get("/v1/me").status_code == 200
    with stopped("postgres"), Person() as other:
        problem(login(other, student.email, PASSWORD), 503, "unavailable")
        problem(refresh(student), 503, "unavailable")
        assert student.get("/v1/me").status_code in (200, 503)  # from memory, while what is known may be trusted
        until("closed sessions can no longer be known", lambda: student.get("/v1/me").status_code == 503)
        for path in one_of_each(course):
            problem(student.get(path), 503, "unavailable")
        problem(other.get("/readyz"), 503, "unavailable")
        assert other.get("/healthz").status_code == 200
    await_ready(*names("gateway", "assignment", "quiz", "chat"))
    for path in one_of_each(course):
        until(f"{path} is back", lambda p=path: student.get(p).status_code == 200)
    assert refresh(student).status_code == 200


@pytest.mark.parametrize("_", range(3))
def test_the_gateway_is_killed_while_a_session_goes_on(school, student, _):
    """Sessions outlive processes. A refresh whose reply is lost may be repeated; it is not taken for theft."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        under_way = [pool.submit(refresh_over_an_own_connection, student.refresh_token) for _ in range(4)]
        for name in names("gateway"):
            kill(name)
        assert {future.result() for future in under_way} <= {200, 502, 503, None}
    await_ready(*names("gateway"))
    assert student.get("/v1/me").status_code == 200
    again = refresh(student)
    assert again.status_code == 200, again.text
    student.become(again.json())
    assert student.get("/v1/me").status_code == 200
