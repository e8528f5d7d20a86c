"""What an attempt leaves behind: what its student's client reports, the flags of its slots, the time line that teachers read, and the marks that people gave."""

import concurrent.futures
import itertools
import os

import psycopg2
import pytest
from client import eventually, faults, pages, problem, unique
from quizzes import NOWHERE, RIGHT, add_item, bank, begin, from_now, graded, read, saved, set_quiz, slot_of, submit, tab
from test_outages import ON, aged, held_pulse, outage, undo

ESSAY = {"kind": "essay", "stem": "Why are leaves green?", "points": 5, "definition": {}}
CLIENT_TIME = "2020-02-03T04:05:06.789Z"  # a clock that is years behind

_keys = itertools.count()


def entry(kind, slot=None, key=None, at=CLIENT_TIME):
    return {"key": key or f"tab-{next(_keys)}", "kind": kind, "at": at} | ({} if slot is None else {"slot": slot})


def report(person, attempt, *entries):
    return person.post(f"/v1/attempts/{attempt['id']}/events", json={"events": list(entries)})


def reported(person, attempt, *entries):
    reply = report(person, attempt, *entries)
    assert reply.status_code == 200, reply.text
    return reply.json()


def log(person, attempt, **params):
    return pages(person, f"/v1/attempts/{attempt['id']}/log", **params)


def kinds(entries):
    return [e["kind"] for e in entries]


def flags(person, attempt):
    return [s["slot"] for s in read(person, attempt)["slots"] if s["flagged"]]


def stored(attempt):
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute("SELECT kind, count(*) FROM attempt_events WHERE attempt_id = %s GROUP BY kind", (attempt["id"],))
        return dict(cursor.fetchall())


def set_end(attempt, ends, late):
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute(f"UPDATE attempts SET ends_at = now() + interval '{ends}', late_at = now() + interval '{late}' WHERE id = %s", (attempt["id"],))


@pytest.fixture
def attempt(teacher, course, student):
    return begin(student, set_quiz(teacher, course))


# ---- reports ----


def test_a_report_is_kept_with_both_clocks(teacher, student, attempt):
    entries = [entry("focus_lost"), entry("viewed", 2), entry("pasted"), entry("copied", 3), entry("focus_gained")]
    assert reported(student, attempt, *entries) == {"added": 5, "known": 0}
    seen = [e for e in log(teacher, attempt) if e["source"] == "client"]
    assert [(e["kind"], e["slot"], e["detail"]) for e in seen] == [(e["kind"], e.get("slot"), {"key": e["key"]}) for e in entries]
    assert {e["client_at"] for e in seen} == {CLIENT_TIME} and {e["by"] for e in seen} == {student.id}
    assert all(attempt["started_at"] <= e["at"] <= read(student, attempt)["server_time"] for e in seen)


def test_a_report_that_comes_again_adds_nothing(teacher, student, attempt):
    one, two, three = entry("focus_lost"), entry("flagged", 1), entry("offline")
    assert reported(student, attempt, one, two) == {"added": 2, "known": 0}
    assert reported(student, attempt, one, two) == {"added": 0, "known": 2}
    assert reported(student, attempt, three, two, three) == {"added": 1, "known": 2}
    assert reported(student, attempt, entry("online", key=one["key"])) == {"added": 0, "known": 1}  # what was said first holds
    assert stored(attempt) == {"focus_lost": 1, "flagged": 1, "offline": 1}


def test_the_same_report_many_times_at_once(student, attempt):
    entries = [entry("focus_lost") for _ in range(20)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda t: reported(t, attempt, *entries), [tab(student) for _ in range(8)]))
    assert sum(r["added"] for r in replies) == 20 and all(r["added"] + r["known"] == 20 for r in replies)
    assert stored(attempt) == {"focus_lost": 20}


def test_flags_are_there_on_another_device(student, attempt):
    assert flags(student, attempt) == []
    reported(student, attempt, entry("flagged", 1), entry("flagged", 3))
    assert flags(tab(student), attempt) == [1, 3]
    reported(tab(student), attempt, entry("unflagged", 1), entry("flagged", 2), entry("unflagged", 2))
    assert flags(student, attempt) == [3]
    again = student.post(f"/v1/quizzes/{attempt['quiz_id']}/attempts")
    assert again.status_code == 200 and [s["flagged"] for s in again.json()["slots"]] == [False, False, True]
    submit(student, attempt)
    assert flags(student, attempt) == [3]


