"""Rooms, messages, and the one stream of events over SSE, long poll and plain poll."""

import threading
import uuid

import pytest
from client import eventually, faults, pages, problem, stream, unique
from rooms import cursor_now, history, make_room, poll, say


# --- rooms ----------------------------------------------------------------------------------------------------------------


def test_a_room_is_everybodys_in_the_course_and_nobody_elses(teacher, student, outsider, course, room):
    assert student.get(f"/v1/rooms/{room['id']}").json()["name"] == "Questions"
    assert room["id"] in [r["id"] for r in pages(student, f"/v1/courses/{course['id']}/rooms")]
    problem(outsider.get(f"/v1/rooms/{room['id']}"), 404)
    problem(outsider.get(f"/v1/courses/{course['id']}/rooms"), 404)
    problem(outsider.get(f"/v1/rooms/{room['id']}/messages"), 404)
    problem(outsider.post(f"/v1/rooms/{room['id']}/messages", json={"text": "hello"}), 404)
    problem(outsider.post(f"/v1/rooms/{room['id']}/typing"), 404)
    problem(teacher.get(f"/v1/rooms/{uuid.uuid4()}"), 404)


def test_students_make_no_rooms_for_all(student, course):
    problem(student.post(f"/v1/courses/{course['id']}/rooms", json={"name": "Mine", "kind": "discussion"}), 403)


def test_a_room_is_renamed_by_who_has_read_it(teacher, student, room):
    path = f"/v1/rooms/{room['id']}"
    problem(teacher.patch(path, json={"name": "Answers"}), 428)
    stale = teacher.get(path).headers["etag"]
    assert teacher.change(path, {"name": "Answers"}).json()["name"] == "Answers"
    problem(teacher.patch(path, json={"name": "Late"}, headers={"If-Match": stale}), 412)
    problem(student.change(path, {"name": "Ours"}), 403)


def test_announcements_are_the_teachers(teacher, student, course):
    room = make_room(teacher, course, name="News", kind="announcement")
    assert say(teacher, room, "No class on Friday")["text"] == "No class on Friday"
    problem(student.post(f"/v1/rooms/{room['id']}/messages", json={"text": "Why?"}), 403)
    assert [m["text"] for m in history(student, room)] == ["No class on Friday"]


# --- messages -------------------------------------------------------------------------------------------------------------


def test_text_is_markdown_and_html_is_safe(teacher, room):
    message = say(teacher, room, "**Read** [this](javascript:alert(1)) <script>alert(1)</script>")
    assert "<strong>Read</strong>" in message["html"]
    assert "<script" not in message["html"] and "javascript:" not in message["html"]


def test_the_same_client_id_is_the_same_message(student, room):
    first = say(student, room, "once", client_id="c1")
    again = say(student, room, "once", client_id="c1")
    assert again == first
    assert len(history(student, room)) == 1


def test_the_same_client_id_at_the_same_time_is_one_message(student, room):
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(say(student.tab(), room, "once", client_id="c2"))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len({m["id"] for m in replies}) == 1 and len(replies) == 8
    assert len(history(student, room)) == 1


def test_an_idempotency_key_gives_the_first_reply_again(student, room):
    path, key = f"/v1/rooms/{room['id']}/messages", {"Idempotency-Key": unique("key")}
    first = student.post(path, json={"text": "once"}, headers=key)
    again = student.post(path, json={"text": "once"}, headers=key)
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json() and again.headers["idempotent-replay"] == "true"
    problem(student.post(path, json={"text": "other"}, headers=key), 422, "idempotency-key-reused")
    assert len(history(student, room)) == 1


def test_what_was_refused_leaves_the_idempotency_key_free(school, teacher, course, room):
    newcomer, key = school.person(), {"Idempotency-Key": unique("key")}

    def call():
        return newcomer.post(f"/v1/rooms/{room['id']}/messages", json={"text": "hello"}, headers=key)

    problem(call(), 404)
    problem(call(), 404)
    assert teacher.post(f"/v1/courses/{course['id']}/enrolments", json={"email": newcomer.email, "role": "student"}).status_code == 201
    first, again = call(), call()
    assert first.status_code == again.status_code == 201
    assert "idempotent-replay" not in first.headers and again.headers["idempotent-replay"] == "true"
    assert first.json() == again.json() and first.headers["location"] == again.headers["location"]


def test_replies_stay_in_their_room(teacher, course, room):
    elsewhere = say(teacher, make_room(teacher, course, name="Elsewhere"), "there")
    here = say(teacher, room, "here")
    assert say(teacher, room, "yes", reply_to=here["id"])["reply_to"] == here["id"]
    reply = teacher.post(f"/v1/rooms/{room['id']}/messages", json={"text": "no", "reply_to": elsewhere["id"]})
    assert faults(reply) == {"/reply_to": "invalid"}


