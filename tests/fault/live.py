"""Rooms under fire: a crowd that follows the log, people who talk and come and go, things that break meanwhile, and the verdict.

    crowd = Crowd(school)                     once: people with their accounts
    live = Live(crowd, seed)
    live.run()
    live.check()

All of it runs in one thread, in asyncio. The seed decides what everybody tries and when they pause, what breaks and when, who is cut off; how this falls together is the machine's."""

import asyncio
import json
import math
import random
import time

import stack
import story
from aftermath import Aftermath
from client import unique
from connection import PATIENCE, Connection
from faults import break_things
from followers import Follower
from ledger import Ledger, Place
from listening import tell
from people import Moderator, Registrar, Speaker, Usher, Visitor
from verdict import Verdict

PEOPLE = 40
CHATS, SHIFT = (1, 3), 10  # so many schedules in a row with that many processes of chat
BEYOND, BEYOND_EVERY = 17000, 10  # more events than a process keeps in memory, at the end of one schedule of so many
CLIENTS = ("stream", "stream", "long", "long", "poll")  # of each of them
MEMBERS, NAMED = 30, 14  # of the course at first, and of its group
SPEAKERS, VISITORS = 6, 8  # who stay in both, and talk; who are let in and out, and try to
LATE = 3  # who come when all is over, and hear it from the beginning
HISTORIES = (("all", "all"), ("all", "joined"), ("joined", "all"), ("joined", "joined"))  # of the course's room and the group, in turn


class Crowd:
    """People who have accounts and are signed in, a teacher, and a course that all of them stay in."""

    def __init__(self, school):
        self.school, self.signed_in, self.chats = school, time.monotonic(), len(stack.names("chat"))
        self.teacher, self.people = school.person("staff"), [school.person() for _ in range(PEOPLE)]
        self.assembly = school.course(self.teacher)["id"]  # its room too
        for person in self.people:
            school.enrol({"id": self.assembly}, person)

    def sign_in(self):
        """Again, before their tokens run out."""
        if time.monotonic() - self.signed_in > 300:
            self.signed_in = time.monotonic()
            for person in [self.school.admin, self.teacher, *self.people]:
                reply = story.again(lambda p=person: p.post("/v1/auth/login", json={"email": p.email, "password": p.password}))
                person.become(reply.json())

    def leave(self):
        stack.have("chat", self.chats)


