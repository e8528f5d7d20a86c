"""People who talk, ask, call each other, change what they said, read and look back; one who looks after the rooms, and two who let people in and out. The seed says what each of them
tries, in which order and where; which message it falls on is a share of those that there are by then."""

import asyncio
import random
import typing

import stack
from connection import Connection
from ledger import ANSWERED, OPEN, ROLES
from quizzes import from_now

GONE = (403, 404, 410)  # not theirs, not there any more, taken back
NO_ANSWER = (*GONE, 422)  # or what is said to answer it was taken back
EMOJI = ("+1", "tada", "eyes")
FUTURE = 2**53
PAGES = (5, 20, 100)
CALLS = 3  # of so many sayings one calls somebody
BEGINNING = 3  # messages



class Look(typing.NamedTuple):
    """A page of messages, and what was known of them before it was asked for and after it came. `cursor`: an event that was in the log before; when it came, `begun` sayings had begun.
    whole: it is of a room's history, which leaves nothing out."""

    person: object
    rooms: list
    whole: bool
    before: dict
    after: dict
    page: dict
    cursor: int
    begun: int


class Actor:
    deeds = {}  # name: how often
    pause = 0.2  # seconds at most between two
    teaches = False

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
        once = self.text()
        saying = self.ledger.begin(self.person.id, once)
        text, staff = once + self.call(saying, which * CALLS), self.ledger.staff()
        saying.question, saying.anonymous = more.get("question", False), more.get("anonymous", False)
        body, key = {"text": text, "client_id": once} | more, {"Idempotency-Key": f"{room}:{self.name}:{self.texts}".replace(" ", "-")} if how < 0.3 else {}
        reply = await self.connection.again("POST", f"/v1/rooms/{room}/messages", body, GONE, key)
        saying.staff = {who for who, _ in staff & self.ledger.staff()}
        if reply.good:
            assert reply.body["text"] == text or reply.doubt, f"{text!r} became {reply.body}"
            self.mine.append(self.ledger.said(reply.body, saying))

    def call(self, saying, which):
        """In one of CALLS sayings: somebody, who teaches, everybody, or some of them twice."""
        if which >= 1:
            return ""
        one, how = self.one_of(self.live.people, which), which * len(self.live.people) % 1
        name = "@" + one.user["name"]
        saying.named, saying.teachers = ({one.id} if how < 0.6 else set()) - {self.person.id}, 0.4 < how < 0.8
        calls = ([name, name] if how < 0.2 else [name] if how < 0.6 else []) + ["@teachers"] * saying.teachers or ["@room"]
        return " " + ", ".join(calls)

    async def answer(self, room, which, how):
        """Half of them go on with what the room began with, so that people come into the middle of a thread."""
        said = self.ledger.of(room)
        asked = self.one_of(said[:BEGINNING] if how * 10 % 1 < 0.5 else said, which)
        await self.say(room, which, how, **({"reply_to": asked.id} if asked else {}))

    async def edit(self, room, which, how):
        """Whoever is named only now is told nothing."""
        message = self.one_of(self.mine, which)
        if message:
            text = self.text() + (f" @{self.one_of(self.live.people, how).user['name']} @teachers" if which * len(self.mine) % 1 < 0.3 else "")
            reply = await self.unless_muted(message, lambda: message.text.change(text, self.connection.again("PATCH", f"/v1/messages/{message.id}", {"text": text}, GONE)))
            message.count(reply)
            self.learn(message, reply)

    async def unless_muted(self, message, ask):
        """Whoever was muted all the while is refused."""
        mute = self.ledger.mute(self.person.id, message.room)
        before, reply = mute.since(True), await ask()
        assert not reply.good or reply.doubt or before is None or before != mute.since(True), f"{self.name} is muted in {message.room}: {reply}"
        return reply

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
            reaction = message.reaction(emoji, self.person.id)
            reply = await self.unless_muted(message, lambda: reaction.change(put, self.connection.again("PUT" if put else "DELETE", path, None, GONE)))
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
        await self.look_at(f"/v1/rooms/{room}/messages?limit={PAGES[int(how * len(PAGES))]}", [room], whole=True)

    async def look_aside(self, room, which, how):
        """Where only some of what was said is shown."""
        path, rooms = f"/v1/rooms/{room}", [room]
        thread = self.one_of([message for message in self.ledger.of(room) if message.thread], which)
        if how < 0.3:
            path, rooms = f"/v1/courses/{self.live.course['id']}/messages?q=words&limit=50", list(self.live.rooms.values())
        elif how < 0.6 and thread:
            path = f"/v1/messages/{thread.thread if how < 0.5 else thread.id}/thread?limit=50"
        else:
            path += "/pins" if how < 0.8 else "/questions?limit=50"
        await self.look_at(path, rooms, whole=False)

    async def look_at(self, path, rooms, whole):
        before = self.ledger.known(*rooms)
        reply = await self.connection.again("GET", path, None, GONE)
        if reply.good:
            cursor, after = int(reply.head["event-cursor"]), self.ledger.known(*rooms)
            self.live.looks.append(Look(self.person, rooms, whole, before, after, reply.body, cursor, self.ledger.begun))

    async def end(self, path):
        """DELETE of something that is there. When a process dies nginx asks the next one, which finds that it is gone: then an attempt has had its effect that nobody here knows of."""
        reply = await self.connection.again("DELETE", path, None, (404,))
        if reply.status == 404 and not reply.doubt and await asyncio.to_thread(stack.was_repeated, reply.head["x-request-id"]):
            return reply._replace(doubt=1)
        return reply

    async def unmask(self, room, which, how):
        """Whoever teaches learns who asked; nobody else does, not even who did."""
        message = self.one_of([message for message in self.ledger.of(room) if message.anonymous], which)
        if message:
            reply = await self.connection.again("GET", f"/v1/messages/{message.id}/author", None, GONE)
            assert not reply.good or self.teaches and reply.body["id"] == message.author, f"{self.name} learns who asked {message.id}: {reply.body}, and it was {message.author}"

    async def mark(self, message, which, how):
        """As answered by some message, by none, or as open again."""
        if message:
            answer = self.one_of(self.ledger.of(message.room), which) if how < 0.4 else None
            to = OPEN if how > 0.7 else answer.id if answer else ANSWERED
            body = {"answer_id": answer and answer.id} if to != OPEN else None
            path = f"/v1/messages/{message.id}/answered"
            reply = await message.answered.change(to, self.connection.again("DELETE" if to == OPEN else "PUT", path, body, NO_ANSWER))
            self.learn(message, reply)

    @staticmethod
    def learn(message, reply):
        if reply.status == 410:
            message.deleted.may_be = {True}


