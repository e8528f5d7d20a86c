"""Attempts whose service goes away under them: the time is measured, given back once, and nothing ends or is refused before that, in whatever order things come back."""

import math
import os
import time
from datetime import timedelta

import psycopg2
import pytest
import stack
import story
from client import Stream
from quizzes import RIGHT, begin, read, save, saved, set_quiz

pytestmark = pytest.mark.workers

THRESHOLD_S = 5
LEFT_S = 10  # to the attempts' end when the outage begins; it lasts beyond that
HOUR_S = 3600


def now():
    return stack.value("SELECT clock_timestamp()")


def until_lasting(seconds, since):
    stack.until(f"it has lasted {seconds} s", lambda: now() > since + timedelta(seconds=seconds))


def outages(since):
    return stack.rows("SELECT id::text, began_at, ended_at FROM outages WHERE ended_at > %s ORDER BY began_at", since)


def outage_over(since):
    """The one that was settled since then."""
    stack.until("the outage is settled", lambda: stack.value("SELECT count(*) FROM outages WHERE settled_at > %s", since))
    [found] = outages(since)
    return found


class Pair:
    """An attempt whose quiz credits outages, and one of a quiz that does not."""

    def __init__(self, teacher, course, student):
        self.student = student
        self.credited, self.plain = [begin(student, set_quiz(teacher, course, time_limit_s=HOUR_S, grace_s=0, outage_credit=rule))
                                     for rule in ({"threshold_s": THRESHOLD_S}, None)]
        saved(student, self.credited, 1, 0, RIGHT["choice"])

    def end_in(self, seconds):
        """Of both."""
        [(self.end,), _] = stack.rows("""
            UPDATE attempts SET ends_at = at, late_at = at FROM (SELECT date_trunc('milliseconds', clock_timestamp()) + %s * interval '1 s' AS at) soon
            WHERE id IN (%s, %s) RETURNING at""", seconds, self.credited["id"], self.plain["id"])

    def await_sweep(self):
        """Whoever submitted the one has looked at the other."""
        stack.until("the one without credit is submitted", lambda: stack.value("SELECT state FROM attempts WHERE id = %s", self.plain["id"]) != "in_progress")

    def state(self):
        return stack.value("SELECT state FROM attempts WHERE id = %s", self.credited["id"])

    def check(self, outage, news):
        """It got the whole length, once, was told so, and its student goes on."""
        of, began, ended = outage
        length = math.ceil((ended - began).total_seconds())
        told = news.wait("attempt.changed", lambda data: data["attempt_id"] == self.credited["id"])["data"]
        story.again(lambda: save(self.student, self.credited, 2, 0, RIGHT["numeric"]), until=(200,))
        stack.await_ready(*stack.names("quiz"))
        here = read(self.student, self.credited)
        assert here["state"] == "in_progress" and here["credited_s"] == length and told["ends_at"] == here["ends_at"]
        assert stack.value("SELECT ends_at FROM attempts WHERE id = %s", self.credited["id"]) == self.end + timedelta(seconds=length)
        assert [s["answer"] for s in here["slots"][:2]] == [RIGHT["choice"], RIGHT["numeric"]]
        for what in ("FROM outage_credits WHERE attempt_id = %s", "FROM events WHERE kind = 'attempt.changed' AND payload ->> 'attempt_id' = %s",
                     "FROM audit WHERE action = 'outage.credited' AND object_id = %s"):
            assert stack.value(f"SELECT count(*) {what}", self.credited["id"]) == 1, what
        assert stack.value("SELECT count(*) FROM events WHERE payload ->> 'attempt_id' = %s AND kind <> 'attempt.changed'", self.credited["id"]) == 0
        submitted = story.again(lambda: story.submit(self.student, self.credited)).json()
        assert submitted["state"] == "submitted"


@pytest.fixture
def pair(teacher, course, student):
    return Pair(teacher, course, student)


# --- outages --------------------------------------------------------------------------------------------------------------


