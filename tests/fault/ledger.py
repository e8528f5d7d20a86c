"""What is known of the rooms because it was acknowledged: messages and what became of them, how far people have read, who is where. An attempt that nobody answered may be carried out at
any time later, also after others that were answered; from then on it is only known what may be."""

import math

ROLES = ("student", "assistant", "teacher")


class Value:
    """One of may_be; more than one while a change is on its way. `ghosts`: what attempts without an answer may still make of it."""

    def __init__(self, value):
        self.may_be, self.ghosts, self.turns = {value}, set(), 0

    @property
    def known(self):
        return len(self.may_be) == 1

    async def change(self, value, asked):
        """Awaits the reply to the request that asks for it."""
        before = set(self.may_be)
        self.may_be.add(value)
        self.turns += 1
        turn, reply = self.turns, await asked
        if reply.doubt:
            self.ghosts.add(value)
        if reply.good:
            self.may_be = {value} | self.ghosts
        elif not reply.doubt and self.turns == turn:  # else somebody else is at it too
            self.may_be = before
        self.turns += 1
        return reply


class Message:
    """`changes`: how many of its events message.updated were acknowledged, and `doubts`, how many more there may be."""

    def __init__(self, said, began):
        self.id, self.event_id, self.room, self.author, self.thread = said["id"], int(said["event_id"]), said["room_id"], said["author"]["id"], said["thread_id"]
        self.first, self.began = said["text"], began
        self.text, self.deleted, self.hidden, self.pinned = Value(said["text"]), Value(False), Value(False), Value(False)
        self.reactions = {}  # (emoji, who): Value of whether it is there
        self.changes = self.doubts = 0

    def reaction(self, emoji, who):
        return self.reactions.setdefault((emoji, who), Value(False))

    def known(self):
        """{field: (turns, value)} of what is certain; what is in it before and after something was in between too."""
        fields = {"text": self.text, "deleted": self.deleted, "hidden": self.hidden, "pinned": self.pinned} | self.reactions
        return {name: (value.turns, *value.may_be) for name, value in fields.items() if value.known}

    def count(self, reply, news=True):
        """An event each time that it is carried out; `news`: it must have been one at least."""
        self.changes += reply.good and news
        self.doubts += reply.doubt + (reply.good and not news)


class Reading:
    """How far somebody has read in a room: not less than `low`, which was acknowledged, and not beyond `high`."""

    def __init__(self):
        self.low = self.high = 0

    async def move(self, to, happened, asked):
        """`happened`: an event that is in the log already. Returns the reply."""
        low, high = self.low, self.high
        self.high = max(high, to if to <= happened else math.inf)
        reply = await asked
        if reply.good:
            at = int(reply.body["event_id"])
            assert max(low, min(to, happened)) <= at <= max(high, to), f"read up to {to}, of {low} to {high}, while the log went to {happened}: {at}"
            self.low, self.high = at, math.inf if reply.doubt and to > happened else at
        elif not reply.doubt:
            self.high = high
        return reply


class Place:
    """What somebody is in the course, and whether the group names them. `doubts`: attempts to change it that nobody answered."""

    def __init__(self, role=None, named=False):
        self.role, self.named, self.doubts = role, named, 0

    def hears(self):
        return {"course": self.role is not None, "group": self.role is not None and (self.role != "student" or self.named)}


class Ledger:
    def __init__(self):
        self.messages, self.readings, self.places = {}, {}, {}
        self.foreseen = []  # (how many messages had been begun, the position that somebody got who asked for the future)
        self.begun = 0
        self.happened = 0  # the newest event that anybody was told of

    def begin(self):
        self.begun += 1
        return self.begun

    def said(self, body, began):
        message = Message(body, began)
        self.happened = max(self.happened, message.event_id)
        return self.messages.setdefault(message.id, message)

    def of(self, room):
        return [message for message in self.messages.values() if message.room == room]

    def reading(self, person, room):
        return self.readings.setdefault((person.id, room), Reading())

    def known(self, room):
        return {message.id: message.known() for message in self.of(room)}
