"""Exams while things go wrong: killed processes, wrong clocks, and nobody there at the end. What was acknowledged stays, and counts once."""

import os
import random
import secrets
import time
import uuid
from datetime import datetime, timezone

import pytest
import stack
import story
from client import problem
from exam import Exam
from quizzes import RIGHT, begin, from_now, read, save, saved, set_quiz, submit

HOUR_S = 3600


@pytest.fixture
def seed():
    """Of what is answered and who dies when; shown when the test fails."""
    it = int(os.environ.get("EA_TEST_SEED") or secrets.randbits(32))
    print(f"EA_TEST_SEED={it}")
    return it


def test_kills_at_random_moments_lose_no_answer_and_grade_none_twice(school, seed):
    chance = random.Random(seed)
    doomed, died = [], 0
    with Exam(school, seed) as exam:
        while exam.goes_on(after=chance.randint(5, 40)):
            if not doomed:
                doomed = stack.names("quiz", "grader") + ["postgres"]
                chance.shuffle(doomed)
            time.sleep(0.05 * chance.random())  # not always right after a reply
            victim = doomed.pop()
            stack.kill(victim)
            stack.await_ready(victim)
            died += 1
    exam.check()
    assert died >= len(stack.names("quiz", "grader")) + 1, "the exam was over before everyone had died"


# --- nobody there ---------------------------------------------------------------------------------------------------------


def test_what_runs_out_while_nobody_is_there_was_submitted_at_its_end(teacher, course, student):
    attempt = begin(student, set_quiz(teacher, course, time_limit_s=HOUR_S, grace_s=0))
    saved(student, attempt, 1, 0, RIGHT["choice"])
    with stack.stopped(*stack.names(*stack.RESPONDERS, "grader")):
        end = "SELECT date_trunc('milliseconds', clock_timestamp()) + interval '100 ms' AS at"
        stack.rows(f"UPDATE attempts SET ends_at = at, late_at = at FROM ({end}) soon WHERE id = %s", attempt["id"])
        stack.until("its time is over", lambda: stack.value("SELECT clock_timestamp() > late_at FROM attempts WHERE id = %s", attempt["id"]))
        assert stack.value("SELECT state FROM attempts WHERE id = %s", attempt["id"]) == "in_progress"
    stack.until("it is graded", lambda: stack.value("SELECT state FROM attempts WHERE id = %s", attempt["id"]) == "graded")
    by, at_its_end, score = stack.rows("SELECT submitted_by, submitted_at = ends_at, score FROM attempts WHERE id = %s", attempt["id"])[0]
    assert (by, at_its_end, score) == ("server", True, 1000)
    problem(save(student, attempt, 2, 0, RIGHT["numeric"]), 409, "conflict")
    assert submit(student, attempt)["submitted_at"] == read(student, attempt)["ends_at"]
    for kind in ("attempt.submitted", "attempt.graded"):
        assert stack.value("SELECT count(*) FROM events WHERE kind = %s AND payload ->> 'attempt_id' = %s", kind, attempt["id"]) == 1


# --- wrong clocks ---------------------------------------------------------------------------------------------------------


def database_clock():
    return stack.value("SELECT clock_timestamp()")


def when(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def made_at(of):
    """What its maker's clock said: the first 48 bits of a UUID of version 7."""
    return datetime.fromtimestamp((uuid.UUID(of["id"]).int >> 80) / 1000, timezone.utc)


def test_deadlines_are_the_databases_when_the_responders_clock_is_an_hour_slow(teacher, course, student):
    """Without a grader, so that nobody but the responder says when it is too late."""
    quizzes = [set_quiz(teacher, course, **fields) for fields in (
        {"time_limit_s": HOUR_S, "grace_s": 0}, {"opens_at": from_now(seconds=HOUR_S / 2)}, {"opens_at": from_now(days=-1), "closes_at": from_now(seconds=-60)})]
    with stack.clock(-HOUR_S, *stack.names("quiz")), stack.stopped(*stack.names("grader")):
        before = database_clock()
        attempt = begin(student, quizzes[0])
        kept = saved(student, attempt, 1, 0, RIGHT["choice"])
        after = database_clock()
        assert (after - made_at(attempt)).total_seconds() > HOUR_S - 60, "its clock is right"
        for at in (attempt["started_at"], attempt["server_time"], kept["saved_at"]):
            assert -0.001 <= (when(at) - before).total_seconds() and when(at) <= after
        assert (when(attempt["ends_at"]) - when(attempt["started_at"])).total_seconds() == HOUR_S
        problem(student.post(f"/v1/quizzes/{quizzes[1]['id']}/attempts"), 409, "conflict")
        problem(student.post(f"/v1/quizzes/{quizzes[2]['id']}/attempts"), 410, "gone")
        stack.rows("UPDATE attempts SET ends_at = now() - interval '2 s', late_at = now() - interval '1 s' WHERE id = %s", attempt["id"])
        problem(save(student, attempt, 1, 1, {"choices": ["o2"]}), 410, "gone")
        assert stack.value("SELECT count(*) FROM answer_events WHERE attempt_id = %s", attempt["id"]) == 1


def test_a_responder_whose_clock_is_an_hour_fast_lets_nobody_in_and_ends_nothing(teacher, course, student):
    """To it every access token has expired. It says so and touches nothing, and once its clock is right all goes on."""
    attempt = begin(student, set_quiz(teacher, course, time_limit_s=HOUR_S // 2, grace_s=0))
    saved(student, attempt, 1, 0, RIGHT["choice"])
    with stack.clock(HOUR_S, *stack.names("quiz")):
        problem(save(student, attempt, 2, 0, RIGHT["numeric"]), 401, "unauthorized")
        problem(story.submit(student, attempt), 401, "unauthorized")
        assert student.get("/v1/me").status_code == 200
    saved(student, attempt, 2, 0, RIGHT["numeric"])
    assert read(student, attempt)["state"] == "in_progress"
    assert stack.rows("SELECT slot, rev FROM answer_events WHERE attempt_id = %s ORDER BY 1, 2", attempt["id"]) == [(1, 1), (2, 1)]
