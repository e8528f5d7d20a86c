"""Where in the log somebody stands: cursors that are of this log and cursors that are not, snapshots to follow from, and polls that have nothing new to say."""

import pytest
from client import eventually, faults, problem, stream
from listening import cursor_now, ids_of, metric, say, side_by_side, tell

HUGE = 10**15


def poll(person, **params):
    reply = person.get("/v1/events/poll", params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()


# --- cursors that are none ------------------------------------------------------------------------------------------------

NO_EVENT_IDS = ["-1", "-9223372036854775808", "abc", "1.5", "0x10", "7 apples", "+5", "9" * 30, "18446744073709551616", str(HUGE), "9223372036854775807"]


@pytest.mark.parametrize("last", NO_EVENT_IDS)
def test_a_last_event_id_that_can_be_none_of_this_log_is_reset(teacher, student, room, last):
    before = cursor_now(student)
    with stream(student, last_event_id=last) as events:
        assert events.status == 200
        reset = events.next()
        assert reset["event"] == "reset" and before <= reset["data"]["cursor"] < HUGE
        assert int(reset["id"]) == reset["data"]["cursor"]
        said = say(teacher, room, "after the reset")
        assert ids_of([events.wait("message.created")]) == [said["event_id"]]
        assert [e["event"] for e in events.events].count("reset") == 1


def test_an_empty_last_event_id_is_none(teacher, student, room):
    with stream(student, headers={"Last-Event-ID": ""}) as events:
        said = say(teacher, room, "hello")
        assert ids_of([events.next()]) == [said["event_id"]]


def test_last_event_id_comes_before_the_parameter(teacher, student, room):
    """EventSource repeats its address with the `after` it was opened with."""
    opened_at = cursor_now(student)
    said = [say(teacher, room, str(n))["event_id"] for n in range(3)]
    with stream(student, path=f"/v1/events?after={opened_at}", last_event_id=said[1]) as events:
        assert ids_of([events.next()]) == [said[2]]


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/poll"])
@pytest.mark.parametrize(
    "after, code", [("-1", "out-of-range"), ("abc", "type"), ("1.5", "type"), ("", "type"), ("9" * 30, "out-of-range"), ("9223372036854775808", "out-of-range")]
)
def test_a_parameter_that_is_no_event_id_is_refused(student, path, after, code):
    assert faults(student.get(path, params={"after": after})) == {"/after": code}


@pytest.mark.parametrize("wait", [0, 30], ids=["plain", "long"])
@pytest.mark.parametrize("after", [HUGE, 2**63 - 1])
def test_a_poll_ahead_of_the_log_is_reset_at_once(student, after, wait):
    before = cursor_now(student)
    reply = poll(student, after=after, wait=wait)
    [reset] = reply["events"]
    assert reset["kind"] == "reset" and before <= reset["data"]["cursor"] == reset["id"] == reply["cursor"] < HUGE


# --- snapshots ------------------------------------------------------------------------------------------------------------


def cursor_of(reply):
    assert reply.status_code in (200, 304), reply.text
    return int(reply.headers["event-cursor"])


def test_every_snapshot_says_where_to_follow_from(teacher, student, course, room):
    quiz = teacher.post(f"/v1/courses/{course['id']}/quizzes", json={"title": "Leaves"}).json()
    for path in (
        "/v1/me",
        f"/v1/courses/{course['id']}",
        f"/v1/courses/{course['id']}/rooms",
        f"/v1/courses/{course['id']}/assignments",
        f"/v1/courses/{course['id']}/quizzes",
        f"/v1/rooms/{room['id']}",
        f"/v1/rooms/{room['id']}/messages",
        f"/v1/quizzes/{quiz['id']}",
    ):
        newest = cursor_now(teacher)
        eventually(lambda p=path, n=newest: cursor_of(teacher.get(p)) >= n)  # another process may be a moment behind
        assert cursor_of(teacher.head(path)) >= newest


def test_what_is_no_snapshot_says_nothing(teacher, student, anonymous, room):
    for reply in (
        teacher.post(f"/v1/rooms/{room['id']}/messages", json={"text": "hello"}),
        student.patch(f"/v1/rooms/{room['id']}", json={"name": "Mine"}),
        teacher.get("/v1/rooms/00000000-0000-7000-8000-000000000000"),
        anonymous.get("/v1/me"),
        anonymous.get("/.well-known/jwks.json"),
    ):
        assert "event-cursor" not in reply.headers, reply.request.url


def test_between_a_snapshot_and_what_follows_there_is_no_gap(teacher, student, room):
    """Snapshots are taken while somebody talks: each of them and what follows its cursor are everything that was said."""
    said, taken = [], []
    path = f"/v1/rooms/{room['id']}/messages"

    def talk():
        tab = teacher.tab()
        for n in range(100):
            said.append(say(tab, room, str(n))["event_id"])

    def look():
        tab = student.tab()
        while len(said) < 100:
            known = len(said)
            reply = tab.get(path, params={"limit": 200})
            taken.append(({m["event_id"] for m in reply.json()["items"]}, cursor_of(reply)))
            eventually(lambda: len(said) > known or known == 100)

    with side_by_side(talk, look):
        pass
    assert len(taken) > 1
    eventually(lambda: cursor_now(student) >= said[-1])
    told = [e["id"] for e in poll(student, after=taken[0][1], limit=1000)["events"] if e["kind"] == "message.created"]
    for shown, cursor in taken:
        assert shown | {i for i in told if i > cursor} == set(said)
        assert {i for i in said if i <= cursor} <= shown


# --- polls with nothing new -----------------------------------------------------------------------------------------------


def test_a_poll_that_would_say_the_same_is_304_and_its_cursor_moves_on(school, teacher, student, room):
    after = cursor_now(student)
    first = student.get("/v1/events/poll", params={"after": after})
    tag = {"If-None-Match": first.headers["etag"]}
    assert first.json()["events"] == [] and first.headers["etag"].startswith('W/"')
    assert cursor_of(first) == first.json()["cursor"]

    elsewhere = tell(school.person(), 5)
    eventually(lambda: cursor_now(student) >= elsewhere[-1])
    same = student.get("/v1/events/poll", params={"after": after}, headers=tag)
    assert cursor_of(same) >= elsewhere[-1]
    assert same.status_code == 304 and same.content == b"" and same.headers["etag"] == first.headers["etag"]

    said = say(teacher, room, "news")
    other = student.get("/v1/events/poll", params={"after": after, "wait": 20}, headers=tag)
    assert other.status_code == 200 and [e["id"] for e in other.json()["events"]] == [said["event_id"]]
    tag = {"If-None-Match": f'"x", {other.headers["etag"]}'}
    assert student.get("/v1/events/poll", params={"after": after}, headers=tag).status_code == 304
    say(teacher, room, "more news")
    assert poll(student, after=said["event_id"], wait=20)["events"]
    assert student.get("/v1/events/poll", params={"after": after}, headers=tag).status_code == 200


def test_a_long_poll_that_waited_in_vain_is_304(student):
    after = cursor_now(student)
    tag = {"If-None-Match": student.get("/v1/events/poll", params={"after": after}).headers["etag"]}
    reply = student.get("/v1/events/poll", params={"after": after, "wait": 1}, headers=tag)
    assert reply.status_code == 304 and cursor_of(reply) >= after


def test_the_same_events_from_memory_and_from_the_database_have_the_same_tag(student):
    told = tell(student, 3)
    asked = {"after": told[0] - 1, "wait": 20, "limit": 3}
    first = student.get("/v1/events/poll", params=asked)
    assert [e["id"] for e in first.json()["events"]] == told
    looks = metric("ea_hub_log_reads_total")
    last = tell(student, 17000)[-1]  # more than a process keeps in memory
    eventually(lambda: cursor_now(student) >= last)
    again = student.get("/v1/events/poll", params=asked, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert metric("ea_hub_log_reads_total") > looks


def test_a_reset_is_never_304(student):
    first = student.get("/v1/events/poll", params={"after": HUGE})
    assert "etag" not in first.headers
    for tag in ("*", f'W/"{HUGE}"', f'W/"{first.json()["cursor"]}.1"'):
        assert student.get("/v1/events/poll", params={"after": HUGE}, headers={"If-None-Match": tag}).status_code == 200


def test_strangers_learn_nothing_by_a_tag(anonymous):
    problem(anonymous.get("/v1/events/poll", headers={"If-None-Match": "*"}), 401)