@pytest.mark.parametrize(
    "body, fault",
    [
        ({}, {"/text": "required"}),
        ({"text": ""}, {"/text": "too-short"}),
        ({"text": "a" * 20000}, {"/text": "too-long"}),
        ({"text": 5}, {"/text": "type"}),
        ({"text": "a", "colour": "red"}, {"/colour": "unknown"}),
        ({"text": "a", "reply_to": "x"}, {"/reply_to": "format"}),
    ],
)
def test_what_is_no_message(student, room, body, fault):
    assert faults(student.post(f"/v1/rooms/{room['id']}/messages", json=body)) == fault


def test_history_pages_both_ways(teacher, student, room):
    said = [say(teacher, room, str(i))["event_id"] for i in range(7)]
    assert said == sorted(said)
    assert [m["event_id"] for m in history(student, room, limit=3)] == said[::-1]
    onwards = student.get(f"/v1/rooms/{room['id']}/messages", params={"after": said[3]}).json()
    assert [m["event_id"] for m in onwards["items"]] == said[4:]


def test_unread_follows_how_far_was_read(teacher, student, room):
    said = [say(teacher, room, str(i))["event_id"] for i in range(3)]
    path = f"/v1/rooms/{room['id']}"
    assert student.get(path).json()["unread"] == 3
    assert student.get(path).json()["last_message"]["text"] == "2"
    assert student.put(path + "/read", json={"event_id": said[1]}).json() == {"event_id": said[1]}
    assert student.get(path).json()["unread"] == 1
    assert student.put(path + "/read", json={"event_id": said[0]}).json() == {"event_id": said[1]}
    assert teacher.get(path).json()["unread"] == 0


# --- the stream -----------------------------------------------------------------------------------------------------------


def test_everybody_hears_the_same_in_the_same_order(school, teacher, course, room):
    students = [school.person() for _ in range(3)]
    for person in students:
        school.enrol(course, person)
    everyone = [teacher, *students]
    start = cursor_now(teacher)
    streams = [stream(p).__enter__() for p in everyone]
    polled = {p.id: [] for p in everyone}

    def follow(person):
        after, tab = start, person.tab()
        while len(polled[person.id]) < 20:
            reply = poll(tab, after=after, wait=20)
            polled[person.id] += [e for e in reply["events"] if e["kind"] == "message.created"]
            after = reply["cursor"]

    def talk(person, n):
        for i in range(n):
            say(person, room, f"{person.id} {i}")

    threads = [threading.Thread(target=follow, args=(p,)) for p in everyone] + [threading.Thread(target=talk, args=(p, 5)) for p in everyone]
    try:
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        heard = [[(e["id"], e["data"]) for e in (s.wait("message.created") for _ in range(20))] for s in streams]
    finally:
        for s in streams:
            s.close()
    by_poll = [[(str(e["id"]), e["data"]) for e in polled[p.id]] for p in everyone]
    said = [(str(m["event_id"]), m) for m in reversed(history(teacher, room))]
    assert len(said) == 20
    for one in heard + by_poll:
        assert one == said


def test_a_stream_resumes_where_it_broke(teacher, student, room):
    with stream(student) as events:
        say(teacher, room, "one")
        seen = events.wait("message.created")
    say(teacher, room, "two")
    say(teacher, room, "three")
    with stream(student, last_event_id=seen["id"]) as events:
        assert events.wait("message.created")["data"]["text"] == "two"
        say(teacher, room, "four")
        assert [events.wait("message.created")["data"]["text"] for _ in range(2)] == ["three", "four"]
    with stream(student, path=f"/v1/events?after={seen['id']}") as events:
        assert [events.wait("message.created")["data"]["text"] for _ in range(3)] == ["two", "three", "four"]


def test_from_a_snapshots_cursor_nothing_is_missed(teacher, student, room):
    say(teacher, room, "before")
    snapshot = student.get(f"/v1/rooms/{room['id']}").json()
    say(teacher, room, "after")
    with stream(student, path=f"/v1/events?after={snapshot['cursor']}") as events:
        assert events.wait("message.created")["data"]["text"] == "after"


def test_a_cursor_that_is_not_of_this_log_is_reset(student, room):
    with stream(student, last_event_id=10**15) as events:
        reset = events.wait("reset")
        assert int(reset["id"]) == reset["data"]["cursor"] < 10**15
    reply = poll(student, after=10**15)
    assert [e["kind"] for e in reply["events"]] == ["reset"] and reply["cursor"] < 10**15


def test_who_is_outside_hears_nothing(teacher, student, outsider, room):
    start = cursor_now(outsider)
    with stream(student) as inside, stream(outsider) as outside:
        message = say(teacher, room, "for the course")
        inside.wait("message.created")
        # the outsider's own poll examines the log past the message, so hearing nothing is not being early
        reply = eventually(lambda: (p := poll(outsider, after=start))["cursor"] >= message["event_id"] and p)
        assert reply["events"] == []
        assert outside.events == [] and outside._inbox.empty()


