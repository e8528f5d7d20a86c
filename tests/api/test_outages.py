"""Outages: measured, credited by the rule of a quiz, shown, undone. Here the pulse is set back by hand, which is what an outage leaves behind; real ones are in tests/fault."""

import contextlib
import math
import os

import psycopg2
import pytest
from client import Stream, eventually, faults, pages, problem
from quizzes import NOWHERE, RIGHT, begin, from_now, graded, read, result, save, saved, set_quiz, submit

ON = {"threshold_s": 5}
LENGTH_S = 20  # of an outage here, and whatever passes until the next beat


def query(sql, *values):
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else cursor.rowcount


@contextlib.contextmanager
def held_pulse():
    """Nobody knows whether the service is there, until what the block leaves of the pulse is committed."""
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute("SELECT at FROM quiz_pulse FOR UPDATE")
        yield cursor


def outage(seconds=LENGTH_S):
    """One that has just ended, settled: id and length in whole seconds."""
    with held_pulse() as cursor:
        cursor.execute("UPDATE quiz_pulse SET at = clock_timestamp() - %s * interval '1 second' RETURNING at", (seconds,))
        [[began]] = cursor.fetchall()
    [[of, length]] = eventually(lambda: query(
        "SELECT id::text, extract(epoch FROM ended_at - began_at) FROM outages WHERE began_at = %s AND settled_at IS NOT NULL", began))
    assert length >= seconds
    return of, math.ceil(length)


def aged(attempt, minutes=5):
    """It began so long ago, with its end where it is."""
    query("UPDATE attempts SET started_at = started_at - %s * interval '1 minute' WHERE id = %s", minutes, attempt["id"])
    return attempt


def end_of(attempt, column="ends_at"):
    [[at]] = query(f"SELECT {column} FROM attempts WHERE id = %s", attempt["id"])
    return at


def moved_s(attempt, do):
    """By how many seconds do() moves its end and the end of its grace, and what do() returned."""
    before = [end_of(attempt, c) for c in ("ends_at", "late_at")]
    got = do()
    after = [end_of(attempt, c) for c in ("ends_at", "late_at")]
    assert after[0] - before[0] == after[1] - before[1]
    return (after[0] - before[0]).total_seconds(), got


def listed(person, quiz):
    return pages(person, f"/v1/quizzes/{quiz['id']}/outages")


def undo(person, quiz, of):
    return person.delete(f"/v1/quizzes/{quiz['id']}/outages/{of}")


def audit(action, of):
    """Who did it, and the details, of each time that it was done to an attempt or a quiz."""
    return query("SELECT object, actor::text, detail FROM audit WHERE action = %s AND object_id = %s ORDER BY id", action, of["id"])


# ---- the rule of a quiz ----


def test_off_by_default_and_only_listed(teacher, course, student):
    quiz = set_quiz(teacher, course, time_limit_s=600)
    assert quiz["outage_credit"] is None
    attempt = aged(begin(student, quiz))
    seconds, (of, length) = moved_s(attempt, outage)
    assert seconds == 0 and read(student, attempt)["credited_s"] == 0
    [shown] = listed(teacher, quiz)
    assert (shown["id"], shown["seconds"], shown["attempts_open"], shown["attempts_credited"], shown["credited_s"]) == (of, length, 1, 0, 0)
    assert undo(teacher, quiz, of).status_code == 204
    assert listed(teacher, quiz) == [shown]


def test_the_rule_is_set_and_changed_like_any_setting(teacher, course, student):
    quiz = set_quiz(teacher, course, outage_credit={})
    path = f"/v1/quizzes/{quiz['id']}"
    assert quiz["outage_credit"] == {"threshold_s": 30, "max_s": 3600, "past_close": True} == student.get(path).json()["outage_credit"]
    assert teacher.change(path, {"outage_credit": {"max_s": 60}}).json()["outage_credit"] == {"threshold_s": 30, "max_s": 60, "past_close": True}
    assert teacher.change(path, {"outage_credit": {"threshold_s": 7, "past_close": False}}).json()["outage_credit"] == {"threshold_s": 7, "max_s": 60, "past_close": False}
    assert teacher.change(path, {"title": "Another"}).json()["outage_credit"] == {"threshold_s": 7, "max_s": 60, "past_close": False}
    assert teacher.change(path, {"outage_credit": None}).json()["outage_credit"] is None
    assert set_quiz(teacher, course, outage_credit=None)["outage_credit"] is None


