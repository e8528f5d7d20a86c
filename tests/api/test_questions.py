"""Questions: asked by students, answered, counted; and without a name where the room allows it."""

import json

from client import faults, problem, stream
from rooms import cursor_now, heard_between, history, make_room, mark, read, say


def ask(person, room, text, **fields):
    return say(person, room, text, question=True, **fields)


def questions(person, room, **params):
    return [q["id"] for q in person.get(f"/v1/rooms/{room['id']}/questions", params=params).json()["items"]]


def answered(person, message, **body):
    return person.put(f"/v1/messages/{message['id']}/answered", **({"json": body} if body else {}))


def test_questions_wait_until_they_are_answered(school, teacher, student, friend, room):
    one, two = ask(student, room, "Why green?"), ask(friend, room, "Why leaves?")
    say(student, room, "No question")
    assert one["question"] == {"answered_at": None, "answer_id": None}
    answer = say(teacher, room, "Chlorophyll.", reply_to=one["id"])
    assert answer["question"] is None
    assert questions(teacher, room) == questions(teacher, room, answered=False) == [two["id"], one["id"]]
    with stream(friend) as events:
        assert answered(teacher, one, answer_id=answer["id"]).status_code == 204
        told = events.wait("question.changed")["data"]
    now = read(student, one)["question"]
    assert told["answered_at"] == now["answered_at"] and now["answer_id"] == told["answer_id"] == answer["id"]
    assert questions(teacher, room, answered=False) == [two["id"]] and questions(teacher, room, answered=True) == [one["id"]]
    assert teacher.put(f"/v1/messages/{answer['id']}/pin").status_code == 204
    assert student.delete(f"/v1/messages/{one['id']}/answered").status_code == 204
    assert questions(student, room, answered=False) == [two["id"], one["id"]]
    problem(school.person().get(f"/v1/rooms/{room['id']}/questions"), 404)


def test_who_asked_and_who_teaches_say_that_it_is_answered(school, teacher, student, friend, course, room):
    question, plain = ask(student, room, "Why?"), say(student, room, "So.")
    problem(answered(friend, question), 403)
    problem(answered(school.person(), question), 404)
    problem(answered(teacher, plain), 409)
    elsewhere = say(teacher, make_room(teacher, course, name="Elsewhere"), "there")
    assert faults(answered(teacher, question, answer_id=elsewhere["id"])) == {"/answer_id": "invalid"}
    assert answered(student, question).status_code == 204
    first = read(student, question)["question"]["answered_at"]
    assert answered(teacher, question).status_code == 204
    assert read(student, question)["question"]["answered_at"] == first


def test_questions_are_students_and_not_in_direct_rooms(teacher, student, friend, course, room):
    path = f"/v1/rooms/{room['id']}/messages"
    assert faults(teacher.post(path, json={"text": "Well?", "question": True})) == {"/question": "invalid"}
    private = student.post(f"/v1/courses/{course['id']}/rooms", json={"kind": "direct", "members": [friend.id]}).json()
    assert faults(student.post(f"/v1/rooms/{private['id']}/messages", json={"text": "Well?", "question": True})) == {"/question": "invalid"}
    assert faults(student.post(path, json={"text": "Well?", "question": "yes"})) == {"/question": "type"}


def test_how_long_answers_take_is_the_teachers_to_know(school, teacher, student, course, room):
    path = f"/v1/courses/{course['id']}/questions"
    assert teacher.get(path).json() == {"asked": 0, "answered": 0, "median_s": None}
    asked = [ask(student, room, str(i)) for i in range(3)]
    for question in asked[:2]:
        answered(teacher, question)
    summary = teacher.get(path).json()
    assert (summary["asked"], summary["answered"]) == (3, 2) and summary["median_s"] >= 0
    problem(student.get(path), 403)
    problem(school.person().get(path), 404)


def test_nobody_in_class_learns_who_asks(school, teacher, student, friend, course, room):
    path = f"/v1/rooms/{room['id']}/messages"
    body = {"text": "Is that in the exam?", "question": True, "anonymous": True, "client_id": f"mine-{student.id}"}
    assert faults(student.post(path, json=body)) == {"/anonymous": "invalid"}
    teacher.change(f"/v1/rooms/{room['id']}", {"anonymous": True})
    assert faults(student.post(path, json=body | {"question": False})) == {"/anonymous": "invalid"}
    start = cursor_now(friend)
    question = say(student, room, **body)
    assert say(student, room, **body)["id"] == question["id"]
    assert question["author"] is None and question["client_id"] is None
    student.patch(f"/v1/messages/{question['id']}", json={"text": "Is that in the exam? @teachers"})
    answered(student, question)
    seen = {
        "history": history(friend, room), "one": read(friend, question), "teacher": read(teacher, question),
        "room": friend.get(f"/v1/rooms/{room['id']}").json()["last_message"],
        "questions": friend.get(f"/v1/rooms/{room['id']}/questions").json(),
        "search": friend.get(f"/v1/courses/{course['id']}/messages", params={"q": "exam"}).json(),
        "heard": [e for e in heard_between(friend, start, mark(teacher, course)) if "exam" in json.dumps(e) or e["kind"] != "message.created"],
        "versions": teacher.get(f"/v1/messages/{question['id']}/history").json(),
        "export": teacher.get(f"/v1/rooms/{room['id']}/export").text,
    }
    assert len(seen["heard"]) == 3 and seen["search"]["items"]
    for where, what in seen.items():
        text = json.dumps(what)
        assert student.id not in text and student.user["name"] not in text, where
    by_name = {"q": f"exam from:\"{student.user['name']}\""}
    for person in (friend, teacher):
        assert person.get(f"/v1/courses/{course['id']}/messages", params=by_name).json()["items"] == []


def test_who_looks_after_the_room_may_look_and_leaves_a_trace(school, teacher, student, friend, course, room):
    teacher.change(f"/v1/rooms/{room['id']}", {"anonymous": True})
    question = ask(student, room, "Who?", anonymous=True)
    path = f"/v1/messages/{question['id']}/author"
    assert teacher.get(path).json() == {"id": student.id, "name": student.user["name"]}
    problem(friend.get(path), 403)
    problem(student.get(path), 403)
    problem(school.person().get(path), 404)


def test_who_is_mentioned_without_a_name_does_not_learn_it_either(teacher, student, friend, course, room):
    teacher.change(f"/v1/rooms/{room['id']}", {"anonymous": True})
    start = cursor_now(friend)
    ask(student, room, f"Does @{friend.user['name']} know?", anonymous=True)
    (event,) = [e["data"] for e in heard_between(friend, start, mark(teacher, course)) if e["kind"] == "message.mentioned"]
    assert event["author"] is None
