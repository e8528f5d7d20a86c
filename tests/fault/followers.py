"""Clients that follow the log: over a stream, long polls or polls, cut off at any moment, and coming back: with the cursor they have, with one from seconds ago, or with that of a
snapshot. Each writes down what it heard, stretch by stretch."""

import asyncio
import contextlib
import random
import typing

from connection import LATER, LOST, Connection

OF_ROOMS = ("message.created", "message.updated", "message.deleted", "reaction.changed", "pin.changed", "question.changed")
OF_PEOPLE = ("message.mentioned", "room.muted")
HEARD = OF_ROOMS + OF_PEOPLE
NEVER = ("reset", "membership.changed", "session.revoked", "user.changed")  # no cursor here is strange or too old, and the others are not for clients
HABITS = {"stream": (0.1, 0.2), "long": (0.04, 0.06), "poll": (0.03, 0.03)}  # how often one begins with a snapshot, and how often with an old cursor
WAIT = {"long": 5, "poll": 0}
PAGES = (5, 50, 200)  # of polls
PAUSE = {"stream": 0.05, "long": 0.05, "poll": 0.3}


class Stretch:
    """What was heard after `begin`; up to `end` this is all."""

    def __init__(self, begin):
        self.begin = self.end = begin
        self.heard = []  # (id, kind, data)


class Snapshot(typing.NamedTuple):
    """What somebody was shown, to follow from `cursor`. unread: between which positions they had read, by room."""

    person: object
    what: str
    cursor: int
    shown: object
    low: dict
    high: dict


class Follower:
    """One client of one person, from `start` on."""

    def __init__(self, live, person, how, name):
        self.live, self.person, self.how = live, person, how
        self.chance, self.connection = random.Random(f"{live.seed} {name}"), Connection(person)
        self.stretches, self.snapshots = [Stretch(live.start)], []

    @property
    def now(self):
        return self.stretches[-1]

    def has_come_to(self, number):
        return any(stretch.end >= number for stretch in self.stretches)

    def take(self, number, kind, data):
        assert kind not in NEVER, f"{self.how} of {self.person.email} heard {kind} {data} as {number}"
        if kind in HEARD:
            data = self.live.parsed(data)
            if data["room_id"] in self.live.names:
                self.now.heard.append((number, kind, data))
        self.now.end = max(self.now.end, number)

    async def stream(self):
        async with contextlib.aclosing(self.connection.events(self.now.end)) as events:
            async for number, kind, text in events:
                self.take(number, kind, text)
                if self.now.end >= self.live.mark:
                    return

    async def poll(self):
        reply = await self.connection.ask("GET", f"/v1/events/poll?after={self.now.end}&wait={WAIT[self.how]}&limit={self.chance.choice(PAGES)}")
        if reply.status != 200:
            assert reply.status in LATER, reply
            await asyncio.sleep(0.1)
            return
        for event in reply.body["events"]:
            self.take(int(event["id"]), event["kind"], event["data"])
        self.now.end = max(self.now.end, int(reply.body["cursor"]))

    # --- where to go on from --------------------------------------------------------------------------------------------------

    async def begin(self):
        anew, back = HABITS[self.how]
        draw, which = self.chance.random(), self.chance.random()
        if self.live.over:
            return
        if draw < anew:
            await (self.see_rooms() if which < 0.6 else self.see_page(self.live.rooms["course" if which < 0.9 else "group"]))
        elif draw < anew + back:
            once = [number for stretch in self.stretches for number, _, _ in stretch.heard]
            if once:
                self.stretches.append(Stretch(once[int(which * len(once))]))

    async def see_rooms(self):
        """The list of rooms says itself which event it is right after."""
        low = self.read("low")
        reply = await self.connection.ask("GET", f"/v1/courses/{self.live.course['id']}/rooms")
        if reply.status == 200 and reply.body["items"]:
            self.start_at("rooms", int(reply.body["items"][0]["cursor"]), reply.body["items"], low)

    async def see_page(self, room):
        """Other replies are of their cursor or later."""
        low = self.read("low")
        reply = await self.connection.ask("GET", f"/v1/rooms/{room}/messages?limit=20")
        if reply.status == 200:
            self.start_at(room, int(reply.head["event-cursor"]), reply.body, low)

    def read(self, bound):
        return {room: getattr(self.live.ledger.reading(self.person, room), bound) for room in self.live.rooms.values()}

    def start_at(self, what, cursor, shown, low):
        self.snapshots.append(Snapshot(self.person, what, cursor, shown, low, self.read("high")))
        self.stretches.append(Stretch(cursor))

    async def follow(self):
        """Until the mark."""
        while self.now.end < self.live.mark:
            with contextlib.suppress(*LOST):
                await self.begin()
                await (self.stream() if self.how == "stream" else self.poll())
            if self.now.end < self.live.mark:
                await asyncio.sleep(PAUSE[self.how])
