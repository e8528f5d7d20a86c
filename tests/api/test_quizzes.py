"""Quizzes: set, published, taken, graded and shown; what each participant sees of it, and what they must not see."""

import base64
import concurrent.futures
import csv
import hashlib
import io
import json
import os

import psycopg2
import pytest
from client import Stream, eventually, faults, pages, problem
from jwcrypto import jwk, jws
from quizzes import (CHOICE, NOWHERE, NUMERIC, RIGHT, WRONG, add_item, answer_all, bank, begin, from_now, graded, read, result, save, saved, set_quiz,
                     submit, tab)


def test_the_whole_story(school, teacher, course, student):
    other = school.person()
    school.enrol(course, other)
    items = bank(teacher, course)
    quiz = set_quiz(teacher, course, items, time_limit_s=900, grace_s=30)
    with Stream(student) as news, Stream(other) as others_news:
        attempt = begin(student, quiz)
        assert attempt["number"] == 1 and attempt["state"] == "in_progress" and attempt["points"] == 4.5
        assert attempt["ends_at"] > attempt["started_at"] and attempt["grace_s"] == 30
        assert [s["kind"] for s in attempt["slots"]] == ["choice", "numeric", "short_text"]
        assert "key" not in json.dumps(attempt) and "correct" not in json.dumps(attempt) and "fraction" not in json.dumps(attempt)
        assert "Right." not in json.dumps(attempt) and "breathe" not in json.dumps(attempt)
        choices = attempt["slots"][0]["choices"]
        assert {c["id"] for c in choices} == {"o2", "co2", "n2"} and all(c["html"].startswith("<p>") for c in choices)
        saved(student, attempt, 1, 0, RIGHT["choice"])
        saved(student, attempt, 2, 0, {"value": "700"})
        saved(student, attempt, 3, 0, {"text": "  CHLOROPHYLL "})
        assert [s["answer"] for s in read(student, attempt)["slots"]] == [RIGHT["choice"], {"value": "700"}, {"text": "  CHLOROPHYLL "}]
        receipt = submit(student, attempt)
        event = news.wait("attempt.graded", lambda data: data["attempt_id"] == attempt["id"])
        assert event["data"]["score"] == {"points": 3.5, "of": 4.5} and event["data"]["title"] == quiz["title"]
        theirs = begin(other, quiz)
        answer_all(other, theirs, WRONG)
        submit(other, theirs)
        others_news.wait("attempt.graded", lambda data: data["attempt_id"] == theirs["id"])  # told after the student's
        assert all(e["data"].get("attempt_id") != attempt["id"] for e in others_news.events)
    final = result(student, attempt)
    assert final["state"] == "graded" and final["score"] == {"points": 3.5, "of": 4.5}
    assert final["submitted_at"] == receipt["submitted_at"] and final["submitted_by"] == "student"
    one, two, three = final["slots"]
    assert one["score"] == {"points": 1, "of": 1} and one["key"] == {"choices": ["co2"]}
    assert one["feedback"] == ["<p>Right.</p>\n"] and one["feedback_html"] == "<p>They breathe, too.</p>\n"
    assert two["score"] == {"points": 1, "of": 2} and two["explanation"]["rule"] == "numeric/2" and two["explanation"]["read_as"] == "700"
    assert two["explanation"]["steps"][0]["share"] == 0.5 and two["explanation"]["final"] == {"points": 1, "of": 2}
    assert three["score"] == {"points": 1.5, "of": 1.5}


def test_an_e_mail_follows(teacher, course, student):
    quiz = set_quiz(teacher, course)
    attempt = begin(student, quiz)
    submit(student, attempt)

    def mails():
        for name in os.listdir(os.environ["EA_MAIL_DIR"]):
            with open(os.path.join(os.environ["EA_MAIL_DIR"], name), encoding="utf-8") as f:
                text = f.read()
            if student.email in text:
                yield text

    assert eventually(lambda: list(mails()))


# ---- setting a quiz ----


