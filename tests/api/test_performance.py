"""How a student does, over time and per tag, against the course; and that nobody learns from it what is not shown to them."""

import concurrent.futures
import os
import subprocess

import psycopg2
import pytest
from client import eventually, problem
from quizzes import CHOICE, NOWHERE, RIGHT, add_item, begin, from_now, graded, saved, set_quiz, submit, tab

HIDDEN = {"score": "never", "key": "never", "feedback": "never"}
ENOUGH = 10  # students from which on there are figures


def performance(person, course, student):
    reply = person.get(f"/v1/courses/{course['id']}/students/{student.id}/performance")
    assert reply.status_code == 200, reply.text
    return reply.json()


def forget_figures(course):
    """They may be a minute old; here they are to be new."""
    socket = os.environ["EA_REDIS"].removeprefix("unix:")
    for everything in ("true", "false"):
        subprocess.run(["redis-cli", "-s", socket, "del", f"ea:figures:{course['id']}:{everything}"], capture_output=True, check=True)


def choice(teacher, course, points, *tags):
    return add_item(teacher, course, CHOICE, points=points, tags=list(tags))


def take(student, quiz, right):
    """An attempt in which the slots of these numbers are answered rightly."""
    attempt = begin(student, quiz)
    for slot in right:
        saved(student, attempt, slot, 0, RIGHT["choice"])
    submit(student, attempt)
    return attempt


def taken(teacher, student, quiz, right):
    attempt = take(student, quiz, right)
    graded(teacher, attempt)
    return attempt


def assign(teacher, course, **fields):
    reply = teacher.post(f"/v1/courses/{course['id']}/assignments", json={"title": "A report", "points": 10, "attempts": None} | fields)
    assert reply.status_code == 201, reply.text
    assert teacher.post(f"/v1/assignments/{reply.json()['id']}/publish").status_code == 200
    return reply.json()


def handed_in(teacher, student, assignment, points):
    """A submission with these points."""
    reply = student.post(f"/v1/assignments/{assignment['id']}/submissions", json={"text": "Leaves are green."})
    assert reply.status_code == 201, reply.text
    path = f"/v1/submissions/{reply.json()['id']}"
    eventually(lambda: teacher.get(path).json()["explanation"])
    reply = teacher.put(path + "/grade", json={"points": points}, headers={"If-Match": teacher.get(path).headers["etag"]})
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_over_time_and_per_tag(teacher, course, student):
    leaf, both, sun, plain = (choice(teacher, course, 1, "leaf"), choice(teacher, course, 2, "leaf", "sun"), choice(teacher, course, 4, "sun"), choice(teacher, course, 8))
    first = set_quiz(teacher, course, [leaf, both, plain], title="First")
    second = set_quiz(teacher, course, [leaf, both, sun], title="Second")
    assert performance(student, course, student) == {
        "course_id": course["id"], "user_id": student.id, "overall": {"score": {"points": 0, "of": 0}, "percent": None, "course": None}, "work": [], "tags": []}
    one = taken(teacher, student, first, [1, 3])
    essay = assign(teacher, course, title="Essay")
    handed_in(teacher, student, essay, 2)
    submission = handed_in(teacher, student, essay, 7.5)
    two = taken(teacher, student, second, [2])
    mine = performance(student, course, student)
    assert mine == performance(teacher, course, student)
    assert [(w["kind"], w["id"], w["title"], w["score"], w["percent"]) for w in mine["work"]] == [
        ("quiz", first["id"], "First", {"points": 9, "of": 11}, 81.8), ("assignment", essay["id"], "Essay", {"points": 7.5, "of": 10}, 75),
        ("quiz", second["id"], "Second", {"points": 2, "of": 7}, 28.6)]
    assert mine["work"][0]["attempt_id"] == one["id"] and mine["work"][2]["attempt_id"] == two["id"] and mine["work"][1]["submission_id"] == submission["id"]
    assert [w["at"] for w in mine["work"]] == sorted(w["at"] for w in mine["work"])
    assert mine["overall"] == {"score": {"points": 18.5, "of": 28}, "percent": 66.1, "course": None}
    assert [(t["tag"], t["items"], t["score"], t["percent"], t["mastery"]) for t in mine["tags"]] == [
        ("leaf", 4, {"points": 3, "of": 6}, 50, 50), ("sun", 3, {"points": 2, "of": 8}, 25, 25)]
    assert {w["course"] for w in mine["work"] + mine["tags"]} == {None}


