"""What people do in the fault tests: rooms and messages, streams, assignments and texts handed in, quizzes taken."""

import contextlib
import time

import httpx
import stack
from client import eventually, stream, unique

# Which problems say that it may work later, as Retry-After does.
LATER = (502, 503, 504)


def again(call, *, until=(200, 201, 202, 204), within=60):
    """Calls until the reply is final: what a client does that was told to come back, or was not told anything."""
    end = time.monotonic() + within
    while True:
        try:
            reply = call()
            if reply.status_code in until:
                return reply
            assert reply.status_code in LATER, f"{reply.status_code}: {reply.text[:400]}"
            what = f"{reply.status_code} {reply.text[:200]}"
        except httpx.TransportError as lost:
            what = repr(lost)
        assert time.monotonic() < end, f"no final reply within {within} s; the last: {what}"
        time.sleep(0.1)


def make_room(teacher, course):
    reply = again(lambda: teacher.post(f"/v1/courses/{course['id']}/rooms", json={"name": unique("room"), "kind": "discussion"}))
    return reply.json()


def say(person, room, text, key=None, **fields):
    headers = {"Idempotency-Key": key} if key else {}
    return person.post(f"/v1/rooms/{room['id']}/messages", json={"text": text} | fields, headers=headers)


def messages(person, room):
    """Everything said in a room, oldest first."""
    got, after = [], 0
    while True:
        page = again(lambda: person.get(f"/v1/rooms/{room['id']}/messages", params={"limit": 200, "after": after or 1})).json()
        got += page["items"]
        if page["next"] is None:
            return got
        after = got[-1]["event_id"]


@contextlib.contextmanager
def on_every_process(processes, person):
    """Streams of one person until each process of chat holds one of them."""
    with contextlib.ExitStack() as opened:
        streams = []

        def spread():
            streams.append(opened.enter_context(stream(person)))
            return all(stack.metric(name, "ea_hub_streams") > before[name] for name in processes)

        before = {name: stack.metric(name, "ea_hub_streams") for name in processes}
        eventually(spread)
        yield streams


def make_assignment(teacher, course, **fields):
    body = {"title": unique("report"), "points": 10, "accepts": ["text", "file"], "max_bytes": 1 << 25, "attempts": 100}
    body |= {"checks": [{"kind": "word_count", "min": 1, "points": 10}]} | fields
    assignment = again(lambda: teacher.post(f"/v1/courses/{course['id']}/assignments", json=body)).json()
    return again(lambda: teacher.post(f"/v1/assignments/{assignment['id']}/publish")).json()


def hand_in(person, assignment, text, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    return person.post(f"/v1/assignments/{assignment['id']}/submissions", json={"text": text}, headers=headers)


def upload(person, assignment, name, content, key=None):
    mark = "a-mark-between-parts"
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary={mark}"} | ({"Idempotency-Key": key} if key else {})
    body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
    return person.post(f"/v1/assignments/{assignment['id']}/submissions", content=body, headers=headers)


def make_quiz(teacher, course, questions=10):
    """A published quiz of short-text questions; the answer to number n is `word n`."""
    gift = "\n\n".join(f"::{unique('Question')}:: Which word is number {n}? {{=word {n}}}" for n in range(1, questions + 1))
    path = f"/v1/courses/{course['id']}/items/import"
    imported = again(lambda: teacher.post(path, content=gift, headers={"Content-Type": "text/x-gift"})).json()
    assert imported["imported"] == questions, imported
    items = [item["id"] if isinstance(item, dict) else item for item in imported["items"]]
    sections = [{"title": "All", "points": questions, "items": items}]
    show = dict.fromkeys(("score", "key", "feedback"), "on_submit")
    body = {"title": unique("quiz"), "time_limit_s": 3600, "attempts": 100, "sections": sections, "show": show}
    quiz = again(lambda: teacher.post(f"/v1/courses/{course['id']}/quizzes", json=body)).json()
    return again(lambda: teacher.post(f"/v1/quizzes/{quiz['id']}/publish")).json()


def start(person, quiz):
    return again(lambda: person.post(f"/v1/quizzes/{quiz['id']}/attempts")).json()


def save(person, attempt, slot, rev, text):
    return person.put(f"/v1/attempts/{attempt['id']}/answers/{slot}", json={"rev": rev, "answer": {"text": text}})


def submit(person, attempt):
    return person.post(f"/v1/attempts/{attempt['id']}/submit")
