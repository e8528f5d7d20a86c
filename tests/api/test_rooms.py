"""Kinds of rooms and who is in them: the course's own, discussions, announcements, groups, direct rooms."""

import threading
import uuid

import pytest
from client import faults, pages, problem, stream
from rooms import cursor_now, heard_between, history, make_room, mark, say


def rooms_of(person, course):
    return {r["id"]: r for r in pages(person, f"/v1/courses/{course['id']}/rooms", limit=2)}


def direct(person, course, *others, **fields):
    return person.post(f"/v1/courses/{course['id']}/rooms", json={"kind": "direct", "members": [o.id for o in others]} | fields)


def sees_nothing(person, room):
    path = f"/v1/rooms/{room['id']}"
    for reply in (person.get(path), person.get(path + "/messages"), person.get(path + "/pins"), person.get(path + "/questions"), person.get(path + "/export"),
                  person.post(path + "/messages", json={"text": "hi"}), person.post(path + "/typing"), person.put(path + "/read", json={"event_id": 1}),
                  person.post(path + "/files", files={"file": ("a.txt", b"a")})):
        problem(reply, 404)


# --- the course's own -----------------------------------------------------------------------------------------------------


def test_every_course_has_a_room_from_the_beginning(school, teacher, student, course):
    room = student.get(f"/v1/rooms/{course['id']}").json()
    assert room["kind"] == "discussion" and room["name"] == course["title"] and room["course_id"] == course["id"]
    assert list(rooms_of(student, course)) == [course["id"]]
    with stream(teacher) as events:
        message = say(student, room, "Hello")
        assert events.wait("message.created")["data"] == message
    sees_nothing(school.person(), room)


# --- direct rooms ---------------------------------------------------------------------------------------------------------


def test_a_direct_room_is_its_peoples_alone(school, admin, teacher, student, friend, course):
    other = school.person()
    school.enrol(course, other)
    room = direct(student, course, friend).json()
    assert {m["id"] for m in room["members"]} == {student.id, friend.id}
    assert room["name"] == ", ".join(sorted([student.user["name"], friend.user["name"]]))
    start = cursor_now(teacher)
    message = say(friend, room, "hi")
    for person in (other, teacher, admin):
        sees_nothing(person, room)
        problem(person.get(f"/v1/messages/{message['id']}"), 404)
        problem(person.put(f"/v1/messages/{message['id']}/reactions/+1"), 404)
        assert room["id"] not in rooms_of(person, course)
    assert room["id"] in rooms_of(student, course)
    assert [e["kind"] for e in heard_between(teacher, start, mark(teacher, course))] == ["message.created"]


def test_the_same_people_are_the_same_room(school, student, friend, teacher, course):
    first = direct(student, course, friend)
    assert first.status_code == 201
    for again in (direct(student, course, friend, name="Another name"), direct(friend, course, student), direct(student, course, friend, student, friend)):
        assert again.status_code == 200 and again.json()["id"] == first.json()["id"] and again.json()["name"] == first.json()["name"]
    three = direct(student, course, friend, teacher)
    assert three.status_code == 201 and three.json()["id"] != first.json()["id"]


def test_the_same_people_at_the_same_time_are_one_room(student, friend, course):
    replies, threads = [], []
    for one, other in [(student, friend), (friend, student)] * 4:
        threads.append(threading.Thread(target=lambda p=one.tab(), o=other: replies.append(direct(p, course, o))))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len({r.json()["id"] for r in replies}) == 1 and sorted(r.status_code for r in replies) == [200] * 7 + [201]


def test_a_direct_room_has_two_to_nine_people_of_the_course(school, student, friend, course):
    assert faults(direct(student, course)) == {"/members": "too-short"}
    assert faults(direct(student, course, student)) == {"/members": "too-short"}
    nine = [school.account() for _ in range(9)]
    for account in nine:
        assert school.admin.post(f"/v1/courses/{course['id']}/enrolments", json={"user_id": account["id"], "role": "student"}).status_code == 201
    body = {"kind": "direct", "members": [a["id"] for a in nine]}
    assert faults(student.post(f"/v1/courses/{course['id']}/rooms", json=body)) == {"/members": "too-long"}
    body["members"] = body["members"][:8]
    assert student.post(f"/v1/courses/{course['id']}/rooms", json=body).status_code == 201
    outsider = school.person()
    assert faults(direct(student, course, outsider)) == {"/members": "invalid"}
    problem(direct(outsider, course, student), 404)


