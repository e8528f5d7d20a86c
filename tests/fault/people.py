"""People who talk, change what they said, read and look back; one who looks after the rooms, and two who let people in and out. The seed says what each of them tries, in which
order and where; which message it falls on is a share of those that there are by then."""

import asyncio
import random
import typing

from connection import Connection
from ledger import ROLES

GONE = (403, 404, 410)  # not theirs, not there any more, taken back
EMOJI = ("+1", "tada", "eyes")
FUTURE = 2**53
PAGES = (5, 20, 100)


class Look(typing.NamedTuple):
    """A page of a room's history, and what was known of the room before it was asked for and after it came."""

    person: object
    room: str
    before: dict
    after: dict
    page: dict


class Actor:
    deeds = {}  # name: how often
    pause = 0.2  # seconds at most between two

    def __init__(self, live, person, name):
        self.live, self.ledger, self.person, self.name = live, live.ledger, person, name
        self.chance, self.connection = random.Random(f"{live.seed} {name}"), Connection(person)
        self.mine, self.texts = [], 0

    async def act(self):
        deeds, weights = list(self.deeds), list(self.deeds.values())
        while not self.live.over:
            [deed] = self.chance.choices(deeds, weights)
            room = self.live.rooms["group" if self.chance.random() < 0.3 else "course"]
            which, how, pause = self.chance.random(), self.chance.random(), self.chance.random()
            await getattr(self, deed)(room, which, how)
            await asyncio.sleep(pause * self.pause)
        self.connection.close()

    def text(self):
        self.texts += 1
        return f"words of {self.name}, number {self.texts}."

    @staticmethod
    def one_of(messages, which):
        return messages[int(which * len(messages))] if messages else None

    # --- deeds ----------------------------------------------------------------------------------------------------------------

    async def say(self, room, which, how, **more):
        """With an Idempotency-Key it goes another way, by itself and not in a batch."""
        text, began = self.text(), self.ledger.begin()
        body, key = {"text": text, "client_id": text} | more, {"Idempotency-Key": f"{room}:{self.name}:{self.texts}".replace(" ", "-")} if how < 0.3 else {}
        reply = await self.connection.again("POST", f"/v1/rooms/{room}/messages", body, GONE, key)
        if reply.good:
            assert reply.body["text"] == text or reply.doubt, f"{text!r} became {reply.body}"
            self.mine.append(self.ledger.said(reply.body, began))

    async def answer(self, room, which, how):
        asked = self.one_of(self.ledger.of(room), which)
        await self.say(room, which, how, **({"reply_to": asked.id} if asked else {}))

    async def edit(self, room, which, how):
        message = self.one_of(self.mine, which)
        if message:
            text = self.text()
            reply = await message.text.change(text, self.connection.again("PATCH", f"/v1/messages/{message.id}", {"text": text}, GONE))
            message.count(reply)
            self.learn(message, reply)

    async def take_back(self, room, which, how):
        await self.delete(self.one_of(self.mine, which))

    async def delete(self, message):
        if message:
            reply = await message.deleted.change(True, self.connection.again("DELETE", f"/v1/messages/{message.id}", None, GONE))
            self.learn(message, reply)

    async def react(self, room, which, how):
        message = self.one_of(self.ledger.of(room), which)
        if message:
            emoji, put = EMOJI[int(how * len(EMOJI))], how * 10 % 1 < 0.7
            path = f"/v1/messages/{message.id}/reactions/{emoji}"
            reply = await message.reaction(emoji, self.person.id).change(put, self.connection.again("PUT" if put else "DELETE", path, None, GONE))
            self.learn(message, reply)

    async def read(self, room, which, how):
        """Where they are, where they were, everything, nothing, or more than there is."""
        message, happened = self.one_of(self.ledger.of(room), which), self.ledger.happened
        to = FUTURE if how > 0.85 else 0 if how > 0.75 or message is None else happened if how > 0.6 else message.event_id
        path = f"/v1/rooms/{room}/read"
        reply = await self.ledger.reading(self.person, room).move(to, happened, self.connection.again("PUT", path, {"event_id": to}, GONE))
        if reply.good and to == FUTURE:
            self.ledger.foreseen.append((self.ledger.begun, int(reply.body["event_id"])))

    async def look(self, room, which, how):
        before = self.ledger.known(room)
        reply = await self.connection.again("GET", f"/v1/rooms/{room}/messages?limit={PAGES[int(how * len(PAGES))]}", None, GONE)
        if reply.good:
            self.live.looks.append(Look(self.person, room, before, self.ledger.known(room), reply.body))

    @staticmethod
    def learn(message, reply):
        if reply.status == 410:
            message.deleted.may_be = {True}


class Speaker(Actor):
    """Is in both rooms all the time."""

    deeds = {"say": 36, "answer": 12, "edit": 14, "take_back": 8, "react": 12, "read": 12, "look": 6}


class Visitor(Actor):
    """Comes and goes as the registrar wants it: is refused now and then."""

    deeds = {"say": 20, "react": 10, "edit": 5, "take_back": 5, "read": 45, "look": 15}
    pause = 0.5


class Moderator(Actor):
    deeds = {"hide": 30, "pin": 25, "remove": 10, "say": 15, "read": 10, "look": 10}

    async def hide(self, room, which, how):
        await self.turn(room, which, "hidden", "hidden")

    async def pin(self, room, which, how):
        await self.turn(room, which, "pinned", "pin")

    async def turn(self, room, which, field, path):
        message = self.one_of(self.ledger.of(room), which)
        if message:
            value = getattr(message, field)
            to, known = value.may_be != {True}, value.known
            reply = await value.change(to, self.connection.again("PUT" if to else "DELETE", f"/v1/messages/{message.id}/{path}", None, GONE))
            if field == "hidden":
                message.count(reply, news=known)
            self.learn(message, reply)

    async def remove(self, room, which, how):
        await self.delete(self.one_of(self.ledger.of(room), which))


class Registrar(Actor):
    """Decides who is in the course, and as what. Often of the same few as the usher, and at the same time."""

    deeds = {"enrol": 1}
    pause = 0.15

    def choose(self, which, how):
        people = self.live.movers if how * 10 % 1 < 0.5 else self.live.movers[:4]
        return self.one_of(people, which)

    async def enrol(self, room, which, how):
        person, at = self.choose(which, how), f"/v1/courses/{self.live.course['id']}/enrolments"
        place = self.ledger.places[person.id]
        if place.role is not None and how < 0.6:
            reply = await self.connection.again("DELETE", f"{at}/{person.id}", None, (404,))
            place.role = None
        else:
            role = ROLES[int(how * 100) % 3]
            reply = await self.connection.again("POST", at, {"user_id": person.id, "role": role})
            place.role = role
        place.doubts += reply.doubt
        assert reply.good or place.doubts, reply


class Usher(Registrar):
    """Decides whom the group names; who is not in the course cannot be named anew."""

    deeds = {"regroup": 1}

    async def regroup(self, room, which, how):
        person = self.choose(which, how)
        place = self.ledger.places[person.id]
        path = f"/v1/rooms/{self.live.rooms['group']}/members/{person.id}"
        if place.named:
            reply = await self.connection.again("DELETE", path, None, (404,))
            assert reply.good or place.doubts + reply.doubt, reply
            place.named = False
        else:
            reply = await self.connection.again("PUT", path, None, (404,))
            place.named = reply.good
        place.doubts += reply.doubt
