"""What somebody may follow is kept in memory for when they come again: that asks nothing of the database, and they hear neither more nor less than by asking it."""

import pytest
from client import eventually, problem, stream, unique
from listening import cursor_now, ids_of, metric, say, tell
from rooms import by_roster, heard_between, into_group, make_room, poll

DATABASE, MEMORY = ('ea_hub_topics_total{from="%s"}' % source for source in ("database", "memory"))
OPEN, GONE = "ea_hub_streams", 'ea_hub_ended_total{reason="gone"}'


def by_polls(person):
    poll(person)


def by_a_stream(person):
    """Kept as the hub sees it end."""
    eventually(lambda: metric(OPEN) == 0)
    gone = metric(GONE)
    with stream(person):
        eventually(lambda: metric(OPEN) == 1)
    eventually(lambda: metric(GONE) == gone + 1)


@pytest.fixture(params=[by_polls, by_a_stream], ids=lambda f: f.__name__)
def come_and_go(request):
    return request.param


def streamed(person, after, until):
    """The messages that a stream tells from one event to another, which is theirs."""
    with stream(person, last_event_id=after) as events:
        while int(events.next()["id"]) < until:
            pass
        return ids_of([e for e in events.events if e["event"] == "message.created"])


def polled(person, after, until):
    return [e["id"] for e in heard_between(person, after, until) if e["kind"] == "message.created"]


def test_who_comes_again_asks_nothing(school, teacher, course, student, come_and_go):
    tell(student, 1)  # what they follow was changed before
    come_and_go(student)
    asked, remembered = metric(DATABASE), metric(MEMORY)
    room = {"id": course["id"]}
    for n in range(3):
        after = cursor_now(student)
        said = say(teacher, room, str(n))["event_id"]
        assert [e["id"] for e in poll(student, after=after, wait=20)["events"]] == [said]
        assert streamed(student, after, said) == [said]
    assert metric(DATABASE) == asked
    assert metric(MEMORY) == remembered + 9


# --- changes ----------------------------------------------------------------------------------------------------------------

# Each returns a room, and what changes who hears it.


def joins(school, teacher, course, person):
    return make_room(teacher, course), lambda: school.enrol(course, person)


def leaves(school, teacher, course, person):
    school.enrol(course, person)
    path = f"/v1/courses/{course['id']}/enrolments/{person.id}"
    return make_room(teacher, course), lambda: teacher.delete(path).raise_for_status()


def is_imported(school, teacher, course, person):
    return make_room(teacher, course), lambda: by_roster(school, course, person, others=60)


def is_named(school, teacher, course, person):
    school.enrol(course, person)
    room = make_room(teacher, course, kind="group")
    return room, lambda: into_group(teacher, room, person)


def is_taken_out(school, teacher, course, person):
    school.enrol(course, person)
    room = make_room(teacher, course, kind="group", members=[person.id])
    return room, lambda: teacher.delete(f"/v1/rooms/{room['id']}/members/{person.id}").raise_for_status()


def assists(school, teacher, course, person):
    school.enrol(course, person)
    return make_room(teacher, course, kind="group"), lambda: school.enrol(course, person, role="assistant")


def no_longer_assists(school, teacher, course, person):
    school.enrol(course, person, role="assistant")
    return make_room(teacher, course, kind="group"), lambda: school.enrol(course, person)


CHANGES = {joins: True, leaves: False, is_imported: True, is_named: True, is_taken_out: False, assists: True, no_longer_assists: False}


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_a_change_while_they_are_away(school, teacher, course, come_and_go, change):
    person = school.person()
    room, happens = change(school, teacher, course, person)
    start = cursor_now(person)
    come_and_go(person)
    before = say(teacher, room, "before")["event_id"]
    happens()
    after = say(teacher, room, "after")["event_id"]
    [last] = tell(person, 1)
    theirs = [after] if CHANGES[change] else [before]
    for _ in range(2):
        for cursor in (start, before - 1, before, after):
            assert polled(person, cursor, last) == [said for said in theirs if said > cursor]
            assert streamed(person, cursor, last) == [said for said in theirs if said > cursor]


def test_a_room_that_is_made_while_they_are_away(school, teacher, course, student, friend, come_and_go):
    after = cursor_now(student)
    come_and_go(student)
    said = [say(teacher, make_room(teacher, course), "in a new room")["event_id"]]
    come_and_go(student)
    direct = {"kind": "direct", "members": [student.id], "name": unique("two")}
    said.append(say(friend, make_room(friend, course, **direct), "to you")["event_id"])
    [last] = tell(student, 1)
    assert polled(student, after, last) == said
    assert streamed(student, after, last) == said


def test_a_poll_that_waits_hears_of_the_change_and_comes_again_with_what_it_brings(school, teacher, course):
    person = school.person()
    room = make_room(teacher, course)
    cursor = cursor_now(person)
    school.enrol(course, person)
    first = say(teacher, room, "when they were there")["event_id"]
    teacher.delete(f"/v1/courses/{course['id']}/enrolments/{person.id}").raise_for_status()
    say(teacher, room, "when they were gone")
    [last] = tell(person, 1)
    heard = []
    while cursor < last:
        answer = poll(person, after=cursor, wait=20)
        heard += [e["id"] for e in answer["events"]]
        cursor = answer["cursor"]
    assert heard == [first, last]


def test_what_is_kept_lets_nobody_in(school, student, come_and_go):
    session = school.login(student.email, student.password)
    come_and_go(session)
    assert session.post("/v1/auth/logout").status_code == 204
    eventually(lambda: session.get("/v1/events/poll").status_code == 401)
    problem(session.get("/v1/events/poll", params={"wait": 5}), 401)
    with stream(session) as events:
        assert events.status == 401