def test_nobody_comes_or_goes_in_a_direct_room(student, friend, teacher, course):
    room = direct(student, course, friend).json()
    path = f"/v1/rooms/{room['id']}/members/"
    problem(student.put(path + teacher.id), 409, "conflict")
    problem(student.delete(path + friend.id), 409, "conflict")
    problem(teacher.put(path + teacher.id), 404)


def test_a_direct_room_is_named_by_its_people_and_has_no_rules(student, friend, course):
    room = direct(student, course, friend).json()
    path = f"/v1/rooms/{room['id']}"
    assert friend.change(path, {"name": "Homework"}).json()["name"] == "Homework"
    problem(friend.change(path, {"slow_s": 10}), 403)


def test_a_new_direct_room_is_heard_at_once(student, friend, course):
    with stream(friend) as events:
        message = say(student, direct(student, course, friend).json(), "psst")
        assert events.wait("message.created")["data"] == message


# --- groups ---------------------------------------------------------------------------------------------------------------


def test_a_group_is_its_members_and_the_teachers(school, teacher, assistant, student, friend, course):
    room = make_room(teacher, course, name="Group 1", kind="group", members=[student.id])
    assert [m["id"] for m in room["members"]] == [student.id]
    start = cursor_now(friend)
    message = say(student, room, "We begin")
    for person in (teacher, assistant, student):
        assert [m["id"] for m in history(person, room)] == [message["id"]]
        assert room["id"] in rooms_of(person, course)
    sees_nothing(friend, room)
    problem(friend.get(f"/v1/messages/{message['id']}"), 404)
    assert room["id"] not in rooms_of(friend, course)
    assert [e["data"]["room_id"] for e in heard_between(friend, start, mark(teacher, course))] == [course["id"]]


def test_groups_are_the_teachers_to_make_and_to_fill(school, teacher, assistant, student, friend, course):
    problem(student.post(f"/v1/courses/{course['id']}/rooms", json={"name": "Ours", "kind": "group", "members": [friend.id]}), 403)
    stranger = school.person()
    assert faults(teacher.post(f"/v1/courses/{course['id']}/rooms", json={"name": "G", "kind": "group", "members": [stranger.id]})) == {"/members": "invalid"}
    room = make_room(teacher, course, name="Group 2", kind="group", members=[student.id])
    path = f"/v1/rooms/{room['id']}/members/{friend.id}"
    problem(student.put(path), 403)
    problem(friend.put(path), 404)
    with stream(friend) as events:
        say(student, room, "not for you")
        assert assistant.put(path).status_code == 204
        assert assistant.put(path).status_code == 204
        say(student, room, "for you")
        assert events.wait("message.created")["data"]["text"] == "for you"
        assert teacher.delete(path).status_code == 204
        say(student, room, "not for you any more")
        mark(teacher, course)
        assert events.wait("message.created")["data"]["text"] == "mark"
    sees_nothing(friend, room)
    problem(teacher.delete(path), 404)
    problem(teacher.put(f"/v1/rooms/{room['id']}/members/{stranger.id}"), 404)
    problem(teacher.put(f"/v1/rooms/{course['id']}/members/{friend.id}"), 409)


def test_who_teaches_hears_a_group_and_who_no_longer_does_does_not(school, admin, teacher, student, friend, course):
    room = make_room(teacher, course, name="Group 3", kind="group", members=[student.id])
    with stream(friend) as events:
        say(student, room, "not for you")
        school.enrol(course, friend, role="assistant")
        say(student, room, "for you")
        assert events.wait("message.created")["data"]["text"] == "for you"
        school.enrol(course, friend, role="student")
        say(student, room, "not for you any more")
        mark(teacher, course)
        assert events.wait("message.created")["data"]["text"] == "mark"
    sees_nothing(friend, room)