def test_a_quiz_keeps_its_zone_and_defaults(teacher, course):
    quiz = set_quiz(teacher, course, publish=False, sections=[], opens_at="2030-03-31T00:30:00Z", closes_at="2030-03-31T03:30:00+02:00", show={})
    assert quiz["time_zone"] == "Europe/Berlin" and quiz["local"] == {"opens_at": "2030-03-31T01:30:00", "closes_at": "2030-03-31T03:30:00"}
    assert quiz["state"] == "draft" and quiz["attempts"] == 1 and quiz["grace_s"] == 60 and quiz["keep"] == "highest"
    assert quiz["show"] == {"score": "on_submit", "key": "after_close", "feedback": "on_submit"}
    assert quiz["sections"] == [] and quiz["access_code"] is None


@pytest.mark.parametrize("body, expected", [
    ({}, {"/title": "required"}),
    ({"title": "T", "keep": "best", "time_limit_s": 0, "attempts": 0}, {"/keep": "invalid", "/time_limit_s": "out-of-range", "/attempts": "out-of-range"}),
    ({"title": "T", "addresses": ["10.0.0.0/33", "here", "::/0", "10.0.0.1", "10.0.0.1/"]}, {"/addresses/0": "format", "/addresses/1": "format", "/addresses/4": "format"}),
    ({"title": "T", "addresses": [], "delay_s": -1}, {"/addresses": "too-short", "/delay_s": "out-of-range"}),
    ({"title": "T", "opens_at": "2030-01-02T00:00:00Z", "closes_at": "2030-01-01T00:00:00Z"}, {"/closes_at": "out-of-range"}),
    ({"title": "T", "sections": [{}]}, {"/sections/0": "invalid"}),
    ({"title": "T", "sections": [{"draw": 2}]}, {"/sections/0/from": "required", "/sections/0/points": "required"}),
    ({"title": "T", "sections": [{"draw": 2, "points": 1, "from": {"difficulty": [0.9, 0.1]}}]}, {"/sections/0/from/difficulty": "out-of-range"}),
    ({"title": "T", "sections": [{"items": ["nonsense"]}]}, {"/sections/0/items/0": "format"}),
    ({"title": "T", "sections": [{"items": [NOWHERE]}]}, {"/sections/0/items/0": "not-found"}),
    ({"title": "T", "show": {"key": "always"}}, {"/show/key": "invalid"}),
])
def test_faults_of_a_quiz_are_all_told(teacher, course, body, expected):
    assert faults(teacher.post(f"/v1/courses/{course['id']}/quizzes", json=body)) == expected
    assert pages(teacher, f"/v1/courses/{course['id']}/quizzes") == []


def test_items_of_another_course_and_doubles_are_faults(school, teacher, course):
    mine, elsewhere = add_item(teacher, course, CHOICE), add_item(teacher, school.course(teacher), CHOICE)
    sections = [{"items": [mine["id"]]}, {"items": [elsewhere["id"], mine["id"]]}]
    reply = teacher.post(f"/v1/courses/{course['id']}/quizzes", json={"title": "T", "sections": sections})
    assert faults(reply) == {"/sections/1/items/0": "not-found", "/sections/1/items/1": "duplicate"}


def test_what_cannot_be_taken_cannot_be_published(teacher, course):
    empty = set_quiz(teacher, course, publish=False, sections=[])
    assert faults(teacher.post(f"/v1/quizzes/{empty['id']}/publish")) == {"/sections": "too-short"}
    bank(teacher, course)
    short = set_quiz(teacher, course, publish=False, sections=[{"draw": 3, "points": 1, "from": {"tags": ["light"]}}])
    assert faults(teacher.post(f"/v1/quizzes/{short['id']}/publish")) == {"/sections/0/draw": "out-of-range"}
    sections = [{"draw": 2, "points": 1, "from": {"tags": ["light"]}}]
    assert teacher.change(f"/v1/quizzes/{short['id']}", {"sections": sections}).status_code == 200
    assert teacher.post(f"/v1/quizzes/{short['id']}/publish").json()["state"] == "published"
    assert faults(teacher.change(f"/v1/quizzes/{short['id']}", {"sections": []})) == {"/sections": "too-short"}