class Live:
    def __init__(self, crowd, seed):
        stack.have("chat", CHATS[(seed - 1) // SHIFT % len(CHATS)])
        crowd.sign_in()
        self.crowd, self.seed, self.ledger, self.looks, self.broken, self._parsed = crowd, seed, Ledger(), [], [], {}
        self.over, self.mark = False, math.inf  # nobody acts any more; the last event that everybody hears
        chance = random.Random(f"{seed} people")
        self.people = people = chance.sample(crowd.people, PEOPLE)
        members, named, self.speakers, self.movers = people[:MEMBERS], people[:NAMED], people[:SPEAKERS], people[SPEAKERS:]
        self.climbers = self.movers[1::2]  # who may come to teach; the others are students, if anything
        self._make_rooms(members, named)
        self.start = stack.value("SELECT max(id) FROM events")
        self.followers = [Follower(self, person, how, f"{n} {m}") for n, person in enumerate(people) for m, how in enumerate(CLIENTS)]
        visitors = chance.sample(self.movers, VISITORS)
        self.actors = [Speaker(self, person, f"speaker {n}") for n, person in enumerate(self.speakers)]
        self.actors += [Visitor(self, person, f"visitor {n}") for n, person in enumerate(visitors)]
        self.actors += [Moderator(self, crowd.teacher, "the moderator"), Registrar(self, crowd.teacher, "the registrar"), Usher(self, crowd.teacher, "the usher")]
        self.again = chance.sample(people, LATE)

    def _make_rooms(self, members, named):
        teacher = self.crowd.teacher
        body = {"title": "Under fire", "code": unique("LIVE"), "time_zone": "UTC"}
        self.course = story.again(lambda: teacher.post("/v1/courses", json=body)).json()
        for person in members:
            body = {"user_id": person.id, "role": "student"}
            story.again(lambda b=body: teacher.post(f"/v1/courses/{self.course['id']}/enrolments", json=b))
        body = {"kind": "group", "name": "Some of them", "members": [person.id for person in named]}
        group = story.again(lambda: teacher.post(f"/v1/courses/{self.course['id']}/rooms", json=body)).json()["id"]
        self.rooms = {"course": self.course["id"], "group": group}
        histories = dict(zip(self.rooms.values(), HISTORIES[self.seed % len(HISTORIES)]))
        for room, history in histories.items():
            story.again(lambda r=room, h=history: teacher.change(f"/v1/rooms/{r}", {"anonymous": True, "history": h}))
        self.joined = {room for room, history in histories.items() if history == "joined"}
        self.names = {room: name for name, room in self.rooms.items()} | {self.crowd.assembly: "assembly"}
        for person in self.crowd.people:
            self.ledger.places[person.id] = Place("student" if person in members else None, person in named)
        self.inside = {person.id: {self.crowd.assembly} for person in self.crowd.people} | {teacher.id: set(self.names)}
        for who, place in self.ledger.places.items():
            self.inside[who] |= {self.rooms[name] for name, there in place.hears().items() if there}

    def parsed(self, data):
        """A stream's text is the same for all who hear it."""
        if isinstance(data, str):
            if data not in self._parsed:
                self._parsed[data] = json.loads(data)
            return self._parsed[data]
        return data

    # --- the schedule ---------------------------------------------------------------------------------------------------------

    def run(self):
        asyncio.run(self._run())

    async def _run(self):
        following = [asyncio.create_task(f.follow()) for f in self.followers]
        acting = [asyncio.create_task(actor.act()) for actor in self.actors]
        acting.append(asyncio.create_task(self._cut_off(random.Random(f"{self.seed} cuts"))))
        try:
            await break_things(self)
            self.over = True
            await asyncio.gather(*acting)
            await self._everybody_hears_the_mark(following)
            self.aftermath = Aftermath(self)
            await self.aftermath.look()
        finally:
            self.over, self.mark = True, 0 if self.mark == math.inf else self.mark
            for task in acting + following:
                task.cancel()
            self.hang_up(self.followers)  # wait_for of Python 3.11 forgets a cancellation that comes with its result
            await asyncio.gather(*acting, *following, return_exceptions=True)
            for follower in self.followers:
                follower.connection.close()

    async def _cut_off(self, chance):
        """Networks that die."""
        while not self.over:
            self.hang_up(chance.sample(self.followers, 10))
            await asyncio.sleep(0.2)

    @staticmethod
    def hang_up(clients):
        for client in clients:
            client.connection.cut()

    async def assembly(self, text):
        """Says something that everybody hears; its number."""
        teacher = Connection(self.crowd.teacher)
        said = await teacher.again("POST", f"/v1/rooms/{self.crowd.assembly}/messages", {"text": text, "client_id": unique("once")})
        teacher.close()
        return int(said.body["event_id"])

    async def everybody_hears(self, number):
        end = time.monotonic() + PATIENCE
        while deaf := [follower for follower in self.followers if not follower.has_come_to(number)]:
            assert time.monotonic() < end, f"{len(deaf)} of {len(self.followers)} clients have not come to {number}: {deaf[0].how} of {deaf[0].person.email} is at {deaf[0].now.end}"
            await asyncio.sleep(0.05)

    async def _everybody_hears_the_mark(self, following):
        """Whoever has heard it has heard all there was before. Some come only now, and begin at the beginning: now and then that lies beyond what the processes have in memory."""
        if self.seed % BEYOND_EVERY == 5:
            await asyncio.to_thread(tell, self.crowd.teacher, BEYOND)
        late = [Follower(self, person, how, f"late {person.id} {how}") for person in self.again for how in sorted(set(CLIENTS))]
        self.followers += late
        following += [asyncio.create_task(follower.follow()) for follower in late]
        self.mark = await self.assembly("the mark")
        self.hang_up(follower for follower in self.followers if follower.now.end >= self.mark)  # these heard it before we knew that it is the mark
        done, _ = await asyncio.wait(following, timeout=PATIENCE)
        for task in done:
            task.result()

    # --- and what came of it --------------------------------------------------------------------------------------------------

    def check(self):
        Verdict(self).check()

    def counts(self):
        stretches = [stretch for follower in self.followers for stretch in follower.stretches]
        return {
            "messages": len(self.ledger.messages),
            "changes": sum(m.changes + len(m.reactions) + (m.deleted.may_be == {True}) for m in self.ledger.messages.values()),
            "calls by name": sum(bool(saying.named or saying.teachers) for saying in self.ledger.sayings.values()),
            "questions": sum(message.question for message in self.ledger.messages.values()),
            "heard": sum(len(stretch.heard) for stretch in stretches),
            "old cursors and snapshots": len(stretches) - len(self.followers),
            "pages": len(self.looks),
        }
