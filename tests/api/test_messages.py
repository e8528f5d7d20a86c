"""What becomes of messages: threads, changes, tombstones, reactions, pins, mentions, files. Each with who must not."""

import hashlib
import threading
import uuid

import pytest
from client import eventually, faults, problem, stream
from rooms import cursor_now, heard_between, history, in_order, make_room, mark, poll, read, say

NOWHERE = "01989a11-0000-7000-8000-000000000000"


def direct(student, friend, course):
    return student.post(f"/v1/courses/{course['id']}/rooms", json={"kind": "direct", "members": [friend.id]}).json()


def heard(person, after, until, kind):
    return [e["data"] for e in heard_between(person, after, until) if e["kind"] == kind]


# --- threads --------------------------------------------------------------------------------------------------------------


def test_replies_to_replies_are_one_thread(teacher, student, outsider, room):
    first = say(teacher, room, "Who has seen it?")
    second = say(student, room, "I have", reply_to=first["id"])
    third = say(teacher, room, "Where?", reply_to=second["id"])
    say(student, room, "Something else")
    assert first["thread_id"] is None and first["replies"] == 0
    assert third["reply_to"] == second["id"] and second["thread_id"] == third["thread_id"] == first["id"]
    for message in (first, second, third):
        page = student.get(f"/v1/messages/{message['id']}/thread").json()
        assert [m["id"] for m in page["items"]] == [second["id"], third["id"]] and page["next"] is None
    page = student.get(f"/v1/messages/{first['id']}/thread", params={"limit": 1}).json()
    assert [m["id"] for m in page["items"]] == [second["id"]]
    page = student.get(f"/v1/messages/{first['id']}/thread", params={"limit": 1, "after": page["next"]}).json()
    assert [m["id"] for m in page["items"]] == [third["id"]]
    assert read(student, first)["replies"] == 2
    problem(outsider.get(f"/v1/messages/{first['id']}/thread"), 404)


def test_history_goes_both_ways_from_anywhere(teacher, student, room):
    said = [say(teacher, room, str(i))["event_id"] for i in range(6)]
    path = f"/v1/rooms/{room['id']}/messages"
    forward = student.get(path, params={"after": said[1], "limit": 2}).json()
    assert [m["event_id"] for m in forward["items"]] == said[2:4] and forward["next"] == str(said[3])
    forward = student.get(path, params={"after": forward["next"], "limit": 2}).json()
    assert [m["event_id"] for m in forward["items"]] == said[4:] and forward["next"] is None
    back = student.get(path, params={"before": said[4], "limit": 3}).json()
    assert [m["event_id"] for m in back["items"]] == [said[3], said[2], said[1]]
    assert [m["event_id"] for m in student.get(path, params={"after": 0}).json()["items"]] == said


# --- changes --------------------------------------------------------------------------------------------------------------


def test_a_change_is_heard_and_what_it_said_before_is_kept(teacher, student, friend, outsider, room):
    message = say(student, room, "It is *greeen*")
    path = f"/v1/messages/{message['id']}"
    with stream(friend) as events:
        reply = student.patch(path, json={"text": "It is *green*"})
        assert reply.status_code == 200
        told = events.wait("message.updated")["data"]
    changed = reply.json()
    assert changed["text"] == "It is *green*" and "<em>green</em>" in changed["html"] and changed["version"] == 2 and changed["edited_at"]
    assert {k: changed[k] for k in told} == told and changed["event_id"] == message["event_id"]
    assert read(friend, message) == changed
    versions = teacher.get(path + "/history").json()["items"]
    assert [(v["version"], v["text"]) for v in versions] == [(2, "It is *green*"), (1, "It is *greeen*")]
    assert versions[1]["replaced_by"]["id"] == student.id
    problem(student.get(path + "/history"), 403)
    problem(outsider.get(path + "/history"), 404)


def test_only_its_author_changes_a_message(teacher, friend, student, outsider, room):
    message = say(student, room, "mine")
    for person, status in ((friend, 403), (teacher, 403), (outsider, 404)):
        problem(person.patch(f"/v1/messages/{message['id']}", json={"text": "yours"}), status)
    assert read(student, message) == message
    problem(student.patch(f"/v1/messages/{NOWHERE}", json={"text": "nothing"}), 404)
    assert faults(student.patch(f"/v1/messages/{message['id']}", json={"text": ""})) == {"/text": "too-short"}


def test_after_the_window_nothing_is_changed(teacher, student, room):
    message = say(student, room, "for ever")
    teacher.change(f"/v1/rooms/{room['id']}", {"edit_s": 0})
    problem(student.patch(f"/v1/messages/{message['id']}", json={"text": "no"}), 410, "gone")
    assert read(student, message) == message