def test_changing_a_quiz(teacher, course, student):
    quiz = set_quiz(teacher, course, publish=False)
    path = f"/v1/quizzes/{quiz['id']}"
    changed = teacher.change(path, {"title": "New", "time_limit_s": 60, "access_code": "x", "show": {"key": "never"}}).json()
    assert changed["version"] == 2 and changed["title"] == "New" and changed["show"] == {"score": "on_submit", "key": "never", "feedback": "on_submit"}
    assert changed["sections"] == quiz["sections"]
    assert teacher.change(path, {"time_limit_s": None, "access_code": None}).json()["access_code"] is None
    problem(teacher.patch(path, json={"title": "Old"}, headers={"If-Match": '"2"'}), 412, "precondition-failed")
    problem(teacher.patch(path, json={"title": "Old"}), 428, "precondition-required")
    teacher.post(path + "/publish")
    version = teacher.get(path).json()["version"]
    assert teacher.post(path + "/publish").json()["version"] == version
    begin(student, quiz)
    problem(teacher.change(path, {"sections": quiz["sections"]}), 409, "conflict")
    assert teacher.change(path, {"title": "Newer"}).status_code == 200


def test_a_deleted_quiz_is_gone(teacher, course, student):
    quiz = set_quiz(teacher, course)
    attempt = begin(student, quiz)
    path = f"/v1/quizzes/{quiz['id']}"
    problem(teacher.delete(path), 428)
    assert teacher.delete(path, headers={"If-Match": teacher.get(path).headers["etag"]}).status_code == 204
    for person in (teacher, student):
        problem(person.get(path), 404, "not-found")
        problem(person.get(f"/v1/attempts/{attempt['id']}"), 404, "not-found")
        assert pages(person, f"/v1/courses/{course['id']}/quizzes") == []
    problem(student.post(path + "/attempts"), 404)


# ---- who may see and do what ----


def test_students_see_published_quizzes_only_and_never_the_paper(school, teacher, course, student):
    draft, quiz = set_quiz(teacher, course, publish=False), set_quiz(teacher, course, access_code="sesame")
    stranger, assistant = school.person(), school.person()
    school.enrol(course, assistant, "assistant")
    listing = f"/v1/courses/{course['id']}/quizzes"
    assert [q["id"] for q in pages(student, listing)] == [quiz["id"]]
    assert [q["id"] for q in pages(assistant, listing)] == [draft["id"], quiz["id"]]
    problem(student.get(f"/v1/quizzes/{draft['id']}"), 404, "not-found")
    problem(student.post(f"/v1/quizzes/{draft['id']}/attempts"), 404, "not-found")
    seen = student.get(f"/v1/quizzes/{quiz['id']}").json()
    assert "sections" not in seen and "access_code" not in seen and seen["needs_access_code"] is True and seen["my_attempts"] == []
    for nobody in (stranger, school.person("staff")):
        for path in (listing, f"/v1/quizzes/{quiz['id']}", f"/v1/quizzes/{quiz['id']}/attempts", f"/v1/quizzes/{quiz['id']}/results"):
            problem(nobody.get(path), 404, "not-found")
        problem(nobody.post(f"/v1/quizzes/{quiz['id']}/attempts"), 404, "not-found")
    for outsider in (student, assistant):
        problem(outsider.post(listing, json={"title": "Mine"}), 403, "forbidden")
        problem(outsider.change(f"/v1/quizzes/{quiz['id']}", {"title": "Mine"}), 403, "forbidden")
        problem(outsider.post(f"/v1/quizzes/{quiz['id']}/publish"), 403, "forbidden")
        problem(outsider.put(f"/v1/quizzes/{quiz['id']}/accommodations/{student.id}", json={}), 403, "forbidden")
    problem(student.get(f"/v1/quizzes/{quiz['id']}/results"), 403, "forbidden")
    problem(student.get(f"/v1/quizzes/{quiz['id']}/accommodations/{student.id}"), 403, "forbidden")
    for marker in (assistant, teacher, school.admin):
        problem(marker.post(f"/v1/quizzes/{quiz['id']}/attempts"), 403, "forbidden")