def test_faults_of_a_report(student, attempt):
    path = f"/v1/attempts/{attempt['id']}/events"
    assert faults(student.post(path, json={})) == {"/events": "required"}
    assert faults(student.post(path, json={"events": []})) == {"/events": "too-short"}
    assert faults(report(student, attempt, *[entry("online") for _ in range(101)])) == {"/events": "too-long"}
    assert faults(report(student, attempt, {})) == {"/events/0/key": "required", "/events/0/kind": "required", "/events/0/at": "required"}
    wrong = [entry("cheated"), entry("online", at="yesterday"), entry("online", key="x" * 65), entry("online") | {"answer": 1}, entry("viewed", 0)]
    assert faults(report(student, attempt, *wrong)) == {
        "/events/0/kind": "invalid", "/events/1/at": "format", "/events/2/key": "too-long", "/events/3/answer": "unknown", "/events/4/slot": "out-of-range"}
    assert faults(report(student, attempt, entry("flagged"), entry("focus_lost", 1), entry("viewed", 4), entry("online"))) == {
        "/events/0/slot": "required", "/events/1/slot": "invalid", "/events/2/slot": "out-of-range"}
    problem(student.post(path, content=b"{", headers={"Content-Type": "application/json"}), 400, "malformed-json")
    problem(student.post(path, json={"events": [entry("online") | {"x": "y" * 40000}]}), 413)
    assert stored(attempt) == {}


def test_only_the_attempts_student_reports(school, teacher, course, student, attempt):
    assistant, other, stranger = school.person(), school.person(), school.person("staff")
    school.enrol(course, assistant, "assistant")
    school.enrol(course, other)
    for nobody in (other, stranger):
        problem(report(nobody, attempt, entry("online")), 404, "not-found")
    for nobody in (teacher, assistant, school.admin):
        problem(report(nobody, attempt, entry("online")), 403, "forbidden")
    problem(report(school.anonymous(), attempt, entry("online")), 401)
    problem(report(student, {"id": NOWHERE}, entry("online")), 404)
    assert stored(attempt) == {}


def test_while_the_attempt_runs_and_in_its_grace(teacher, course, student):
    attempt = begin(student, set_quiz(teacher, course, time_limit_s=3600, grace_s=3600, attempts=2))
    set_end(attempt, "-1 minute", "1 hour")
    assert reported(student, attempt, entry("online"))["added"] == 1
    submit(student, attempt)
    assert "submitted" in problem(report(student, attempt, entry("online")), 409, "conflict")["detail"]
    attempt = begin(student, {"id": attempt["quiz_id"]})
    set_end(attempt, "-2 s", "-1 s")
    reply = report(student, attempt, entry("online"))
    problem(reply, reply.status_code, {410: "gone", 409: "conflict"}[reply.status_code])  # 409 once the server has submitted it
    assert stored(attempt) == {}


def test_where_the_attempt_is_walked_through_slots_ahead_are_unknown(teacher, course, student):
    attempt = begin(student, set_quiz(teacher, course, navigation="sequential"))
    assert faults(report(student, attempt, entry("flagged", 1), entry("flagged", 2))) == {"/events/1/slot": "out-of-range"}
    reported(student, attempt, entry("flagged", 1))
    assert student.post(f"/v1/attempts/{attempt['id']}/next", json={"slot": 1}).status_code == 200
    reported(student, attempt, entry("flagged", 2))
    assert flags(student, attempt) == [1, 2]


def test_an_attempt_holds_so_many_of_a_kind(student, attempt):
    """Also when they come at once; and a kind that is full leaves the others their room."""
    batches = [[entry("focus_lost") for _ in range(100)] for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda b: report(tab(student), attempt, *b), batches))
    assert sorted(r.status_code for r in replies) == [200] * 5 + [409] * 3
    assert "focus_lost" in problem(report(student, attempt, entry("flagged", 1), entry("focus_lost")), 409, "conflict")["detail"]
    assert stored(attempt) == {"focus_lost": 500}  # all of a report or nothing
    reported(student, attempt, entry("flagged", 1))
    assert flags(student, attempt) == [1]
    kept = next(b for b, r in zip(batches, replies) if r.status_code == 200)
    assert reported(student, attempt, *kept) == {"added": 0, "known": 100}


