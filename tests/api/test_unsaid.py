"""What was taken back or hidden is told to nobody who comes back, from memory or from the log, over no transport; each event keeps its place, and no ETag confirms what it said."""

import json

import pytest
from client import eventually, stream, unique
from listening import metric, tell
from rooms import cursor_now, heard_between, poll, say

WINDOW = 16384  # events that a process keeps in memory
GONE = {"text": "", "html": "", "mentions": [], "files": []}
LOOKS = "ea_hub_log_reads_total"


def told_last(how):
    return "message.deleted" if how == "deleted" else "message.updated"


def unsay(how, teacher, student, message):
    path = f"/v1/messages/{message['id']}"
    reply = student.delete(path) if how == "deleted" else teacher.put(path + "/hidden")
    assert reply.status_code == 204, reply.text


def push_out_of_memory(school, student):
    last = tell(school.person(), WINDOW + 100)[-1]
    eventually(lambda: cursor_now(student) >= last)


class TakenBack:
    """A message among others, said, changed, and taken back or hidden, while a friend listens. `before` is what the friend heard of the room up to there."""

    def __init__(self, how, teacher, student, friend, room):
        self.secret, self.friend = unique("secret"), friend
        self.start = say(teacher, room, "before")["event_id"] - 1  # behind all that changes what the friend follows: an answer would end there
        file = student.post(f"/v1/rooms/{room['id']}/files", files={"file": (self.secret + ".txt", b"a")}).json()["items"][0]["id"]
        self.message = say(student, room, f"{self.secret} @teachers", files=[file])
        say(teacher, room, "between")
        assert student.patch(f"/v1/messages/{self.message['id']}", json={"text": f"{self.secret} still"}).status_code == 200
        after = say(teacher, room, "after")
        self.before = heard_between(friend, self.start, after["event_id"])
        self.of_it = [e["id"] for e in self.before if self.secret in json.dumps(e["data"])]
        assert len(self.of_it) == 2
        with stream(friend) as events:
            unsay(how, teacher, student, self.message)
            self.last = int(events.wait(told_last(how))["id"])

    def cursors(self):
        first, second = self.of_it
        return self.start, first - 1, first, second - 1, second

    def expected(self, after):
        """What a friend hears who comes back with this cursor, but for the last event."""
        now = [e | {"data": e["data"] | GONE} if e["id"] in self.of_it else e for e in self.before]
        return [(e["id"], e["kind"], e["data"]) for e in now if e["id"] > after]

    def check(self, after, heard):
        assert self.secret not in json.dumps(heard)
        assert heard[:-1] == self.expected(after) and heard[-1][0] == self.last


@pytest.fixture(params=["deleted", "hidden"])
def taken_back(request, teacher, student, friend, room):
    return TakenBack(request.param, teacher, student, friend, room)


@pytest.fixture(params=["in memory", "in the database"])
def held(request, school, taken_back):
    """Where the events are when the friend comes back; afterwards: whether they were read from there."""
    if request.param == "in the database":
        push_out_of_memory(school, taken_back.friend)
    looks = metric(LOOKS)
    yield
    assert (metric(LOOKS) > looks) == (request.param == "in the database")


def test_a_stream_that_comes_back_hears_it_no_more(taken_back, held):
    for after in taken_back.cursors():
        with stream(taken_back.friend, last_event_id=after) as events:
            heard = []
            while not heard or heard[-1][0] < taken_back.last:
                event = events.next()
                heard.append((int(event["id"]), event["event"], event["data"]))
        taken_back.check(after, heard)


@pytest.mark.parametrize("wait", [0, 20], ids=["plain", "long"])
def test_a_poll_hears_it_no_more(taken_back, held, wait):
    for after in taken_back.cursors():
        events = poll(taken_back.friend, after=after, wait=wait)["events"]
        at = {e["id"]: e["at"] for e in taken_back.before}
        assert all(e["at"] == at.get(e["id"], e["at"]) for e in events)
        taken_back.check(after, [(e["id"], e["kind"], e["data"]) for e in events])


@pytest.mark.parametrize("how", ["deleted", "hidden"])
def test_no_etag_confirms_what_it_said(school, teacher, student, friend, room, how):
    message = say(student, room, unique("secret"))
    asked = {"after": message["event_id"] - 1, "limit": 1}  # what tells of the end of it is no part of the answer

    def ask(tag=None):
        return friend.get("/v1/events/poll", params=asked, headers={"If-None-Match": tag} if tag else {})

    before = eventually(lambda: (r := ask()).json()["events"] and r)
    assert message["text"] in before.text and ask(before.headers["etag"]).status_code == 304
    with stream(friend) as events:
        unsay(how, teacher, student, message)
        events.wait(told_last(how))
    now = ask(before.headers["etag"])
    assert now.status_code == 200 and now.headers["etag"] != before.headers["etag"]
    assert [e["id"] for e in now.json()["events"]] == [message["event_id"]] and message["text"] not in now.text
    assert ask(now.headers["etag"]).status_code == 304
    push_out_of_memory(school, friend)
    assert ask(now.headers["etag"]).status_code == 304  # memory and the log say the same, to the byte
    assert ask(before.headers["etag"]).status_code == 200


def test_what_is_shown_again_is_forgotten_again(teacher, student, friend, room):
    secret = unique("secret")
    message = say(student, room, secret)
    start, path = message["event_id"] - 1, f"/v1/messages/{message['id']}/hidden"
    with stream(friend) as events:
        for hidden in (True, False, True):
            assert (teacher.put(path) if hidden else teacher.delete(path)).status_code == 204
            told = events.wait("message.updated")
            assert (told["data"]["text"] == "") == hidden
            heard = poll(friend, after=start)["events"]
            texts = [e["data"]["text"] for e in heard if e["id"] < int(told["id"])]
            assert secret not in texts and heard[-1]["id"] == int(told["id"])
    assert len(heard) == 4


def test_processes_are_told_and_people_are_not(teacher, student, friend, room):
    """What was emptied is in the log for processes; no stream or poll shows it."""
    message = say(student, room, unique("secret"))
    start = message["event_id"] - 1
    with stream(friend) as events:
        unsay("deleted", teacher, student, message)
        events.wait("message.deleted")
        kinds = {e["event"] for e in events.events}
    kinds |= {e["kind"] for e in poll(friend, after=start)["events"]}
    assert kinds == {"message.created", "message.deleted"}
