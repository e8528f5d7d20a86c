"""Who loses a right while their request is under way. A request that was let in waits at what the test holds; then its right goes, and it goes on. What it shows is of one moment at which it was allowed, and what it writes
is done before the loss of the right is, or refused."""

import concurrent.futures
import contextlib
import datetime
import os

import psycopg2
import pytest
from client import eventually, problem
from rooms import by_roster, converse, make_room, say

WAITERS = """WITH RECURSIVE waits AS (
    SELECT pid FROM pg_stat_activity WHERE %(us)s = ANY (pg_blocking_pids(pid))
    UNION
    SELECT a.pid FROM pg_stat_activity a JOIN waits w ON w.pid = ANY (pg_blocking_pids(a.pid))
) SELECT count(*) FROM waits"""

# What only those are to know who are there now. Each is in what some route shows.
NEWS = """
UPDATE messages SET text = 'for who is there', html = 'for who is there', answered_at = NULL WHERE room_id = %(room)s;
UPDATE rooms SET name = 'for who is there' WHERE id = %(room)s;
UPDATE message_files SET name = 'for who is there.txt' WHERE room_id = %(room)s;
UPDATE message_versions SET text = 'for who is there' WHERE message_id IN (SELECT id FROM messages WHERE room_id = %(room)s);
UPDATE room_mutes SET muted_at = '2020-01-01' WHERE room_id = %(room)s;
UPDATE reports SET reason = 'for who is there' WHERE room_id = %(room)s;
UPDATE courses SET message_days = 3000 WHERE id = %(course)s;
INSERT INTO room_reads (room_id, user_id, event_id) VALUES (%(room)s, %(student)s, 9223372036854775807)"""


class Gate:
    """A transaction of the test's own, which holds what requests come to and may change what it likes."""

    def __init__(self, db, look):
        self.db, self._cursor, self._look = db, db.cursor(), look.cursor()
        look.autocommit = True

    def run(self, sql, **args):
        self._cursor.execute(sql, args)

    def waiting(self):
        """How many wait for it, and for those who do."""
        self._look.execute(WAITERS, {"us": self.db.get_backend_pid()})
        return self._look.fetchone()[0]

    def reached(self, requests):
        """Each waits, or has been answered."""
        return eventually(lambda: self.waiting() + sum(request.done() for request in requests) >= len(requests))


@contextlib.contextmanager
def gate():
    with contextlib.closing(psycopg2.connect(os.environ["EA_PG"])) as db, contextlib.closing(psycopg2.connect(os.environ["EA_PG"])) as look:
        yield Gate(db, look)


def final(call):
    """Its answer; who has waited too long for a lock is told to come again."""
    return eventually(lambda: (reply := call()).status_code != 503 and reply)


@pytest.fixture
def leaver(school, course):
    """Teaches in the course, so that there is nothing in it that they may not."""
    person = school.person()
    school.enrol(course, person, role="teacher")
    return person


@pytest.fixture
def room(teacher, course):
    return make_room(teacher, course)


@pytest.fixture
def known(teacher, student, friend, course, room, leaver):
    """What the addresses name."""
    said = converse(teacher, student, room, "early")
    mine = say(leaver, room, "my own")
    teacher.put(f"/v1/rooms/{room['id']}/mutes/{friend.id}", json={"until": "2100-01-01T00:00:00Z"})
    return {"room": room["id"], "course": course["id"], "student": student.id, "friend": friend.id, "leaver": leaver.id, "question": said["messages"][0], "answer": said["messages"][1],
            "changed": said["changed"], "file": said["file"], "mine": mine["id"]}  # fmt: skip


# --- reading ----------------------------------------------------------------------------------------------------------------

READS = [  # each with a table that it reads and the question whether it may does not
    ("/v1/rooms/{room}", "users"),
    ("/v1/courses/{course}/rooms", "rooms"),
    ("/v1/rooms/{room}/messages", "messages"),
    ("/v1/rooms/{room}/messages?after=0", "messages"),
    ("/v1/rooms/{room}/pins", "messages"),
    ("/v1/rooms/{room}/questions", "messages"),
    ("/v1/messages/{answer}", "reactions"),
    ("/v1/messages/{question}/thread", "reactions"),
    ("/v1/courses/{course}/messages?q=early", "messages"),
    ("/v1/messages/{changed}/history", "message_versions"),
    ("/v1/messages/{question}/readers", "room_reads"),
    ("/v1/messages/{question}/files/{file}", "message_files"),
    ("/v1/rooms/{room}/mutes", "room_mutes"),
    ("/v1/courses/{course}/reports", "reports"),
    ("/v1/courses/{course}/questions", "messages"),
    ("/v1/rooms/{room}/export", "audit"),
]