def test_mastery_is_of_the_last_ten_items(teacher, course, student):
    items = [choice(teacher, course, 1, "leaf") for _ in range(6)]
    old, new = set_quiz(teacher, course, items), set_quiz(teacher, course, items)
    taken(teacher, student, old, [])
    [tag] = performance(student, course, student)["tags"]
    assert (tag["items"], tag["percent"], tag["mastery"]) == (6, 0, 0)
    taken(teacher, student, new, range(1, 7))
    [tag] = performance(student, course, student)["tags"]
    assert (tag["items"], tag["percent"], tag["mastery"]) == (12, 50, 60)


def test_two_items_say_nothing_of_mastery(teacher, course, student):
    taken(teacher, student, set_quiz(teacher, course, [choice(teacher, course, 1, "leaf") for _ in range(2)]), [1])
    [tag] = performance(student, course, student)["tags"]
    assert (tag["items"], tag["percent"], tag["mastery"]) == (2, 50, None)


@pytest.mark.parametrize("keep, points, which, items", [("highest", 3, 1, 2), ("latest", 1, 2, 2), ("first", 0, 0, 2), ("average", 1.333, None, 6)])
def test_what_counts_is_the_quizs_rule(teacher, course, student, keep, points, which, items):
    quiz = set_quiz(teacher, course, [choice(teacher, course, 1, "leaf"), choice(teacher, course, 2, "leaf")], attempts=3, keep=keep)
    attempts = [taken(teacher, student, quiz, right) for right in ([], [1, 2], [1])]
    mine = performance(student, course, student)
    [work], [tag] = mine["work"], mine["tags"]
    assert work["score"] == {"points": points, "of": 3} and work["attempt_id"] == (None if which is None else attempts[which]["id"])
    assert tag["items"] == items and tag["score"]["points"] == (4 if keep == "average" else points)


def test_what_waits_for_a_person_does_not_count(teacher, course, student):
    essay = add_item(teacher, course, {"kind": "essay", "stem": "Why?", "points": 5, "tags": ["why"], "definition": {}})
    attempt = begin(student, set_quiz(teacher, course, [choice(teacher, course, 1, "leaf"), essay]))
    saved(student, attempt, 1, 0, RIGHT["choice"])
    saved(student, attempt, 2, 0, {"text": "Therefore."})
    submit(student, attempt)
    eventually(lambda: teacher.get(f"/v1/attempts/{attempt['id']}").json()["needs_grading"])
    for person in (student, teacher):
        assert performance(person, course, student)["work"] == performance(person, course, student)["tags"] == []
    assert teacher.put(f"/v1/attempts/{attempt['id']}/slots/2/grade", json={"points": 4}).status_code == 200
    mine = performance(student, course, student)
    assert mine["overall"]["score"] == {"points": 5, "of": 6} and [t["tag"] for t in mine["tags"]] == ["leaf", "why"]


def test_who_may_see_whose(school, teacher, course, student):
    other, assistant, stranger = school.person(), school.person(), school.person("staff")
    school.enrol(course, other)
    school.enrol(course, assistant, "assistant")
    path = f"/v1/courses/{course['id']}/students/{student.id}/performance"
    for person in (student, teacher, assistant, school.admin):
        assert person.get(path).json()["user_id"] == student.id
    for nobody in (other, stranger):
        problem(nobody.get(path), 404, "not-found")
    problem(school.anonymous().get(path), 401)
    for missing in (teacher.id, assistant.id, stranger.id, NOWHERE, "x"):
        problem(teacher.get(f"/v1/courses/{course['id']}/students/{missing}/performance"), 404)
        problem(student.get(f"/v1/courses/{course['id']}/students/{missing}/performance"), 404)
    problem(assistant.get(f"/v1/courses/{course['id']}/students/{assistant.id}/performance"), 404)
    problem(student.get(f"/v1/courses/{NOWHERE}/students/{student.id}/performance"), 404)
    elsewhere = school.course(teacher)
    problem(teacher.get(f"/v1/courses/{elsewhere['id']}/students/{student.id}/performance"), 404)


