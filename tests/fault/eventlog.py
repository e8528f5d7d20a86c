"""What the event log says of some rooms: who was to hear what, and how the rooms were right after any of its events. Worked out from its rows alone, by none of the server's statements.
Only who has asked without a name is nowhere in it: that is in the messages' rows."""

import collections
import math

import stack
from followers import OF_PEOPLE, OF_ROOMS


class Event:
    """`to`: whose it is, if it is not of all who hear the room."""

    def __init__(self, number, topic, kind, payload):
        self.number, self.kind, self.data, self.room = number, kind, payload, payload["room_id"]
        self.to = topic[2:] if kind in OF_PEOPLE else None


class Log:
    """`names`: the rooms, by id. `inside`: {person's id: the rooms that they hear at `start`}. joined: the rooms that show to students only what was said since they came."""

    def __init__(self, start, names, inside, joined):
        self.start, self.inside, self.joined = start, inside, joined
        rows = stack.rows(
            "SELECT id, topic, kind, payload FROM events WHERE id > %s AND (topic = ANY (%s) AND kind = ANY (%s) OR topic = ANY (%s) AND kind = ANY (%s)) ORDER BY id",
            start, ["r:" + room for room in names], list(OF_ROOMS), ["u:" + who for who in inside], list(OF_PEOPLE),
        )
        self.events = [event for event in (Event(*row) for row in rows) if event.room in names]
        self.turns = collections.defaultdict(list)  # who: (event, room, whether they hear it from there on)
        self.moves = collections.defaultdict(list)  # who: every event that changes what they are, whether or not they hear anything by it
        for topic, number, payload in stack.rows("SELECT topic, id, payload FROM events WHERE kind = 'membership.changed' AND id > %s ORDER BY id", start):
            self.moves[topic[2:]].append(number)
            for room in names:
                if "r:" + room in payload["add"] or "r:" + room in payload["remove"]:
                    self.turns[topic[2:]].append((number, room, "r:" + room in payload["add"]))
        self.hushed = {e.data["id"] for e in self.events if e.kind == "message.deleted" or e.data.get("hidden_at")}  # the log has forgotten what these said
        asked = stack.rows("SELECT id, author_id, client_id FROM messages WHERE anonymous AND room_id = ANY (%s::uuid[])", list(names))
        self.askers = {message: (author, client) for message, author, client in asked}

    def rooms_at(self, who, number):
        """What somebody hears right after an event."""
        rooms = set(self.inside.get(who, ()))
        for turned, room, there in self.turns[who]:
            if turned <= number:
                (rooms.add if there else rooms.discard)(room)
        return rooms

    def stayed(self, who, room, start, end):
        """Whether they heard the room from one event to another one without a break."""
        return room in self.rooms_at(who, start) and not any(start < turned <= end and turned_room == room for turned, turned_room, _ in self.turns[who])

    def shown_after(self, who, room, start, end=math.inf, taught=False):
        """After which event a room's messages are shown to somebody who looks at some place of the log from `start` to before `end`: all that may be; none, if they are never in the room.
        Of who may have taught it is not known when: they see everything then, and keep the places where they came, of which the log does not tell the rooms."""
        places = [start] + [turned for turned, _, _ in self.turns[who] if start < turned < end]
        places = [place for place in places if room in self.rooms_at(who, place)]
        if room not in self.joined or not places:
            return {0} if places else set()
        if taught:
            return {0} | {move for move in self.moves[who] if move < end}
        return {max((turned for turned, turned_room, there in self.turns[who] if there and turned_room == room and turned <= place), default=0) for place in places}

    def heard_by(self, who):
        rooms, left, heard = set(self.inside.get(who, ())), collections.deque(self.turns[who]), []
        for event in self.events:
            while left and left[0][0] < event.number:
                _, room, there = left.popleft()
                (rooms.add if there else rooms.discard)(room)
            if event.to == who or event.to is None and event.room in rooms:
                heard.append(event)
        return heard