def test_two_reports_at_once_do_not_hold_more_than_one_after_the_other(student, attempt):
    """Both are under way before either is kept; there is room for one."""
    for _ in range(4):
        reported(student, attempt, *[entry("offline") for _ in range(100)])

    def persist(person):
        entries = [entry("offline") for _ in range(60)]
        return eventually(lambda: (r := report(person, attempt, *entries)).status_code != 503 and r)

    with concurrent.futures.ThreadPoolExecutor(2) as pool, psycopg2.connect(os.environ["EA_PG"]) as holder, psycopg2.connect(os.environ["EA_PG"]) as look:
        with holder.cursor() as held, look.cursor() as cursor:
            def both_wait():
                cursor.execute("SELECT pg_stat_clear_snapshot()")  # a transaction sees others as they were at its first look
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%attempt_events%' AND pid <> pg_backend_pid()")
                return cursor.fetchone()[0] == 2

            held.execute("LOCK TABLE attempt_events IN SHARE MODE")
            replies = [pool.submit(persist, tab(student)) for _ in range(2)]
            eventually(both_wait)
            holder.rollback()
        assert sorted(r.result().status_code for r in replies) == [200, 409]
    assert stored(attempt) == {"offline": 460}


def test_too_many_reports(teacher, course, student, attempt):
    replies = (report(student, attempt, entry("online", key="the same")) for _ in range(500))
    refused = next(r for r in replies if r.status_code != 200)
    assert 0 < int(refused.headers["retry-after"]) <= 60
    problem(refused, 429, "too-many-requests")
    other = begin(student, set_quiz(teacher, course))
    assert reported(student, other, entry("online"))["added"] == 1


def test_a_report_with_an_idempotency_key(student, attempt):
    body, key = {"events": [entry("online")]}, {"Idempotency-Key": unique("report")}
    first = student.post(f"/v1/attempts/{attempt['id']}/events", json=body, headers=key)
    again = student.post(f"/v1/attempts/{attempt['id']}/events", json=body, headers=key)
    assert first.json() == again.json() == {"added": 1, "known": 0} and again.headers["idempotent-replay"] == "true"


def test_what_was_reported_or_marked_cannot_be_rewritten(student, attempt):
    reported(student, attempt, entry("online"))
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        for statement in ("UPDATE attempt_events SET kind = 'offline'", "DELETE FROM attempt_events"):
            with pytest.raises(psycopg2.errors.RaiseException):
                cursor.execute(statement + " WHERE attempt_id = %s", (attempt["id"],))
            db.rollback()


# ---- the log ----


@pytest.fixture
def essay_quiz(teacher, course):
    items = [add_item(teacher, course, ESSAY), *bank(teacher, course)]
    return set_quiz(teacher, course, items, attempts=2, time_limit_s=3600)


def mark(person, attempt, slot, points, comment=None):
    return person.put(f"/v1/attempts/{attempt['id']}/slots/{slot}/grade", json={"points": points, "comment": comment})


def marked(person, attempt, slot, points, comment=None):
    """The mark once the grader has looked."""
    return eventually(lambda: (r := mark(person, attempt, slot, points, comment)).status_code == 200 and r).json()


def test_the_whole_story_in_one_line(school, teacher, course, student, essay_quiz):
    path = f"/v1/quizzes/{essay_quiz['id']}/accommodations/"
    other = school.person()
    school.enrol(course, other)
    assert teacher.put(path + student.id, json={"extra_time_factor": 1.5}).status_code == 201
    assert teacher.put(path + other.id, json={"extra_minutes": 7}).status_code == 201
    attempt = begin(student, essay_quiz)
    essay, choice = slot_of(attempt, "essay"), slot_of(attempt, "choice")
    saved(student, attempt, essay, 0, {"text": "Because"})
    reported(student, attempt, entry("focus_lost"), entry("flagged", essay))
    reply = student.put(f"/v1/attempts/{attempt['id']}/answers/{essay}", json={"rev": 1, "answer": {"text": "Because."}, "at": CLIENT_TIME})
    assert reply.status_code == 200
    assert teacher.put(path + student.id, json={"extra_time_factor": 2}).status_code == 200
    saved(student, attempt, choice, 0, RIGHT["choice"])
    saved(student, attempt, choice, 1, None)
    receipt = submit(student, attempt)
    assert teacher.put(path + student.id, json={"extra_attempts": 3}).status_code == 200  # of the next one, not of this
    marked(teacher, attempt, essay, 3, "Short.")
    assert mark(teacher, attempt, essay, 4).status_code == 200
    graded(student, attempt)

    told = log(teacher, attempt)
    assert kinds(told) == ["accommodated", "started", "answered", "focus_lost", "flagged", "changed", "accommodated", "answered", "cleared", "submitted", "marked", "marked", "graded"]
    assert [e["source"] for e in told].count("client") == 2 and [e["at"] for e in told] == sorted(e["at"] for e in told)
    assert told[0]["detail"]["extra_time_factor"] == 1.5 and told[0]["by"] == teacher.id
    assert told[1]["at"] == attempt["started_at"] and told[1]["by"] == student.id and told[1]["detail"] == {"number": 1}
    assert told[2] | {"at": ""} == {"at": "", "kind": "answered", "source": "server", "slot": essay, "by": student.id, "client_at": None,
                                    "detail": {"rev": 1, "answer": {"text": "Because"}}}
    assert told[5]["client_at"] == CLIENT_TIME and told[5]["detail"] == {"rev": 2, "answer": {"text": "Because."}}
    assert told[8]["slot"] == choice and told[8]["detail"] == {"rev": 2, "answer": None}
    assert told[9]["at"] == receipt["submitted_at"] and told[9]["detail"] == {"receipt": True}
    assert [(e["by"], e["slot"], e["detail"]) for e in told[10:12]] == [
        (teacher.id, essay, {"points": 3, "before": None, "comment": "Short.", "version": 1}), (teacher.id, essay, {"points": 4, "before": 3, "comment": None, "version": 2})]
    assert told[12]["by"] is None and told[12]["detail"] == {"score": {"points": 4, "of": 9.5}}
    for limit in (1, 4):
        assert log(teacher, attempt, limit=limit) == told

    mine = log(student, attempt)
    assert [e for e in told if e["kind"] != "marked"] == [e | {"by": teacher.id} if e["kind"] == "accommodated" else e for e in mine]
    assert [e["by"] for e in mine if e["kind"] == "accommodated"] == [None, None]
    assert kinds(log(student, begin(student, essay_quiz))) == ["accommodated"] * 3 + ["started"]


