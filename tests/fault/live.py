"""A room while things break: a crowd that follows it over streams, long polls and polls, people who talk, change what they said, come and go; each writing down what they heard
and what was acknowledged; and afterwards the comparison of that with the log.

    crowd = Crowd(school)                     once: people with their accounts
    live = Live(crowd, seed)
    live.run(faults)                          faults(chance): a coroutine that breaks things for a while
    live.check()

All of it runs in one thread, in asyncio, over plain HTTP/1.1 and TLS: two hundred clients of httpx would measure Python.
"""

import asyncio
import collections
import contextlib
import json
import random
import ssl
import time
import urllib.parse

import stack
import story
from client import CA, URL, unique

PEOPLE = 40
CLIENTS = ("stream", "stream", "long", "long", "poll")  # of each of them
SPEAKERS = 6
HEARD = ("message.created", "message.updated")
ADDRESS = urllib.parse.urlsplit(URL)
LATER = (429, 502, 503, 504)
LOST = (OSError, EOFError, asyncio.IncompleteReadError, asyncio.TimeoutError, ssl.SSLError)
PATIENCE = 60


class Connection:
    """One connection at a time, opened when it is needed."""

    tls = ssl.create_default_context(cafile=CA) if CA else None

    def __init__(self, token):
        self.token, self.reader, self.writer = token, None, None

    async def _send(self, method, path, body, headers):
        if self.writer is None:
            self.reader, self.writer = await asyncio.wait_for(asyncio.open_connection(ADDRESS.hostname, ADDRESS.port, ssl=self.tls), PATIENCE)
        content = b"" if body is None else json.dumps(body).encode()
        head = {"Host": ADDRESS.netloc, "Authorization": "Bearer " + self.token, "Content-Length": len(content)} | headers
        if body is not None:
            head["Content-Type"] = "application/json"
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content)
        await self.writer.drain()

    async def _head(self):
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode().split("\r\n")
        return int(head[0].split()[1]), {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}

    async def _chunks(self):
        while True:
            size = int((await self.reader.readuntil(b"\r\n")).strip(), 16)
            content = await self.reader.readexactly(size + 2)
            if size == 0:
                return
            yield content[:-2]

    async def ask(self, method, path, body=None):
        """Status and the JSON of the reply; one of LOST when there is none."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._send(method, path, body, {})
                status, head = await self._head()
                if "content-length" in head:
                    content = await self.reader.readexactly(int(head["content-length"]))
                else:
                    content = b"".join([chunk async for chunk in self._chunks()]) if "transfer-encoding" in head else b""
            if head.get("connection") == "close":
                self.close()
        except BaseException:
            self.close()
            raise
        return status, json.loads(content) if content else None

    async def events(self, after):
        """What a stream says, as (id, kind, data); ends when it does."""
        try:
            await self._send("GET", "/v1/events", None, {"Accept": "text/event-stream", "Last-Event-ID": after})
            status, _ = await self._head()
            if status != 200:
                return
            text, event = b"", {}
            async for chunk in self._chunks():
                *lines, text = (text + chunk).split(b"\n")
                for line in lines:
                    name, _, value = line.decode().partition(":")
                    if name:
                        event[name] = value.strip()
                    elif not line:
                        if "data" in event:
                            yield int(event.get("id", -1)), event.get("event"), event["data"]
                        event = {}
        finally:
            self.close()

    def cut(self):
        """From outside, whatever it is doing."""
        if self.writer is not None:
            self.writer.transport.abort()

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def again(connection, method, path, body=None, good=(200, 201, 202, 204)):
    """Until the reply is final."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            status, reply = await connection.ask(method, path, body)
            if status in good:
                return reply
            assert status in LATER, f"{method} {path}: {status} {reply}"
            why = status
        except LOST as lost:
            why = repr(lost)
        assert asyncio.get_running_loop().time() < end, f"{method} {path}: no final reply; the last: {why}"
        await asyncio.sleep(0.1)