def test_an_end_in_an_outage_waits_for_its_credit(pair, student):
    """nginx and the grader are there, no quiz process is; the end comes and goes. The grader sees it and ends only the one that gets nothing back."""
    with Stream(student) as news:
        since = now()
        with stack.stopped(*stack.names("quiz")):
            gone = now()
            pair.end_in(LEFT_S)
            pair.await_sweep()
            assert pair.state() == "in_progress" and now() > gone + timedelta(seconds=THRESHOLD_S)
            still_gone = now()
        found = outage_over(since)
        assert found[1] <= gone and found[2] >= still_gone
        pair.check(found, news)
    length = math.ceil((found[2] - found[1]).total_seconds())
    for line, least in (("ea_outages_total", 1), ("ea_outage_seconds_total", length), ("ea_outage_credits_total", 1)):
        stack.until(f"{line} is told", lambda w=line, n=least: sum(stack.metric(name, w) for name in stack.names("quiz")) >= n)


def test_postgres_away_is_an_outage(pair, student):
    """Without PostgreSQL no stream lasts: who comes back with their cursor hears of the credit."""
    cursor = student.get("/v1/events/poll").json()["cursor"]
    since = now()
    pair.end_in(LEFT_S)
    ends = time.monotonic() + LEFT_S
    with stack.stopped("postgres"):
        stack.until("the end has passed", lambda: time.monotonic() > ends)
    found = outage_over(since)
    pair.await_sweep()
    stack.await_ready(*stack.names("chat"))
    with Stream(student, last_event_id=cursor) as news:
        pair.check(found, news)


@pytest.mark.parametrize("down", ["quiz-1", "quiz-2", "grader"])
def test_what_leaves_the_service_there_is_no_outage(pair, student, down):
    rev, since = 1, now()
    with stack.stopped(down):
        while now() < since + timedelta(seconds=THRESHOLD_S + 3):
            reply = story.again(lambda r=rev: student.put(f"/v1/attempts/{pair.credited['id']}/answers/1", json={"rev": r, "answer": RIGHT["choice"]}))
            rev = reply.json()["rev"]
            time.sleep(0.1)  # as often as that is enough
        assert stack.value("SELECT at > clock_timestamp() - %s * interval '1 s' FROM quiz_pulse", THRESHOLD_S)
    assert outages(since) == [] and read(student, pair.credited)["credited_s"] == 0


def test_outages_are_measured_by_the_databases_clock(pair, student):
    with stack.clock(-HOUR_S, *stack.names("quiz")), Stream(student) as news:
        since = now()
        with stack.stopped(*stack.names("quiz")):
            gone = now()
            pair.end_in(LEFT_S)
            until_lasting(LEFT_S + 1, gone)
            still_gone = now()
        found = outage_over(since)
        there = now()
        assert since - timedelta(seconds=THRESHOLD_S) <= found[1] <= gone and still_gone <= found[2] <= there
        pair.check(found, news)


# --- several at once ------------------------------------------------------------------------------------------------------


def test_however_many_find_an_outage_it_is_credited_once(pair, student):
    """Two graders look for ends while all quiz processes stand at the pulse, each with its next beat; then they are let go at once."""
    stack.rows("UPDATE attempts SET started_at = started_at - interval '1 minute' WHERE id = %s", pair.credited["id"])
    stack.dev("up", "--grader", 2)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'quiz-pulse' AND wait_event_type = 'Lock'"
    try:
        since, lengths = now(), []
        for _ in range(5):
            with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
                cursor.execute("SELECT 1 FROM quiz_pulse FOR UPDATE")
                pair.end_in(0)
                stack.until("all stand at the pulse", lambda: stack.value(waiting) == len(stack.names("quiz")) > 1)
                cursor.execute("UPDATE quiz_pulse SET at = clock_timestamp() - interval '20 s'")
            done = len(lengths) + 1
            stack.until("the outage is settled", lambda n=done: stack.value("SELECT count(*) FROM outages WHERE settled_at > %s", since) == n)
            _, began, ended = outages(since)[-1]
            lengths.append(math.ceil((ended - began).total_seconds()))
            at, credited = stack.rows("SELECT ends_at, credited_s FROM attempts WHERE id = %s", pair.credited["id"])[0]
            assert at == pair.end + timedelta(seconds=lengths[-1]) and credited == sum(lengths) and pair.state() == "in_progress"
        pair.await_sweep()
    finally:
        stack.dev("up", "--grader", 1)
    assert pair.state() == "in_progress"
    assert len(outages(since)) == len(lengths)