@pytest.mark.parametrize("show", ["never", "after_close"])
def test_the_log_tells_a_student_no_score_before_the_quiz_does(teacher, course, student, show):
    attempt = begin(student, set_quiz(teacher, course, closes_at=from_now(hours=1), show={"score": show, "key": "never", "feedback": "never"}))
    submit(student, attempt)
    graded(teacher, attempt)
    assert kinds(log(teacher, attempt)) == ["started", "submitted", "graded"]
    assert kinds(log(student, attempt)) == ["started", "submitted"]


def test_who_reads_the_log(school, teacher, course, student, attempt):
    path = f"/v1/attempts/{attempt['id']}/log"
    assistant, other, stranger = school.person(), school.person(), school.person("staff")
    school.enrol(course, assistant, "assistant")
    school.enrol(course, other)
    assert log(assistant, attempt) == log(teacher, attempt) == log(school.admin, attempt) == log(student, attempt)
    for nobody in (other, stranger):
        problem(nobody.get(path), 404, "not-found")
    problem(school.anonymous().get(path), 401)
    problem(teacher.get(f"/v1/attempts/{NOWHERE}/log"), 404)
    assert faults(teacher.get(path, params={"limit": 0, "kind": "x"})) == {"/limit": "out-of-range", "/kind": "unknown"}


def test_an_attempt_that_ran_out(teacher, course, student):
    attempt = begin(student, set_quiz(teacher, course, time_limit_s=3600, grace_s=0))
    set_end(attempt, "-1 ms", "-1 ms")
    assert "in_progress" not in read(student, attempt)["state"]
    expired = next(e for e in log(teacher, attempt) if e["kind"] == "expired")
    assert expired["by"] is None and expired["detail"] == {"receipt": False} and expired["at"] == read(student, attempt)["submitted_at"]


def test_time_that_was_given_back(teacher, course, student):
    quiz = set_quiz(teacher, course, time_limit_s=3600, outage_credit=ON)
    attempt = aged(begin(student, quiz))
    (first, length), (second, more) = outage(), outage()
    assert undo(teacher, quiz, first).status_code == 204
    submit(student, attempt)
    assert undo(teacher, quiz, second).status_code == 204  # too late to take anything back
    told = [e for e in log(teacher, attempt) if e["kind"].startswith("credit")]
    assert [(e["kind"], e["detail"]["outage_id"], e["detail"]["seconds"], e["by"]) for e in told] == [
        ("credited", first, length, None), ("credited", second, more, None), ("credit_undone", first, length, teacher.id)]
    assert told[0]["detail"]["began_at"] < told[0]["detail"]["ended_at"] <= told[0]["at"] and told[0]["source"] == "server"
    assert [e for e in log(student, attempt) if e["kind"].startswith("credit")] == told[:2] + [told[2] | {"by": None}]


