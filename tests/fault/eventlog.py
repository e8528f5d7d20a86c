"""What the event log says of some rooms: who was to hear what, and how the rooms were right after any of its events. Worked out from its rows alone, by none of the server's statements."""

import collections

import stack
from followers import HEARD


class Event:
    def __init__(self, number, kind, payload):
        self.number, self.kind, self.data, self.room = number, kind, payload, payload["room_id"]


class Log:
    """`names`: the rooms, by id. `inside`: {person's id: the rooms that they hear at `start`}."""

    def __init__(self, start, names, inside):
        self.start, self.inside = start, inside
        topics = ["r:" + room for room in names]
        rows = stack.rows("SELECT id, kind, payload FROM events WHERE topic = ANY (%s) AND kind = ANY (%s) AND id > %s ORDER BY id", topics, list(HEARD), start)
        self.events = [Event(*row) for row in rows]
        self.turns = collections.defaultdict(list)  # who: (event, room, whether they hear it from there on)
        for topic, number, payload in stack.rows("SELECT topic, id, payload FROM events WHERE kind = 'membership.changed' AND id > %s ORDER BY id", start):
            for room in names:
                if "r:" + room in payload["add"] or "r:" + room in payload["remove"]:
                    self.turns[topic[2:]].append((number, room, "r:" + room in payload["add"]))
        self.hushed = {e.data["id"] for e in self.events if e.kind == "message.deleted" or e.data.get("hidden_at")}  # the log has forgotten what these said

    def rooms_at(self, who, number):
        """What somebody hears right after an event."""
        rooms = set(self.inside.get(who, ()))
        for turned, room, there in self.turns[who]:
            if turned <= number:
                (rooms.add if there else rooms.discard)(room)
        return rooms

    def heard_by(self, who):
        rooms, left, heard = set(self.inside.get(who, ())), collections.deque(self.turns[who]), []
        for event in self.events:
            while left and left[0][0] < event.number:
                _, room, there = left.popleft()
                (rooms.add if there else rooms.discard)(room)
            if event.room in rooms:
                heard.append(event)
        return heard


class Told:
    """A message, as the log has told of it."""

    def __init__(self, event):
        data = event.data
        self.number, self.id, self.room, self.author, self.thread = event.number, data["id"], event.room, data["author"]["id"], data["thread_id"]
        self.client = data["client_id"]
        self.version, self.updates = data["version"], 0
        self.deleted = self.hidden = self.pinned = False
        self.reactions = collections.defaultdict(set)  # emoji: who


class Replay:
    """The rooms right after one event of the log: goes forward only."""

    def __init__(self, log):
        self.messages, self.left = {}, collections.deque(log.events)

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

    # --- one kind of event each -----------------------------------------------------------------------------------------------

    def created(self, event):
        assert event.data["id"] not in self.messages and int(event.data["event_id"]) == event.number, f"created twice: {event.data}"
        self.messages[event.data["id"]] = Told(event)

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


APPLY = dict(zip(HEARD, (Replay.created, Replay.updated, Replay.deleted, Replay.reacted, Replay.pinned)))