def test_attempts_are_their_students_own(school, teacher, course, student):
    other, assistant = school.person(), school.person()
    school.enrol(course, other)
    school.enrol(course, assistant, "assistant")
    quiz = set_quiz(teacher, course)
    attempt = begin(student, quiz)
    for nobody in (other, school.person(), school.person("staff")):
        problem(nobody.get(f"/v1/attempts/{attempt['id']}"), 404, "not-found")
        problem(nobody.get(f"/v1/attempts/{attempt['id']}/result"), 404, "not-found")
        problem(nobody.post(f"/v1/attempts/{attempt['id']}/submit"), 404, "not-found")
        problem(save(nobody, attempt, 1, 0, RIGHT["choice"]), 404, "not-found")
    for marker in (teacher, assistant):
        assert read(marker, attempt)["user_id"] == student.id
        problem(save(marker, attempt, 1, 0, RIGHT["choice"]), 404, "not-found")
        problem(marker.post(f"/v1/attempts/{attempt['id']}/submit"), 403, "forbidden")
    listing = f"/v1/quizzes/{quiz['id']}/attempts"
    assert [a["id"] for a in pages(student, listing)] == [attempt["id"]] == [a["id"] for a in pages(teacher, listing)]
    assert pages(other, listing) == []
    assert [a["id"] for a in student.get(f"/v1/quizzes/{quiz['id']}").json()["my_attempts"]] == [attempt["id"]]


@pytest.mark.parametrize("show", ["never", "after_close"])
def test_nothing_is_shown_before_it_may_be(teacher, course, student, show):
    quiz = set_quiz(teacher, course, show={"score": show, "key": show, "feedback": show})
    attempt = begin(student, quiz)
    answer_all(student, attempt)
    with Stream(student) as news:
        submit(student, attempt)
        assert news.wait("attempt.graded")["data"]["score"] is None
    seen = graded(student, attempt)
    assert seen["shown"] == {"score": False, "key": False, "feedback": False} and seen["score"] is None and seen["explanation"] is None
    for slot in seen["slots"]:
        assert slot["score"] is slot["explanation"] is slot["key"] is slot["feedback"] is slot["feedback_html"] is None
    assert result(teacher, attempt)["score"] == {"points": 4.5, "of": 4.5} and result(teacher, attempt)["slots"][0]["key"] == {"choices": ["co2"]}


def test_after_the_close_it_is_shown(teacher, course, student):
    quiz = set_quiz(teacher, course, show={"score": "on_submit", "key": "after_close", "feedback": "never"}, closes_at=from_now(hours=1))
    attempt = begin(student, quiz)
    submit(student, attempt)
    before = graded(student, attempt)
    assert before["shown"] == {"score": True, "key": False, "feedback": False}
    assert "matched" not in before["slots"][0]["explanation"] and before["slots"][0]["key"] is None
    assert teacher.change(f"/v1/quizzes/{quiz['id']}", {"closes_at": from_now(seconds=-1), "grace_s": 0}).status_code == 200
    after = result(student, attempt)
    assert after["shown"]["key"] is True and after["slots"][0]["key"] == {"choices": ["co2"]}
    later = {"closes_at": from_now(hours=1)}  # somebody else still has time: the key must wait for them
    assert teacher.put(f"/v1/quizzes/{quiz['id']}/accommodations/{student.id}", json=later).status_code == 201
    assert result(student, attempt)["shown"]["key"] is False


# ---- beginning ----


def test_two_beginnings_are_one_attempt(teacher, course, student):
    quiz = set_quiz(teacher, course, attempts=None)
    for _ in range(5):
        tabs = [tab(student) for _ in range(4)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(lambda t: t.post(f"/v1/quizzes/{quiz['id']}/attempts"), tabs))
        assert sorted(r.status_code for r in replies) == [200, 200, 200, 201], [r.text for r in replies]
        assert len({r.json()["id"] for r in replies}) == 1
        submit(student, replies[0].json())
    assert [a["number"] for a in pages(student, f"/v1/quizzes/{quiz['id']}/attempts")] == [1, 2, 3, 4, 5]


