"""Clients that misbehave: too slow, gone in the middle, or deaf. The others notice nothing."""

import os
import socket
import ssl
import urllib.parse

import pytest
import stack
import story
from client import CA, URL, eventually, stream, unique
from stack import until

AT = urllib.parse.urlsplit(URL)
SLOW = 50
LOUD = 500  # messages, of which each is some 96 KiB long when it arrives
SLACK_KIB = 40 * 1024  # half of it all: the hub's window, and what a process needs


def raw(receive_buffer=None):
    """A TLS connection that does as the test says, byte by byte."""
    plain = socket.socket(socket.AF_INET)
    plain.settimeout(60)
    if receive_buffer:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    plain.connect((AT.hostname, AT.port))
    return ssl.create_default_context(cafile=CA).wrap_socket(plain, server_hostname=AT.hostname)


def head(person, method, path, **headers):
    headers = {"Host": AT.netloc, "Authorization": "Bearer " + person.token} | {k.replace("_", "-"): v for k, v in headers.items()}
    return (f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode()


def reply_of(tls):
    """The status of the reply; 0 when the connection ended without one."""
    got = b""
    try:
        while b"\r\n" not in got and (chunk := tls.recv(4096)):
            got += chunk
    except (ConnectionError, ssl.SSLError):
        pass
    return int(got.split()[1]) if b"\r\n" in got else 0


@pytest.fixture(scope="module")
def place(school):
    """A course with a room and an assignment, a teacher and a student."""
    teacher = school.person("staff")
    course = school.course(teacher)
    student = school.person()
    school.enrol(course, student)
    return teacher, student, story.make_room(teacher, course), story.make_assignment(teacher, course)


@pytest.fixture(scope="module")
def deaf(school, place):
    """A stream that nobody reads, and all that was said to it: (connection, cursor at its beginning, ids of the messages, memory before)."""
    teacher, student, room, _ = place
    start = student.get("/v1/events/poll", params={"wait": 0}).json()["cursor"]
    tls = raw(receive_buffer=4096)
    until("nobody else listens", lambda: stack.metric("chat-1", "ea_hub_streams") == 0)
    before = stack.rss_kib("chat-1")
    tls.sendall(head(student, "GET", "/v1/events", Accept="text/event-stream"))
    until("the stream is open", lambda: stack.metric("chat-1", "ea_hub_streams") == 1)
    ids = []

    def talk(person):
        ids.extend(story.again(lambda: story.say(person, room, "&" * 16000)).json()["event_id"] for _ in range(LOUD // 4))

    stack.each(talk, *[school.login(teacher.email, teacher.password) for _ in range(4)])
    yield tls, start, sorted(ids), before
    tls.close()


def test_others_hear_all_while_one_does_not_read(place, deaf):
    teacher, student, room, _ = place
    _, start, ids, before = deaf
    grown = stack.rss_kib("chat-1") - before
    assert grown < SLACK_KIB, f"{grown} KiB more for one that does not read"
    with stream(student, last_event_id=start) as events:
        assert [int(events.wait("message.created")["id"]) for _ in ids] == ids
        said = story.say(teacher, room, "and now").json()
        assert events.wait("message.created")["data"]["id"] == said["id"]


def body_of(mark):
    head_of_part = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="slow.txt"\r\n\r\n'
    return (head_of_part + "words " * 2000 + f"\r\n--{mark}--\r\n").encode()


def test_fifty_slow_uploads_harm_nobody_and_half_of_them_hang_up(place):
    """nginx keeps what has come of a body; a responder sees it when it is whole, or never."""
    teacher, student, room, assignment = place
    path, mark = f"/v1/assignments/{assignment['id']}/submissions", unique("mark")
    body, blobs, before = body_of(mark), set(files()), submissions(student)
    slow = [raw() for _ in range(SLOW)]
    try:
        for tls in slow:
            media = f"multipart/form-data; boundary={mark}"
            tls.sendall(head(student, "POST", path, Content_Type=media, Content_Length=len(body)) + body[:100])
        for tls in slow[1::2]:
            tls.sendall(body[100:5000])
        # all fifty are on their way: whoever else comes is served, uploads included
        assert story.say(teacher, room, "hello").status_code == 201
        assert teacher.get("/v1/courses").status_code == 200
        assert story.upload(teacher, assignment, "quick.txt", b"words").status_code in (201, 403)
        assert story.upload(student, assignment, "quick.txt", b"words").status_code == 201
        for tls in slow[1::2]:
            tls.close()
        for tls in slow[0::2]:
            tls.sendall(body[100:])
        assert [reply_of(tls) for tls in slow[0::2]] == [201] * (SLOW // 2)
    finally:
        for tls in slow:
            tls.close()
    assert submissions(student) == before + SLOW // 2 + 1
    assert len(set(files()) - blobs) == SLOW // 2 + 1
    eventually(lambda: not os.listdir(os.path.join(os.environ["EA_BLOB_DIR"], "tmp")))


def submissions(person):
    return stack.value("SELECT count(*) FROM submissions WHERE user_id = %s", person.id)


def files():
    """All but the mark by which the grader makes a store its own (lib/blob.h), whenever it comes to do that."""
    return [os.path.join(at, name) for at, _, names in os.walk(os.path.join(os.environ["EA_BLOB_DIR"], "data")) for name in names if name != "owner"]


def test_who_hangs_up_without_waiting_for_the_reply_has_said_it_once_or_not_at_all(place):
    teacher, student, room, _ = place
    texts = [unique("hasty") for _ in range(50)]
    for text in texts:
        body = f'{{"text": "{text}"}}'.encode()
        tls = raw()
        tls.sendall(head(student, "POST", f"/v1/rooms/{room['id']}/messages", Content_Type="application/json", Content_Length=len(body)) + body)
        tls.close()
    assert story.say(student, room, "still here").status_code == 201
    until("nothing is left of them", lambda: stack.metric("chat-1", "ea_pool_queued") == 0 and stack.metric("chat-1", "ea_batch_queue_items{batch=\"message\"}") == 0)
    said = [m["text"] for m in story.messages(teacher, room)]
    assert all(said.count(text) <= 1 for text in texts)


def test_a_listener_that_hangs_up_is_forgotten(place):
    _, student, _, _ = place
    before = stack.metric("chat-1", "ea_hub_streams")
    open_ones = [raw() for _ in range(20)]
    for tls in open_ones:
        tls.sendall(head(student, "GET", "/v1/events", Accept="text/event-stream"))
    # the deaf one, if it is among those before, may be cut meanwhile
    until("they are open", lambda: stack.metric("chat-1", "ea_hub_streams") >= max(before + 19, 20))
    for tls in open_ones:
        tls.close()
    until("they are forgotten", lambda: stack.metric("chat-1", "ea_hub_streams") <= before)


def test_a_body_that_stops_coming_is_not_waited_for_without_end(place):
    _, student, room, _ = place
    with raw() as tls:
        tls.sendall(head(student, "POST", f"/v1/rooms/{room['id']}/messages", Content_Type="application/json", Content_Length=1000) + b'{"text": "')
        assert reply_of(tls) in (0, 408)


def test_who_never_reads_is_cut_and_can_come_back(place, deaf):
    """By the hub as slow, or by nginx, which has its own patience; what they missed is there when they come back."""
    teacher, student, room, _ = place
    tls, start, ids, _ = deaf
    ended = [f'ea_hub_ended_total{{reason="{reason}"}}' for reason in ("slow", "gone")]
    until("the deaf one is cut", lambda: stack.metric("chat-1", "ea_hub_streams") == 0, seconds=3 * stack.PATIENCE)
    assert sum(stack.metric("chat-1", line) for line in ended) > 0
    with stream(student, last_event_id=start) as events:
        assert [int(events.wait("message.created")["id"]) for _ in ids] == ids
