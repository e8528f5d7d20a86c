"""Who is there: only who says so, to those who share a room, rounded and together; large rooms by asking only."""

import contextlib
import datetime
import os
import socket

import psycopg2
from client import PATIENCE, eventually, problem, stream
from listening import metric
from rooms import heard_between, make_room, poll, say

TICK_S = int(os.environ.get("EA_PRESENCE_S", "30"))
IN_TIME = PATIENCE + 3 * TICK_S
SMALL = 200  # the most people of a room whose streams are told


def here(person):
    assert person.post("/v1/presence").status_code == 204


def seen_in(person, room):
    reply = person.get(f"/v1/rooms/{room['id']}/presence")
    assert reply.status_code == 200, reply.text
    return reply.json()


def moment(text):
    return datetime.datetime.fromisoformat(text)


def names(data):
    return [item["user_id"] for item in data["items"]]


def hears_of(listener, person):
    return listener.wait("presence", lambda data: person.id in names(data), within=IN_TIME)


def heard_of(listener):
    return {user for e in listener.events if e["event"] == "presence" for user in names(e["data"])}


def of_course(school, teacher, *people):
    """A course, whose own room is the one that its people share."""
    course = school.course(teacher)
    for person in people:
        school.enrol(course, person)
    return course


def fill(course, n):
    """So many more students, who cannot sign in."""
    connection = psycopg2.connect(os.environ["EA_PG"])
    with connection, connection.cursor() as cursor:
        cursor.execute(
            """WITH made AS (
                   INSERT INTO users (id, email, name, role) SELECT gen_random_uuid(), gen_random_uuid() || '@many.example', 'Many ' || n, 'member'
                   FROM generate_series(1, %s) n RETURNING id)
               INSERT INTO enrolments (course_id, user_id, role) SELECT %s, id, 'student' FROM made RETURNING user_id""",
            (n, course["id"]),
        )
        ids = [row[0] for row in cursor.fetchall()]
    connection.close()
    return ids


def stamp(users, at):
    """As if these people had just said so."""
    ms = int(at.timestamp() * 1000)
    with socket.create_connection(("127.0.0.1", int(os.environ["EA_PORT_REDIS"])), timeout=PATIENCE) as s:
        s.sendall(f"ZADD ea:presence {' '.join(f'{ms} {user}' for user in users)}\r\n".encode())
        assert s.recv(64) == f":{len(users)}\r\n".encode()


# --- asked ----------------------------------------------------------------------------------------------------------------


def test_who_says_so_is_shown_and_when(teacher, student, course):
    here(student)
    told = eventually(lambda: (found := seen_in(teacher, course)) and student.id in names(found) and found)
    at, now = moment(told["items"][0]["last_seen_at"]), moment(told["server_time"])
    assert names(told) == [student.id]
    assert told["seen"] == 1
    assert at <= now and moment(told["known_since"]) <= now
    assert at.timestamp() % TICK_S == 0, "a stamp is rounded down"


def test_nothing_else_that_people_do_is_a_sign_of_presence(teacher, student, friend, course):
    room = make_room(teacher, course)
    assert teacher.change(f"/v1/rooms/{room['id']}", {"anonymous": True}).status_code == 200
    with stream(student) as theirs:
        said = say(student, room, "hello")
        say(student, room, "who asks?", question=True, anonymous=True)
        assert student.post(f"/v1/rooms/{room['id']}/typing").status_code == 204
        assert student.put(f"/v1/rooms/{room['id']}/read", json={"event_id": said["event_id"]}).status_code == 200
        assert student.put(f"/v1/messages/{said['id']}/reactions/+1").status_code in (200, 204)
        assert student.get(f"/v1/rooms/{room['id']}/messages").status_code == 200
        poll(student)
        here(friend)
        hears_of(theirs, friend)
        assert heard_of(theirs) == {friend.id}
    assert names(eventually(lambda: (found := seen_in(teacher, room)) and found["items"] and found)) == [friend.id]


def test_only_who_may_see_the_room_may_ask(school, anonymous, admin, teacher, student, friend, course):
    outsider = school.person()
    direct = make_room(student, course, name="Us", kind="direct", members=[student.id, friend.id])
    problem(anonymous.post("/v1/presence"), 401)
    problem(anonymous.get(f"/v1/rooms/{course['id']}/presence"), 401)
    problem(outsider.get(f"/v1/rooms/{course['id']}/presence"), 404)
    problem(teacher.get(f"/v1/rooms/{direct['id']}/presence"), 404)
    problem(admin.get(f"/v1/rooms/{direct['id']}/presence"), 404)
    problem(student.post("/v1/presence", json={}), 415)
    for person in (student, friend):
        assert seen_in(person, direct)["items"] == []
    assert seen_in(admin, course)["items"] == []