def test_an_attempt_that_runs_is_returned(teacher, course, student):
    quiz = set_quiz(teacher, course)
    attempt = begin(student, quiz)
    saved(student, attempt, 1, 0, RIGHT["choice"])
    again = student.post(f"/v1/quizzes/{quiz['id']}/attempts")
    assert again.status_code == 200 and again.json()["id"] == attempt["id"]
    assert again.json()["slots"][0]["answer"] == RIGHT["choice"] and again.json()["slots"][0]["rev"] == 1


def test_when_an_attempt_may_begin(teacher, course, student):
    early = set_quiz(teacher, course, opens_at=from_now(hours=1))
    problem(student.post(f"/v1/quizzes/{early['id']}/attempts"), 409, "conflict")
    closed = set_quiz(teacher, course, closes_at=from_now(seconds=-1))
    problem(student.post(f"/v1/quizzes/{closed['id']}/attempts"), 410, "gone")
    coded = set_quiz(teacher, course, access_code="sesame")
    problem(student.post(f"/v1/quizzes/{coded['id']}/attempts"), 403, "forbidden")
    problem(student.post(f"/v1/quizzes/{coded['id']}/attempts", json={"access_code": "Sesame"}), 403, "forbidden")
    submit(student, begin(student, coded, access_code="sesame"))
    problem(student.post(f"/v1/quizzes/{coded['id']}/attempts", json={"access_code": "sesame"}), 409, "conflict")
    problem(student.post(f"/v1/quizzes/{NOWHERE}/attempts"), 404, "not-found")


def test_the_end_is_the_limit_or_the_close_whichever_is_first(teacher, course, student):
    close = from_now(minutes=5)
    attempt = begin(student, set_quiz(teacher, course, time_limit_s=3600, closes_at=close))
    assert attempt["ends_at"][:19] == close[:19]
    attempt = begin(student, set_quiz(teacher, course))
    assert attempt["ends_at"] is None and attempt["grace_s"] is None


def test_attempts_keep_the_version_they_were_drawn_with(teacher, course, student):
    items = bank(teacher, course)
    quiz = set_quiz(teacher, course, items)
    attempt = begin(student, quiz)
    stem = attempt["slots"][0]["stem"]
    swapped = {"choices": [{"id": "o2", "text": "Oxygen", "correct": True}, {"id": "co2", "text": "Carbon dioxide"}]}
    assert teacher.change(f"/v1/items/{items[0]['id']}", {"stem": "Which do they give off?", "definition": swapped}).status_code == 200
    assert read(student, attempt)["slots"][0]["stem"] == stem
    answer_all(student, attempt)
    submit(student, attempt)
    assert graded(student, attempt)["score"] == {"points": 4.5, "of": 4.5}


def test_papers_are_drawn_and_shuffled_for_each_student(school, teacher, course):
    items = [add_item(teacher, course, NUMERIC, stem=f"Number {i}", tags=["pool"], difficulty=i / 20) for i in range(20)]
    fixed = add_item(teacher, course, CHOICE, tags=["pool"])
    sections = [{"title": "Fixed", "items": [fixed["id"]], "points": 3},
                {"title": "Drawn", "draw": 5, "points": 0.5, "from": {"tags": ["pool"], "kinds": ["numeric"], "difficulty": [0, 0.5]}},
                {"title": "More", "draw": 5, "points": 1, "from": {"tags": ["pool"]}}]
    quiz = set_quiz(teacher, course, sections=sections, shuffle=True, attempts=None)
    papers, orders = set(), set()
    for _ in range(10):  # of six orders all alike: not in a thousand years
        student = school.person()
        school.enrol(course, student)
        attempt = begin(student, quiz)
        stems = [s["stem"] for s in attempt["slots"]]
        assert len(set(stems)) == 11 and attempt["points"] == 3 + 5 * 0.5 + 5
        assert [s["section"] for s in attempt["slots"]] == ["Fixed"] + ["Drawn"] * 5 + ["More"] * 5
        assert all(int(stem.split()[1]) <= 10 for stem in stems[1:6])
        assert read(student, attempt)["slots"] == attempt["slots"]
        papers.add(tuple(stems))
        orders.add(tuple(c["id"] for c in attempt["slots"][0]["choices"]))
    assert len(papers) > 1 and len(orders) > 1 and len(items) == 20


