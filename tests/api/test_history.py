"""What of a room's past somebody is shown who came later: all of it, or, where its history is `joined`, what was said since they came; and that this is what their stream told them."""

import itertools
import json
import os
import threading

import psycopg2
import pytest
from client import faults, pages, problem
from listening import side_by_side
from rooms import by_roster, closed_room, cursor_now, heard_between, history, in_order, into_group, make_room, mark, read, say


@pytest.fixture
def room(teacher, course):
    return make_room(teacher, course, history="joined")


def ids(messages):
    return [m["id"] for m in messages]


def shown(person, room):
    return [m["text"] for m in history(person, room)][::-1]


def leave(teacher, course, person):
    assert teacher.delete(f"/v1/courses/{course['id']}/enrolments/{person.id}").status_code == 204


def set_history(teacher, room, value):
    reply = teacher.change(f"/v1/rooms/{room['id']}", {"history": value})
    assert reply.status_code == 200 and reply.json()["history"] == value, reply.text


# --- the setting ----------------------------------------------------------------------------------------------------------


def test_a_room_shows_all_unless_it_is_told_otherwise(school, teacher, course, newcomer):
    room = make_room(teacher, course)
    assert room["history"] == teacher.get(f"/v1/rooms/{course['id']}").json()["history"] == "all"
    say(teacher, room, "before")
    school.enrol(course, newcomer)
    assert shown(newcomer, room) == ["before"] and newcomer.get(f"/v1/rooms/{room['id']}").json()["unread"] == 1


def test_it_is_for_teachers_to_set(teacher, assistant, student, course, room):
    path = f"/v1/rooms/{room['id']}"
    assert room["history"] == "joined" and student.get(path).json()["history"] == "joined"
    for person in (student, assistant):
        problem(person.change(path, {"history": "all"}), 403)
    assert set(faults(teacher.change(path, {"history": "shared"}))) == {"/history"}
    assert set(faults(teacher.post(f"/v1/courses/{course['id']}/rooms", json={"name": "a", "kind": "discussion", "history": "none"}))) == {"/history"}
    problem(teacher.patch(path, json={"history": "all"}, headers={"If-Match": '"0"'}), 412)
    start = cursor_now(student)
    set_history(teacher, room, "joined")
    set_history(teacher, room, "all")
    assert teacher.change(path, {"slow_s": 1}).json()["history"] == "all"
    told = [e["data"] for e in heard_between(student, start, mark(teacher, course)) if e["kind"] == "history.changed"]
    assert told == [{"room_id": room["id"], "history": "all", "user_id": teacher.id}]


def test_nobody_joins_a_direct_room(student, friend, course):
    body = {"kind": "direct", "members": [friend.id], "history": "joined"}
    assert faults(student.post(f"/v1/courses/{course['id']}/rooms", json=body)) == {"/history": "invalid"}
    room = student.post(f"/v1/courses/{course['id']}/rooms", json=body | {"history": "all"}).json()
    assert room["history"] == "all"
    problem(friend.change(f"/v1/rooms/{room['id']}", {"history": "joined"}), 403)


# --- who comes, goes and comes back ---------------------------------------------------------------------------------------


def test_who_comes_back_is_new(school, teacher, student, course, room, newcomer):
    school.enrol(course, newcomer)
    own = say(newcomer, room, "mine, of the first time")
    leave(teacher, course, newcomer)
    say(teacher, room, "while they were gone")
    by_roster(school, course, newcomer)
    say(teacher, room, "since")
    assert shown(newcomer, room) == ["since"] and shown(student, room) == ["mine, of the first time", "while they were gone", "since"]
    problem(newcomer.delete(f"/v1/messages/{own['id']}"), 404)


def test_a_group_is_joined_by_who_is_named(teacher, student, friend, course):
    group = make_room(teacher, course, name="Group 1", kind="group", members=[student.id], history="joined")
    say(student, group, "before")
    into_group(teacher, group, friend)
    say(student, group, "with both")
    into_group(teacher, group, friend)
    assert shown(friend, group) == ["with both"] and shown(student, group) == ["before", "with both"]
    assert teacher.delete(f"/v1/rooms/{group['id']}/members/{friend.id}").status_code == 204
    say(student, group, "without")
    into_group(teacher, group, friend)
    assert shown(friend, group) == []


def test_who_left_the_course_comes_back_to_the_group_as_new(school, teacher, student, friend, course):
    group = make_room(teacher, course, name="Group 2", kind="group", members=[student.id, friend.id], history="joined")
    say(student, group, "before")
    leave(teacher, course, friend)
    school.enrol(course, friend)
    say(student, group, "since")
    assert shown(friend, group) == ["since"]


