"""Two changes at once of who hears what: whichever comes first, people hear what the database says that they may, and nothing else. Both are held where they have looked at the database and
have not yet written to the log, whose lock is in the test's hand."""

import contextlib
import os
import threading

import psycopg2
import pytest
import stack
import story
from client import stream
from listening import cursor_now

LOG_LOCK = 4242


@contextlib.contextmanager
def log_held():
    connection = psycopg2.connect(os.environ["EA_PG"])
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOG_LOCK,))
        yield


def waiting():
    return stack.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


def at_once(*calls):
    """Side by side, the first one ahead at the log. Each until its reply is final: one that waits too long for a lock is told to come again. The replies."""
    replies = {}

    def run(n):
        replies[n] = story.again(calls[n], until=(200, 201, 204, 404, 422))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    with log_held():
        for n, thread in enumerate(threads):
            thread.start()
            stack.until(f"{n + 1} wait", lambda n=n: waiting() > n)
    for thread in threads:
        thread.join()
    return [replies[n] for n in range(len(calls))]


@pytest.fixture
def admin(school):
    return school.login(*os.environ["EA_ADMIN"].split(":", 1))


@pytest.fixture
def other(school, teacher, student):
    """A room that the student hears all the time."""
    course = school.course(teacher)
    school.enrol(course, student)
    return {"id": course["id"]}


def make_group(teacher, course, *members):
    body = {"kind": "group", "name": "Some of them", "members": [person.id for person in members]}
    return story.again(lambda: teacher.post(f"/v1/courses/{course['id']}/rooms", json=body)).json()


def heard(teacher, student, room, other, change):
    """Whether a stream that is open while `change` happens hears the room afterwards, and one that is opened then; and whether the student may see the room."""
    with stream(student) as events:
        assert events.status == 200
        change()
        with stream(student, last_event_id=cursor_now(student.tab())) as later:
            said = story.say(teacher, room(), "for who is there").json()["event_id"]
            mark = story.say(teacher, other, "for all").json()["event_id"]
            found = []
            for each in (events, later):
                each.wait("message.created", lambda data: data["event_id"] == mark)
                found.append(said in [event["data"].get("event_id") for event in each.events])
    return found, student.tab().get(f"/v1/rooms/{room()['id']}").status_code == 200


def role(teacher, course, student, to):
    return lambda: teacher.tab().post(f"/v1/courses/{course['id']}/enrolments", json={"user_id": student.id, "role": to})


def leave(teacher, course, student):
    return lambda: teacher.tab().delete(f"/v1/courses/{course['id']}/enrolments/{student.id}")


def name(teacher, room, student):
    return lambda: teacher.tab().put(f"/v1/rooms/{room['id']}/members/{student.id}")


def test_who_leaves_while_a_group_takes_them_in_hears_nothing(teacher, course, student, other):
    room = make_group(teacher, course)
    found = heard(teacher, student, lambda: room, other, lambda: at_once(leave(teacher, course, student), name(teacher, room, student)))
    assert found == ([False, False], False)


def test_who_stops_teaching_while_a_group_takes_them_in_hears_it(teacher, course, student, other):
    role(teacher, course, student, "assistant")()
    room = make_group(teacher, course)
    found = heard(teacher, student, lambda: room, other, lambda: at_once(role(teacher, course, student, "student"), name(teacher, room, student)))
    assert found == ([True, True], True)


@pytest.mark.parametrize("how", ["enrolment", "roster"])
def test_who_joins_while_a_room_is_made_hears_it(admin, teacher, course, student, other, how):
    leave(teacher, course, student)()
    rooms = []

    def make():
        rooms.append(teacher.tab().post(f"/v1/courses/{course['id']}/rooms", json={"kind": "discussion", "name": "New"}))
        return rooms[-1]

    def join():
        if how == "enrolment":
            return role(teacher, course, student, "student")()
        roster = f"role,given name,family name,email,course code\nstudent,Given,Family,{student.email},{course['code']}\n"
        return admin.post("/v1/roster/import", content=roster, headers={"Content-Type": "text/csv; charset=utf-8"})

    found = heard(teacher, student, lambda: rooms[-1].json(), other, lambda: at_once(make, join))
    assert found == ([True, True], True)


def test_who_begins_to_teach_while_a_group_is_made_hears_it(teacher, course, student, other):
    rooms = []

    def make():
        rooms.append(teacher.tab().post(f"/v1/courses/{course['id']}/rooms", json={"kind": "group", "name": "New", "members": []}))
        return rooms[-1]

    found = heard(teacher, student, lambda: rooms[-1].json(), other, lambda: at_once(make, role(teacher, course, student, "assistant")))
    assert found == ([True, True], True)


def test_who_leaves_while_somebody_begins_to_talk_to_them_hears_nothing(teacher, course, student, other):
    body = {"kind": "direct", "members": [student.id]}
    with stream(student) as events:
        _, made = at_once(leave(teacher, course, student), lambda: teacher.tab().post(f"/v1/courses/{course['id']}/rooms", json=body))
        said = story.say(teacher, made.json(), "for who is there").json()["event_id"] if made.status_code == 201 else None
        mark = story.say(teacher, other, "for all").json()["event_id"]
        events.wait("message.created", lambda data: data["event_id"] == mark)
        assert said not in [event["data"].get("event_id") for event in events.events]


def test_who_has_left_does_not_hear_a_group_because_it_lets_them_go(teacher, course, student, other):
    """From an old cursor people hear what they heard then: what they are told to have lost they must have had."""
    room = make_group(teacher, course, student)
    leave(teacher, course, student)()
    after = story.say(teacher, other, "they have left").json()["event_id"]
    said = story.say(teacher, room, "for who is there").json()["event_id"]
    assert teacher.delete(f"/v1/rooms/{room['id']}/members/{student.id}").status_code == 204
    mark = story.say(teacher, other, "for all").json()["event_id"]
    with stream(student, last_event_id=after) as events:
        events.wait("message.created", lambda data: data["event_id"] == mark)
        assert said not in [event["data"].get("event_id") for event in events.events]
    reply = student.get("/v1/events/poll", params={"after": after, "wait": 20}).json()
    assert said not in [event["id"] for event in reply["events"]]