class Crowd:
    """People who have accounts and are signed in, and a teacher."""

    def __init__(self, school):
        self.school, self.signed_in = school, time.monotonic()
        self.teacher, self.people = school.person("staff"), [school.person() for _ in range(PEOPLE)]

    def sign_in(self):
        """Again, before their tokens run out."""
        if time.monotonic() - self.signed_in > 300:
            self.signed_in = time.monotonic()
            for person in [self.school.admin, self.teacher, *self.people]:
                reply = story.again(lambda p=person: p.post("/v1/auth/login", json={"email": p.email, "password": p.password}))
                person.become(reply.json())


class Follower:
    """One client of one person. `heard`: (id, kind) of what it got of the room, in order."""

    def __init__(self, live, person, how):
        self.live, self.person, self.how = live, person, how
        self.connection, self.cursor, self.heard = Connection(person.token), live.start, []

    def take(self, number, kind, data):
        if kind in HEARD and self.live.room["id"] in data:
            self.heard.append((number, kind))
        if number > self.cursor:
            self.cursor = number

    async def stream(self):
        async for number, kind, data in self.connection.events(self.cursor):
            self.take(number, kind, data)

    async def poll(self, wait):
        status, page = await self.connection.ask("GET", f"/v1/events/poll?after={self.cursor}&wait={wait}&limit=200")
        if status != 200:
            assert status in LATER, f"{status} {page}"
            await asyncio.sleep(0.1)
            return
        for event in page["events"]:
            self.take(int(event["id"]), event["kind"], json.dumps(event))
        self.cursor = max(self.cursor, int(page["cursor"]))

    async def follow(self):
        while not self.live.ended:
            with contextlib.suppress(*LOST):
                if self.how == "stream":
                    await self.stream()
                else:
                    await self.poll(5 if self.how == "long" else 0)
            await asyncio.sleep(0.3 if self.how == "poll" else 0.05)


