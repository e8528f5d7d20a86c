"""What is told during an exam: to whom whose attempt is running, stored, acknowledged, and nothing to those who have not begun."""


import pytest
from client import faults, pages, problem, stream
from quizzes import begin, set_quiz, submit
from rooms import cursor_now, heard_between, mark


@pytest.fixture
def quiz(teacher, course):
    return set_quiz(teacher, course)


def announce(person, quiz, text="In **question 2** read 662 nm."):
    return person.post(f"/v1/quizzes/{quiz['id']}/announcements", json={"text": text})


def listed(person, quiz):
    return pages(person, f"/v1/quizzes/{quiz['id']}/announcements", limit=1)


def readers(person, announcement):
    return {r["user"]["id"]: r for r in pages(person, f"/v1/announcements/{announcement['id']}/readers", limit=1)}


def test_who_is_taking_the_quiz_hears_it_and_nobody_else(school, teacher, student, friend, course, quiz):
    done = school.person()
    school.enrol(course, done)
    begin(student, quiz)
    submit(done, begin(done, quiz))
    start = cursor_now(friend)
    with stream(student) as events:
        reply = announce(teacher, quiz)
        assert reply.status_code == 201
        told = events.wait("announcement.created")["data"]
    made = reply.json()
    assert (made["told"], made["seen"]) == (1, 0) and "<strong>question 2</strong>" in made["html"]
    assert told == {k: v for k, v in made.items() if k not in ("told", "seen")} | {"course_id": course["id"]}
    end = mark(teacher, course)
    for person in (friend, done):
        assert "announcement.created" not in [e["kind"] for e in heard_between(person, start, end)]
    assert listed(friend, quiz) == []
    assert [a["id"] for a in listed(student, quiz)] == [a["id"] for a in listed(teacher, quiz)] == [made["id"]]


def test_the_teacher_sees_who_has_seen_it(school, teacher, student, friend, course, quiz):
    begin(student, quiz)
    first, second = announce(teacher, quiz, "one").json(), announce(teacher, quiz, "two").json()
    begin(friend, quiz)
    assert [a["seen_at"] for a in listed(friend, quiz)] == [None, None]
    seen = student.put(f"/v1/announcements/{first['id']}/seen").json()["seen_at"]
    assert student.put(f"/v1/announcements/{first['id']}/seen").json()["seen_at"] == seen
    assert friend.put(f"/v1/announcements/{first['id']}/seen").status_code == 200
    assert [a["seen_at"] for a in listed(student, quiz)] == [seen, None]
    assert [(a["text"], a["told"], a["seen"]) for a in listed(teacher, quiz)] == [("one", 1, 2), ("two", 1, 0)]
    who = readers(teacher, first)
    assert set(who) == {student.id, friend.id} and who[student.id]["seen_at"] == seen and who[friend.id]["told_at"] is None
    assert readers(teacher, second)[student.id]["seen_at"] is None
    for person in (student, friend):
        problem(person.get(f"/v1/announcements/{first['id']}/readers"), 404)


def test_who_may_not(school, teacher, student, friend, course, quiz):
    begin(student, quiz)
    made = announce(teacher, quiz).json()
    outsider = school.person()
    problem(announce(student, quiz), 403)
    problem(announce(outsider, quiz), 404)
    problem(outsider.get(f"/v1/quizzes/{quiz['id']}/announcements"), 404)
    problem(outsider.get(f"/v1/announcements/{made['id']}/readers"), 404)
    problem(outsider.put(f"/v1/announcements/{made['id']}/seen"), 404)
    problem(friend.put(f"/v1/announcements/{made['id']}/seen"), 404)
    problem(teacher.put(f"/v1/announcements/{made['id']}/seen"), 403)
    assert faults(announce(teacher, quiz, "")) == {"/text": "too-short"}
    draft = set_quiz(teacher, course, publish=False)
    problem(student.get(f"/v1/quizzes/{draft['id']}/announcements"), 404)


def test_a_key_announces_once(teacher, student, quiz):
    begin(student, quiz)
    headers = {"Idempotency-Key": "announce-" + quiz["id"]}
    replies = [teacher.post(f"/v1/quizzes/{quiz['id']}/announcements", json={"text": "once"}, headers=headers) for _ in range(2)]
    assert replies[0].json() == replies[1].json() and len(listed(student, quiz)) == 1
