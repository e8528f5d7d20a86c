"""Work that is set: who may, what of it is a fault, and who sees it when."""

from assignments import CHECKS, assign, hand_in, post
from client import faults, pages, problem
from quizzes import NOWHERE


def test_a_draft_is_seen_by_who_teaches_only(teacher, assistant, student, outsider, course):
    draft = assign(teacher, course, publish=False, instructions="Write **well**.\n\n<script>alert(1)</script>")
    path = f"/v1/assignments/{draft['id']}"
    assert draft["state"] == "draft"
    assert "<strong>well</strong>" in draft["instructions_html"]
    assert "<script" not in draft["instructions_html"]
    assert assistant.get(path).status_code == 200
    for person in student, outsider:
        problem(person.get(path), 404, "not-found")
        problem(post(person, draft, {"json": {"text": "early"}}), 404, "not-found")
        problem(person.get(path + "/submissions"), 404, "not-found")
    problem(student.post(path + "/publish"), 404)
    problem(assistant.post(path + "/publish"), 403, "forbidden")
    assert pages(student, f"/v1/courses/{course['id']}/assignments") == []
    assert [a["id"] for a in pages(assistant, f"/v1/courses/{course['id']}/assignments")] == [draft["id"]]
    problem(outsider.get(f"/v1/courses/{course['id']}/assignments"), 404)

    published = teacher.post(path + "/publish")
    assert published.json()["state"] == "published"
    again = teacher.post(path + "/publish")
    assert again.headers["etag"] == published.headers["etag"], "publishing twice changes nothing"
    assert student.get(path).json() == published.json()
    assert [a["id"] for a in pages(student, f"/v1/courses/{course['id']}/assignments")] == [draft["id"]]
    problem(outsider.get(path), 404)


def test_only_teachers_set_work(teacher, assistant, student, outsider, anonymous, course):
    path, body = f"/v1/courses/{course['id']}/assignments", {"title": "A report", "points": 10}
    problem(anonymous.post(path, json=body), 401)
    problem(outsider.post(path, json=body), 404)
    problem(student.post(path, json=body), 403)
    problem(assistant.post(path, json=body), 403)
    problem(teacher.post(f"/v1/courses/{NOWHERE}/assignments", json=body), 404)
    assert teacher.post(path, json=body).status_code == 201


def test_every_fault_of_an_assignment_is_told_at_once(teacher, course):
    bad = {
        "points": 1.2345,
        "colour": "red",
        "opens_at": "tomorrow",
        "accepts": ["text", "smoke"],
        "max_files": 21,
        "attempts": 0,
        "late_policy": {"per_day_percent": 101},
        "checks": [{"kind": "word_count", "points": 0, "min": 1}, {"kind": "spelling", "points": 1}],
        "rubric": [{"id": "a", "title": "A", "points": -1}],
    }
    found = faults(teacher.post(f"/v1/courses/{course['id']}/assignments", json=bad))
    assert found == {
        "/title": "required",
        "/points": "format",
        "/colour": "unknown",
        "/opens_at": "format",
        "/accepts/1": "invalid",
        "/max_files": "out-of-range",
        "/attempts": "out-of-range",
        "/late_policy/per_day_percent": "out-of-range",
        "/checks/0/points": "out-of-range",
        "/checks/1/kind": "invalid",
        "/rubric/0/points": "out-of-range",
    }
    bad = {
        "title": "A",
        "points": 1,
        "extensions": ["md", "p d f"],
        "checks": [{"kind": "word_count", "points": 1}, {"kind": "terms", "points": 1, "required": ["x"], "min": 2}],
        "rubric": [{"id": "a", "title": "A", "points": 1}, {"id": "a", "title": "B", "points": 1}],
    }
    found = faults(teacher.post(f"/v1/courses/{course['id']}/assignments", json=bad))
    assert found == {
        "/extensions/1": "format",
        "/checks/0": "required",
        "/checks/1/min": "unknown",
        "/rubric/1/id": "duplicate",
    }


def test_times_are_kept_in_utc_and_as_they_were_meant(teacher, course):
    times = {"opens_at": "2026-03-28T12:00:00+01:00", "due_at": "2026-03-29T12:00:00+02:00", "lock_at": "2026-11-01T00:00:00Z"}
    assignment = assign(teacher, course, **times)
    assert assignment["opens_at"] == "2026-03-28T11:00:00.000Z"
    assert assignment["due_at"] == "2026-03-29T10:00:00.000Z"
    assert assignment["time_zone"] == "Europe/Berlin"
    assert assignment["local"] == {"opens_at": "2026-03-28T12:00:00", "due_at": "2026-03-29T12:00:00", "lock_at": "2026-11-01T01:00:00"}
    path = f"/v1/assignments/{assignment['id']}"
    assert faults(teacher.change(path, {"opens_at": "2026-04-01T00:00:00Z"})) == {"/due_at": "out-of-range"}
    assert faults(teacher.change(path, {"lock_at": "2026-03-29T09:59:59Z"})) == {"/lock_at": "out-of-range"}
    changed = teacher.change(path, {"due_at": None, "opens_at": None}).json()
    assert (changed["due_at"], changed["local"]["due_at"], changed["opens_at"]) == (None, None, None)
    assert changed["lock_at"] == "2026-11-01T00:00:00.000Z"


def test_two_teachers_do_not_overwrite_each_other(teacher, student, course):
    assignment = assign(teacher, course, checks=CHECKS)
    path = f"/v1/assignments/{assignment['id']}"
    tag = teacher.get(path).headers["etag"]
    assert teacher.get(path, headers={"If-None-Match": tag}).status_code == 304
    problem(teacher.patch(path, json={"title": "B"}), 428, "precondition-required")
    changed = teacher.patch(path, json={"title": "B"}, headers={"If-Match": tag})
    assert changed.status_code == 200 and changed.json()["title"] == "B" and changed.json()["checks"] == assignment["checks"]
    problem(teacher.patch(path, json={"title": "C"}, headers={"If-Match": tag}), 412, "precondition-failed")
    problem(teacher.delete(path, headers={"If-Match": tag}), 412)
    problem(student.patch(path, json={"title": "C"}, headers={"If-Match": changed.headers["etag"]}), 403)
    problem(student.delete(path, headers={"If-Match": changed.headers["etag"]}), 403)
    assert teacher.get(path).json()["title"] == "B"


def test_what_is_deleted_is_gone_for_everybody(teacher, student, course, database):
    assignment = assign(teacher, course)
    submission = hand_in(student, assignment, text="It was here.")
    path = f"/v1/assignments/{assignment['id']}"
    problem(teacher.delete(path), 428)
    assert teacher.delete(path, headers={"If-Match": teacher.get(path).headers["etag"]}).status_code == 204
    for person in teacher, student:
        problem(person.get(path), 404)
        problem(person.get(f"/v1/submissions/{submission['id']}"), 404)
        problem(person.get(path + "/submissions"), 404)
    problem(post(student, assignment, {"json": {"text": "again"}}), 404)
    assert pages(teacher, f"/v1/courses/{course['id']}/assignments") == []
    database.execute("SELECT count(*) FROM submissions WHERE id = %s", [submission["id"]])
    assert database.fetchone() == (1,), "what grades and receipts depend on is kept"
    database.execute("SELECT actor::text, action FROM audit WHERE object_id = %s", [assignment["id"]])
    assert database.fetchall() == [(teacher.id, "assignment.deleted")]
