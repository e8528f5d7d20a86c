"""Looking after rooms: reports, hiding, muting, slow mode, how long messages are kept, taking a room along."""

import json

from client import faults, pages, problem, stream, unique
from quizzes import from_now
from rooms import cursor_now, heard_between, history, mark, read, say


def report(person, message, reason="That is rude"):
    return person.post(f"/v1/messages/{message['id']}/reports", json={"reason": reason})


def reports(person, course, **params):
    return pages(person, f"/v1/courses/{course['id']}/reports", **params)


def write(person, room, text="Hello"):
    return person.post(f"/v1/rooms/{room['id']}/messages", json={"text": text})


# --- reports --------------------------------------------------------------------------------------------------------------


def test_a_report_holds_what_was_said_then(teacher, assistant, student, friend, outsider, course, room):
    message = say(student, room, "You are **stupid**")
    with stream(assistant) as events:
        first = report(friend, message)
        assert first.status_code == 201
        told = events.wait("report.created")["data"]
    assert told == {"report_id": first.json()["id"], "course_id": course["id"], "room_id": room["id"], "message_id": message["id"]}
    again = report(friend, message, "other words")
    assert again.status_code == 200 and again.json() == first.json()
    student.patch(f"/v1/messages/{message['id']}", json={"text": "You are **lovely**"})
    (it,) = reports(teacher, course, state="open")
    assert it["text"] == "You are **stupid**" and it["author"]["id"] == student.id and it["reporter"]["id"] == friend.id and it["state"] == "open"
    problem(report(student, message), 409)
    problem(report(outsider, message), 404)
    for person in (student, friend):
        problem(person.get(f"/v1/courses/{course['id']}/reports"), 403)
        problem(person.put(f"/v1/reports/{it['id']}", json={"state": "dismissed"}), 404)
    problem(outsider.get(f"/v1/courses/{course['id']}/reports"), 404)


def test_a_report_is_upheld_or_dismissed_once(teacher, assistant, student, friend, course, room):
    bad, good = say(student, room, "bad"), say(student, room, "good")
    first, second = report(friend, bad).json(), report(friend, good).json()
    with stream(friend) as events:
        assert assistant.put(f"/v1/reports/{first['id']}", json={"state": "upheld"}).json()["state"] == "upheld"
        assert events.wait("message.updated")["data"]["hidden_at"]
    assert read(friend, bad)["text"] == ""
    assert teacher.put(f"/v1/reports/{second['id']}", json={"state": "dismissed"}).status_code == 200
    assert read(friend, good)["text"] == "good"
    problem(teacher.put(f"/v1/reports/{first['id']}", json={"state": "dismissed"}), 409)
    assert [r["resolved_by"]["id"] for r in reports(teacher, course)] == [assistant.id, teacher.id]
    assert reports(teacher, course, state="open") == []
    assert set(faults(teacher.put(f"/v1/reports/{first['id']}", json={"state": "open"}))) == {"/state"}


def test_nobody_decides_about_themselves(teacher, assistant, student, course, room):
    message = say(assistant, room, "Hm.")
    start = cursor_now(assistant)
    it = report(student, message).json()
    assert reports(assistant, course) == [] and [r["id"] for r in reports(teacher, course)] == [it["id"]]
    problem(assistant.put(f"/v1/reports/{it['id']}", json={"state": "dismissed"}), 404)
    assert "report.created" not in [e["kind"] for e in heard_between(assistant, start, mark(teacher, course))]


def test_of_a_direct_room_a_report_shows_one_message(teacher, student, friend, course):
    private = student.post(f"/v1/courses/{course['id']}/rooms", json={"kind": "direct", "members": [friend.id]}).json()
    other, bad = say(student, private, "harmless"), say(student, private, "threat")
    it = report(friend, bad).json()
    (seen,) = reports(teacher, course)
    assert seen["text"] == "threat" and "harmless" not in json.dumps(seen)
    for message in (other, bad):
        problem(teacher.get(f"/v1/messages/{message['id']}"), 404)
        problem(teacher.put(f"/v1/messages/{message['id']}/hidden"), 404)
    assert teacher.put(f"/v1/reports/{it['id']}", json={"state": "upheld"}).status_code == 200
    assert [m["text"] for m in history(friend, private)] == ["", "harmless"]


# --- hiding ---------------------------------------------------------------------------------------------------------------