@pytest.mark.parametrize("rule, expected", [
    ({"threshold_s": 4}, {"/outage_credit/threshold_s": "out-of-range"}),
    ({"threshold_s": 86401, "max_s": 0, "past_close": "yes"},
     {"/outage_credit/threshold_s": "out-of-range", "/outage_credit/max_s": "out-of-range", "/outage_credit/past_close": "type"}),
    ({"threshold": 5}, {"/outage_credit/threshold": "unknown"}),
    (True, {"/outage_credit": "type"}),
])
def test_faults_of_the_rule_are_told(teacher, course, rule, expected):
    assert faults(teacher.post(f"/v1/courses/{course['id']}/quizzes", json={"title": "T", "outage_credit": rule})) == expected


# ---- credits ----


def test_an_open_attempt_gets_the_time_back(school, teacher, course, student):
    assistant, other = school.person(), school.person()
    school.enrol(course, assistant, role="assistant")
    school.enrol(course, other)
    quiz = set_quiz(teacher, course, time_limit_s=600, grace_s=30, outage_credit=ON)
    attempt, done = aged(begin(student, quiz)), aged(begin(other, quiz))
    submit(other, done)
    with Stream(student) as news:
        seconds, (of, length) = moved_s(attempt, outage)
        told = news.wait("attempt.changed", lambda data: data["attempt_id"] == attempt["id"])["data"]
    now = read(student, attempt)
    assert seconds == length == now["credited_s"] == told["credited_s"] and told["ends_at"] == now["ends_at"] and now["grace_s"] == 30
    assert read(other, done)["credited_s"] == 0  # handed in before it was over
    assert query("SELECT count(*) FROM events WHERE kind = 'attempt.changed' AND topic IN (%s, %s)", f"u:{student.id}", f"u:{other.id}") == [(1,)]
    assert saved(student, attempt, 1, 0, RIGHT["choice"])["ends_at"] == now["ends_at"]
    assert audit("outage.credited", attempt) == [("attempt", None, {"outage_id": of, "seconds": length, "ends_at": now["ends_at"]})]
    [shown] = listed(teacher, quiz)
    assert shown["id"] == of and (shown["attempts_credited"], shown["credited_s"], shown["undone_at"], shown["undone_by"]) == (1, length, None, None)
    assert listed(assistant, quiz) == [shown]
    path = f"/v1/quizzes/{quiz['id']}/outages"
    problem(student.get(path), 403, "forbidden")
    problem(school.person().get(path), 404, "not-found")
    problem(undo(assistant, quiz, of), 403, "forbidden")
    problem(undo(student, quiz, of), 403, "forbidden")
    problem(undo(teacher, quiz, NOWHERE), 404, "not-found")
    problem(undo(school.person("staff"), quiz, of), 404, "not-found")
    assert read(student, attempt)["credited_s"] == length


def test_outages_below_the_threshold_and_gaps_of_a_few_beats_give_nothing(teacher, course, student):
    quiz = set_quiz(teacher, course, time_limit_s=600, outage_credit={"threshold_s": 600})
    attempt = aged(begin(student, quiz))
    seconds, _ = moved_s(attempt, outage)
    assert seconds == 0
    stood_still = True
    while stood_still:
        known = query("SELECT count(*) FROM outages"), listed(teacher, quiz)
        with held_pulse() as cursor:
            cursor.execute("UPDATE quiz_pulse SET at = clock_timestamp() - interval '1 second' RETURNING at")
            [[at]] = cursor.fetchall()
        [[beat]] = eventually(lambda: query("SELECT at FROM quiz_pulse WHERE at > %s", at))
        stood_still = (beat - at).total_seconds() > 5  # the machine: that is a true outage
    assert (query("SELECT count(*) FROM outages"), listed(teacher, quiz)) == known and len(known[1]) >= 1


