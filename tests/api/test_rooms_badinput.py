"""Every route about rooms and messages, asked with what is no id, no body and no page. Driven by the OpenAPI document, so that a route which is new is asked as well."""

import itertools

import contract
import pytest
from client import eventually, faults, problem
from rooms import converse, make_room, say

ROOTS = ("/v1/rooms/", "/v1/messages/", "/v1/reports/", "/v1/courses/{id}/rooms", "/v1/courses/{id}/messages", "/v1/courses/{id}/questions", "/v1/courses/{id}/reports", "/v1/courses/{id}/retention")
NOWHERE = "01989a11-0000-7000-8000-000000000000"
NO_IDS = ["0", "-1", "9223372036854775808", "abc", NOWHERE + "0", NOWHERE.replace("-", ""), NOWHERE, "%00", "%ff", "%27%20or%20true"]
NO_SIGNS = ["%00", "%ff", "%ed%a0%80", "%0a", "a" * 33, "%f0%9f%98%80" * 9, "%3Cb%3E"]
NO_BODIES = [b"", b"[]", b"null", b'{"text": "\xff"}', b'{"text": "a\\u0000"}', b'{"text": 1, "event_id": "1", "until": 1, "state": 1, "reason": [], "message_days": "x", "name": {}, "kind": 0, "answer_id": 1}',
             b'{"event_id": 9223372036854775808, "until": "2026-02-30T00:00:00Z", "message_days": 1e400, "edit_s": -1, "reply_to": "x", "files": [null], "members": ["x"]}']  # fmt: skip
NO_NUMBERS = ["", "0", "-1", "1.5", "x", "9223372036854775808", "%00"]
NO_CURSORS = ["x", "%00", "%ff", "A" * 300, "MDE5ODlhMTEtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAw"]

OPERATIONS = [(path, method) for path, item in contract.linked()["paths"].items() for method in item if path.startswith(ROOTS) and method in ("get", "put", "post", "patch", "delete")]


@pytest.fixture(scope="module")
def known(school, teacher):
    course, student = school.course(teacher), school.person()
    school.enrol(course, student)
    room = make_room(teacher, course)
    said = converse(teacher, student, room, "early")
    report = teacher.get(f"/v1/courses/{course['id']}/reports").json()["items"][0]
    return {"rooms": room["id"], "courses": course["id"], "messages": said["messages"][0], "reports": report["id"], "members": student.id, "mutes": student.id, "files": said["file"], "reactions": "+1"}


def ask(person, method, path, content=None):
    """Its answer; nginx lets nobody ask this much at once."""
    headers = {"If-Match": "*"} | ({"Content-Type": "application/json"} if content is not None else {})
    return eventually(lambda: (reply := person.request(method, path, content=content, headers=headers)).status_code != 429 and reply)


def addresses(path, known):
    """With one thing in it that is none, and the right one at last."""
    steps = path.split("/")
    right = [known[steps[i - 1]] if step.startswith("{") else step for i, step in enumerate(steps)]
    for i, step in enumerate(steps):
        if step.startswith("{"):
            for wrong in NO_SIGNS if step == "{emoji}" else NO_IDS:
                yield "/".join(right[:i] + [wrong] + right[i + 1 :])
    yield "/".join(right)


@pytest.mark.parametrize("path, method", OPERATIONS)
def test_what_is_none_is_told_so(teacher, known, path, method):
    operation = contract.linked()["paths"][path][method]
    *wrong, right = addresses(path, known)
    needs = "?q=early" if path == "/v1/courses/{id}/messages" else ""
    body = b'{"text": "x"}' if operation.get("requestBody", {}).get("content", {}).get("application/json") else None
    for address in wrong:
        assert ask(teacher, method, address + needs, body).status_code in (400, 404, 409, 415, 422), address
    for content in NO_BODIES if body else []:
        reply = ask(teacher, method, right, content)
        assert reply.status_code in (400, 422) or (content == b"" and reply.status_code == 204), reply.text
        assert reply.status_code != 422 or faults(reply)
    for parameter in contract.parameters({}, operation):
        values = {"limit": NO_NUMBERS, "before": NO_NUMBERS, "after": [v for v in NO_NUMBERS if v != "0"], "cursor": NO_CURSORS, "answered": ["", "2", "TRUE"], "state": ["", "none"], "q": ["", "%00", "%ff", "x" * 501]}
        for value in values[parameter["name"]] if parameter["in"] == "query" else []:
            before = "" if parameter["name"] == "q" or not needs else needs.lstrip("?") + "&"
            reply = ask(teacher, method, f"{right}?{before}{parameter['name']}={value}")
            assert list(faults(reply)) == ["/" + parameter["name"]], value


@pytest.mark.parametrize("text", ["> " * 8000, "- " * 8000, "[" * 16000, "`" * 16000, "*a " * 5000, "&" * 16000, "\\" * 16000, "@" * 16000, "[a]: b\n" + "[a]" * 5000, "---\n" * 4000, "\ufeff", "\u202e\ufffe", " ", "\n",
                                  "&#0;&#xD800;&#x110000;", "😀" * 4096, '{"a","b"}\\', "NULL"], ids=range(18))  # fmt: skip
def test_what_can_be_written_can_be_read_and_changed(teacher, known, text):
    message = say(teacher, {"id": known["rooms"]}, text)
    assert message["text"] == text and teacher.get(f"/v1/messages/{message['id']}").json()["html"] == message["html"]
    assert teacher.patch(f"/v1/messages/{message['id']}", json={"text": text + "x"}).status_code in (200, 422)


@pytest.mark.parametrize("text", ["a\1b", "a\x7fb", "x" * 16385, "😀" * 4097, ""])
def test_what_cannot_be_written(teacher, known, text):
    for send in (lambda body: teacher.post(f"/v1/rooms/{known['rooms']}/messages", json=body), lambda body: teacher.patch(f"/v1/messages/{known['messages']}", json=body)):
        assert list(faults(send({"text": text}))) == ["/text"]


def test_objects_of_another_room(school, teacher, known):
    """Each is there and may be seen, but not where it is named."""
    course = school.course(teacher)
    student = school.person()
    school.enrol(course, student)
    here, there = make_room(teacher, course), make_room(teacher, course)
    question, elsewhere = say(student, here, "why?", question=True), say(student, there, "because")
    file = student.post(f"/v1/rooms/{there['id']}/files", files={"file": ("a.txt", b"a")}).json()["items"][0]["id"]
    for path, body in itertools.product([f"/v1/rooms/{here['id']}/messages"], [{"reply_to": elsewhere["id"]}, {"files": [file]}, {"reply_to": known["messages"]}, {"files": [known["files"]]}]):
        assert list(faults(student.post(path, json={"text": "x"} | body))) == ["/" + next(iter(body))]
    for answer in (elsewhere["id"], known["messages"]):
        assert faults(teacher.put(f"/v1/messages/{question['id']}/answered", json={"answer_id": answer})) == {"/answer_id": "invalid"}
    problem(teacher.get(f"/v1/messages/{question['id']}/files/{known['files']}"), 404)
    group = make_room(teacher, course, kind="group", members=[student.id])
    problem(teacher.put(f"/v1/rooms/{group['id']}/members/{known['members']}"), 404)
    problem(teacher.put(f"/v1/rooms/{here['id']}/mutes/{known['members']}", json={"until": "2030-01-01T00:00:00Z"}), 404)
    problem(student.put(f"/v1/reports/{known['reports']}", json={"state": "upheld"}), 404)