def test_a_report_while_the_end_may_still_move(teacher, course, student):
    attempt = aged(begin(student, set_quiz(teacher, course, time_limit_s=600, grace_s=0, outage_credit=ON)))
    with held_pulse():
        set_end(attempt, "0 s", "0 s")
        problem(report(student, attempt, entry("online")), 503, "try-again")
    eventually(lambda: report(student, attempt, entry("online")).status_code in (409, 410))
    assert stored(attempt) == {}


# ---- marks by people ----


def waiting(person, quiz, **params):
    return pages(person, f"/v1/quizzes/{quiz['id']}/attempts", **params)


def test_what_waits_for_a_person_is_listed(school, teacher, course, student, essay_quiz):
    other = school.person()
    school.enrol(course, other)
    attempts = [begin(p, essay_quiz) for p in (student, other)]
    essay = slot_of(attempts[0], "essay")
    for person, attempt in zip((student, other), attempts):
        saved(person, attempt, essay, 0, {"text": "Light"})
    assert waiting(teacher, essay_quiz, needs_grading="true") == []
    submit(student, attempts[0])
    submit(other, attempts[1])
    found = eventually(lambda: len(f := waiting(teacher, essay_quiz, needs_grading="true")) == 2 and f)
    assert {f["id"] for f in found} == {a["id"] for a in attempts}
    assert all(f["slots_waiting"] == [essay] and f["needs_grading"] and f["state"] == "submitted" for f in found)
    assert waiting(teacher, essay_quiz, needs_grading="true", limit=1) == found
    marked(teacher, attempts[0], essay, 2)
    assert [f["id"] for f in waiting(teacher, essay_quiz, needs_grading="true")] == [attempts[1]["id"]]
    assert [(f["id"], f["slots_waiting"]) for f in waiting(teacher, essay_quiz, needs_grading="false")] == [(attempts[0]["id"], [])]
    assert len(waiting(teacher, essay_quiz)) == 2
    assert waiting(student, essay_quiz, needs_grading="true") == [] and len(waiting(other, essay_quiz, needs_grading="true")) == 1
    assert faults(teacher.get(f"/v1/quizzes/{essay_quiz['id']}/attempts", params={"needs_grading": "perhaps"})) == {"/needs_grading": "type"}


def test_every_mark_is_kept(school, teacher, course, student, essay_quiz):
    assistant = school.person()
    school.enrol(course, assistant, "assistant")
    attempt = begin(student, essay_quiz)
    essay, choice = slot_of(attempt, "essay"), slot_of(attempt, "choice")
    path = f"/v1/attempts/{attempt['id']}/slots/{essay}/grades"
    saved(student, attempt, choice, 0, RIGHT["choice"])
    saved(student, attempt, essay, 0, {"text": "Light"})
    assert pages(teacher, path) == []
    submit(student, attempt)
    marked(teacher, attempt, essay, 1.5, "First look")
    assert mark(assistant, attempt, essay, 5, "Second look").status_code == 200
    assert mark(teacher, attempt, essay, 0).status_code == 200
    assert mark(teacher, attempt, choice, 0.5).status_code == 200
    given = pages(teacher, path)
    assert [(g["version"], g["graded_by"], g["before"], g["points"], g["comment"]) for g in given] == [
        (3, teacher.id, 5, 0, None), (2, assistant.id, 1.5, 5, "Second look"), (1, teacher.id, None, 1.5, "First look")]
    assert [g["at"] for g in given] == sorted((g["at"] for g in given), reverse=True)
    assert pages(assistant, path, limit=1) == given
    [one] = pages(teacher, f"/v1/attempts/{attempt['id']}/slots/{choice}/grades")
    assert one["before"] == 1 and one["points"] == 0.5  # in place of the grader's
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor, pytest.raises(psycopg2.errors.RaiseException):
        cursor.execute("DELETE FROM slot_grades WHERE attempt_id = %s", (attempt["id"],))


def test_who_reads_the_marks(school, teacher, course, student, attempt):
    path = f"/v1/attempts/{attempt['id']}/slots/1/grades"
    other, stranger = school.person(), school.person("staff")
    school.enrol(course, other)
    problem(student.get(path), 403, "forbidden")
    for nobody in (other, stranger):
        problem(nobody.get(path), 404, "not-found")
    problem(school.anonymous().get(path), 401)
    for slot in ("4", "0", "01", "x", "100000"):
        problem(teacher.get(f"/v1/attempts/{attempt['id']}/slots/{slot}/grades"), 404)
    problem(teacher.get(f"/v1/attempts/{NOWHERE}/slots/1/grades"), 404)
    assert pages(school.admin, path) == []