def test_what_is_taken_back_leaves_its_place(teacher, student, friend, outsider, room):
    message = say(student, room, "Oops @teachers")
    path = f"/v1/messages/{message['id']}"
    problem(friend.delete(path), 403)
    problem(outsider.delete(path), 404)
    with stream(friend) as events:
        assert student.delete(path).status_code == 204
        told = events.wait("message.deleted")["data"]
        assert told["id"] == message["id"] and told["event_id"] == message["event_id"] and "text" not in told
    tomb = read(friend, message)
    assert tomb["text"] == tomb["html"] == "" and tomb["mentions"] == [] and tomb["deleted_at"] and tomb["author"]["id"] == student.id
    assert [m["id"] for m in history(friend, room)] == [message["id"]]
    assert teacher.get(path + "/history").json()["items"][0]["text"] == "Oops @teachers"
    problem(student.patch(path, json={"text": "again"}), 410)
    problem(student.delete(path), 410)
    problem(friend.put(path + "/reactions/+1"), 410)
    problem(teacher.put(path + "/pin"), 410)


def test_who_looks_after_a_room_takes_back_what_others_said_but_not_in_direct_rooms(school, teacher, student, friend, course, room):
    message = say(student, room, "rude")
    assert teacher.delete(f"/v1/messages/{message['id']}").status_code == 204
    private = teacher.post(f"/v1/courses/{course['id']}/rooms", json={"kind": "direct", "members": [student.id]}).json()
    message = say(student, private, "between us")
    problem(teacher.delete(f"/v1/messages/{message['id']}"), 403)
    problem(teacher.get(f"/v1/messages/{message['id']}/history"), 403)
    assert student.get(f"/v1/messages/{message['id']}/history").status_code == 200


# --- reactions ------------------------------------------------------------------------------------------------------------


def test_reactions_are_counted_once_per_person(teacher, student, friend, outsider, room):
    message = say(teacher, room, "Well done")
    path = f"/v1/messages/{message['id']}/reactions/"
    with stream(teacher) as events:
        assert student.put(path + "👍").status_code == 204
        assert student.put(path + "👍").status_code == 204
        assert friend.put(path + "👍").status_code == 204
        assert friend.put(path + "tada").status_code == 204
        first, second, third = (events.wait("reaction.changed")["data"] for _ in range(3))
    assert (first["emoji"], first["count"], first["added"], first["user_id"]) == ("👍", 1, True, student.id)
    assert second["count"] == 2 and third["emoji"] == "tada"
    assert read(student, message)["reactions"] == [{"emoji": "👍", "count": 2, "mine": True}, {"emoji": "tada", "count": 1, "mine": False}]
    with stream(teacher) as events:
        assert student.delete(path + "👍").status_code == 204
        assert student.delete(path + "👍").status_code == 204
        gone = events.wait("reaction.changed")["data"]
        assert gone["count"] == 1 and gone["added"] is False
    assert read(friend, message)["reactions"][0] == {"emoji": "👍", "count": 1, "mine": True}
    problem(outsider.put(path + "👍"), 404)
    problem(student.put(path + "x" * 33), 404)


def test_the_last_count_told_is_the_count(school, teacher, course, room):
    people = [school.person() for _ in range(6)]
    for person in people:
        school.enrol(course, person)
    message = say(teacher, room, "All at once")
    start = message["event_id"]
    threads = [threading.Thread(target=lambda p=p.tab(): p.put(f"/v1/messages/{message['id']}/reactions/+1")) for p in people]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    counts = [d["count"] for d in heard(teacher, start, mark(teacher, course), "reaction.changed")]
    assert counts == [1, 2, 3, 4, 5, 6]


def test_kinds_of_reactions_are_bounded(student, teacher, room):
    message = say(teacher, room, "Everything")
    for i in range(20):
        assert student.put(f"/v1/messages/{message['id']}/reactions/e{i}").status_code == 204
    problem(student.put(f"/v1/messages/{message['id']}/reactions/e20"), 409)
    assert student.put(f"/v1/messages/{message['id']}/reactions/e3").status_code == 204
    assert len(read(student, message)["reactions"]) == 20


# --- pins -----------------------------------------------------------------------------------------------------------------


