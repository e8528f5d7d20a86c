"""What must not stay: messages beyond a course's time and their files, and texts that were taken back."""

import os
import pathlib
import time

import pytest
import stack
import story
from client import unique
from stack import until

pytestmark = pytest.mark.workers


def data():
    return pathlib.Path(os.environ["EA_BLOB_DIR"]) / "data"


def send_file(person, room):
    reply = story.again(lambda: person.post(f"/v1/rooms/{room['id']}/files", files={"file": (unique("leaf") + ".txt", b"green")}))
    (file,) = reply.json()["items"]
    return file["id"], stack.value("SELECT blob FROM message_files WHERE id = %s", file["id"])


def backdate(days, *messages):
    for message in messages:
        stack.rows("UPDATE messages SET created_at = created_at - %s * interval '1 day' WHERE id = %s", days, message["id"])


def test_what_a_course_keeps_no_longer_goes_with_all_that_hangs_on_it(school, teacher, course, student):
    room = story.make_room(teacher, course)
    file, blob = send_file(student, room)
    old = story.say(student, room, "old", files=[file]).json()
    assert student.patch(f"/v1/messages/{old['id']}", json={"text": "older"}).status_code == 200
    assert teacher.put(f"/v1/messages/{old['id']}/reactions/+1").status_code == 204
    assert teacher.post(f"/v1/messages/{old['id']}/reports", json={"reason": "old"}).status_code == 201
    young = story.say(student, room, "young").json()
    other = school.course(teacher)
    kept = story.say(teacher, story.make_room(teacher, other), "kept").json()
    backdate(40, old, kept)
    backdate(20, young)
    stack.rows("UPDATE message_files SET created_at = created_at - interval '40 days' WHERE id = %s", file)
    assert teacher.put(f"/v1/courses/{course['id']}/retention", json={"message_days": 30}).status_code == 200
    stack.restart("relay")  # it begins by tidying up
    until("the old message is gone", lambda: [m["id"] for m in story.messages(student, room)] == [young["id"]])
    until("its file is gone", lambda: stack.value("SELECT count(*) FROM message_files WHERE id = %s", file) == 0)
    for table in ("message_versions", "reactions", "message_words", "message_attachments", "reports"):
        assert stack.value(f"SELECT count(*) FROM {table} WHERE message_id = %s", old["id"]) == 0
    assert teacher.get(f"/v1/messages/{kept['id']}").status_code == 200
    day_ago = time.time() - 86400
    os.utime(data() / blob, (day_ago, day_ago))
    stack.restart("grader")  # it begins with a walk over the files
    until("the bytes are gone", lambda: not (data() / blob).exists())


def test_a_file_goes_when_no_message_has_named_it_in_time_and_stays_when_one_has(teacher, course, student):
    room = story.make_room(teacher, course)
    (named, blob), (forgotten, _) = send_file(student, room), send_file(student, room)
    message = story.say(student, room, "look", files=[named]).json()
    stack.rows("UPDATE message_files SET created_at = created_at - interval '3 days' WHERE id IN (%s, %s)", named, forgotten)
    day_ago = time.time() - 86400
    os.utime(data() / blob, (day_ago, day_ago))
    stack.restart("relay")
    stack.restart("grader")
    until("the forgotten one is gone", lambda: stack.value("SELECT count(*) FROM message_files WHERE id = %s", forgotten) == 0)
    until("a walk is over", lambda: stack.metric("grader", "ea_blob_walks_total") == 1)
    assert student.get(f"/v1/messages/{message['id']}/files/{named}").content == b"green"
    assert story.say(student, room, "too late", files=[named]).status_code == 422


@pytest.mark.parametrize("how", ["deleted", "hidden"])
def test_the_log_forgets_what_was_taken_back(teacher, course, student, how):
    room, secret = story.make_room(teacher, course), unique("secret")
    start = student.get("/v1/events/poll").json()["cursor"]
    message = story.say(student, room, secret).json()
    assert student.patch(f"/v1/messages/{message['id']}", json={"text": f"{secret} still"}).status_code == 200
    if how == "deleted":
        assert student.delete(f"/v1/messages/{message['id']}").status_code == 204
    else:
        assert teacher.put(f"/v1/messages/{message['id']}/hidden").status_code == 204
    assert stack.value("SELECT count(*) FROM events WHERE id > %s AND payload::text LIKE '%%' || %s || '%%'", start, secret) == 0
    for name in stack.names("chat"):  # so that it is read from the log
        stack.restart(name)
    reply = story.again(lambda: student.get("/v1/events/poll", params={"after": start}))
    kinds = [e["kind"] for e in reply.json()["events"]]
    assert kinds[0] == "message.created" and kinds[-1] in ("message.deleted", "message.updated") and secret not in reply.text


def test_looking_behind_an_anonymous_question_leaves_a_trace(teacher, course, student):
    room = story.make_room(teacher, course)
    assert teacher.change(f"/v1/rooms/{room['id']}", {"anonymous": True}).status_code == 200
    question = story.say(student, room, "Who?", question=True, anonymous=True).json()
    assert teacher.get(f"/v1/messages/{question['id']}/author").json()["id"] == student.id
    assert stack.rows("SELECT action, actor::text FROM audit WHERE object_id = %s", question["id"]) == [("message.author_seen", teacher.id)]
