"""A hundred restarts of a responder under POST load, and not one request fails."""

import threading
import time

import stack
import story
from client import unique
from stack import until

PROCESSES = 6  # of chat
RESTARTS = 17  # of each
TALKERS = 4
PAUSE = 0.005  # of a talker between two messages, so that the machine is not all client
POSTS = 'ea_http_requests_total{route="/v1/rooms/{id}/messages",method="POST",status="201"}'


class Talker(threading.Thread):
    """Sends one message after the other and counts every reply; none is asked for twice."""

    def __init__(self, person, room, over):
        super().__init__(daemon=True)
        self.person, self.room, self.over = person, room, over
        self.sent, self.bad = [], []
        person.event_hooks = {}

    def run(self):
        while not self.over.is_set():
            text = unique("text")
            try:
                reply = story.say(self.person, self.room, text)
                if reply.status_code == 201:
                    self.sent.append(text)
                else:
                    self.bad.append(f"{reply.status_code} {reply.text}")
            except Exception as lost:  # noqa: BLE001  (whatever it is, it is no reply)
                self.bad.append(repr(lost))
            time.sleep(PAUSE)


def test_a_hundred_restarts_of_a_responder_under_load_fail_no_request(school, teacher, course):
    stack.dev("up", "--chat", PROCESSES)
    try:
        restart_under_load(school, teacher, course)
    finally:
        stack.dev("up", "--chat", 1)


def restart_under_load(school, teacher, course):
    room, over = story.make_room(teacher, course), threading.Event()
    talkers = []
    for _ in range(TALKERS):
        person = school.person()
        school.enrol(course, person)
        talkers.append(Talker(person, room, over))
    alone = threading.Semaphore(PROCESSES - 1)  # one of the pool is always there
    restarted = []

    def restart_again_and_again(name):
        for _ in range(RESTARTS):
            with alone:
                until(f"{name} is at work", lambda: stack.metric(name, POSTS) > 0)
                before = stack.pid(name)
                stack.restart(name)
                assert stack.pid(name) != before
                restarted.append(name)
            assert not any(t.bad for t in talkers), [t.bad for t in talkers]

    for talker in talkers:
        talker.start()
    try:
        stack.each(restart_again_and_again, *stack.names("chat"))
    finally:
        over.set()
        for talker in talkers:
            talker.join()
    assert [t.bad for t in talkers] == [[]] * TALKERS
    assert len(restarted) == PROCESSES * RESTARTS
    sent = [text for t in talkers for text in t.sent]
    stored = [text for (text,) in stack.rows("SELECT text FROM messages WHERE room_id = %s", room["id"])]
    assert sorted(stored) == sorted(sent) and len(sent) > PROCESSES * RESTARTS