def test_another_role_is_no_joining(school, teacher, student, course, room, newcomer):
    say(student, room, "before")
    school.enrol(course, newcomer)
    say(student, room, "as a student")
    school.enrol(course, newcomer, role="assistant")
    assert shown(newcomer, room) == ["before", "as a student"]
    school.enrol(course, newcomer)
    say(student, room, "as a student again")
    assert shown(newcomer, room) == ["as a student", "as a student again"]


def test_who_taught_is_of_the_group_since_they_were_named(school, teacher, student, friend, course):
    group = make_room(teacher, course, name="Group 3", kind="group", members=[student.id], history="joined")
    school.enrol(course, friend, role="assistant")
    say(student, group, "before")
    into_group(teacher, group, friend)
    say(student, group, "since")
    assert shown(friend, group) == ["before", "since"]
    school.enrol(course, friend)
    assert shown(friend, group) == ["since"]


def test_who_looks_after_a_room_is_shown_all(school, admin, teacher, student, course, room):
    say(student, room, "before")
    late = [(school.person(), role) for role in ("assistant", "teacher")]
    for person, role in late:
        school.enrol(course, person, role=role)
    for person in (admin, *(person for person, _ in late)):
        assert shown(person, room) == ["before"]
        assert [json.loads(line)["text"] for line in person.get(f"/v1/rooms/{room['id']}/export").text.splitlines()] == ["before"]


def test_who_was_made_a_member_without_a_word_was_there_always(teacher, course, room, newcomer):
    """As all who were in before there was the setting."""
    say(teacher, room, "before")
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute("INSERT INTO enrolments (course_id, user_id, role) VALUES (%s, %s, 'student')", (course["id"], newcomer.id))
    assert shown(newcomer, room) == ["before"]


# --- another setting ------------------------------------------------------------------------------------------------------


def test_what_was_kept_from_somebody_is_shown_to_them_by_no_change(school, teacher, student, course, room):
    one, two = school.person(), school.person()
    say(student, room, "first")
    school.enrol(course, one)
    say(student, room, "closed")
    set_history(teacher, room, "all")
    say(student, room, "open")
    school.enrol(course, two)
    assert shown(student, room) == ["first", "closed", "open"] and shown(one, room) == ["closed", "open"] and shown(two, room) == ["open"]
    set_history(teacher, room, "joined")
    say(student, room, "closed again")
    set_history(teacher, room, "all")
    assert shown(one, room) == ["closed", "open", "closed again"] and shown(two, room) == ["closed again"]  # what is open came before they did
    three = school.person()
    school.enrol(course, three)
    say(student, room, "open again")
    assert shown(three, room) == ["open again"] and shown(teacher, room)[0] == "first"


def test_what_was_open_is_closed_to_who_comes_after_that(school, teacher, student, course):
    room, one, two = make_room(teacher, course), school.person(), school.person()
    say(student, room, "open")
    set_history(teacher, room, "joined")
    school.enrol(course, one)
    assert shown(one, room) == [] and shown(student, room) == ["open"]
    set_history(teacher, room, "all")
    school.enrol(course, two)
    assert shown(one, room) == shown(two, room) == []


# --- counts, and what can be done to what one is not shown ----------------------------------------------------------------


def test_counts_are_of_what_is_shown(school, teacher, student, course, room, newcomer):
    path = f"/v1/rooms/{room['id']}"
    before = say(teacher, room, "before")
    school.enrol(course, newcomer)
    mine = newcomer.get(path).json()
    assert mine["unread"] == 0 and mine["last_message"] is None and student.get(path).json()["last_message"]["id"] == before["id"]
    after = say(teacher, room, "after")
    mine = newcomer.get(path).json()
    assert mine["unread"] == 1 and mine["last_message"]["id"] == after["id"] and student.get(path).json()["unread"] == 2
    newcomer.put(path + "/read", json={"event_id": after["event_id"]})
    assert teacher.get(f"/v1/messages/{before['id']}/readers").json() == {"read": 0, "of": 1}
    assert teacher.get(f"/v1/messages/{after['id']}/readers").json() == {"read": 1, "of": 2}


def test_what_one_is_not_shown_does_not_exist(school, teacher, student, course, room, newcomer):
    before = say(student, room, "before")
    school.enrol(course, newcomer)
    question = say(newcomer, room, "And why?", question=True)
    path = f"/v1/messages/{before['id']}"
    for reply in (newcomer.get(path), newcomer.patch(path, json={"text": "x"}), newcomer.delete(path), newcomer.put(path + "/reactions/+1"), newcomer.get(path + "/thread"),
                  newcomer.get(path + "/readers"), newcomer.post(path + "/reports", json={"reason": "x"}), newcomer.put(path + "/answered")):
        problem(reply, 404)
    assert faults(newcomer.post(f"/v1/rooms/{room['id']}/messages", json={"text": "x", "reply_to": before["id"]})) == {"/reply_to": "invalid"}
    assert faults(newcomer.put(f"/v1/messages/{question['id']}/answered", json={"answer_id": before["id"]})) == {"/answer_id": "invalid"}
    assert read(student, before)["reactions"] == [] and read(student, before)["replies"] == 0