def test_what_is_not_shown_is_told_by_nothing(teacher, course, student):
    item, secret = choice(teacher, course, 1, "leaf"), choice(teacher, course, 4, "leaf", "secret")
    shown = set_quiz(teacher, course, [item])
    never = set_quiz(teacher, course, [secret], show=HIDDEN)
    later = set_quiz(teacher, course, [secret], closes_at=from_now(hours=1), show=HIDDEN | {"score": "after_close"})
    held = assign(teacher, course, release="manual")
    for quiz in (shown, never, later):
        taken(teacher, student, quiz, [1])
    submission = handed_in(teacher, student, held, 3)
    mine, all_of_it = performance(student, course, student), performance(teacher, course, student)
    assert [w["id"] for w in mine["work"]] == [shown["id"]] and mine["overall"]["score"] == {"points": 1, "of": 1}
    assert [(t["tag"], t["items"], t["score"]) for t in mine["tags"]] == [("leaf", 1, {"points": 1, "of": 1})]
    assert {w["id"] for w in all_of_it["work"]} == {shown["id"], never["id"], later["id"], held["id"]}
    assert all_of_it["overall"]["score"] == {"points": 12, "of": 19} and [t["tag"] for t in all_of_it["tags"]] == ["leaf", "secret"]
    assert teacher.post(f"/v1/assignments/{held['id']}/release").status_code == 200
    assert [w.get("submission_id") for w in performance(student, course, student)["work"]] == [None, submission["id"]]
    assert teacher.change(f"/v1/quizzes/{never['id']}", {"show": {"score": "on_submit"}}).status_code == 200
    assert "secret" in [t["tag"] for t in performance(student, course, student)["tags"]]


@pytest.fixture
def class_of_ten(school, course, student):
    people = [student] + [school.person() for _ in range(ENOUGH - 1)]
    for person in people[1:]:
        school.enrol(course, person)
    return people


def test_against_the_course(teacher, course, student, class_of_ten):
    """With the quartiles worked out by hand, and none of what fewer than ten have."""
    items = [choice(teacher, course, 1, "leaf") for _ in range(8)] + [choice(teacher, course, 2, "rare")]
    common, hidden, few = set_quiz(teacher, course, items[:8]), set_quiz(teacher, course, items[:8], show=HIDDEN), set_quiz(teacher, course, items[8:])
    attempts = []
    for n, person in enumerate(class_of_ten):
        attempts += [take(person, common, range(1, 1 + min(n, 8))), take(person, hidden, [])]
        attempts += [take(person, few, [1])] if n else []
    for attempt in attempts:
        graded(teacher, attempt)
    forget_figures(course)
    # rights of eight: 0 1 2 3 4 5 6 7 8 8
    everybody = {"students": 10, "lower_quartile": 28.1, "median": 56.3, "upper_quartile": 84.4}
    mine, all_of_it = performance(student, course, student), performance(teacher, course, student)
    assert [(w["id"], w["course"]) for w in mine["work"]] == [(common["id"], everybody)]
    assert [(t["tag"], t["course"]) for t in mine["tags"]] == [("leaf", everybody)]
    nought = {"students": 10, "lower_quartile": 0, "median": 0, "upper_quartile": 0}
    assert {w["id"]: w["course"] for w in all_of_it["work"]} == {common["id"]: everybody, hidden["id"]: nought}
    halved = {"students": 10, "lower_quartile": 14.1, "median": 28.1, "upper_quartile": 42.2}
    assert [(t["tag"], t["course"]) for t in all_of_it["tags"]] == [("leaf", halved)]
    second = performance(class_of_ten[1], course, class_of_ten[1])
    assert {w["id"]: w["course"] for w in second["work"]} == {common["id"]: everybody, few["id"]: None}  # nine have it
    assert {t["tag"]: t["course"] for t in second["tags"]} == {"leaf": everybody, "rare": None}
    # of all points that a student was shown: one of 8, nine of 10
    assert mine["overall"]["course"]["students"] == 10 and mine["overall"]["course"] == second["overall"]["course"]
    assert mine["overall"]["course"] == {"students": 10, "lower_quartile": 42.5, "median": 65, "upper_quartile": 87.5}
    forget_figures(course)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda t: performance(t, course, student), [tab(student) for _ in range(8)])) == [mine] * 8


def test_figures_that_take_too_long_are_left_out(teacher, course, student):
    taken(teacher, student, set_quiz(teacher, course, [choice(teacher, course, 1, "leaf")]), [1])
    with concurrent.futures.ThreadPoolExecutor(1) as pool, psycopg2.connect(os.environ["EA_PG"]) as holder, psycopg2.connect(os.environ["EA_PG"]) as look:
        look.autocommit = True
        with holder.cursor() as held, look.cursor() as cursor:
            def ended():
                cursor.execute("SELECT pg_stat_clear_snapshot()")  # a transaction sees others as they were at its first look
                cursor.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ea_course_attempts($1::uuid, $2::boolean)%'")
                return cursor.fetchall()

            held.execute("LOCK TABLE attempt_slots IN ACCESS EXCLUSIVE MODE")
            asking = pool.submit(performance, tab(student), course, student)
            eventually(ended)
            holder.rollback()
        assert asking.result()["work"][0]["score"] == {"points": 1, "of": 1}
