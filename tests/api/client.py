"""A client of the real stack: nginx over HTTPS with HTTP/2, told by the variables of `./dev env`.

    school.admin                    the demo school's administrator, signed in
    school.person(role="member")    a new account, signed in
    school.login(email, password)   anybody, signed in
    school.course(teacher)          a new course of a teacher (a new one if none is given)
    school.enrol(course, person, role="student")

A person is an httpx client with the token in its head: person.get("/v1/me"), person.id, person.email.
problem(response, 409, "conflict") asserts a problem document and returns it; faults(response) maps its pointers to codes.
stream(person) follows GET /v1/events; eventually(check) waits for what happens later.
"""

import http.client
import itertools
import json
import os
import queue
import secrets
import ssl
import threading
import time
import urllib.parse

import contract
import httpx
from transport import Transport

URL = os.environ.get("EA_URL", "")
CA = os.environ.get("EA_CA", "")
PASSWORD = "a-long-enough-password"
PATIENCE = 60  # seconds for what must happen at all; nothing here measures speed

_count = itertools.count()
_run = secrets.token_hex(3)


def unique(prefix):
    """A name that no other test or run uses."""
    return f"{prefix}-{_run}-{next(_count)}"


def hold_against_contract(response):
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        response.read()
        contract.check(response)


class Person(httpx.Client):
    """A client of the API, signed in or not. `user` is what login said about them."""

    def __init__(self, signed_in=None, password=None):
        super().__init__(base_url=URL, transport=Transport(CA), timeout=PATIENCE)
        self.event_hooks = {"response": [hold_against_contract]}
        self.password = password
        self.user = None
        if signed_in is not None:
            self.become(signed_in)

    def become(self, signed_in):
        self.user = signed_in["user"]
        self.token = signed_in["access_token"]
        self.refresh_token = signed_in["refresh_token"]
        self.headers["Authorization"] = "Bearer " + self.token

    @property
    def id(self):
        return self.user["id"]

    @property
    def email(self):
        return self.user["email"]

    def tab(self):
        """The same person on a connection of its own: one connection is not for two threads."""
        other = Person()
        other.user, other.password = self.user, self.password
        other.headers["Authorization"] = self.headers["Authorization"]
        return other

    def change(self, path, json, method="PATCH"):
        """PATCH (or PUT) with the ETag that GET shows now."""
        return self.request(method, path, json=json, headers={"If-Match": self.get(path).headers["etag"]})


class School:
    def __init__(self):
        self.opened = []
        self._admin, self._signed_in = self.login(*os.environ["EA_ADMIN"].split(":", 1)), time.monotonic()

    @property
    def admin(self):
        """Signed in anew every few minutes: all tests together take longer than a token is good for."""
        if time.monotonic() - self._signed_in > 300:
            login = {"email": self._admin.email, "password": self._admin.password}
            again = eventually(lambda: (reply := self._admin.post("/v1/auth/login", json=login)).status_code == 200 and reply)
            self._signed_in = time.monotonic()
            self._admin.become(again.json())
        return self._admin

    def anonymous(self):
        person = Person()
        self.opened.append(person)
        return person

    def login(self, email, password):
        person = self.anonymous()
        reply = person.post("/v1/auth/login", json={"email": email, "password": password})
        assert reply.status_code == 200, reply.text
        person.password = password
        person.become(reply.json())
        return person

    def account(self, role="member", name=None, password=PASSWORD):
        """A new account, as the administrator sees it; nobody is signed in."""
        email = unique(role) + "@school.example"
        body = {"email": email, "name": name or unique(role.capitalize()), "role": role, "password": password}
        reply = self.admin.post("/v1/users", json=body)
        assert reply.status_code == 201, reply.text
        return reply.json()

    def person(self, role="member", name=None):
        return self.login(self.account(role, name)["email"], PASSWORD)

    def course(self, teacher=None, **fields):
        teacher = teacher or self.person("staff")
        body = {"title": "Plants and light", "code": unique("BIO"), "time_zone": "Europe/Berlin"} | fields
        reply = teacher.post("/v1/courses", json=body)
        assert reply.status_code == 201, reply.text
        return reply.json()

    def enrol(self, course, person, role="student", by=None):
        body = {"user_id": person.id, "role": role}
        reply = (by or self.admin).post(f"/v1/courses/{course['id']}/enrolments", json=body)
        assert reply.status_code in (200, 201), reply.text
        return reply.json()

    def close(self):
        for person in self.opened:
            person.close()