# ---- submitting ----


def keys(person):
    return jwk.JWKSet.from_json(person.get("/.well-known/jwks.json").text)


def test_the_receipt_can_be_checked_by_others(teacher, course, student):
    quiz = set_quiz(teacher, course)
    attempt = begin(student, quiz)
    saved(student, attempt, 1, 0, RIGHT["choice"])
    saved(student, attempt, 3, 0, {"text": "chloro…"})
    saved(student, attempt, 3, 1, {"text": "chlorophyll"})
    reply = submit(student, attempt)
    receipt = reply["receipt"]
    token = jws.JWS()
    token.deserialize(receipt["jws"])
    token.verify(keys(student).get_key(receipt["key_id"]))
    payload = json.loads(token.payload)
    assert payload["kind"] == "attempt" and payload["attempt_id"] == attempt["id"] and payload["quiz_id"] == quiz["id"]
    assert payload["user_id"] == student.id and payload["submitted_at"] == reply["submitted_at"]
    assert [p["name"] for p in payload["parts"]] == ["slot 1 rev 1", "slot 3 rev 2"]
    text = '{"text": "chlorophyll"}'
    assert payload["parts"][1]["sha256"] == hashlib.sha256(text.encode()).hexdigest() and payload["parts"][1]["size"] == len(text)
    lines = "".join(f"{p['sha256']}  {p['name']}\n" for p in payload["parts"])
    assert receipt["sha256"] == payload["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    head, body, mark = receipt["jws"].split(".")
    forged = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged["user_id"] = NOWHERE
    token = jws.JWS()
    token.deserialize(".".join([head, base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("="), mark]))
    with pytest.raises(jws.InvalidJWSSignature):
        token.verify(keys(student).get_key(receipt["key_id"]))


def test_submitting_twice_is_the_same_reply(teacher, course, student):
    attempt = begin(student, set_quiz(teacher, course))
    answer_all(student, attempt)
    tabs = [tab(student) for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda t: submit(t, attempt), tabs))
    graded(student, attempt)
    assert all(r == replies[0] for r in replies) and submit(student, attempt) == replies[0]
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM events WHERE kind = 'attempt.submitted' AND payload ->> 'attempt_id' = %s", (attempt["id"],))
        assert cursor.fetchone() == (1,)


def test_a_class_submits_at_once_and_everybody_gets_their_own_receipt(school, teacher, course):
    """Written in batches, beside requests of people whose attempts these are not."""
    students = [school.person() for _ in range(12)]
    for student in students:
        school.enrol(course, student)
    quiz = set_quiz(teacher, course)
    attempts = [begin(student, quiz) for student in students]
    for n, (student, attempt) in enumerate(zip(students, attempts)):
        saved(student, attempt, 3, 0, {"text": f"answer of {n}"})

    def act(n):
        other = attempts[(n + 1) % 12]["id"]
        with tab(students[n]) as mine, tab(teacher) as marks:
            refused = mine.post(f"/v1/attempts/{other}/submit"), marks.post(f"/v1/attempts/{other}/submit")
            return submit(mine, attempts[n]), [r.status_code for r in refused]

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        done = list(pool.map(act, range(12)))
    for n, (reply, refused) in enumerate(done):
        said = jws.JWS()
        said.deserialize(reply["receipt"]["jws"])
        said.verify(keys(students[n]).get_key(reply["receipt"]["key_id"]))
        said = json.loads(said.payload)
        text = json.dumps({"text": f"answer of {n}"})
        assert (said["user_id"], said["attempt_id"], said["quiz_id"]) == (students[n].id, attempts[n]["id"], quiz["id"])
        assert [p["sha256"] for p in said["parts"]] == [hashlib.sha256(text.encode()).hexdigest()]
        assert refused == [404, 403]
        graded(students[n], attempts[n])
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute("SELECT payload ->> 'attempt_id' FROM events WHERE kind = 'attempt.submitted' AND payload ->> 'attempt_id' = ANY (%s)", ([a["id"] for a in attempts],))
        assert sorted(cursor.fetchall()) == sorted((a["id"],) for a in attempts)