def test_what_one_attempt_is_given_is_capped(teacher, course, student):
    quiz = set_quiz(teacher, course, time_limit_s=3600, outage_credit={"threshold_s": 5, "max_s": 30})
    attempt = aged(begin(student, quiz))
    assert moved_s(attempt, outage)[0] == read(student, attempt)["credited_s"] >= LENGTH_S
    moved_s(attempt, outage)
    assert read(student, attempt)["credited_s"] == 30
    assert moved_s(attempt, outage)[0] == 0
    first, second, third = listed(teacher, quiz)
    assert first["credited_s"] + second["credited_s"] == 30 and third["attempts_credited"] == 0
    path = f"/v1/quizzes/{quiz['id']}/outages"
    assert pages(teacher, path, limit=1) == [first, second, third] and first["began_at"] < second["began_at"] < third["began_at"]


def test_time_in_the_grace_comes_back_too_and_what_was_over_stays_over(school, teacher, course, student):
    other = school.person()
    school.enrol(course, other)
    quiz = set_quiz(teacher, course, time_limit_s=600, grace_s=60, outage_credit=ON)
    late, over = aged(begin(student, quiz), 20), aged(begin(other, quiz), 20)
    with held_pulse() as cursor:
        cursor.execute("UPDATE attempts SET ends_at = now() - interval '140 s', late_at = now() - interval '10 s' WHERE id = %s", (late["id"],))
        cursor.execute("UPDATE attempts SET ends_at = now() - interval '190 s', late_at = now() - interval '130 s' WHERE id = %s", (over["id"],))
        cursor.execute("UPDATE quiz_pulse SET at = clock_timestamp() - interval '100 s'")
    eventually(lambda: read(student, late)["credited_s"] > 0)
    assert saved(student, late, 1, 0, RIGHT["choice"])["rev"] == 1
    assert graded(other, over)["submitted_by"] == "server" and read(other, over)["credited_s"] == 0


@pytest.mark.parametrize("past_close", [True, False])
def test_the_closing_holds_or_not_as_the_rule_says(teacher, course, student, past_close):
    quiz = set_quiz(teacher, course, closes_at=from_now(minutes=10), time_limit_s=3600, outage_credit=ON | {"past_close": past_close})
    attempt = aged(begin(student, quiz))
    with Stream(student) as news:
        seconds, (_, length) = moved_s(attempt, outage)
        assert seconds == (length if past_close else 0)
        later = teacher.change(f"/v1/quizzes/{quiz['id']}", {"closes_at": from_now(minutes=20)}).json()
        told = [news.wait("attempt.changed")["data"] for _ in range(2 if past_close else 1)][-1]
    now = read(student, attempt)
    assert told["ends_at"] == now["ends_at"] and now["credited_s"] == length
    [[beyond]] = query("SELECT extract(epoch FROM a.ends_at - q.closes_at) FROM attempts a JOIN quizzes q ON q.id = a.quiz_id WHERE a.id = %s", attempt["id"])
    assert beyond == (length if past_close else 0) and later["closes_at"] <= now["ends_at"]


def test_keys_are_not_shown_while_somebody_works_in_credited_time(school, teacher, course, student):
    other = school.person()
    school.enrol(course, other)
    show = {"score": "on_submit", "key": "after_close", "feedback": "on_submit"}
    quiz = set_quiz(teacher, course, closes_at=from_now(minutes=10), grace_s=0, show=show, outage_credit=ON)
    working, done = aged(begin(student, quiz)), begin(other, quiz)
    submit(other, done)
    graded(other, done)
    outage()
    query("UPDATE quizzes SET closes_at = clock_timestamp() - interval '1 second' WHERE id = %s", quiz["id"])
    assert result(other, done)["shown"]["key"] is False
    submit(student, working)
    assert result(other, done)["shown"]["key"] is True


def test_an_accommodation_comes_on_top_of_a_credit(teacher, course, student):
    quiz = set_quiz(teacher, course, time_limit_s=600, outage_credit=ON)
    attempt = begin(student, quiz)
    query("UPDATE attempts SET started_at = started_at - interval '5 minutes', ends_at = ends_at - interval '5 minutes', late_at = late_at - interval '5 minutes' WHERE id = %s",
          attempt["id"])
    _, (of, length) = moved_s(attempt, outage)
    assert teacher.put(f"/v1/quizzes/{quiz['id']}/accommodations/{student.id}", json={"extra_minutes": 2}).status_code == 201
    lasts = "SELECT extract(epoch FROM ends_at - started_at) FROM attempts WHERE id = %s"
    assert query(lasts, attempt["id"]) == [(600 + 120 + length,)]
    assert undo(teacher, quiz, of).status_code == 204
    assert query(lasts, attempt["id"]) == [(600 + 120,)]