def test_pins_are_for_who_looks_after_the_room(teacher, student, friend, outsider, course, room):
    one, two = say(student, room, "one"), say(student, room, "two")
    pins = f"/v1/rooms/{room['id']}/pins"
    problem(student.put(f"/v1/messages/{one['id']}/pin"), 403)
    problem(outsider.put(f"/v1/messages/{one['id']}/pin"), 404)
    with stream(student) as events:
        for message in (one, two, one):
            assert teacher.put(f"/v1/messages/{message['id']}/pin").status_code == 204
        assert events.wait("pin.changed")["data"]["message_id"] == one["id"]
        assert events.wait("pin.changed")["data"]["message_id"] == two["id"]
        assert teacher.delete(f"/v1/messages/{two['id']}/pin").status_code == 204
        assert events.wait("pin.changed")["data"]["pinned_at"] is None
    assert [m["id"] for m in friend.get(pins).json()["items"]] == [one["id"]]
    assert read(friend, one)["pinned_at"]
    problem(outsider.get(pins), 404)
    private = direct(student, friend, course)
    message = say(student, private, "ours")
    assert friend.put(f"/v1/messages/{message['id']}/pin").status_code == 204


# --- mentions -------------------------------------------------------------------------------------------------------------


def test_who_is_named_is_told(school, teacher, outsider, course, room):
    anna, ann = school.person(name="Anna Öst"), school.person(name="Anna")
    other = school.person(name="Bo O'Neil")
    for person in (anna, ann, other):
        school.enrol(course, person)
    start = cursor_now(anna)
    message = say(anna, room, "Ask @anna öst. Or @Anna, or mail@anna, not @Anna Nobody; (@bo o'neil)! And @" + outsider.user["name"])
    assert message["mentions"] == [
        {"kind": "user", "id": anna.id, "name": "Anna Öst"}, {"kind": "user", "id": ann.id, "name": "Anna"}, {"kind": "user", "id": other.id, "name": "Bo O'Neil"}]
    end = mark(teacher, course)
    told = {"course_id": course["id"], "room_id": room["id"], "message_id": message["id"], "event_id": message["event_id"], "author": message["author"]}
    assert heard(ann, start, end, "message.mentioned") == heard(other, start, end, "message.mentioned") == [told]
    assert heard(anna, start, end, "message.mentioned") == []
    assert heard_between(outsider, start, end) == []


def test_teachers_and_everybody(school, teacher, student, course, room):
    assistant = school.person()
    school.enrol(course, assistant, role="assistant")
    start = cursor_now(student)
    ask = say(student, room, "@teachers, please; and @room does not hear it")
    assert ask["mentions"] == [{"kind": "teachers"}]
    everybody = say(teacher, room, "@Room: tomorrow at nine")
    assert everybody["mentions"] == [{"kind": "room"}]
    end = mark(teacher, course)
    for person in (teacher, assistant):
        assert [d["message_id"] for d in heard(person, start, end, "message.mentioned")] == [ask["id"]]
    assert heard(student, start, end, "message.mentioned") == []


def test_nobody_outside_a_room_is_mentioned_in_it(school, teacher, student, friend, course):
    third = school.person()
    school.enrol(course, third)
    private = direct(student, friend, course)
    start = cursor_now(third)
    message = say(student, private, f"@{third.user['name']} and @teachers are not here")
    assert message["mentions"] == []
    end = mark(teacher, course)
    assert heard(third, start, end, "message.mentioned") == heard(teacher, start, end, "message.mentioned") == []


def test_a_change_changes_what_is_mentioned_and_tells_nobody(teacher, student, friend, course, room):
    message = say(student, room, f"@{friend.user['name']}")
    start = message["event_id"] + 1
    changed = student.patch(f"/v1/messages/{message['id']}", json={"text": "@teachers"}).json()
    assert changed["mentions"] == [{"kind": "teachers"}]
    assert student.patch(f"/v1/messages/{message['id']}", json={"text": "nobody"}).json()["mentions"] == []
    assert heard(teacher, start, mark(teacher, course), "message.mentioned") == []