def test_an_attempt_without_answers_is_graded(teacher, course, student):
    attempt = begin(student, set_quiz(teacher, course))
    assert submit(student, attempt)["receipt"]["sha256"] == hashlib.sha256(b"").hexdigest()
    assert graded(student, attempt)["score"] == {"points": 0, "of": 4.5}


def test_what_runs_out_is_submitted_by_the_server(teacher, course, student):
    quiz = set_quiz(teacher, course, time_limit_s=1, grace_s=0, attempts=2)
    attempt = begin(student, quiz)
    saved(student, attempt, 1, 0, RIGHT["choice"])

    def over():
        with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
            cursor.execute("SELECT state, submitted_by FROM attempts WHERE id = %s", (attempt["id"],))
            state, by = cursor.fetchone()
            return state == "graded" and by == "server"

    assert eventually(over)  # nobody looked at it
    final = result(student, attempt)
    assert final["submitted_by"] == "server" and final["submitted_at"] == attempt["ends_at"] and final["score"] == {"points": 1, "of": 4.5}
    assert submit(student, attempt)["submitted_at"] == attempt["ends_at"]
    assert begin(student, quiz)["number"] == 2


# ---- accommodations ----


def test_more_time_holds_at_once(teacher, course, student):
    quiz = set_quiz(teacher, course, time_limit_s=600)
    path = f"/v1/quizzes/{quiz['id']}/accommodations/{student.id}"
    attempt = begin(student, quiz)
    with Stream(student) as news:
        reply = teacher.put(path, json={"extra_time_factor": 1.5})
        assert reply.status_code == 201 and reply.json()["extra_time_factor"] == 1.5 and reply.headers["etag"] == '"1"'
        told = news.wait("attempt.changed")["data"]
    now = read(student, attempt)
    assert told["attempt_id"] == attempt["id"] and told["ends_at"] == now["ends_at"] > attempt["ends_at"]
    assert saved(student, attempt, 1, 0, RIGHT["choice"])["ends_at"] == now["ends_at"]
    assert student.get(f"/v1/quizzes/{quiz['id']}").json()["time_limit_s"] == 900
    problem(teacher.put(path, json={}, headers={"If-Match": '"7"'}), 412, "precondition-failed")
    less = teacher.put(path, json={"extra_attempts": 1}, headers={"If-Match": '"1"'})
    assert less.status_code == 200 and less.json()["extra_time_factor"] is None and less.json()["version"] == 2
    assert read(student, attempt)["ends_at"] == now["ends_at"]  # an end never moves earlier
    assert student.get(f"/v1/quizzes/{quiz['id']}").json()["attempts"] == 2
    submit(student, attempt)
    assert begin(student, quiz)["number"] == 2
    assert teacher.get(path).json() == less.json()


def test_a_later_close_for_one_or_for_all(school, teacher, course, student):
    other = school.person()
    school.enrol(course, other)
    quiz = set_quiz(teacher, course, closes_at=from_now(minutes=10))
    mine, others = begin(student, quiz), begin(other, quiz)
    later = from_now(hours=2)
    teacher.put(f"/v1/quizzes/{quiz['id']}/accommodations/{student.id}", json={"closes_at": later})
    assert read(student, mine)["ends_at"][:19] == later[:19] and read(other, others)["ends_at"] == others["ends_at"]
    assert student.get(f"/v1/quizzes/{quiz['id']}").json()["closes_at"][:19] == later[:19]
    hour = from_now(hours=1)
    assert teacher.change(f"/v1/quizzes/{quiz['id']}", {"closes_at": hour}).status_code == 200
    assert read(student, mine)["ends_at"][:19] == later[:19] and read(other, others)["ends_at"][:19] == hour[:19]