# ---- while nobody knows ----


def test_an_end_that_may_still_move_ends_nothing_and_refuses_nothing_for_good(teacher, course, student):
    """The pulse is held up, so no quiz process is known to serve after the end: the sweep leaves the attempt, a save and a submit are to come back later."""
    rules = (ON, None)
    credited, plain = [begin(student, set_quiz(teacher, course, time_limit_s=600, grace_s=0, outage_credit=rule, navigation="sequential")) for rule in rules]
    for attempt in (credited, plain):
        aged(attempt)
    journal = {"answers": [{"slot": 1, "rev": 0, "answer": RIGHT["choice"]}]}
    with held_pulse() as cursor:
        query("UPDATE attempts SET ends_at = now(), late_at = now() WHERE id IN (%s, %s)", credited["id"], plain["id"])
        eventually(lambda: query("SELECT state <> 'in_progress' FROM attempts WHERE id = %s", plain["id"]) == [(True,)])  # so the sweep has looked at both
        problem(save(student, credited, 1, 0, RIGHT["choice"]), 503, "try-again")
        path = f"/v1/attempts/{credited['id']}"
        [entry] = student.put(f"{path}/answers", json=journal).json()["answers"]
        assert (entry["status"], entry["type"]) == (503, "/problems/try-again")
        problem(student.post(f"{path}/next", json={"slot": 1}), 503, "try-again")
        for headers in ({}, {"Idempotency-Key": credited["id"]}):  # written with others, and alone
            problem(student.post(f"{path}/submit", headers=headers), 503, "try-again")
        assert student.post(f"/v1/quizzes/{credited['quiz_id']}/attempts").json()["id"] == credited["id"]
        assert read(student, credited)["state"] == read(teacher, credited)["state"] == "in_progress"
        problem(student.get(f"{path}/receipt"), 409, "conflict")
        assert result(student, credited)["state"] == "in_progress"
        cursor.execute("UPDATE quiz_pulse SET at = clock_timestamp() - interval '20 s'")
    eventually(lambda: read(student, credited)["credited_s"] > 0)
    saved(student, credited, 1, 0, RIGHT["choice"])
    assert student.post(f"{path}/next", json={"slot": 1}).status_code == 200
    submit(student, credited)
    assert graded(student, credited)["submitted_by"] == "student" and result(student, plain)["submitted_by"] == "server"


def test_an_end_stands_with_the_next_beat(teacher, course, student):
    """Without an outage nothing is different but a second at most."""
    attempt = begin(student, set_quiz(teacher, course, time_limit_s=1, grace_s=0, outage_credit=ON))
    assert graded(student, attempt)["submitted_by"] == "server"
    assert result(student, attempt)["submitted_at"] == attempt["ends_at"]
    problem(save(student, attempt, 1, 0, RIGHT["choice"]), 409, "conflict")


# ---- undone ----


def test_an_undo_takes_the_time_back_once(teacher, course, student):
    quiz = set_quiz(teacher, course, time_limit_s=3600, outage_credit=ON)
    attempt = aged(begin(student, quiz))
    _, (first, length) = moved_s(attempt, outage)
    _, (second, more) = moved_s(attempt, outage)
    assert read(student, attempt)["credited_s"] == length + more
    with Stream(student) as news:
        seconds, reply = moved_s(attempt, lambda: undo(teacher, quiz, first))
        told = news.wait("attempt.changed", lambda data: data["credited_s"] == more)["data"]
        assert (seconds, reply.status_code) == (-length, 204)
        seconds, reply = moved_s(attempt, lambda: undo(teacher, quiz, first))
        assert (seconds, reply.status_code) == (0, 204)
        seconds, _ = moved_s(attempt, lambda: undo(teacher, quiz, second))
        assert seconds == -more and news.wait("attempt.changed")["data"]["credited_s"] == 0  # so the second undo of the first told nothing
    now = read(student, attempt)
    assert now["credited_s"] == 0 and now["ends_at"] == attempt["ends_at"] and told["attempt_id"] == attempt["id"]
    assert audit("outage.undone", quiz) == [("quiz", teacher.id, {"outage_id": o, "attempts": 1, "seconds": s}) for o, s in ((first, length), (second, more))]
    one, two = listed(teacher, quiz)
    assert one["undone_by"] == two["undone_by"] == teacher.id and one["undone_at"] < two["undone_at"] and one["credited_s"] == length


