"""What people see of the rooms once nothing breaks any more and nobody does anything."""

import asyncio
import collections
import itertools
import random
import typing

from connection import Connection

PAGES = (3, 17, 100)
WAYS = ("before", "after")
THREADS = 2  # of each room
QUESTIONS = 3  # that were asked without a name
OTHERS = 6  # who came or went meanwhile, and look around as well
NOBODY = (403, 404)  # it is not theirs to see


class Sight(typing.NamedTuple):
    """A room, by every way that somebody looked at it. histories: one for each way through it. threads: {(message that names it, message that it began with): replies}. None for what was
    refused."""

    person: object
    room: str
    histories: list
    pins: list
    questions: list
    threads: dict

    def lists(self):
        return [*self.histories, self.pins, self.questions, *self.threads.values()]

    def is_nothing(self):
        return all(items is None for items in self.lists())

    def items(self):
        return itertools.chain.from_iterable(filter(None, self.lists()))


class Aftermath:
    """unread[who, room]: (position, by the room itself, by the list), or None for who may not see it. found: (who, author or None, messages), of searches. versions[message]: of questions
    without a name, as who teaches is shown them."""

    def __init__(self, live):
        self.live, self.unread, self.sights, self.found, self.versions = live, {}, [], [], {}
        self.chance = random.Random(f"{live.seed} aftermath")
        self.threads = {room: self.choose_threads(room) for room in live.rooms.values()}

    def choose_threads(self, room):
        """The longest, each by its beginning and by its last reply."""
        replies = collections.defaultdict(list)
        for message in self.live.ledger.of(room):
            if message.thread:
                replies[message.thread].append(message.id)
        longest = sorted(replies, key=lambda root: (-len(replies[root]), root))[:THREADS]
        return [(name, root) for root in longest for name in (root, replies[root][-1])]

    async def look(self):
        live = self.live
        await asyncio.gather(*(self.count(Connection(person)) for person in [live.crowd.teacher, *live.crowd.people]))
        stay = [live.speakers[0], live.crowd.teacher]
        await asyncio.gather(*(self.look_around(person, WAYS) for person in stay))
        moved = [person for person in live.movers if live.ledger.places[person.id].turns]
        others = self.chance.sample(moved, min(OTHERS, len(moved)))
        await asyncio.gather(*(self.look_around(person, WAYS[n % 2 :][:1]) for n, person in enumerate(others)))
        await self.look_behind(Connection(live.crowd.teacher))

    async def look_around(self, person, ways):
        connection, chance = Connection(person), random.Random(f"{self.live.seed} aftermath of {person.id}")
        for room, threads in self.threads.items():
            histories = [await self.page_through(connection, f"/v1/rooms/{room}/messages?", way, chance) for way in ways]
            pins = await self.page_through(connection, f"/v1/rooms/{room}/pins?", None, chance)
            questions = await self.page_through(connection, f"/v1/rooms/{room}/questions?", "before", chance)
            replies = {(name, root): await self.page_through(connection, f"/v1/messages/{name}/thread?", "after", chance) for name, root in threads}
            self.sights.append(Sight(person, room, histories, pins, questions, replies))
        for author in (None, self.live.speakers[1].user["name"]):
            words = "words" if author is None else f"words%20from:{author}"
            self.found.append((person, author, await self.page_through(connection, f"/v1/courses/{self.live.course['id']}/messages?q={words}&", "before", chance)))
        connection.close()

    async def look_behind(self, connection):
        for message in [message for message in self.live.ledger.messages.values() if message.anonymous][-QUESTIONS:]:
            self.versions[message.id] = (await connection.again("GET", f"/v1/messages/{message.id}/history")).body
        connection.close()

    async def count(self, connection):
        """Whoever reads up to 0 has moved nowhere, and learns where they are."""
        reply = await connection.again("GET", f"/v1/courses/{self.live.course['id']}/rooms", None, NOBODY)
        listed = {room["id"]: room["unread"] for room in reply.body["items"]} if reply.good else {}
        for room in self.live.rooms.values():
            at = await connection.again("PUT", f"/v1/rooms/{room}/read", {"event_id": 0}, NOBODY)
            itself = await connection.again("GET", f"/v1/rooms/{room}", None, NOBODY)
            assert at.good == itself.good == (room in listed), f"{connection.person.email} may see half of a room: {at} {itself} {listed}"
            self.unread[connection.person.id, room] = (int(at.body["event_id"]), itself.body["unread"], listed[room]) if at.good else None
        connection.close()

    async def page_through(self, connection, path, way, chance):
        """In the order in which it was said. `before`: from the newest back, which is then turned round; None: it comes as one page. None for what is refused."""
        limit, items, at = chance.choice(PAGES), [], 0 if way == "after" else None
        while True:
            where = [f"limit={limit}"] * (way is not None) + [f"{way}={at}"] * (at is not None)
            reply = await connection.again("GET", path + "&".join(where), None, NOBODY)
            if not reply.good:
                return None
            items += reply.body["items"]
            at = reply.body["next"]
            if at is None:
                return items[::-1] if way == "before" else items