def test_mentions_of_a_batch_come_after_its_messages_and_the_same_for_a_key(school, teacher, student, course, room):
    """Many at once, with and without a key: ids stay without gaps and in order, and each mention names a message before it."""
    start, threads = cursor_now(teacher), []
    for i in range(8):
        headers = {"Idempotency-Key": str(uuid.uuid4())} if i % 2 else {}
        body = {"text": f"{i} @teachers" if i % 3 else str(i)}
        threads.append(threading.Thread(target=lambda p=student.tab(), b=body, h=headers: p.post(f"/v1/rooms/{room['id']}/messages", json=b, headers=h)))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    events = heard_between(teacher, start, mark(teacher, course))
    messages = {e["data"]["id"]: e for e in events if e["kind"] == "message.created" and e["data"]["room_id"] == room["id"]}
    mentions = [e for e in events if e["kind"] == "message.mentioned"]
    assert len(messages) == 8 and len(mentions) == 5
    for e in mentions:
        assert messages[e["data"]["message_id"]]["id"] == e["data"]["event_id"] < e["id"]
    assert [e["id"] for e in events] == sorted(e["id"] for e in events)


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "once"}], ids=["of a batch", "alone"])
@pytest.mark.parametrize("first", ["the message", "who leaves"])
def test_who_has_left_when_something_is_said_is_not_mentioned(school, teacher, student, friend, course, room, first, key):
    """Names are looked up before the log's lock is had: what is known under it decides."""
    start, body = cursor_now(friend), {"text": f"@{friend.user['name']} and @teachers"}
    work = [
        lambda: student.post(f"/v1/rooms/{room['id']}/messages", json=body, headers=key),
        lambda: school.admin.delete(f"/v1/courses/{course['id']}/enrolments/{friend.id}"),
    ]
    replies = in_order(*(work if first == "the message" else work[::-1]))
    assert sorted(reply.status_code for reply in replies) == [201, 204]
    end = mark(teacher, course)
    assert len(heard(friend, start, end, "message.mentioned")) == (first == "the message")
    assert len(heard(teacher, start, end, "message.mentioned")) == 1


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "once"}], ids=["of a batch", "alone"])
def test_who_comes_in_while_they_say_something_mentions_others(school, teacher, friend, outsider, course, room, key):
    """Names are looked up while who says it is not in the room yet."""
    start, body = cursor_now(friend), {"text": f"@{friend.user['name']} and @teachers"}
    _, said = in_order(
        lambda: school.enrol(course, outsider),
        lambda: outsider.post(f"/v1/rooms/{room['id']}/messages", json=body, headers=key),
    )
    assert said.status_code == 201 and len(said.json()["mentions"]) == 2, said.text
    end = mark(teacher, course)
    assert len(heard(friend, start, end, "message.mentioned")) == len(heard(teacher, start, end, "message.mentioned")) == 1


# --- files ----------------------------------------------------------------------------------------------------------------


def send_file(person, room, *files):
    reply = person.post(f"/v1/rooms/{room['id']}/files", files=[("file", f) for f in files])
    assert reply.status_code == 201, reply.text
    return reply.json()["items"]


def test_a_file_comes_with_a_message(teacher, student, friend, outsider, room):
    first, second = send_file(student, room, ("leaf.png", b"\x89PNG" * (1 << 19)), ("notes.txt", b"green"))
    assert first["size"] == 4 << 19
    assert (second["name"], second["size"], second["media_type"]) == ("notes.txt", 5, "text/plain; charset=utf-8")
    assert second["sha256"] == hashlib.sha256(b"green").hexdigest()
    message = say(student, room, "Look", files=[second["id"], first["id"]])
    assert message["files"] == [second, first] and read(friend, message)["files"] == [second, first]
    path = f"/v1/messages/{message['id']}/files/{second['id']}"
    reply = friend.get(path)
    assert reply.status_code == 200 and reply.content == b"green"
    assert reply.headers["content-disposition"].startswith("attachment") and reply.headers["x-content-type-options"] == "nosniff"
    problem(outsider.get(path), 404)
    problem(friend.get(f"/v1/messages/{say(student, room, 'none')['id']}/files/{second['id']}"), 404)
    assert student.delete(f"/v1/messages/{message['id']}").status_code == 204
    problem(friend.get(path), 404)


def test_files_are_named_by_who_sent_them_and_where(teacher, student, friend, course, room):
    (mine,) = send_file(student, room, ("a.txt", b"a"))
    elsewhere = make_room(teacher, course, name="Elsewhere")
    for person, where, ids in ((friend, room, [mine["id"]]), (student, elsewhere, [mine["id"]]), (student, room, [NOWHERE]), (student, room, [mine["id"], mine["id"], NOWHERE])):
        reply = person.post(f"/v1/rooms/{where['id']}/messages", json={"text": "?", "files": ids})
        assert faults(reply) == {"/files": "invalid"}
    assert history(teacher, room) == []
    for _ in range(2):
        assert say(student, room, "twice", files=[mine["id"]])["files"] == [mine]


def test_files_that_are_refused(teacher, student, course, room):
    path = f"/v1/rooms/{room['id']}/files"
    assert faults(student.post(path, files={"file": ("a.txt", b"")})) == {"/file/0": "too-short"}
    assert faults(student.post(path, files=[("file", (f"{i}.txt", b"x")) for i in range(11)])) == {"/file/10": "too-long"}
    assert set(faults(student.post(path, files={"text": (None, "hello")}))) <= {"/text", "/file"}
    problem(student.post(path, json={}), 415)
    news = make_room(teacher, course, name="News", kind="announcement")
    problem(student.post(f"/v1/rooms/{news['id']}/files", files={"file": ("a.txt", b"a")}), 403)
