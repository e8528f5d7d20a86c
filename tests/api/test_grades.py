"""Grades of what was handed in: what lateness costs, which rules hold, marks of people, and when it all is shown."""

from assignments import CHECKS, REPORT, assign, etag, grade, graded, hand_in, looked_at, read
from client import eventually, faults, pages, problem, stream
from quizzes import from_now
from rooms import cursor_now


def test_lateness_costs_what_the_policy_says(teacher, student, course):
    checks = [{"kind": "word_count", "min": 1, "points": 10}]
    policy = {"per_day_percent": 12.5, "floor_percent": 40, "grace_minutes": 30}
    for due, points, days in [({"minutes": -10}, 10, 0), ({"days": -1, "hours": -1}, 7.5, 2), ({"days": -30}, 4, 31)]:
        assignment = assign(teacher, course, checks=checks, late_policy=policy, due_at=from_now(**due))
        mine = graded(student, hand_in(student, assignment, text="some words"))
        assert mine["late"] is True
        assert mine["score"] == {"points": points, "of": 10}
        assert (mine["explanation"]["raw"], mine["explanation"]["late"]["days"]) == (10, days)


def test_rules_hold_for_what_was_handed_in_under_them(teacher, student, course):
    assignment = assign(teacher, course, checks=CHECKS)
    first = graded(student, hand_in(student, assignment, text=REPORT))
    changed = teacher.change(f"/v1/assignments/{assignment['id']}", {"points": 5, "checks": None})
    assert changed.status_code == 200 and changed.json()["checks"] == []
    assert read(student, first)["score"] == {"points": 10, "of": 10}
    second = hand_in(student, assignment, text=REPORT)
    assert "no automatic checks" in looked_at(teacher, second)["explanation"]["reason"]
    assert second["attempt"] == 2
    assert grade(teacher, second, points=5).json()["score"] == {"points": 5, "of": 5}


def test_grades_are_held_back_until_they_are_released(teacher, student, course):
    assignment = assign(teacher, course, checks=CHECKS, release="manual")
    start = cursor_now(student)
    submission = hand_in(student, assignment, text=REPORT)
    seen = eventually(lambda: (s := read(teacher, submission)) and s["state"] == "graded" and s)
    assert seen["released"] is False and seen["score"] == {"points": 10, "of": 10}
    hidden = read(student, submission)
    assert hidden["state"] == "graded" and hidden["released"] is False
    assert [hidden[k] for k in ("score", "explanation", "feedback", "criteria", "graded_at")] == [None] * 5
    assert pages(student, f"/v1/assignments/{assignment['id']}/submissions")[0]["score"] is None
    assert grade(teacher, submission, points=9, comment="secret").json()["released"] is False

    problem(student.post(f"/v1/assignments/{assignment['id']}/release"), 403)
    with stream(student, last_event_id=start) as events:
        assert teacher.post(f"/v1/assignments/{assignment['id']}/release").json() == {"released": 1}
        first = events.wait("submission.graded")["data"]
    assert first["submission_id"] == submission["id"] and first["score"] == {"points": 9, "of": 10}, "nothing was told before"
    assert read(student, submission)["score"] == {"points": 9, "of": 10}
    assert teacher.post(f"/v1/assignments/{assignment['id']}/release").json() == {"released": 0}


def test_marks_follow_the_rubric(teacher, student, assistant, outsider, course, database):
    rubric = [
        {"id": "idea", "title": "The idea", "points": 6, "ratings": [{"title": "good", "points": 6}, {"title": "poor", "points": 1}]},
        {"id": "form", "title": "Its form", "points": 4},
    ]
    assignment = assign(teacher, course, rubric=rubric)
    submission = hand_in(student, assignment, text="An idea.")
    looked_at(teacher, submission)
    path = f"/v1/submissions/{submission['id']}/grade"
    marks = {"points": 8.5, "comment": "Well done", "criteria": [{"id": "idea", "points": 5.5, "comment": "new"}, {"id": "form", "points": 3}]}

    problem(teacher.put(path, json=marks), 428)
    problem(teacher.put(path, json=marks, headers={"If-Match": '"99"'}), 412)
    problem(student.put(path, json=marks, headers={"If-Match": "*"}), 403)
    problem(outsider.put(path, json=marks, headers={"If-Match": "*"}), 404)
    bad = {"points": 10.001, "criteria": [{"id": "idea", "points": 7}, {"id": "style", "points": 1}, {"id": "idea", "points": 1}]}
    assert faults(grade(teacher, submission, **bad)) == {
        "/points": "out-of-range", "/criteria/0/points": "out-of-range", "/criteria/1/id": "unknown", "/criteria/2/id": "duplicate"}

    tag = etag(assistant, submission)
    assert grade(assistant, submission, **marks).status_code == 200
    problem(teacher.put(path, json=marks | {"points": 1}, headers={"If-Match": tag}), 412)
    assert grade(teacher, submission, points=9).status_code == 200
    mine = read(student, submission)
    assert mine["score"] == {"points": 9, "of": 10} and mine["criteria"] is None and mine["graded_by"] == teacher.id

    history = teacher.get(f"/v1/submissions/{submission['id']}/grades").json()["items"]
    assert [(g["points"], g["graded_by"]) for g in history] == [(9, teacher.id), (8.5, assistant.id)]
    assert history[1]["criteria"] == marks["criteria"]
    problem(student.get(f"/v1/submissions/{submission['id']}/grades"), 403)
    database.execute("SELECT actor::text, detail FROM audit WHERE object_id = %s ORDER BY id", [submission["id"]])
    assert [(actor, detail["from"], detail["to"]) for actor, detail in database.fetchall()] == [(assistant.id, None, 8.5), (teacher.id, 8.5, 9)]
