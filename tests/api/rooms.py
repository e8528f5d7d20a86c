"""What the tests of rooms and messages share."""

import concurrent.futures
import contextlib
import os
import time

import psycopg2
from client import eventually, unique


def make_room(person, course, name="Questions", kind="discussion", **fields):
    reply = person.post(f"/v1/courses/{course['id']}/rooms", json={"name": name, "kind": kind} | fields)
    assert reply.status_code == 201, reply.text
    return reply.json()


def say(person, room, text, **fields):
    reply = person.post(f"/v1/rooms/{room['id']}/messages", json={"text": text} | fields)
    assert reply.status_code == 201, reply.text
    return reply.json()


def read(person, message):
    reply = person.get(f"/v1/messages/{message['id']}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def history(person, room, limit=50):
    """Everything that was said in a room, the newest first, page by page."""
    got, before = [], None
    while True:
        params = {"limit": limit} | ({"before": before} if before else {})
        page = person.get(f"/v1/rooms/{room['id']}/messages", params=params).json()
        got += page["items"]
        before = page["next"]
        if before is None:
            return got


def poll(person, after=None, wait=0, **params):
    if after is not None:
        params["after"] = after
    reply = person.get("/v1/events/poll", params=params | {"wait": wait})
    assert reply.status_code == 200, reply.text
    return reply.json()


def cursor_now(person):
    return poll(person)["cursor"]


def heard_between(person, after, until):
    """Every event that a person hears after one id, up to another that is in the log. Plain polls: who hears nothing of it would only wait."""
    events, cursor = [], after
    while cursor < until:
        reply = poll(person, after=cursor)
        events += reply["events"]
        if reply["cursor"] == cursor:
            time.sleep(0.02)  # the process has not read so far
        cursor = reply["cursor"]
    return [e for e in events if e["id"] <= until]


def mark(teacher, course):
    """An event that all of the course hear: what was told before it has a smaller id."""
    return say(teacher, {"id": course["id"]}, "mark")["event_id"]


@contextlib.contextmanager
def the_log_held():
    """Nobody appends meanwhile. Yields a function that waits until so many wait for it."""
    with psycopg2.connect(os.environ["EA_PG"]) as holder, psycopg2.connect(os.environ["EA_PG"]) as look, holder.cursor() as held, look.cursor() as waiting:
        look.autocommit = True
        held.execute("SELECT pg_advisory_xact_lock(4242)")

        def wait_for(n):
            def so_many():
                waiting.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4242 AND NOT granted")
                return waiting.fetchone()[0] == n

            eventually(so_many)

        yield wait_for


def in_order(*work):
    """Each has done all but its append before the next begins; then they append one after the other."""
    with concurrent.futures.ThreadPoolExecutor(len(work)) as pool:
        with the_log_held() as wait_for:
            running = []
            for n, do in enumerate(work, 1):
                running.append(pool.submit(do))
                wait_for(n)
        return [r.result() for r in running]


def by_roster(school, course, person, others=0):
    """Imported, with as many others: enough of them are more events than fit beside the log's lock."""
    emails = [person.email] + [unique("class") + "@school.example" for _ in range(others)]
    table = "role,given name,family name,email,course code\n" + "".join(f"student,A,B,{email},{course['code']}\n" for email in emails)
    reply = school.admin.post("/v1/roster/import", content=table, headers={"Content-Type": "text/csv"})
    assert reply.status_code == 200 and reply.json()["errors"] == [], reply.text


def into_group(teacher, room, person):
    assert teacher.put(f"/v1/rooms/{room['id']}/members/{person.id}").status_code == 204


def closed_room(school, teacher, student, course, person, way):
    """A room of the student's with history `joined`, and what lets the person in: enrolled, imported, or named in a group."""
    if way == "named":
        school.enrol(course, person)
        room = make_room(teacher, course, kind="group", members=[student.id], history="joined")
        return room, lambda: into_group(teacher, room, person)
    room = make_room(teacher, course, history="joined")
    return room, {"enrolled": lambda: school.enrol(course, person), "imported": lambda: by_roster(school, course, person, others=60)}[way]


def file_of(person, room, name, content):
    return person.post(f"/v1/rooms/{room['id']}/files", files={"file": (name, content)}).json()["items"][0]["id"]


def converse(teacher, student, room, word):
    """Everything that can be said in a room and done to it, each with the word in it. Ids of the messages, of the file, and of one that may be changed."""
    file = file_of(student, room, word + ".txt", word.encode())
    question = say(student, room, f"{word}, why?", question=True, files=[file])
    answer = say(teacher, room, f"{word} it is", reply_to=question["id"])
    teacher.put(f"/v1/messages/{question['id']}/pin")
    teacher.put(f"/v1/messages/{question['id']}/answered", json={"answer_id": answer["id"]})
    student.put(f"/v1/messages/{answer['id']}/reactions/+1")
    changed = say(student, room, word)
    student.patch(f"/v1/messages/{changed['id']}", json={"text": word + " or not"})
    teacher.post(f"/v1/messages/{changed['id']}/reports", json={"reason": word})
    last = say(teacher, room, word + " at last")
    return {"messages": [m["id"] for m in (question, answer, changed, last)], "file": file, "changed": changed["id"]}