class Told:
    """A message, as the log has told of it. `named`: its author, as everybody is shown them."""

    def __init__(self, event, askers):
        data = event.data
        self.number, self.id, self.room, self.named, self.thread = event.number, data["id"], event.room, data["author"], data["thread_id"]
        self.author, self.client = askers[self.id] if self.id in askers else (data["author"]["id"], data["client_id"])
        self.question, self.mentioned = data["question"], []  # who was told that they are
        self.version, self.updates = data["version"], 0
        self.deleted = self.hidden = self.pinned = False
        self.reactions = collections.defaultdict(set)  # emoji: who


class Replay:
    """The rooms right after one event of the log: goes forward only."""

    def __init__(self, log):
        self.messages, self.left, self.askers = {}, collections.deque(log.events), log.askers
        self.muted = set()  # (who, room)

    def to(self, number):
        while self.left and self.left[0].number <= number:
            event = self.left.popleft()
            APPLY[event.kind](self, event)
        return self

    def end(self):
        return self.to(self.left[-1].number) if self.left else self

    def of(self, room):
        return [message for message in self.messages.values() if message.room == room]

    def replies(self, message):
        return sum(other.thread == message.id for other in self.messages.values())

    def unread(self, room, who, position):
        return sum(m.number > position and m.author != who and not m.deleted and not m.hidden for m in self.of(room))

    def last(self, room, shown_after):
        return max((m for m in self.of(room) if m.number > shown_after), key=lambda m: m.number, default=None)

    # --- one kind of event each -----------------------------------------------------------------------------------------------

    def created(self, event):
        assert event.data["id"] not in self.messages and int(event.data["event_id"]) == event.number, f"created twice: {event.data}"
        told = self.messages[event.data["id"]] = Told(event, self.askers)
        assert (told.author, told.room) not in self.muted, f"said by somebody who is muted: {event.data}"

    def updated(self, event):
        told = self.messages[event.data["id"]]
        assert not told.deleted and event.data["version"] >= told.version, f"of another order: {event.data}"
        told.version, told.hidden = event.data["version"], event.data["hidden_at"] is not None
        told.updates += 1

    def deleted(self, event):
        told = self.messages[event.data["id"]]
        assert not told.deleted, f"taken back twice: {event.data}"
        told.version, told.deleted, told.pinned = event.data["version"], True, False

    def reacted(self, event):
        data = event.data
        who = self.messages[data["message_id"]].reactions[data["emoji"]]
        assert (data["user_id"] in who) != data["added"], f"a change that is none: {data}"
        (who.add if data["added"] else who.discard)(data["user_id"])
        assert data["count"] == len(who), f"{len(who)} and not {data}"

    def pinned(self, event):
        told, there = self.messages[event.data["message_id"]], event.data["pinned_at"] is not None
        assert told.pinned != there, f"a change that is none: {event.data}"
        told.pinned = there

    def answered(self, event):
        told, state = self.messages[event.data["message_id"]], {name: event.data[name] for name in ("answered_at", "answer_id")}
        before = told.question["answered_at"]
        assert state["answered_at"] or before, f"a change that is none: {event.data}"
        assert not before or state["answered_at"] in (before, None), f"answered at {before}, and again: {event.data}"
        told.question = state

    def mentioned(self, event):
        told = self.messages[event.data["message_id"]]
        assert (told.number, told.room, told.named) == (int(event.data["event_id"]), event.room, event.data["author"]), f"another message: {event.data}"
        told.mentioned.append(event.to)

    def silenced(self, event):
        (self.muted.add if event.data["until"] else self.muted.discard)((event.to, event.room))


APPLY = dict(zip(OF_ROOMS + OF_PEOPLE, (Replay.created, Replay.updated, Replay.deleted, Replay.reacted, Replay.pinned, Replay.answered, Replay.mentioned, Replay.silenced)))