class Live:
    def __init__(self, crowd, seed):
        crowd.sign_in()
        self.crowd, self.seed = crowd, seed
        body = {"title": "Under fire", "code": unique("LIVE"), "time_zone": "UTC"}
        self.course = story.again(lambda: crowd.teacher.post("/v1/courses", json=body)).json()
        self.room = story.make_room(crowd.teacher, self.course)
        chance = random.Random(f"{seed} people")
        self.members = chance.sample(crowd.people, PEOPLE * 3 // 4)
        for person in self.members:
            body = {"user_id": person.id, "role": "student"}
            story.again(lambda b=body: crowd.teacher.post(f"/v1/courses/{self.course['id']}/enrolments", json=b))
        self.start = int(story.again(lambda: crowd.teacher.get("/v1/events/poll", params={"wait": 0})).json()["cursor"])
        self.followers = [Follower(self, person, how) for person in crowd.people for how in CLIENTS]
        self.said, self.over, self.ended = {}, False, False  # acknowledged: message id -> event id; nobody acts any more; nobody follows

    # --- what people do -----------------------------------------------------------------------------------------------------

    async def speak(self, person, chance):
        connection, mine = Connection(person.token), []
        while not self.over:
            if mine and chance.random() < 0.25:
                await again(connection, "PATCH", f"/v1/messages/{chance.choice(mine)}", {"text": unique("on second thoughts")}, (200, 403, 404))
            else:
                body = {"text": unique("words"), "client_id": unique("message")}
                said = await again(connection, "POST", f"/v1/rooms/{self.room['id']}/messages", body)
                self.said[said["id"]] = int(said["event_id"])
                mine.append(said["id"])
            await asyncio.sleep(chance.random() * 0.3)
        connection.close()

    async def come_and_go(self, people, chance):
        """Of those who do not speak."""
        connection, inside, at = Connection(self.crowd.teacher.token), {p.id for p in self.members}, f"/v1/courses/{self.course['id']}/enrolments"
        while not self.over:
            person = chance.choice(people)
            if person.id in inside:
                await again(connection, "DELETE", f"{at}/{person.id}", None, (204, 404))
                inside.discard(person.id)
            else:
                await again(connection, "POST", at, {"user_id": person.id, "role": "student"})
                inside.add(person.id)
            await asyncio.sleep(chance.random() * 0.2)
        connection.close()

    async def hang_up(self, chance):
        """Networks that die."""
        while not self.over:
            for follower in chance.sample(self.followers, 10):
                follower.connection.cut()
            await asyncio.sleep(0.2)

    # --- the whole of it ----------------------------------------------------------------------------------------------------

    async def _run(self, faults):
        following = [asyncio.create_task(f.follow()) for f in self.followers]
        speakers, others = self.members[:SPEAKERS], [p for p in self.crowd.people if p not in self.members[:SPEAKERS]]
        doing = [asyncio.create_task(self.speak(p, random.Random(f"{self.seed} {n}"))) for n, p in enumerate(speakers)]
        doing.append(asyncio.create_task(self.come_and_go(others, random.Random(f"{self.seed} members"))))
        doing.append(asyncio.create_task(self.hang_up(random.Random(f"{self.seed} cuts"))))
        try:
            await faults(random.Random(f"{self.seed} faults"))
            self.over = True
            await asyncio.gather(*doing)
            await self.everybody_has_heard(following)
        finally:
            self.over = self.ended = True
            for task in doing + following:
                task.cancel()
            for follower in self.followers:  # wait_for of Python 3.11 forgets a cancellation that comes with its result
                follower.connection.cut()
            await asyncio.gather(*doing, *following, return_exceptions=True)
            for follower in self.followers:
                follower.connection.close()

    def run(self, faults):
        asyncio.run(self._run(faults))

    async def everybody_has_heard(self, following):
        """Waits for who hears too little; who hears too much is found by check."""
        self.log, self.expected = self._expected()
        end = asyncio.get_running_loop().time() + PATIENCE
        while any(len(f.heard) < len(self.expected[f.person.id]) for f in self.followers):
            broken = next((t for t in following if t.done()), None)
            if broken:
                broken.result()
            if asyncio.get_running_loop().time() > end:
                return
            await asyncio.sleep(0.05)
        await asyncio.sleep(0)

    def _expected(self):
        """{person: [(id, kind)]}: what was said while they were members, by the log itself."""
        room = "r:" + self.room["id"]
        log = stack.rows("SELECT id, kind FROM events WHERE topic = %s AND kind = ANY (%s) AND id > %s ORDER BY id", room, list(HEARD), self.start)
        changes = collections.defaultdict(list)
        for topic, number, payload in stack.rows("SELECT topic, id, payload FROM events WHERE kind = 'membership.changed' AND id > %s ORDER BY id", self.start):
            if room in payload["add"] or room in payload["remove"]:
                changes[topic[2:]].append((number, room in payload["add"]))
        inside = {p.id for p in self.members}
        expected = {}
        for person in self.crowd.people:
            there, left, mine = person.id in inside, list(changes[person.id]), []
            for number, kind in log:
                while left and left[0][0] < number:
                    there = left.pop(0)[1]
                if there:
                    mine.append((number, kind))
            expected[person.id] = mine
        return log, expected

    def check(self):
        numbers = {number for number, kind in self.log if kind == "message.created"}
        assert self.said and set(self.said.values()) <= numbers, "a message was acknowledged and is not in the log"
        assert len(numbers) == len(set(stack.rows("SELECT id FROM messages WHERE room_id = %s", self.room["id"]))), "a message was written twice"
        for follower in self.followers:
            expected = self.expected[follower.person.id]
            if follower.heard != expected:
                raise AssertionError(f"seed {self.seed}, {follower.how} of {follower.person.email}: {self._difference(follower.heard, expected)}")
        assert stack.value("SELECT max(id) - min(id) + 1 = count(*) FROM events"), "the event log has a gap"

    @staticmethod
    def _difference(heard, expected):
        few, many = collections.Counter(expected) - collections.Counter(heard), collections.Counter(heard) - collections.Counter(expected)
        if not few and not many:
            return f"another order: {heard}"
        return f"of {len(expected)} lacks {sorted(few)[:5]} and has too many {sorted(many.elements())[:5]}"