def problem(response, status, slug=None):
    """The response is a problem document (RFC 9457) of this status and type; returns it."""
    assert response.status_code == status, f"{response.status_code} instead of {status}: {response.text[:500]}"
    assert response.headers["content-type"] == "application/problem+json", response.headers
    body = response.json()
    assert body["status"] == status
    assert body["title"]
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["type"].startswith("/problems/")
    if slug:
        assert body["type"] == "/problems/" + slug, body
    needed = {401: "www-authenticate", 405: "allow", 415: "accept-post", 429: "retry-after", 503: "retry-after"}
    if status in needed and body.get("detail") != "No body is expected here.":
        assert needed[status] in response.headers, f"{status} without {needed[status]}"
    return body


def faults(response):
    """The faults of a 422, as {pointer: code}."""
    return {e["pointer"]: e["code"] for e in problem(response, 422, "invalid-input")["errors"]}


def pages(person, path, **params):
    """Every item of a list, page by page."""
    items, cursor = [], None
    while True:
        reply = person.get(path, params=params | ({"cursor": cursor} if cursor else {}))
        assert reply.status_code == 200, reply.text
        page = reply.json()
        items += page["items"]
        cursor = page["next"]
        assert ("next" in reply.links) == (cursor is not None)
        if cursor is None:
            return items


def eventually(check, within=PATIENCE):
    """Calls check until it returns something true; returns that. An assertion that fails may hold later."""
    deadline = time.monotonic() + within
    while True:
        try:
            found, fault = check(), None
        except AssertionError as e:
            found, fault = None, e
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {within} s") from fault
        time.sleep(0.05)


class Stream:
    """GET /v1/events read as it comes, by the rules of server-sent events (WHATWG HTML, 9.2.6).

    with stream(person) as events: events.wait("submission.graded") -> {"id", "event", "data"}
    """

    def __init__(self, person, path="/v1/events", last_event_id=None, headers=None):
        self.path, self.sent = path, dict(headers or {})
        self.sent.setdefault("Accept", "text/event-stream")
        if person is not None:
            self.sent["Authorization"] = "Bearer " + person.token
        if last_event_id is not None:
            self.sent["Last-Event-ID"] = str(last_event_id)
        self.events, self.comments, self.retry, self.last_event_id = [], [], None, last_event_id
        self._inbox = queue.Queue()

    def __enter__(self):
        at = urllib.parse.urlsplit(URL)
        tls = ssl.create_default_context(cafile=CA)
        self._connection = http.client.HTTPSConnection(at.hostname, at.port, timeout=PATIENCE, context=tls)
        self._connection.request("GET", self.path, headers=self.sent)
        self.response = self._connection.getresponse()
        self.status = self.response.status
        if self.status == 200:
            assert self.response.getheader("content-type").startswith("text/event-stream")
            self._socket = self._connection.sock
            self._thread = threading.Thread(target=self._read, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.status == 200:
            try:
                self._socket.shutdown(2)
            except OSError:
                pass
            self._thread.join(PATIENCE)
        self._connection.close()

    def _read(self):
        """The stream's own thread: bytes to lines, lines to events, until the end."""
        rest = b""
        try:
            while chunk := self.response.read1(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._line(line.removesuffix(b"\r").decode())
        except (OSError, ValueError, http.client.HTTPException):
            pass
        self._inbox.put(None)

    _kind, _data, _id = "", None, None

    def _line(self, line):
        if line == "":
            # not before: of a block that is cut off nothing counts
            self.last_event_id = self._id if self._id is not None else self.last_event_id
            if self._data is not None:
                event = {"id": self.last_event_id, "event": self._kind or "message", "data": json.loads("\n".join(self._data))}
                self._inbox.put(event)
            self._kind, self._data = "", None
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "":
            self.comments.append(value)
        elif name == "data":
            self._data = (self._data or []) + [value]
        elif name == "event":
            self._kind = value
        elif name == "id":
            self._id = value
        elif name == "retry":
            self.retry = int(value)

    def next(self, within=PATIENCE):
        """The next event; None when the stream has ended."""
        try:
            event = self._inbox.get(timeout=within)
        except queue.Empty:
            raise AssertionError(f"no event within {within} s; so far: {self.events}") from None
        if event is None:
            self._inbox.put(None)
        else:
            self.events.append(event)
        return event

    def wait(self, kind, where=lambda data: True, within=PATIENCE):
        """The next event of this kind whose data fit."""
        deadline = time.monotonic() + within
        while (event := self.next(max(0.01, deadline - time.monotonic()))) is not None:
            if event["event"] == kind and where(event["data"]):
                return event
        raise AssertionError(f"the stream ended before {kind}; so far: {self.events}")

    def wait_end(self, within=PATIENCE):
        while self.next(within) is not None:
            pass


def stream(person, **options):
    return Stream(person, **options)
