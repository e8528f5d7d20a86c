"""Who hears what was said: those who were members when it was said, whenever and however they ask for it."""

import pytest
from client import stream
from listening import cursor_now, ids_of, say, tell


@pytest.fixture
def story(school, teacher, course, room, newcomer):
    """(a cursor before all of it, ids of what the newcomer is to hear): they come, go, come back and get another role."""
    start = cursor_now(newcomer)
    at = f"/v1/courses/{course['id']}/enrolments"
    said = {}

    def say_it(what):
        said[what] = say(teacher, room, what)["event_id"]

    say_it("before they came")
    school.enrol(course, newcomer)
    say_it("while they were there")
    assert teacher.delete(f"{at}/{newcomer.id}").status_code == 204
    say_it("while they were gone")
    school.enrol(course, newcomer)
    say_it("when they were back")
    school.enrol(course, newcomer, role="assistant")
    say_it("as an assistant")
    return start, [said[what] for what in ("while they were there", "when they were back", "as an assistant")]


def polled(person, cursor, last, limit=1000):
    """Until the cursor has come to `last`. An answer may be empty and lead nowhere: the window has just moved on, and who asks again is answered from the database."""
    heard = []
    while cursor < last:
        page = person.get("/v1/events/poll", params={"after": cursor, "limit": limit}).json()
        heard += [int(e["id"]) for e in page["events"] if e["kind"] == "message.created"]
        cursor = page["cursor"]
    return heard


def streamed(person, cursor, last):
    with stream(person, last_event_id=cursor) as events:
        events.wait("message.created", lambda data: data["event_id"] == last)
        return ids_of([e for e in events.events if e["event"] == "message.created"])


@pytest.fixture(params=["from memory", "from the database"])
def push(request, newcomer):
    """Between the story and the asking: more events than a process keeps in memory, or none."""
    return (lambda: tell(newcomer, 17000)) if request.param == "from the database" else (lambda: None)


@pytest.mark.parametrize("limit", [1, 1000])
def test_polls(newcomer, story, push, limit):
    start, theirs = story
    last = (push() or theirs)[-1]
    assert polled(newcomer, start, theirs[-1] if limit == 1 else last, limit) == theirs


def test_a_stream_that_comes_back(newcomer, story, push):
    start, theirs = story
    push()
    assert streamed(newcomer, start, theirs[-1]) == theirs


def test_who_left_hears_what_they_missed_of_before(school, teacher, course, room, newcomer, push):
    school.enrol(course, newcomer)
    start = cursor_now(newcomer)
    said = say(teacher, room, "while they were there")["event_id"]
    assert teacher.delete(f"/v1/courses/{course['id']}/enrolments/{newcomer.id}").status_code == 204
    last = say(teacher, room, "while they were gone")["event_id"]
    push()
    assert streamed(newcomer, start, said) == [said]
    assert polled(newcomer, start, last) == [said]


def test_a_long_poll_that_waits_while_its_person_comes_and_goes(school, teacher, course, room, newcomer):
    cursor, heard = cursor_now(newcomer), []
    school.enrol(course, newcomer)
    first = say(teacher, room, "while they were there")["event_id"]
    assert teacher.delete(f"/v1/courses/{course['id']}/enrolments/{newcomer.id}").status_code == 204
    last = say(teacher, room, "while they were gone")["event_id"]
    while cursor < last:
        page = newcomer.get("/v1/events/poll", params={"after": cursor, "wait": 1}).json()
        heard += [int(e["id"]) for e in page["events"] if e["kind"] == "message.created"]
        cursor = page["cursor"]
    assert heard == [first]
