"""What people see of the rooms once nothing breaks any more and nobody does anything."""

import asyncio
import random

from connection import Connection

PAGES = (3, 17, 100)
THREADS = 3
NOBODY = (403, 404)  # it is not theirs to see


class Aftermath:
    """unread[who, room]: (position, by the room itself, by the list), or None for who may not see it. history: (reader, room, messages) of every way through it. pins[room] and
    threads[message]: what a member is shown."""

    def __init__(self, live):
        self.live, self.unread, self.history, self.pins, self.threads = live, {}, [], {}, {}
        self.chance = random.Random(f"{live.seed} aftermath")

    async def look(self):
        live = self.live
        reader = live.speakers[0]  # is in every room
        await asyncio.gather(*(self.count(Connection(person)) for person in [live.crowd.teacher, *live.crowd.people]))
        for person in (reader, live.crowd.teacher):
            connection = Connection(person)
            for room in live.rooms.values():
                for way in ("before", "after"):
                    self.history.append((person, room, await self.page_through(connection, f"/v1/rooms/{room}/messages", way)))
            connection.close()
        await self.look_aside(Connection(reader))

    async def look_aside(self, connection):
        for room in self.live.rooms.values():
            self.pins[room] = (await connection.again("GET", f"/v1/rooms/{room}/pins")).body["items"]
        roots = sorted({message.thread for message in self.live.ledger.messages.values() if message.thread})
        for root in self.chance.sample(roots, min(THREADS, len(roots))):
            self.threads[root] = await self.page_through(connection, f"/v1/messages/{root}/thread", "after")
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

    async def page_through(self, connection, path, way):
        """`before`: from the newest back, which is then turned round."""
        limit, items, at = self.chance.choice(PAGES), [], {"before": None, "after": 0}[way]
        while True:
            page = (await connection.again("GET", f"{path}?limit={limit}" + (f"&{way}={at}" if at is not None else ""))).body
            items += page["items"]
            at = page["next"]
            if at is None:
                return items[::-1] if way == "before" else items