def test_an_undo_ends_nothing_before_now_and_takes_no_answer_away(school, teacher, course, student):
    """Three are beyond their former end: one has a grace, one has none, one is handed in."""
    other, third = school.person(), school.person()
    for person in (other, third):
        school.enrol(course, person)
    quiz = set_quiz(teacher, course, time_limit_s=600, grace_s=30, outage_credit=ON)
    people = (student, other, third)
    attempts = [aged(begin(p, quiz), 20) for p in people]
    ends = "UPDATE attempts SET ends_at = now() - interval '5 s', late_at = now() - interval '5 s' + %s * interval '1 s' WHERE id = %s"
    with held_pulse() as cursor:
        for attempt, grace in zip(attempts, (30, 0, 30)):
            cursor.execute(ends, (grace, attempt["id"]))
        cursor.execute("UPDATE quiz_pulse SET at = clock_timestamp() - interval '100 s'")
    for person, attempt in zip(people, attempts):
        eventually(lambda: read(person, attempt)["credited_s"] >= 100)
        saved(person, attempt, 1, 0, RIGHT["choice"])
    receipt = submit(third, attempts[2])
    [shown] = listed(teacher, quiz)
    with Stream(student) as news:
        before = query("SELECT clock_timestamp()")[0][0]
        assert undo(teacher, quiz, shown["id"]).status_code == 204
        told = news.wait("attempt.changed", lambda data: data["credited_s"] == 0)["data"]
    graceful, bare = [end_of(a) for a in attempts[:2]]
    assert (before - graceful).total_seconds() < 0.001 and (before - bare).total_seconds() < 0.001
    assert told["ends_at"] == read(student, attempts[0])["ends_at"] and told["credited_s"] == 0
    saved(student, attempts[0], 2, 0, RIGHT["numeric"])  # in the grace, which begins now
    final = graded(other, attempts[1])
    assert final["submitted_by"] == "server" and final["score"]["points"] == 1
    done = graded(third, attempts[2])
    assert (done["submitted_by"], done["submitted_at"], done["score"]["points"]) == ("student", receipt["submitted_at"], 1)


# ---- many at once ----


def test_many_attempts_are_credited_in_several_transactions_and_each_once(teacher, course, student):
    quiz = set_quiz(teacher, course, time_limit_s=3600, outage_credit=ON)
    model = aged(begin(student, quiz))
    made = query("""
        WITH people AS (
            INSERT INTO users (id, email, name, role) SELECT gen_random_uuid(), gen_random_uuid() || '@many.example', 'Many ' || n, 'member'
            FROM generate_series(1, 450) AS n RETURNING id
        ) INSERT INTO attempts (id, quiz_id, course_id, user_id, number, seed, started_at, ends_at, late_at)
          SELECT gen_random_uuid(), a.quiz_id, a.course_id, p.id, 1, 0, a.started_at, a.ends_at, a.late_at FROM people p, attempts a WHERE a.id = %s""", model["id"])
    assert made == 450
    of, length = outage()
    assert query("SELECT count(*), min(credited_s), max(credited_s), count(DISTINCT ends_at) FROM attempts WHERE quiz_id = %s", quiz["id"]) == [(451, length, length, 1)]
    assert query("SELECT count(*) FROM events WHERE kind = 'attempt.changed' AND payload ->> 'quiz_id' = %s", quiz["id"]) == [(451,)]
    noted = "SELECT count(DISTINCT object_id), count(*) FROM audit n JOIN attempts a ON a.id = n.object_id WHERE n.action = 'outage.credited' AND a.quiz_id = %s"
    assert query(noted, quiz["id"]) == [(451, 451)]
    [shown] = listed(teacher, quiz)
    assert (shown["attempts_open"], shown["attempts_credited"], shown["credited_s"]) == (451, 451, 451 * length)
    assert undo(teacher, quiz, of).status_code == 204
    assert query("SELECT count(*) FROM attempts WHERE quiz_id = %s AND credited_s = 0", quiz["id"]) == [(451,)]
    query("UPDATE attempts SET state = 'graded', score = 0, submitted_by = 'server', submitted_at = ends_at WHERE quiz_id = %s", quiz["id"])  # nothing is left behind