def test_who_left_a_room_is_not_shown_in_it(teacher, student, friend, course):
    group = make_room(teacher, course, name="Group", kind="group", members=[student.id, friend.id])
    here(student)
    here(friend)
    eventually(lambda: sorted(names(seen_in(friend, group))) == sorted([student.id, friend.id]))
    assert teacher.delete(f"/v1/rooms/{group['id']}/members/{student.id}").status_code == 204
    eventually(lambda: names(seen_in(friend, group)) == [friend.id])
    problem(student.get(f"/v1/rooms/{group['id']}/presence"), 404)


def test_an_answer_is_bounded_and_begins_with_the_last_seen(school, teacher, student, course):
    now = datetime.datetime.now(datetime.timezone.utc)
    many = fill(course, SMALL + 50)
    stamp(many, now - datetime.timedelta(minutes=5))
    stamp(fill(course, 3), now - datetime.timedelta(minutes=16))
    here(student)
    told = eventually(lambda: (found := seen_in(teacher, course)) and student.id in names(found) and found)
    assert told["seen"] == SMALL + 51
    assert len(told["items"]) == SMALL
    assert names(told)[0] == student.id
    assert set(names(told)[1:]) < set(many)


# --- told -----------------------------------------------------------------------------------------------------------------


def test_the_event_names_those_who_were_seen_and_moves_no_cursor(teacher, student, friend, course):
    before = poll(friend)["cursor"]
    with stream(friend) as theirs:
        here(student)
        event = hears_of(theirs, student)
        [item] = [item for item in event["data"]["items"] if item["user_id"] == student.id]
        assert moment(item["last_seen_at"]) <= moment(event["data"]["server_time"])
        assert moment(item["last_seen_at"]).timestamp() % TICK_S == 0
        last = say(teacher, course, "hello")["event_id"]
        assert int(event["id"]) <= last
    assert [e["kind"] for e in heard_between(friend, before, last)] == ["message.created"]


def test_strangers_hear_nothing_of_each_other(school, teacher, student, friend, course):
    stranger, other = school.person(), school.person()
    elsewhere = of_course(school, school.person("staff"), stranger, other)
    with stream(friend) as theirs, stream(stranger) as strange:
        here(student)
        hears_of(theirs, student)
        here(other)  # told after the student
        hears_of(strange, other)
        assert heard_of(strange) == {other.id}
        here(student)  # told after the other
        hears_of(theirs, student)
        assert other.id not in heard_of(theirs)
    problem(stranger.get(f"/v1/rooms/{course['id']}/presence"), 404)
    assert names(eventually(lambda: (found := seen_in(stranger, elsewhere)) and found["items"] and found)) == [other.id]


def test_who_left_hears_nothing_more(school, admin, teacher, student, friend, course):
    of_course(school, teacher, friend)
    with stream(friend) as theirs, stream(teacher) as listening:
        here(student)
        hears_of(theirs, student)
        hears_of(listening, student)
        assert admin.delete(f"/v1/courses/{course['id']}/enrolments/{friend.id}").status_code == 204
        before = len(theirs.events)
        here(student)
        hears_of(listening, student)
        here(friend)  # told after the student
        hears_of(theirs, friend)
        assert all(student.id not in names(e["data"]) for e in theirs.events[before:] if e["event"] == "presence")


def test_a_large_room_is_not_told_but_its_small_ones_are(school, teacher, student, friend, course):
    """A course of one more than are told, and one that is just small enough."""
    group = make_room(teacher, course, name="Group", kind="group", members=[student.id])
    fill(course, SMALL - 2)
    small = of_course(school, teacher, friend, other := school.person())
    fill(small, SMALL - 3)
    with stream(friend) as theirs, stream(teacher) as listening:
        here(student)
        hears_of(listening, student)  # in the group
        here(other)  # told after the student
        hears_of(theirs, other)
        assert heard_of(theirs) == {other.id}
    assert student.id in names(seen_in(friend, course)), "whoever asks is told"
    assert student.id in names(seen_in(teacher, group))


def test_one_encoding_for_all_who_hear_the_same(school, student, friend, course):
    people = [friend, *(school.person() for _ in range(3))]
    for person in people[1:]:
        school.enrol(course, person)
    with contextlib.ExitStack() as opened:
        streams = [opened.enter_context(stream(person)) for person in people for _ in range(5)]
        before = metric("ea_hub_presence_frames_total"), metric("ea_hub_presence_total")
        here(student)
        for s in streams:
            hears_of(s, student)
        eventually(lambda: metric("ea_hub_presence_total") - before[1] == len(streams))
        assert metric("ea_hub_presence_frames_total") - before[0] == 1


def test_saying_it_twenty_times_is_saying_it_once(school, teacher, student, course):
    session = school.login(student.email, student.password)
    with stream(teacher) as listening:
        for _ in range(20):
            here(session)
        assert session.post("/v1/auth/logout").status_code == 204
        eventually(lambda: session.post("/v1/presence").status_code == 401)
        event = hears_of(listening, student)
        assert names(event["data"]).count(student.id) == 1