def test_what_is_hidden_is_read_by_nobody_until_it_is_shown(teacher, student, friend, outsider, room):
    message = say(student, room, "secret answer", files=[student.post(f"/v1/rooms/{room['id']}/files", files={"file": ("a.txt", b"a")}).json()["items"][0]["id"]])
    path = f"/v1/messages/{message['id']}"
    for person, status in ((student, 403), (friend, 403), (outsider, 404)):
        problem(person.put(path + "/hidden"), status)
    with stream(friend) as events:
        assert teacher.put(path + "/hidden").status_code == 204
        assert teacher.put(path + "/hidden").status_code == 204
        told = events.wait("message.updated")["data"]
        assert told["text"] == told["html"] == "" and told["files"] == [] and told["hidden_at"]
    for person in (student, friend, teacher):
        assert "secret" not in json.dumps([read(person, message), history(person, room), person.get(f"/v1/rooms/{room['id']}").json()])
        problem(person.get(f"{path}/files/{message['files'][0]['id']}"), 404)
    assert teacher.get(path + "/history").json()["items"][0]["text"] == "secret answer"
    problem(student.patch(path, json={"text": "secret again"}), 403)
    with stream(friend) as events:
        assert teacher.delete(path + "/hidden").status_code == 204
        assert events.wait("message.updated")["data"]["text"] == "secret answer"
    assert read(friend, message) == message


# --- muting and slow mode -------------------------------------------------------------------------------------------------


def test_who_is_muted_says_nothing_for_a_time(teacher, assistant, student, friend, outsider, course, room):
    message, other = say(student, room, "one"), say(friend, room, "two")
    path = f"/v1/rooms/{room['id']}/mutes/{student.id}"
    problem(friend.put(path, json={"until": from_now(hours=1)}), 403)
    problem(outsider.put(path, json={"until": from_now(hours=1)}), 404)
    problem(teacher.put(f"/v1/rooms/{room['id']}/mutes/{assistant.id}", json={"until": from_now(hours=1)}), 404)
    problem(teacher.put(f"/v1/rooms/{room['id']}/mutes/{outsider.id}", json={"until": from_now(hours=1)}), 404)
    with stream(student) as events:
        assert assistant.put(path, json={"until": from_now(hours=1)}).status_code == 204
        assert events.wait("room.muted")["data"]["room_id"] == room["id"]
    reply = write(student, room)
    problem(reply, 403)
    assert 0 < int(reply.headers.get("retry-after", "3600")) <= 3600
    problem(student.patch(f"/v1/messages/{message['id']}", json={"text": "changed"}), 403)
    problem(student.put(f"/v1/messages/{other['id']}/reactions/+1"), 403)
    problem(student.post(f"/v1/rooms/{room['id']}/files", files={"file": ("a.txt", b"a")}), 403)
    assert student.get(f"/v1/rooms/{room['id']}").json()["muted_until"] and friend.get(f"/v1/rooms/{room['id']}").json()["muted_until"] is None
    assert write(student, {"id": course["id"]}).status_code == 201
    assert write(friend, room).status_code == 201
    (mute,) = teacher.get(f"/v1/rooms/{room['id']}/mutes").json()["items"]
    assert mute["user"]["id"] == student.id and mute["muted_by"]["id"] == assistant.id
    problem(student.get(f"/v1/rooms/{room['id']}/mutes"), 403)
    assert student.delete(f"/v1/messages/{message['id']}").status_code == 204
    assert teacher.delete(path).status_code == 204
    problem(teacher.delete(path), 404)
    assert write(student, room).status_code == 201
    assert teacher.put(path, json={"until": from_now(hours=-1)}).status_code == 204
    assert write(student, room).status_code == 201