def test_accommodations_are_for_students_of_the_course(school, teacher, course):
    quiz = set_quiz(teacher, course)
    for nobody in (school.person().id, teacher.id, NOWHERE):
        problem(teacher.put(f"/v1/quizzes/{quiz['id']}/accommodations/{nobody}", json={}), 404, "not-found")
    assert faults(teacher.put(f"/v1/quizzes/{quiz['id']}/accommodations/{NOWHERE}", json={"extra_time_factor": 0.5})) == {"/extra_time_factor": "out-of-range"}


# ---- results ----


@pytest.mark.parametrize("keep, points", [("highest", 4.5), ("latest", 1.5), ("first", 0), ("average", 2)])
def test_which_attempt_counts(teacher, course, student, keep, points):
    quiz = set_quiz(teacher, course, keep=keep, attempts=3)
    for answers in (WRONG, RIGHT, WRONG | {"short_text": RIGHT["short_text"]}):
        attempt = begin(student, quiz)
        answer_all(student, attempt, answers)
        submit(student, attempt)
        graded(student, attempt)
    [row] = pages(teacher, f"/v1/quizzes/{quiz['id']}/results")
    assert row["score"] == {"points": points, "of": 4.5} and row["attempts"] == 3 and row["state"] == "graded"
    assert (row["attempt_id"] is None) == (keep == "average")


def test_results_of_all_students(school, teacher, course):
    names = ["=HYPERLINK(\"http://x.y\")", "+1", "-2", "@me", 'Quote " and, comma', "Zoë Übel"]
    students = []
    for name in names:
        students.append(school.person(name=name))
        school.enrol(course, students[-1])
    quiz = set_quiz(teacher, course)
    attempt = begin(students[5], quiz)
    answer_all(students[5], attempt)
    submit(students[5], attempt)
    graded(students[5], attempt)
    begin(students[4], quiz)
    path = f"/v1/quizzes/{quiz['id']}/results"
    rows = {r["name"]: r for r in pages(teacher, path, limit=4)}
    assert set(rows) == set(names) and rows["+1"]["state"] == "not_started" and rows[names[4]]["state"] == "in_progress"
    assert rows["Zoë Übel"]["score"] == {"points": 4.5, "of": 4.5} and rows["Zoë Übel"]["attempt_id"] == attempt["id"]
    for reply in (teacher.get(path, headers={"Accept": "text/csv"}), teacher.get(path, params={"format": "csv"})):
        assert reply.status_code == 200 and reply.headers["content-type"].startswith("text/csv")
        table = list(csv.DictReader(io.StringIO(reply.text, newline="")))
        cells = {r["user_id"]: r for r in table}
        assert len(cells) == 6 and [cells[s.id]["name"] for s in students] == ["'" + n for n in names[:4]] + names[4:]
        assert cells[students[5].id]["points"] == "4.5" and cells[students[5].id]["of"] == "4.5" and cells[students[0].id]["points"] == ""
        assert not any(line.startswith(tuple("=+-@")) for row in table for line in row.values())


def test_results_of_many_students_stream_as_csv(teacher, course):
    quiz = set_quiz(teacher, course)
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute("""
            WITH people AS (
                INSERT INTO users (id, email, name, role) SELECT gen_random_uuid(), gen_random_uuid() || '@many.example', 'Many ' || n, 'member'
                FROM generate_series(1, 1700) AS n RETURNING id
            ) INSERT INTO enrolments (course_id, user_id, role) SELECT %s, id, 'student' FROM people""", (course["id"],))
    reply = teacher.get(f"/v1/quizzes/{quiz['id']}/results", params={"format": "csv"})
    table = list(csv.DictReader(io.StringIO(reply.text, newline="")))
    assert len({r["user_id"] for r in table}) == len(table) == 1700
