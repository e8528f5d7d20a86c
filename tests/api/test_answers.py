"""Answers being saved: a reply means stored, two tabs never overwrite each other silently, and sending a save again is always safe."""

import base64
import concurrent.futures
import json
import os
import random

import psycopg2
import pytest
from client import eventually, faults, problem
from quizzes import NOWHERE, RIGHT, add_item, begin, from_now, read, save, saved, set_quiz, slot_of, submit, tab

SEVERAL = {"kind": "choice", "stem": "Which are plants?", "definition": {"multiple": True, "choices": [
    {"id": "a", "text": "moss", "correct": True}, {"id": "b", "text": "fern", "correct": True}, {"id": "c", "text": "whale"}]}}


@pytest.fixture
def attempt(teacher, course, student):
    return begin(student, set_quiz(teacher, course))


def journal(attempt, slot):
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute("SELECT rev, answer FROM answer_events WHERE attempt_id = %s AND slot = %s ORDER BY rev", (attempt["id"], slot))
        return cursor.fetchall()


def test_each_save_counts_the_revision_on(student, attempt):
    slot = slot_of(attempt, "short_text")
    for rev, text in enumerate(["c", "chl", "chlorophyll"]):
        assert saved(student, attempt, slot, rev, {"text": text})["rev"] == rev + 1
    now = read(student, attempt)["slots"][slot - 1]
    assert now["answer"] == {"text": "chlorophyll"} and now["rev"] == 3 and now["saved_at"]
    assert journal(attempt, slot) == [(1, {"text": "c"}), (2, {"text": "chl"}), (3, {"text": "chlorophyll"})]


def test_an_answer_can_be_taken_back(student, attempt):
    slot = slot_of(attempt, "choice")
    saved(student, attempt, slot, 0, RIGHT["choice"])
    assert saved(student, attempt, slot, 1, None)["rev"] == 2
    assert read(student, attempt)["slots"][slot - 1]["answer"] is None


def test_of_two_tabs_the_stale_one_is_told(student, attempt):
    slot = slot_of(attempt, "short_text")
    first = saved(student, attempt, slot, 0, {"text": "first tab"})
    reply = save(tab(student), attempt, slot, 0, {"text": "second tab"})
    body = problem(reply, 409, "stale-revision")
    assert body["stored"] == {"rev": 1, "answer": {"text": "first tab"}, "saved_at": first["saved_at"]}
    assert saved(student, attempt, slot, body["stored"]["rev"], {"text": "second tab"})["rev"] == 2


def test_a_revision_from_the_future_is_stale(student, attempt):
    body = problem(save(student, attempt, 1, 5, RIGHT["choice"]), 409, "stale-revision")
    assert body["stored"] == {"rev": 0, "answer": None, "saved_at": None}


def test_a_save_that_comes_twice_is_stored_once(student, attempt):
    slot = slot_of(attempt, "numeric")
    first = saved(student, attempt, slot, 0, {"value": "3.20", "unit": "m"})
    assert saved(student, attempt, slot, 0, {"unit": "m", "value": "3.20"}) == first
    assert len(journal(attempt, slot)) == 1
    saved(student, attempt, slot, 1, {"value": "4"})
    problem(save(student, attempt, slot, 0, {"value": "3.20", "unit": "m"}), 409, "stale-revision")  # no longer what is stored