def test_a_time_without_end_is_one(teacher, student, room):
    """Longer than a number of seconds in the reply may be."""
    for until in ("2100-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert teacher.put(f"/v1/rooms/{room['id']}/mutes/{student.id}", json={"until": until}).status_code == 204
        for headers in ({}, {"Idempotency-Key": unique("key")}):
            reply = student.post(f"/v1/rooms/{room['id']}/messages", json={"text": "?"}, headers=headers)
            assert "cannot write" in problem(reply, 403)["detail"] and int(reply.headers["retry-after"]) > 10**9


def test_who_begins_to_teach_is_muted_no_longer(school, admin, teacher, student, course, room):
    message = say(student, room, "before")
    teacher.put(f"/v1/rooms/{room['id']}/mutes/{student.id}", json={"until": "2100-01-01T00:00:00Z"})
    school.enrol(course, student, role="assistant")
    say(student, room, "again")
    assert student.put(f"/v1/messages/{message['id']}/reactions/+1").status_code == 204
    assert student.patch(f"/v1/messages/{message['id']}", json={"text": "after"}).status_code == 200
    assert student.post(f"/v1/rooms/{room['id']}/files", files={"file": ("a.txt", b"a")}).status_code == 201


def test_direct_rooms_are_nobodys_to_look_after(teacher, student, course):
    private = teacher.post(f"/v1/courses/{course['id']}/rooms", json={"kind": "direct", "members": [student.id]}).json()
    problem(teacher.put(f"/v1/rooms/{private['id']}/mutes/{student.id}", json={"until": from_now(hours=1)}), 403)
    problem(teacher.put(f"/v1/messages/{say(student, private, 'hm')['id']}/hidden"), 403)


def test_slow_mode_takes_one_message_at_a_time(teacher, student, friend, room):
    say(student, room, "before")
    teacher.change(f"/v1/rooms/{room['id']}", {"slow_s": 600})
    body = {"text": "first", "client_id": "slow-1"}
    first = student.post(f"/v1/rooms/{room['id']}/messages", json=body)
    assert first.status_code == 201
    reply = write(student, room, "second")
    problem(reply, 429, "too-many-requests")
    assert 0 < int(reply.headers["retry-after"]) <= 600
    assert student.post(f"/v1/rooms/{room['id']}/messages", json=body).json() == first.json()
    assert write(friend, room).status_code == 201
    for _ in range(3):
        assert write(teacher, room).status_code == 201
    teacher.change(f"/v1/rooms/{room['id']}", {"slow_s": 0})
    assert write(student, room, "second").status_code == 201


# --- how long, and taking along -------------------------------------------------------------------------------------------


def test_how_long_messages_are_kept_is_the_teachers(teacher, assistant, student, outsider, course):
    path = f"/v1/courses/{course['id']}/retention"
    assert student.get(path).json() == {"message_days": None}
    assert teacher.put(path, json={"message_days": 30}).json() == student.get(path).json() == {"message_days": 30}
    for person, status in ((student, 403), (assistant, 403), (outsider, 404)):
        problem(person.put(path, json={"message_days": 1}), status)
    problem(outsider.get(path), 404)
    assert faults(teacher.put(path, json={"message_days": 0})) == {"/message_days": "out-of-range"}
    assert faults(teacher.put(path, json={})) == {"/message_days": "required"}
    assert teacher.put(path, json={"message_days": None}).json() == {"message_days": None}


def test_a_room_is_taken_along_whole(teacher, student, friend, outsider, course, room):
    said = [say(student, room, f"line {i}\nand more") for i in range(300 // 3)]
    student.patch(f"/v1/messages/{said[0]['id']}", json={"text": "changed"})
    friend.put(f"/v1/messages/{said[1]['id']}/reactions/+1")
    teacher.put(f"/v1/messages/{said[2]['id']}/hidden")
    student.delete(f"/v1/messages/{said[3]['id']}")
    reply = teacher.get(f"/v1/rooms/{room['id']}/export")
    assert reply.status_code == 200 and reply.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in reply.text.splitlines()]
    assert [m["id"] for m in lines] == [m["id"] for m in said]
    assert lines[0]["text"] == "changed" and [v["text"] for v in lines[0]["versions"]] == ["line 0\nand more"]
    assert lines[1]["reactions"] == {"+1": 1} and lines[2]["text"] == "line 2\nand more" and lines[2]["hidden_at"]
    assert lines[3]["text"] == "" and lines[3]["versions"] == []
    for person, status in ((student, 403), (outsider, 404)):
        problem(person.get(f"/v1/rooms/{room['id']}/export"), status)
    private = student.post(f"/v1/courses/{course['id']}/rooms", json={"kind": "direct", "members": [friend.id]}).json()
    say(student, private, "ours")
    assert "ours" in friend.get(f"/v1/rooms/{private['id']}/export").text
    problem(teacher.get(f"/v1/rooms/{private['id']}/export"), 404)


def test_of_a_direct_room_nobody_takes_along_what_others_have_changed_or_what_is_hidden(teacher, student, friend, course):
    """As nobody reads there what others said before. What was hidden after a report is hidden from both."""
    private = student.post(f"/v1/courses/{course['id']}/rooms", json={"kind": "direct", "members": [friend.id]}).json()
    path = f"/v1/rooms/{private['id']}/export"
    empty = student.get(path)
    assert empty.status_code == 200 and empty.text == "" and empty.headers["content-type"] == "application/x-ndjson"
    changed, hidden = say(student, private, "said in anger"), say(student, private, "an insult")
    student.patch(f"/v1/messages/{changed['id']}", json={"text": "said in peace"})
    report = friend.post(f"/v1/messages/{hidden['id']}/reports", json={"reason": "rude"}).json()
    assert teacher.put(f"/v1/reports/{report['id']}", json={"state": "upheld"}).status_code == 200
    mine, theirs = ([json.loads(line) for line in person.get(path).text.splitlines()] for person in (student, friend))
    assert [m["text"] for m in mine] == ["said in peace", "an insult"] and [v["text"] for v in mine[0]["versions"]] == ["said in anger"]
    assert [m["text"] for m in theirs] == ["said in peace", ""] and [m["versions"] for m in theirs] == [[], []]
    assert theirs[1]["html"] == "" and theirs[1]["hidden_at"]