def test_a_new_room_is_heard_by_who_is_connected(teacher, student, course):
    with stream(student) as events:
        room = make_room(teacher, course, name="New")
        say(teacher, room, "welcome")
        assert events.wait("message.created")["data"]["room_id"] == room["id"]


def test_who_is_enrolled_or_removed_hears_so_at_once(school, admin, teacher, outsider, course, room):
    with stream(outsider) as events:
        say(teacher, room, "not for you")
        school.enrol(course, outsider)
        say(teacher, room, "for you")
        assert events.wait("message.created")["data"]["text"] == "for you"
        reply = admin.delete(f"/v1/courses/{course['id']}/enrolments/{outsider.id}")
        assert reply.status_code in (200, 204), reply.text
        gone = say(teacher, room, "not for you any more")
        school.enrol(course, outsider)
        say(teacher, room, "welcome back")
        assert events.wait("message.created")["data"]["text"] == "welcome back"
        assert str(gone["event_id"]) not in [e["id"] for e in events.events]


def test_logout_ends_the_stream(school, student):
    again = school.login(student.email, student.password)
    with stream(again) as mine, stream(student) as other:
        assert again.post("/v1/auth/logout").status_code == 204
        mine.wait_end()
        eventually(lambda: other.retry is not None)
        problem(again.get("/v1/events/poll"), 401)
        assert student.get("/v1/events/poll").status_code == 200


def test_typing_reaches_the_others_and_moves_no_cursor(teacher, student, room):
    with stream(student) as theirs, stream(teacher) as mine:
        before = eventually(lambda: theirs.last_event_id)
        assert teacher.post(f"/v1/rooms/{room['id']}/typing").status_code == 204
        event = theirs.wait("typing")
        assert event["data"] == {"room_id": room["id"], "user_id": teacher.id}
        assert theirs.last_event_id == before
        say(teacher, room, "there")
        mine.wait("message.created")
        assert [e["event"] for e in mine.events] == ["message.created"]


def test_a_quiet_streams_heartbeat_carries_the_newest_id(teacher, student, outsider, room):
    with stream(outsider) as events:
        message = say(teacher, room, "not for the outsider")
        eventually(lambda: events.last_event_id and int(events.last_event_id) >= message["event_id"])
        assert events.events == []


# --- polls ----------------------------------------------------------------------------------------------------------------


def test_a_long_poll_waits_for_what_comes(teacher, student, room):
    start, got = cursor_now(student), []
    waiter = threading.Thread(target=lambda: got.append(poll(student.tab(), after=start, wait=30)))
    waiter.start()
    message = say(teacher, room, "here it is")
    waiter.join()
    assert [e["id"] for e in got[0]["events"]] == [message["event_id"]]
    assert got[0]["cursor"] >= message["event_id"]


def test_a_poll_of_nothing_ends_with_a_cursor(student):
    start = cursor_now(student)
    reply = poll(student, after=start, wait=1)
    assert reply["events"] == [] and reply["cursor"] >= start


def test_a_limit_cuts_and_the_cursor_goes_on(teacher, student, room):
    start = cursor_now(student)
    said = [say(teacher, room, str(i))["event_id"] for i in range(5)]
    got, after = [], start
    while len(got) < 5:
        reply = poll(student, after=after, wait=10, limit=2)
        assert len(reply["events"]) <= 2
        got += [e["id"] for e in reply["events"]]
        after = reply["cursor"]
    assert got == said


@pytest.mark.parametrize("query, fault", [({"wait": 31}, {"/wait": "out-of-range"}), ({"after": -1}, {"/after": "out-of-range"}), ({"colour": 1}, {"/colour": "unknown"})])
def test_polls_that_are_refused(student, query, fault):
    assert faults(student.get("/v1/events/poll", params=query)) == fault


# --- tickets --------------------------------------------------------------------------------------------------------------


def test_a_ticket_opens_one_stream(teacher, student, room):
    reply = student.post("/v1/events/ticket")
    assert reply.status_code == 201, reply.text
    assert 0 < reply.json()["retry_ms"] <= 3000
    path = "/v1/events?ticket=" + reply.json()["ticket"]
    with stream(None, path=path) as events:
        assert events.status == 200
        say(teacher, room, "hello")
        assert events.wait("message.created")["data"]["text"] == "hello"
    with stream(None, path=path) as events:
        assert events.status == 401
    with stream(None, path="/v1/events?ticket=nonsense") as events:
        assert events.status == 401


def test_strangers_get_no_stream(anonymous):
    problem(anonymous.get("/v1/events/poll"), 401)
    with stream(None) as events:
        assert events.status == 401