def test_who_comes_back_hears_of_a_group_what_was_said_while_they_were_in_it(school, admin, teacher, student, friend, course):
    room, start = make_room(teacher, course, name="Group 5", kind="group", members=[student.id]), cursor_now(friend)
    path = f"/v1/rooms/{room['id']}/members/{friend.id}"
    said = []
    for what, change in (("before", None), ("in", lambda: teacher.put(path)), ("teaching", lambda: school.enrol(course, friend, role="assistant")),
                         ("named no more", lambda: teacher.delete(path)), ("a student again", lambda: school.enrol(course, friend)),
                         ("gone", lambda: admin.delete(f"/v1/courses/{course['id']}/enrolments/{friend.id}"))):
        if change:
            change()
        said.append(say(student, room, what)["text"])
    school.enrol(course, friend)
    heard = [e["data"]["text"] for e in heard_between(friend, start, mark(teacher, course)) if e["kind"] == "message.created"]
    assert heard == ["in", "teaching", "named no more", "mark"]


def test_a_teacher_of_the_roster_hears_the_groups(school, admin, teacher, student, friend, course):
    room = make_room(teacher, course, name="Group 4", kind="group", members=[student.id])
    with stream(friend) as events:
        table = "role,given name,family name,email,course code\nassistant,A,B,%s,%s\n" % (friend.email, course["code"])
        reply = admin.post("/v1/roster/import", content=table, headers={"Content-Type": "text/csv"})
        assert reply.status_code == 200 and reply.json()["errors"] == [], reply.text
        message = say(student, room, "for you")
        assert events.wait("message.created")["data"] == message


@pytest.mark.parametrize("body, fault", [
    ({"kind": "discussion"}, {"/name": "required"}),
    ({"kind": "group"}, {"/name": "required"}),
    ({"name": "a", "kind": "discussion", "members": [str(uuid.uuid4())]}, {"/members": "invalid"}),
    ({"name": "a", "kind": "party"}, {"/kind": "invalid"}),
    ({"name": "a\nb", "kind": "discussion"}, {"/name": "format"}),
])
def test_what_is_no_room(teacher, course, body, fault):
    got = faults(teacher.post(f"/v1/courses/{course['id']}/rooms", json=body))
    assert set(got) == set(fault)


def test_rules_of_a_room_are_the_teachers(teacher, student, course):
    path = f"/v1/rooms/{course['id']}"
    assert {k: teacher.get(path).json()[k] for k in ("edit_s", "slow_s", "anonymous")} == {"edit_s": 900, "slow_s": 0, "anonymous": False}
    changed = teacher.change(path, {"edit_s": 60, "slow_s": 5, "anonymous": True}).json()
    assert {k: changed[k] for k in ("edit_s", "slow_s", "anonymous")} == {"edit_s": 60, "slow_s": 5, "anonymous": True}
    problem(student.change(path, {"slow_s": 0}), 403)
    assert faults(teacher.change(path, {"slow_s": 3601, "edit_s": -1})) == {"/slow_s": "out-of-range", "/edit_s": "out-of-range"}


# --- unread, and who has read ---------------------------------------------------------------------------------------------


def test_unread_comes_from_what_is_there(teacher, student, course):
    room = make_room(teacher, course)
    said = [say(teacher, room, str(i)) for i in range(4)]
    path = f"/v1/rooms/{room['id']}"

    def unread():
        return student.get(path).json()["unread"]

    student.put(path + "/read", json={"event_id": said[0]["event_id"]})
    assert unread() == 3
    say(student, room, "mine")
    assert unread() == 3
    teacher.delete(f"/v1/messages/{said[1]['id']}")
    assert unread() == 2
    teacher.put(f"/v1/messages/{said[2]['id']}/hidden")
    assert unread() == 1
    teacher.delete(f"/v1/messages/{said[2]['id']}/hidden")
    assert unread() == 2


def test_nobody_has_read_what_is_not_yet_said(teacher, student, course):
    room = make_room(teacher, course)
    path = f"/v1/rooms/{room['id']}"
    read_to = student.put(path + "/read", json={"event_id": 2**62}).json()["event_id"]
    assert say(teacher, room, "news")["event_id"] > read_to
    assert student.get(path).json()["unread"] == 1


def test_how_many_have_read_and_not_who(school, teacher, student, friend, course):
    room = make_room(teacher, course)
    message = say(student, room, "Read me")
    path = f"/v1/messages/{message['id']}/readers"
    assert student.get(path).json() == {"read": 0, "of": 2}
    friend.put(f"/v1/rooms/{room['id']}/read", json={"event_id": message["event_id"]})
    assert student.get(path).json() == teacher.get(path).json() == {"read": 1, "of": 2}
    problem(friend.get(path), 403)
    problem(school.person().get(path), 404)
