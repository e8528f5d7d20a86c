"""Everybody comes back at once after a restart: what they missed is in the new process's memory, read once, and nobody's return is a look into the log."""

import contextlib
import threading

import stack
import story
from client import Stream, eventually
from listening import cursor_now, ids_of, say, side_by_side, tell
from rooms import heard_between

PEOPLE, STREAMS = 10, 30  # of each
LOOKS = "ea_hub_log_reads_total"
LOADS = "ea_hub_topic_loads_total"
ASKED, REMEMBERED = ('ea_hub_topics_total{from="%s"}' % source for source in ("database", "memory"))
GONE = 'ea_hub_ended_total{reason="gone"}'
OPEN = "ea_http_requests_open"


def people_of(school, course):
    people = [school.person() for _ in range(PEOPLE)]
    for person in people:
        school.enrol(course, person)
    return people


def test_a_storm_of_streams_that_return_is_answered_from_memory(school, teacher, course):
    room = story.make_room(teacher, course)
    people = people_of(school, course)
    after = cursor_now(teacher)
    missed = [say(teacher, room, str(n))["event_id"] for n in range(20)]
    tell(teacher, 5000)
    stack.restart("chat-1")
    assert stack.metric("chat-1", LOOKS) == 0
    streams = [Stream(person, last_event_id=after) for person in people for _ in range(STREAMS)]
    try:
        with side_by_side(*(s.__enter__ for s in streams)):
            pass
        for s in streams:
            assert ids_of(s.wait("message.created") for _ in missed) == missed
        later = say(teacher, room, "after the storm")["event_id"]
        for s in streams:
            assert ids_of([s.wait("message.created")]) == [later]
    finally:
        for s in streams:
            s.close()
    assert stack.metric("chat-1", LOOKS) == 0


def test_polls_that_return_are_answered_from_memory_too(school, teacher, course):
    room = story.make_room(teacher, course)
    people = people_of(school, course)
    after = cursor_now(teacher)
    missed = [say(teacher, room, str(n))["event_id"] for n in range(5)]
    stack.restart("chat-1")
    for person in people:
        heard = heard_between(person, after, missed[-1])
        assert [e["id"] for e in heard if e["kind"] == "message.created"] == missed
    assert stack.metric("chat-1", LOOKS) == 0


def test_streams_that_are_cut_return_without_a_question(school, teacher, course):
    """What breaks lies before the process: it knows what each of the people follows who come back at once."""
    room = story.make_room(teacher, course)
    people = [person for person in people_of(school, course) for _ in range(STREAMS)]
    tell(teacher, 1)  # what they follow was changed before
    streams, gone = [Stream(person) for person in people], stack.metric("chat-1", GONE)
    with side_by_side(*(s.__enter__ for s in streams)):
        pass
    eventually(lambda: all(s.last_event_id is not None for s in streams))
    for s in streams:
        s.close()
    stack.until("all are gone", lambda: stack.metric("chat-1", GONE) >= gone + len(streams))
    missed = say(teacher, room, "while nobody was there")["event_id"]
    asked, remembered = stack.metric("chat-1", ASKED), stack.metric("chat-1", REMEMBERED)
    back = [Stream(person, last_event_id=s.last_event_id) for person, s in zip(people, streams, strict=True)]
    try:
        with side_by_side(*(s.__enter__ for s in back)):
            pass
        for s in back:
            assert ids_of([s.wait("message.created")]) == [missed]
    finally:
        for s in back:
            s.close()
    assert stack.metric("chat-1", ASKED) == asked
    assert stack.metric("chat-1", REMEMBERED) == remembered + len(back)


def test_memory_begins_where_the_log_is_too_much_for_it(school, teacher):
    """More than a process keeps: the newest are in memory, older ones are still heard of."""
    person = school.person()
    after = cursor_now(teacher)
    told = tell(person, 17000)
    stack.restart("chat-1")
    with Stream(person, last_event_id=told[-1000]) as events:
        assert ids_of(events.wait("attempt.changed") for _ in range(999)) == told[-999:]
    assert stack.metric("chat-1", LOOKS) == 0
    with Stream(person, last_event_id=after) as events:
        assert ids_of(events.wait("attempt.changed") for _ in told) == told
    assert stack.metric("chat-1", LOOKS) > 0


def test_a_cursor_from_a_process_that_knows_more_is_no_stranger(school, teacher, course):
    """The last one that was told, by whoever told it, is where the next process goes on."""
    room = story.make_room(teacher, course)
    with Stream(teacher) as events:
        last = say(teacher, room, "before")["event_id"]
        assert ids_of([events.wait("message.created")]) == [last]
        stack.kill("chat-1")
        events.wait_end()
    stack.await_ready("chat-1")
    with Stream(teacher, last_event_id=last) as events:
        said = story.again(lambda: story.say(teacher, room, "after")).json()
        assert ids_of([events.next()]) == [said["event_id"]]


def sessions_of_every_thread(people, course):
    """A thread of the pool opens its session when it first needs one; None while one has none."""
    with side_by_side(*(lambda p=p: p.get(f"/v1/rooms/{course['id']}") for p in people)):
        pass
    found = stack.rows("SELECT pid FROM pg_stat_activity WHERE application_name = 'chat-1'")
    threads = int((stack.STATE / "env" / "chat-1" / "EA_THREADS").read_text())
    return [pid for (pid,) in found] if len(found) >= threads else None


def test_those_who_come_while_the_database_is_asked_are_asked_for_together(school, teacher, course):
    """While the database stands still one question is on its way; all who come meanwhile make the next one together, and hold no thread."""
    people = people_of(school, course)
    streams = [Stream(person) for person in people for _ in range(4)]
    sessions = eventually(lambda: sessions_of_every_thread(people, course))
    before, go = stack.metric("chat-1", LOADS), threading.Event()

    def enter(s):
        assert go.wait(stack.PATIENCE)
        s.__enter__()

    try:
        with side_by_side(*(lambda s=s: enter(s) for s in streams)), contextlib.ExitStack() as still:
            for pid in sessions:
                still.enter_context(stack.frozen(pid))
            go.set()
            stack.until("all of them wait", lambda: stack.metric("chat-1", OPEN) >= len(streams))
        assert {s.status for s in streams} == {200}
        assert stack.metric("chat-1", LOADS) == before + 2
    finally:
        for s in streams:
            s.close()