def test_of_a_thread_that_goes_on_only_what_was_said_since(school, teacher, student, course, room, newcomer):
    first = say(teacher, room, "Who has seen it?")
    second = say(student, room, "I have", reply_to=first["id"])
    school.enrol(course, newcomer)
    third = say(teacher, room, "Where?", reply_to=second["id"])
    assert ids(newcomer.get(f"/v1/messages/{third['id']}/thread").json()["items"]) == [third["id"]]
    assert ids(student.get(f"/v1/messages/{third['id']}/thread").json()["items"]) == [second["id"], third["id"]]
    assert read(newcomer, third)["thread_id"] == first["id"]


def test_a_change_is_told_without_its_text_where_not_all_are_shown_all(school, teacher, student, course, room, newcomer):
    message = say(student, room, "before")
    school.enrol(course, newcomer)
    start = cursor_now(newcomer)
    student.patch(f"/v1/messages/{message['id']}", json={"text": "changed"})
    end = mark(teacher, course)
    for person in (student, newcomer):
        (told,) = (e["data"] for e in heard_between(person, start, end) if e["kind"] == "message.updated")
        assert told == {"id": message["id"], "event_id": message["event_id"], "room_id": room["id"], "version": 2, "edited_at": told["edited_at"], "hidden_at": None}
    teacher.put(f"/v1/messages/{message['id']}/hidden")
    (told,) = (e["data"] for e in heard_between(newcomer, end, mark(teacher, course)) if e["kind"] == "message.updated")
    assert told["id"] == message["id"] and told["hidden_at"] and "text" not in told


# --- history and stream ---------------------------------------------------------------------------------------------------


def told_since(person, room, after, until):
    return [e["id"] for e in heard_between(person, after, until) if e["kind"] == "message.created" and e["data"]["room_id"] == room["id"]]


def came_at(person):
    """The last event that let them hear something."""
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM events WHERE topic = 'u:' || %s AND kind = 'membership.changed' AND payload -> 'add' <> '[]'", (person.id,))
        return cursor.fetchone()[0]


def test_who_comes_while_others_speak_reads_what_they_were_told(school, teacher, student, friend, course, room):
    """Message by message, for those who come once and those who come back, by each way in."""
    group = make_room(teacher, course, name="Group 4", kind="group", members=[student.id, friend.id], history="joined")
    people, done = [school.person() for _ in range(6)], threading.Event()
    start = cursor_now(people[0])

    def speak(person, where):
        for n in itertools.count():
            if done.is_set():
                return
            say(person, where, str(n))

    def come():
        try:
            for i, person in enumerate(people):
                (school.enrol if i % 2 else lambda course, person: by_roster(school, course, person))(course, person)
                into_group(teacher, group, person)
            for person in people[:3]:
                leave(teacher, course, person)
                school.enrol(course, person)
        finally:
            done.set()

    with side_by_side(*(lambda p=p.tab(), w=w: speak(p, w) for p in (student, friend) for w in (room, group)), come):
        pass
    end = mark(teacher, course)
    for i, person in enumerate(people):
        for where in (room, group):
            since = came_at(person) if i < 3 else start  # who came back is shown what was told since
            assert [m["event_id"] for m in history(person, where)][::-1] == told_since(person, where, since, end)


@pytest.mark.parametrize("first", ["the message", "the newcomer"])
@pytest.mark.parametrize("way", ["enrolled", "imported", "named"])
def test_who_comes_and_speaks_at_once_is_ordered_by_the_log(school, teacher, student, course, newcomer, way, first):
    room, come = closed_room(school, teacher, student, course, newcomer, way)
    start, said = cursor_now(newcomer), []
    work = [lambda: said.append(say(student, room, "at once")), come]
    in_order(*(work if first == "the message" else work[::-1]))
    theirs = [m["event_id"] for m in said] if first == "the newcomer" else []
    assert [m["event_id"] for m in history(newcomer, room)] == theirs == told_since(newcomer, room, start, mark(teacher, course))


@pytest.mark.parametrize("first", ["the message", "the opening"])
def test_what_is_said_while_a_room_is_opened_is_ordered_by_the_log(school, teacher, student, course, room, newcomer, first):
    work = [lambda: say(student, room, "at once"), lambda: set_history(teacher, room, "all")]
    in_order(*(work if first == "the message" else work[::-1]))
    school.enrol(course, newcomer)
    assert shown(newcomer, room) == ([] if first == "the message" else ["at once"])
    assert ids(pages(newcomer, f"/v1/courses/{course['id']}/rooms")) == sorted([course["id"], room["id"]])