def test_the_same_save_many_times_at_once(student, attempt):
    slot = slot_of(attempt, "short_text")
    tabs = [tab(student) for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for rev in range(10):
            replies = list(pool.map(lambda t: save(t, attempt, slot, rev, {"text": f"text {rev}"}), tabs))
            assert [r.status_code for r in replies] == [200] * 8
            assert {r.json()["rev"] for r in replies} == {rev + 1} and len({r.json()["saved_at"] for r in replies}) == 1
    assert [rev for rev, _ in journal(attempt, slot)] == list(range(1, 11))


def test_many_tabs_write_and_nothing_acknowledged_is_lost(student, attempt):
    """Each tab saves what only it could have written, from the newest revision it knows; every 200 must be in the journal under its revision."""
    slots = [s["slot"] for s in attempt["slots"] if s["kind"] == "short_text"]

    def write(n):
        chance, me, rev, acknowledged = random.Random(n), tab(student), 0, []
        for i in range(30):
            text = {"text": f"tab {n} save {i}"}
            reply = save(me, attempt, slots[0], rev, text)
            if reply.status_code == 200:
                rev = reply.json()["rev"]
                acknowledged.append((rev, text))
                if chance.random() < 0.3:
                    assert save(me, attempt, slots[0], rev - 1, text).status_code in (200, 409)
            else:
                rev = problem(reply, 409, "stale-revision")["stored"]["rev"]
        return acknowledged

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        acknowledged = [entry for part in pool.map(write, range(6)) for entry in part]
    stored = journal(attempt, slots[0])
    assert [rev for rev, _ in stored] == list(range(1, len(stored) + 1))
    assert sorted(acknowledged, key=lambda e: e[0]) == stored
    assert read(student, attempt)["slots"][slots[0] - 1]["answer"] == stored[-1][1]


def test_a_journal_after_an_outage(student, attempt):
    choice, text = slot_of(attempt, "choice"), slot_of(attempt, "short_text")
    saved(student, attempt, choice, 0, RIGHT["choice"])
    entries = [
        {"slot": text, "rev": 0, "answer": {"text": "chl"}, "at": "2026-11-23T09:00:00Z"},
        {"slot": text, "rev": 1, "answer": {"text": "chlorophyll"}, "at": "2026-11-23T09:00:05Z"},
        {"slot": choice, "rev": 0, "answer": {"choices": ["o2"]}},
        {"slot": choice, "rev": 0, "answer": RIGHT["choice"]},
        {"slot": 99, "rev": 0, "answer": None},
        {"slot": text, "rev": 2, "answer": {"choices": []}},
    ]
    path = f"/v1/attempts/{attempt['id']}/answers"
    reply = student.put(path, json={"answers": entries})
    assert reply.status_code == 200, reply.text
    told = reply.json()["answers"]
    assert [(t["slot"], t["status"]) for t in told] == [(text, 200), (text, 200), (choice, 409), (choice, 200), (99, 404), (text, 422)]
    assert told[1]["rev"] == 2 and told[2]["type"] == "/problems/stale-revision" and told[2]["stored"]["answer"] == RIGHT["choice"]
    again = student.put(path, json={"answers": entries[1:2]}).json()["answers"]
    assert again[0]["status"] == 200 and again[0]["saved_at"] == told[1]["saved_at"]
    assert len(journal(attempt, text)) == 2


def test_faults_of_a_save(student, attempt):
    path = f"/v1/attempts/{attempt['id']}/answers"
    assert faults(student.put(f"{path}/1", json={})) == {"/rev": "required", "/answer": "required"}
    assert faults(student.put(f"{path}/1", json={"rev": -1, "answer": None, "x": 1})) == {"/rev": "out-of-range", "/x": "unknown"}
    assert faults(student.put(path, json={"answers": []})) == {"/answers": "too-short"}
    wrong = [{"slot": 0, "rev": 0, "answer": None}, {"slot": 1, "rev": 0, "answer": {"text": 7}}, {"slot": 1, "rev": 0}]
    assert set(faults(student.put(path, json={"answers": wrong}))) >= {"/answers/0/slot", "/answers/2/answer"}
    assert faults(student.put(path, json={"answers": wrong[1:2]})) == {"/answers/0/answer/text": "type"}
    problem(student.put(f"{path}/1", content=b"{", headers={"Content-Type": "application/json"}), 400, "malformed-json")
    problem(student.put(f"{path}/1", json={"rev": 0, "answer": {"text": "x" * 70000}}), 413)


@pytest.mark.parametrize("kind, answer, pointer", [
    ("choice", {"text": "co2"}, "/answer"),
    ("choice", {"choices": ["whale"]}, "/answer/choices"),
    ("choice", {"choices": ["o2", "co2"]}, "/answer/choices"),
    ("choice", {"choices": ["o2", "o2"]}, "/answer/choices/1"),
    ("choice", {"choices": "o2"}, "/answer/choices"),
    ("numeric", {"choices": ["o2"]}, "/answer"),
    ("numeric", {"value": {"x": 1}}, "/answer/value"),
    ("numeric", {"value": "1" * 300}, "/answer/value"),
    ("short_text", {"value": "7"}, "/answer"),
    ("short_text", {"text": "a", "more": 1}, "/answer/more"),
    ("short_text", "chlorophyll", "/answer"),
    ("short_text", [], "/answer"),
    ("short_text", {}, "/answer"),
])
def test_an_answer_of_the_wrong_shape(student, attempt, kind, answer, pointer):
    assert list(faults(save(student, attempt, slot_of(attempt, kind), 0, answer))) == [pointer]
    assert read(student, attempt)["slots"][slot_of(attempt, kind) - 1]["rev"] == 0


@pytest.mark.parametrize("slot", ["0", "4", "99999", "999999999999", "-1", "x", "1.0", "01"])
def test_slots_that_do_not_exist(student, attempt, slot):
    problem(save(student, attempt, slot, 0, None), 404, "not-found")


def test_an_attempt_that_does_not_exist(student):
    problem(save(student, {"id": NOWHERE}, 1, 0, None), 404, "not-found")
    reply = student.put(f"/v1/attempts/{NOWHERE}/answers", json={"answers": [{"slot": 1, "rev": 0, "answer": None}]})
    assert reply.json()["answers"] == [{"slot": 1, "status": 404, "type": "/problems/not-found", "title": reply.json()["answers"][0]["title"]}]


def test_several_may_be_picked_where_the_item_says_so(teacher, course, student):
    attempt = begin(student, set_quiz(teacher, course, [add_item(teacher, course, SEVERAL)]))
    assert attempt["slots"][0]["multiple"] is True
    saved(student, attempt, 1, 0, {"choices": ["a", "b"]})
    saved(student, attempt, 1, 1, {"choices": []})


def test_after_the_submit_nothing_changes(student, attempt):
    kept = saved(student, attempt, 1, 0, RIGHT["choice"])
    submit(student, attempt)
    problem(save(student, attempt, 1, 1, {"choices": ["o2"]}), 409, "conflict")
    problem(save(student, attempt, 2, 0, RIGHT["numeric"]), 409, "conflict")
    assert saved(student, attempt, 1, 0, RIGHT["choice"]) == kept  # a late repeat of what is stored is still true
    assert read(student, attempt)["slots"][0]["answer"] == RIGHT["choice"]


def test_saves_and_submit_at_once(teacher, course, student):
    """Whatever is acknowledged before the submit is in what is graded, and nothing slips in behind it."""
    quiz = set_quiz(teacher, course, attempts=None)
    for round_ in range(6):
        attempt = begin(student, quiz)
        slot = slot_of(attempt, "short_text")
        tabs = [tab(student) for _ in range(4)]

        def write(me):
            rev, last = 0, None
            for i in range(20):
                reply = save(me, attempt, slot, rev, {"text": f"{id(me)} {i}"})
                if reply.status_code == 200:
                    rev, last = reply.json()["rev"], reply.json()["rev"]
                elif reply.json()["type"] == "/problems/stale-revision":
                    rev = reply.json()["stored"]["rev"]
                else:
                    problem(reply, 409, "conflict")
                    break
            return last or 0

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            writers = [pool.submit(write, t) for t in tabs[:3]]
            while read(tabs[3], attempt)["slots"][slot - 1]["rev"] < 3 + round_:
                pass
            receipt = submit(tabs[3], attempt)
            newest = max(w.result() for w in writers)
        assert read(student, attempt)["slots"][slot - 1]["rev"] == newest == len(journal(attempt, slot))
        assert submit(student, attempt) == receipt


def waiting_behind(cursor, process):
    """The first of those who wait for a lock that this backend has; None: nobody does."""
    cursor.execute("SELECT min(pid) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))", (process,))
    return cursor.fetchone()[0]


def test_a_submit_waits_for_the_save_under_way(student, attempt):
    """A save holds its attempt: what it acknowledges is in what is submitted, however close behind it the submit comes."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool, psycopg2.connect(os.environ["EA_PG"]) as holder, psycopg2.connect(os.environ["EA_PG"]) as look:
        look.autocommit = True
        with holder.cursor() as held, look.cursor() as cursor:
            held.execute("SELECT 1 FROM attempt_slots WHERE attempt_id = %s AND slot = 1 FOR UPDATE", (attempt["id"],))
            saving = pool.submit(saved, tab(student), attempt, 1, 0, RIGHT["choice"])
            saver = eventually(lambda: waiting_behind(cursor, holder.info.backend_pid))
            submitting = pool.submit(submit, tab(student), attempt)
            eventually(lambda: submitting.done() or waiting_behind(cursor, saver))
            holder.rollback()
        assert saving.result()["rev"] == 1
        receipt = submitting.result()["receipt"]
    [part] = json.loads(base64.urlsafe_b64decode(receipt["jws"].split(".")[1] + "=="))["parts"]
    assert part["name"] == "slot 1 rev 1"


def test_time_is_over(teacher, course, student):
    attempt = begin(student, set_quiz(teacher, course, time_limit_s=3600, grace_s=0))
    kept = saved(student, attempt, 1, 0, RIGHT["choice"])
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute("UPDATE attempts SET ends_at = now() - interval '2 s', late_at = now() - interval '1 s' WHERE id = %s", (attempt["id"],))
    reply = save(student, attempt, 2, 0, RIGHT["numeric"])
    assert reply.status_code in (409, 410)  # 409 once the server has submitted it
    problem(reply, reply.status_code, {410: "gone", 409: "conflict"}[reply.status_code])
    assert saved(student, attempt, 1, 0, RIGHT["choice"])["saved_at"] == kept["saved_at"]
    assert read(student, attempt)["state"] in ("submitted", "graded")


def test_in_the_grace_late_saves_land(teacher, course, student):
    attempt = begin(student, set_quiz(teacher, course, closes_at=from_now(hours=1), grace_s=3600))
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute("UPDATE attempts SET ends_at = now() - interval '1 minute' WHERE id = %s", (attempt["id"],))
    assert saved(student, attempt, 1, 0, RIGHT["choice"])["rev"] == 1
    assert read(student, attempt)["state"] == "in_progress"


def test_the_history_cannot_be_rewritten(student, attempt):
    saved(student, attempt, 1, 0, RIGHT["choice"])
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        for statement in ("UPDATE answer_events SET answer = 'null'", "DELETE FROM answer_events", "DELETE FROM item_versions"):
            with pytest.raises(psycopg2.errors.RaiseException):
                cursor.execute(statement + (" WHERE attempt_id = %s" if "answer_events" in statement else ""), (attempt["id"],))
            db.rollback()
