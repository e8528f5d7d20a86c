"""Those who follow the event log in tests, and what they are told: people who come back whenever their stream ends, things said until they are saved, events by the thousand."""

import contextlib
import http.client
import os
import threading
import urllib.request

import httpx
import psycopg2
from client import PATIENCE, Stream, eventually


def say(person, room, text, **fields):
    reply = person.post(f"/v1/rooms/{room['id']}/messages", json={"text": text} | fields)
    assert reply.status_code == 201, reply.text
    return reply.json()


def append(person, n, size=0):
    """n events for one person at once, as every process appends: under the log's lock, which makes their ids gap-free. Whoever reads them does so later."""
    connection = psycopg2.connect(os.environ["EA_PG"])
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(4242)")
        cursor.execute(
            """INSERT INTO events (id, topic, kind, payload)
               SELECT coalesce((SELECT max(id) FROM events), 0) + n, 'u:' || %s, 'attempt.changed', jsonb_build_object('n', n, 'text', repeat('x', %s))
               FROM generate_series(1, %s) n RETURNING id""",
            (person.id, size, n),
        )
        ids = [row[0] for row in cursor.fetchall()]
    connection.close()
    return ids


def tell(person, n, size=0):
    """The same, and the processes have read them."""
    ids = append(person, n, size)
    eventually(lambda: all(has_read(person, at, ids[-1]) for at in ("/v1/me", "/v1/events/poll")), within=2 * PATIENCE)
    return ids


def has_read(person, path, number):
    """Whether the process that answers there has read the log so far: one that is far behind trusts no token, and says 503."""
    try:
        reply = person.get(path)
    except httpx.TransportError:  # a kept connection whose other end was killed meanwhile
        return False
    return reply.status_code == 200 and int(reply.headers["event-cursor"]) >= number


def cursor_now(person):
    return person.get("/v1/events/poll").json()["cursor"]


def metric(line):
    """Of all chat processes together."""
    total = 0
    for at in (value for name, value in os.environ.items() if name.startswith("EA_METRICS_CHAT")):
        with urllib.request.urlopen(at + "/metrics", timeout=PATIENCE) as answer:
            total += sum(float(told.rsplit(" ", 1)[1]) for told in answer.read().decode().splitlines() if told.startswith(line + " "))
    return total


def ids_of(events):
    return [int(e["id"]) for e in events]


@contextlib.contextmanager
def side_by_side(*work):
    """Runs each in a thread for the block; what one of them raises is raised at its end."""
    faults = []

    def guarded(do):
        try:
            do()
        except BaseException as fault:  # noqa: BLE001  (handed on below)
            faults.append(fault)

    threads = [threading.Thread(target=guarded, args=(do,)) for do in work]
    for t in threads:
        t.start()
    try:
        yield
    finally:
        for t in threads:
            t.join()
    if faults:
        raise faults[0]


def enrolled(school, course, n):
    people = [school.person() for _ in range(n)]
    for person in people:
        school.enrol(course, person)
    return people


class Recorded(Stream):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.lines = []

    def _line(self, line):
        self.lines.append(line)
        super()._line(line)


class Listener:
    """Comes back whenever its stream ends, with the id that it has seen last, until it has heard `last`."""

    def __init__(self, person, last):
        self.person, self.last = person, last
        self.heard, self.ends, self.cursor = [], [], None
        self.listens = threading.Event()

    def __call__(self):
        while not self.heard or self.heard[-1]["data"]["text"] != self.last:
            try:
                self.listen()
            except (OSError, http.client.HTTPException):
                pass

    def listen(self):
        with Recorded(self.person, last_event_id=self.cursor) as events:
            if events.status != 200:
                return
            eventually(lambda: events.last_event_id is not None)
            self.listens.set()
            while (event := events.next(2 * PATIENCE)) is not None:
                self.heard.append(event)
                if event["data"].get("text") == self.last:
                    return
            self.cursor = events.last_event_id
            self.ends.append(events.lines[-3:])


def say_surely(person, room, text):
    """As a client does whose server is being restarted: again, with the same client id, until it is answered."""

    def attempt():
        try:
            reply = person.post(f"/v1/rooms/{room['id']}/messages", json={"text": text, "client_id": text})
        except httpx.TransportError:
            return None
        assert reply.status_code in (201, 502, 503), reply.text
        return reply.status_code == 201 and reply.json()

    return eventually(attempt, within=2 * PATIENCE)