def shown(reply):
    """Of a room all but how far the log was, which is everybody's."""
    found = reply.json() if reply.headers["content-type"] == "application/json" else reply.text
    for one in [found, *found.get("items", [])] if isinstance(found, dict) else []:
        one.pop("cursor", None)
    return found, reply.headers.get("content-disposition")


@pytest.mark.parametrize("path, table", READS)
def test_what_is_read_is_of_a_moment_at_which_it_might_be(known, leaver, path, table):
    path = path.format(**known)
    before = leaver.get(path)
    assert before.status_code == 200, before.text
    with concurrent.futures.ThreadPoolExecutor() as pool, gate() as held:
        held.run(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        asked = pool.submit(final, lambda: leaver.get(path))
        held.reached([asked])
        held.run("DELETE FROM enrolments WHERE course_id = %(course)s AND user_id = %(leaver)s;" + NEWS, **known)
        held.db.commit()
        reply = asked.result()
    if reply.status_code == 200:
        assert shown(reply) == shown(before)
    else:
        problem(reply, 404)


def test_who_was_taken_out_of_a_group_is_not_shown_an_empty_one(teacher, student, course):
    """They stay in the course, so it is the group that no longer lets them in."""
    room = make_room(teacher, course, kind="group", members=[student.id])
    teacher.put(f"/v1/messages/{say(student, room, 'hello')['id']}/pin")
    path = f"/v1/rooms/{room['id']}/pins"
    before = student.get(path)
    with concurrent.futures.ThreadPoolExecutor() as pool, gate() as held:
        held.run("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        asked = pool.submit(final, lambda: student.get(path))
        held.reached([asked])
        held.run("DELETE FROM room_members WHERE room_id = %(room)s", room=room["id"])
        held.db.commit()
        reply = asked.result()
    if reply.status_code == 200:
        assert len(reply.json()["items"]) == 1 and reply.json() == before.json()
    else:
        problem(reply, 404)


# --- writing ----------------------------------------------------------------------------------------------------------------

MESSAGES = "SELECT FROM messages WHERE room_id = %(room)s FOR UPDATE"
WRITES = [  # what, how, and what holds it after it was let in
    ("change", lambda p, k: p.patch(f"/v1/messages/{k['mine']}", json={"text": "changed"}), MESSAGES),
    ("take back", lambda p, k: p.delete(f"/v1/messages/{k['mine']}"), MESSAGES),
    ("react", lambda p, k: p.put(f"/v1/messages/{k['answer']}/reactions/+1"), MESSAGES),
    ("unreact", lambda p, k: p.delete(f"/v1/messages/{k['answer']}/reactions/+1"), MESSAGES),
    ("pin", lambda p, k: p.put(f"/v1/messages/{k['answer']}/pin"), MESSAGES),
    ("unpin", lambda p, k: p.delete(f"/v1/messages/{k['question']}/pin"), MESSAGES),
    ("hide", lambda p, k: p.put(f"/v1/messages/{k['changed']}/hidden"), MESSAGES),
    ("show", lambda p, k: p.delete(f"/v1/messages/{k['changed']}/hidden"), MESSAGES),
    ("answered", lambda p, k: p.put(f"/v1/messages/{k['question']}/answered"), MESSAGES),
    ("reopen", lambda p, k: p.delete(f"/v1/messages/{k['question']}/answered"), MESSAGES),
    ("report", lambda p, k: p.post(f"/v1/messages/{k['answer']}/reports", json={"reason": "so"}), MESSAGES),
    ("decide", lambda p, k: p.put(f"/v1/reports/{k['report']}", json={"state": "upheld"}), MESSAGES),
    ("author", lambda p, k: p.get(f"/v1/messages/{k['question']}/author"), MESSAGES),
    ("room", lambda p, k: p.patch(f"/v1/rooms/{k['room']}", json={"name": "Renamed"}, headers={"If-Match": "*"}), "SELECT FROM rooms WHERE id = %(room)s FOR UPDATE"),
    ("read", lambda p, k: p.put(f"/v1/rooms/{k['room']}/read", json={"event_id": 1}), "LOCK TABLE room_reads IN SHARE MODE"),
    ("file", lambda p, k: p.post(f"/v1/rooms/{k['room']}/files", files={"file": ("a.txt", b"a")}), "LOCK TABLE message_files IN SHARE MODE"),
]  # fmt: skip


def overtaken(held, write, lose):
    """The answers to both, and whether the right was gone while what it had let in was not done."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        requests = [pool.submit(final, write)]
        held.reached(requests)
        requests.append(pool.submit(final, lose))
        held.reached(requests)
        gone = requests[1].done()
        held.db.commit()
        written, lost = (request.result() for request in requests)
    return written, lost, gone


@pytest.mark.parametrize("write, hold", [w[1:] for w in WRITES], ids=[w[0] for w in WRITES])
def test_nobody_is_gone_before_what_they_did_there_is_done(admin, teacher, course, leaver, known, write, hold):
    known["report"] = teacher.get(f"/v1/courses/{course['id']}/reports").json()["items"][0]["id"]
    with gate() as held:
        held.run(hold, **known)
        written, left, gone = overtaken(held, lambda: write(leaver, known), lambda: admin.delete(f"/v1/courses/{course['id']}/enrolments/{leaver.id}"))
    assert left.status_code == 204
    if gone:
        problem(written, 404)
    else:
        assert written.status_code in (200, 201, 204, 404), written.text
    problem(write(leaver, known), 404)


def test_nobody_is_out_of_a_group_before_what_they_did_there_is_done(teacher, student, course):
    room = make_room(teacher, course, kind="group", members=[student.id])
    message = say(teacher, room, "hello")
    with gate() as held:
        held.run(MESSAGES, room=room["id"])
        written, left, gone = overtaken(held, lambda: student.put(f"/v1/messages/{message['id']}/reactions/+1"), lambda: teacher.delete(f"/v1/rooms/{room['id']}/members/{student.id}"))
    assert left.status_code == 204
    assert written.status_code == (404 if gone else 204)


@pytest.mark.parametrize("what", ["change", "react"])
def test_nobody_is_muted_before_what_they_did_is_done(teacher, student, room, what):
    mine = say(student, room, "mine")["id"]
    writes = {"change": lambda: student.patch(f"/v1/messages/{mine}", json={"text": "changed"}), "react": lambda: student.put(f"/v1/messages/{mine}/reactions/+1")}
    until = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).isoformat()
    with gate() as held:
        held.run(MESSAGES, room=room["id"])
        written, muted, gone = overtaken(held, writes[what], lambda: teacher.put(f"/v1/rooms/{room['id']}/mutes/{student.id}", json={"until": until}))
    assert muted.status_code == 204
    assert written.status_code in ((403,) if gone else (200, 204))
    problem(writes[what](), 403)


PEOPLE = [  # what is done under the course's lock, which the test has, like one who takes somebody's right
    ("make a room", lambda p, k: p.post(f"/v1/courses/{k['course']}/rooms", json={"kind": "discussion", "name": "New"})),
    ("make a group", lambda p, k: p.post(f"/v1/courses/{k['course']}/rooms", json={"kind": "group", "name": "New", "members": [k["student"]]})),
    ("talk to somebody", lambda p, k: p.post(f"/v1/courses/{k['course']}/rooms", json={"kind": "direct", "members": [k["student"]]})),
    ("take in", lambda p, k: p.put(f"/v1/rooms/{k['group']}/members/{k['friend']}")),
    ("take out", lambda p, k: p.delete(f"/v1/rooms/{k['group']}/members/{k['student']}")),
    ("mute", lambda p, k: p.put(f"/v1/rooms/{k['room']}/mutes/{k['student']}", json={"until": "2100-01-01T00:00:00Z"})),
    ("unmute", lambda p, k: p.delete(f"/v1/rooms/{k['room']}/mutes/{k['friend']}")),
    ("retention", lambda p, k: p.put(f"/v1/courses/{k['course']}/retention", json={"message_days": 30})),
    ("decide", lambda p, k: p.put(f"/v1/reports/{k['report']}", json={"state": "dismissed"})),
]  # fmt: skip


@pytest.mark.parametrize("write", [p[1] for p in PEOPLE], ids=[p[0] for p in PEOPLE])
def test_who_waits_for_a_course_is_asked_when_they_have_it(teacher, student, course, leaver, known, write):
    known["group"] = make_room(teacher, course, kind="group", members=[student.id])["id"]
    known["report"] = teacher.get(f"/v1/courses/{course['id']}/reports").json()["items"][0]["id"]
    with concurrent.futures.ThreadPoolExecutor() as pool, gate() as held:
        held.run("SELECT FROM courses WHERE id = %(course)s FOR NO KEY UPDATE", **known)
        asked = pool.submit(final, lambda: write(leaver, known))
        held.reached([asked])
        held.run("DELETE FROM enrolments WHERE course_id = %(course)s AND user_id = %(leaver)s", **known)
        held.db.commit()
        problem(asked.result(), 404)


def test_an_import_keeps_nobody_waiting_whom_it_does_not_change(school, student, course, room):
    with concurrent.futures.ThreadPoolExecutor() as pool, gate() as held:
        held.run("SELECT pg_advisory_xact_lock(4242)")
        imported = pool.submit(by_roster, school, course, student, 3)
        held.reached([imported])
        assert student.put(f"/v1/rooms/{room['id']}/read", json={"event_id": 1}).status_code == 200
        assert not imported.done()
        held.db.commit()
        imported.result()
