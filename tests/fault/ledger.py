"""What is known of the rooms because it was acknowledged: messages and what became of them, how far people have read, who is where. An attempt that nobody answered may be carried out at
any time later, also after others that were answered; from then on it is only known what may be."""

import itertools
import math

ROLES = ("student", "assistant", "teacher")
OPEN, ANSWERED = "open", "answered"  # of a question; one whose answer was named has that one's id instead


class Value:
    """One of may_be; more than one while a change is on its way. `ghosts`: what attempts without an answer may still make of it."""

    def __init__(self, value):
        self.may_be, self.ghosts, self.turns = {value}, set(), 0

    @property
    def known(self):
        return len(self.may_be) == 1

    def since(self, value):
        """Which turn has made it this for certain; None: it may be something else."""
        return self.turns if self.may_be == {value} else None

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


class Saying:
    """What somebody tries to say; `began` is its number. `since`: an event that was in the log before. named: the ids after an @; teachers: whether all who teach are called.
    `staff`: of these, who taught all the while, as far as that is known."""

    def __init__(self, began, since, author):
        self.began, self.since, self.author = began, since, author
        self.named, self.teachers, self.staff = set(), False, set()
        self.question = self.anonymous = False


class Message:
    """`changes`: how many of its events message.updated were acknowledged, and `doubts`, how many more there may be."""

    def __init__(self, shown, saying):
        self.id, self.event_id, self.room, self.thread = shown["id"], int(shown["event_id"]), shown["room_id"], shown["thread_id"]
        self.author, self.began, self.question, self.anonymous = saying.author, saying.began, saying.question, saying.anonymous
        self.text, self.deleted, self.hidden, self.pinned = Value(shown["text"]), Value(False), Value(False), Value(False)
        self.answered = Value(OPEN)
        self.reactions = {}  # (emoji, who): Value of whether it is there
        self.changes = self.doubts = 0

    def reaction(self, emoji, who):
        return self.reactions.setdefault((emoji, who), Value(False))

    def known(self):
        """{field: (turns, value)} of what is certain; what is in it before and after something was in between too."""
        fields = {name: getattr(self, name) for name in ("text", "deleted", "hidden", "pinned", "answered")} | self.reactions
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
    """What somebody is in the course, and whether the group names them. `doubts`: attempts to change it that nobody answered. `taught`: they may have been more than a student at some time."""

    def __init__(self, role=None, named=False):
        self.role, self.named, self.doubts = role, named, 0
        self.taught, self.turns = False, 0  # turns: odd while their role is being changed

    def hears(self):
        return {"course": self.role is not None, "group": self.role is not None and (self.role != "student" or self.named)}

    def teaches(self):
        return self.role in ROLES[1:] and self.doubts == 0 and self.turns % 2 == 0


class Ledger:
    def __init__(self):
        self.messages, self.readings, self.places = {}, {}, {}
        self.sayings = {}  # by their client id
        self.mutes = {}  # (who, room): Value of whether they may say nothing there
        self.foreseen = []  # (how many messages had been begun, the position that somebody got who asked for the future)
        self.begun = 0
        self.happened = 0  # the newest event that anybody was told of

    def begin(self, author, text):
        self.begun += 1
        return self.sayings.setdefault(text, Saying(self.begun, self.happened, author))

    def said(self, shown, saying):
        message = Message(shown, saying)
        self.happened = max(self.happened, message.event_id)
        return self.messages.setdefault(message.id, message)

    def of(self, room):
        return [message for message in self.messages.values() if message.room == room]

    def mute(self, who, room):
        return self.mutes.setdefault((who, room), Value(False))

    def staff(self):
        """Who teaches for certain, with the turn that made them."""
        return {(who, place.turns) for who, place in self.places.items() if place.teaches()}

    def reading(self, person, room):
        return self.readings.setdefault((person.id, room), Reading())

    def known(self, *rooms):
        return {message.id: message.known() for message in itertools.chain(*map(self.of, rooms))}

    def end_of(self, begun):
        """An event that comes after all that was in the log when so many sayings had begun."""
        return min((message.event_id for message in self.messages.values() if message.began > begun), default=math.inf)