class Speaker(Actor):
    """Is in both rooms all the time."""

    deeds = {"say": 30, "answer": 12, "ask": 8, "settle": 8, "unmask": 4, "edit": 14, "take_back": 6, "react": 10, "read": 12, "look": 4, "look_aside": 3}

    async def ask(self, room, which, how):
        """More often than not without a name."""
        await self.say(room, which, how, question=True, anonymous=how * 10 % 1 < 0.7)

    async def settle(self, room, which, how):
        """Whoever asked without a name says that it is answered; of the other questions the moderator says it, so that there is one to say it of each."""
        await self.mark(self.one_of([message for message in self.mine if message.anonymous], which), which, how)


class Visitor(Actor):
    """Comes and goes as the registrar wants it: is refused now and then."""

    deeds = {"say": 20, "react": 10, "edit": 5, "take_back": 5, "read": 40, "look": 15, "look_aside": 10}
    pause = 0.5


class Moderator(Actor):
    deeds = {"hide": 25, "pin": 20, "remove": 8, "mute": 15, "close": 10, "unmask": 4, "say": 15, "read": 5, "look": 5}
    teaches = True
    silenced = None  # who, and where

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

    async def mute(self, room, which, how):
        """One at a time, or nobody would talk."""
        if self.silenced:
            (who, where), self.silenced = self.silenced, None
            mute = self.ledger.mute(who, where)
            reply = await mute.change(False, self.end(f"/v1/rooms/{where}/mutes/{who}"))
            assert reply.good or mute.ghosts, reply
        else:
            who, where = self.silenced = self.one_of(self.live.speakers, which).id, room
            body = {"until": from_now(hours=1)}  # which no schedule lasts
            await self.ledger.mute(who, where).change(True, self.connection.again("PUT", f"/v1/rooms/{where}/mutes/{who}", body))

    async def close(self, room, which, how):
        await self.mark(self.one_of([message for message in self.ledger.of(room) if message.question and not message.anonymous], which), which, how)


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
        place.turns += 1
        if place.role is not None and how < 0.6:
            reply = await self.end(f"{at}/{person.id}")
            place.role = None
        else:
            role = ROLES[int(how * 100) % 3] if person in self.live.climbers else ROLES[0]
            place.taught |= role != ROLES[0]
            reply = await self.connection.again("POST", at, {"user_id": person.id, "role": role})
            place.role = role
        place.turns += 1
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
            reply = await self.end(path)
            assert reply.good or place.doubts + reply.doubt, reply
            place.named = False
        else:
            reply = await self.connection.again("PUT", path, None, (404,))
            place.named = reply.good
        place.doubts += reply.doubt
