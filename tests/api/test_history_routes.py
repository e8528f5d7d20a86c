"""Every route that answers to GET, asked by who came later into a room whose history is `joined`: none shows what was said before. Driven by the OpenAPI document, so that a route
which is new is asked as well."""

import itertools
import json
import secrets

import contract
import pytest
from client import stream
from rooms import closed_room, converse, cursor_now, say

NOWHERE = "01989a11-0000-7000-8000-000000000000"


# What stands for {id} after a noun: a noun that is new must be given something. None of these shows messages.
OTHERS = dict.fromkeys(("users", "assignments", "submissions", "items", "quizzes", "attempts", "announcements"), [NOWHERE])


def requests_of(path, operation, known):
    """Every way to ask it: each object that is known, and each filter. Fails for a parameter that it does not know."""
    steps = path.split("/")
    choices = []
    for i, step in enumerate(steps):
        name = step.strip("{}")
        choices.append([step] if step == name else known[steps[i - 1]] if name == "id" else known[name])
    parameters = [p for p in contract.parameters(contract.linked()["paths"][path], operation) if p["in"] == "query"]
    needed = itertools.product(*([(p["name"], value) for value in known[p["name"]]] for p in parameters if p.get("required")))
    wide = {"after": known["after"], "before": [2**62], "answered": ["true", "false"], "limit": [200]}
    filters = [{}] + [{p["name"]: value} for p in parameters for value in wide.get(p["name"], [])]
    for concrete, given, chosen in itertools.product(itertools.product(*choices), needed, filters):
        yield "/".join(concrete), dict(given) | chosen


def everything(person, known):
    """(path of the document, what was answered, as text) of every GET; of the stream all from the beginning up to now."""
    for path, item in contract.linked()["paths"].items():
        operation = item.get("get")
        if operation is None:
            continue
        if "text/event-stream" in operation["responses"]["200"].get("content", {}):
            with stream(person, last_event_id=0) as events:
                events.wait("message.created", lambda data: data["id"] == known["last"])
                yield path, json.dumps(events.events)
            continue
        for concrete, params in requests_of(path, operation, known):
            reply = person.get(concrete, params=params)
            yield path, reply.text if reply.status_code < 300 else ""


def routes(answers, *words):
    """Those that have answered with one of these words."""
    return {path for path, text in answers if any(word in text for word in words)}


EVENTS = {"/v1/events", "/v1/events/poll"}
LAST = {"/v1/courses/{id}/rooms", "/v1/rooms/{id}"}  # a room shows its last message
MESSAGES = EVENTS | {
    "/v1/courses/{id}/messages", "/v1/rooms/{id}/messages", "/v1/rooms/{id}/pins", "/v1/rooms/{id}/questions", "/v1/messages/{id}", "/v1/messages/{id}/thread",
    "/v1/messages/{id}/files/{file_id}",
}  # fmt: skip
TEACHERS = {"/v1/rooms/{id}/export", "/v1/courses/{id}/reports", "/v1/messages/{id}/history"}


@pytest.mark.parametrize("way", ["enrolled", "named"])
def test_no_route_shows_what_was_said_before(school, teacher, student, course, newcomer, way):
    room, come = closed_room(school, teacher, student, course, newcomer, way)
    early, late, cursors = "early" + secrets.token_hex(6), "late" + secrets.token_hex(6), [0, cursor_now(teacher)]
    before = converse(teacher, student, room, early)
    known = OTHERS | {"courses": [course["id"]], "rooms": [room["id"]], "messages": before["messages"], "after": cursors, "user_id": [newcomer.id, student.id], "slot": ["1"],
                      "file_id": [before["file"]], "q": [early]}  # fmt: skip
    come()
    known["last"] = say(teacher, {"id": course["id"]}, "they are in")["id"]
    assert routes(everything(student, known), early) == MESSAGES | LAST
    assert routes(everything(teacher, known), early) == MESSAGES | LAST | TEACHERS
    assert routes(everything(newcomer, known), early, *before["messages"]) == set()

    cursors.append(cursor_now(teacher))
    student.patch(f"/v1/messages/{before['changed']}", json={"text": early + " still"})
    for change in (teacher.put, teacher.delete):
        change(f"/v1/messages/{before['changed']}/hidden")
        change(f"/v1/messages/{before['changed']}/pin")
        change(f"/v1/messages/{before['messages'][0]}/answered")
    student.put(f"/v1/messages/{before['changed']}/reactions/+1")
    after = converse(teacher, student, room, late)
    known |= {"messages": before["messages"] + after["messages"], "file_id": [before["file"], after["file"]], "q": [early, late]}
    known["last"] = say(teacher, {"id": course["id"]}, "all is said")["id"]
    answers = list(everything(newcomer, known))
    assert routes(answers, early) == set() and routes(answers, late) == MESSAGES | LAST
    assert routes(answers, *before["messages"]) == EVENTS  # which name what something is done to
