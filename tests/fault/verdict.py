"""Whether what people heard and were shown while things broke is what the log says, and the log what was acknowledged. Everything is compared exactly, but for changes of which nobody
knows whether they were carried out."""

import bisect
import collections

import stack
from eventlog import Log, Replay

SAYS = ("text", "html", "mentions", "files")  # of a message: what the log forgets when it is taken back or hidden


class Verdict:
    def __init__(self, live):
        self.live, self.ledger = live, live.ledger
        self.log = Log(live.start, live.names, live.inside)
        self.end, self._expected = Replay(self.log).end(), {}

    def check(self):
        self.acknowledged_messages_are_in_the_log()
        self.changes_are_in_the_log()
        self.comings_and_goings_are_in_the_log()
        for follower in self.live.followers:
            self.heard_what_the_log_says(follower)
        self.snapshots_are_of_their_cursors()
        for look in self.live.looks:
            page_shows(look.page["items"], look.page["next"], look.room, self.ledger, look)
        self.history_is_what_was_said()
        self.unread_counts_match()
        assert stack.value("SELECT max(id) - %s = count(*) FROM events WHERE id > %s", self.live.start, self.live.start), "the event log has a gap"

    # --- the log and what was acknowledged ------------------------------------------------------------------------------------

    def acknowledged_messages_are_in_the_log(self):
        assert self.ledger.messages, "nothing was said"
        for message in self.ledger.messages.values():
            told = self.end.messages.get(message.id)
            assert told, f"acknowledged and not in the log: {message.id}"
            assert (told.number, told.room, told.author, told.thread) == (message.event_id, message.room, message.author, message.thread)
        twice = collections.Counter((told.author, told.room, told.client) for told in self.end.messages.values() if told.client)
        assert not twice or max(twice.values()) == 1, f"said twice: {twice.most_common(1)}"
        for told in self.end.messages.values():
            assert told.room in self.log.rooms_at(told.author, told.number), f"said by a stranger: {told.id}"
        for begun, position in self.ledger.foreseen:
            late = [m.event_id for m in self.ledger.messages.values() if m.began > begun and m.event_id <= position]
            assert not late, f"who read up to {position} never sees {late}, which was said later"

    def changes_are_in_the_log(self):
        for message in self.ledger.messages.values():
            told = self.end.messages[message.id]
            assert told.deleted in message.deleted.may_be, f"deleted: {told.deleted}, not {message.deleted.may_be}: {message.id}"
            assert message.changes <= told.updates <= message.changes + message.doubts, f"{told.updates} updates, not {message.changes} + {message.doubts}: {message.id}"
            if not told.deleted:
                assert told.hidden in message.hidden.may_be, f"hidden: {told.hidden}, not {message.hidden.may_be}: {message.id}"
                assert told.pinned in message.pinned.may_be, f"pinned: {told.pinned}, not {message.pinned.may_be}: {message.id}"
            for (emoji, who), there in message.reactions.items():
                assert (who in told.reactions[emoji]) in there.may_be, f"{emoji} of {who} on {message.id}: not {there.may_be}"

    def comings_and_goings_are_in_the_log(self):
        """What is told of a room is news each time, and comes to what was acknowledged last."""
        for who, place in self.ledger.places.items():
            for name, there in place.hears().items():
                room = self.live.rooms[name]
                told = [room in self.live.inside[who]] + [turn for _, turned, turn in self.log.turns[who] if turned == room]
                assert all(a != b for a, b in zip(told, told[1:])), f"{who} was told twice of {name}: {told}"
                assert told[-1] == there or place.doubts, f"{who} is {vars(place)}, and was told of {name}: {told}"

    # --- what was heard -------------------------------------------------------------------------------------------------------

    def heard_what_the_log_says(self, follower):
        mine = self.expected(follower.person)
        numbers = [event.number for event in mine]
        who = f"{follower.how} of {follower.person.email}"
        assert follower.now.end >= self.live.mark, f"{who} has come to {follower.now.end} only, not to {self.live.mark}"
        for stretch in follower.stretches:
            due = mine[bisect.bisect_right(numbers, stretch.begin) : bisect.bisect_right(numbers, stretch.end)]
            if [(e.number, e.kind) for e in due] != [(number, kind) for number, kind, _ in stretch.heard]:
                raise AssertionError(f"{who}, after {stretch.begin} up to {stretch.end}: {difference(stretch.heard, due)}")
            for event, (_, _, data) in zip(due, stretch.heard):
                assert data == event.data or self.forgotten(event, data), f"{who} heard {data} and not {event.data}"

    def expected(self, person):
        if person.id not in self._expected:
            self._expected[person.id] = self.log.heard_by(person.id)
        return self._expected[person.id]

    def forgotten(self, event, data):
        return event.data.get("id") in self.log.hushed and {k: v for k, v in data.items() if k not in SAYS} == {k: v for k, v in event.data.items() if k not in SAYS}

    # --- what was shown -------------------------------------------------------------------------------------------------------

    def snapshots_are_of_their_cursors(self):
        replay = Replay(self.log)
        for snapshot in sorted((s for f in self.live.followers for s in f.snapshots), key=lambda s: s.cursor):
            replay.to(snapshot.cursor)
            if snapshot.what == "rooms":
                self.rooms_are_of(snapshot, replay)
            else:
                self.page_is_not_older_than(snapshot, replay)

    def rooms_are_of(self, snapshot, replay):
        who, at = snapshot.person.id, f"at {snapshot.cursor} {snapshot.person.email} was shown"
        shown = {room["id"]: room for room in snapshot.shown}
        assert set(shown) == self.log.rooms_at(who, snapshot.cursor) & set(self.live.rooms.values()), f"{at} these rooms: {sorted(shown)}"
        for room in shown.values():
            assert int(room["cursor"]) == snapshot.cursor
            last = max(replay.of(room["id"]), key=lambda told: told.number, default=None)
            assert as_shown(room["last_message"]) == as_told(last, replay), f"{at} {room['last_message']}, and it was {as_told(last, replay)}"
            least, most = (replay.unread(room["id"], who, position[room["id"]]) for position in (snapshot.high, snapshot.low))
            assert least <= room["unread"] <= most, f"{at} {room['unread']} unread, not {least} to {most}"

    def page_is_not_older_than(self, snapshot, replay):
        shown = {item["id"]: item for item in snapshot.shown["items"]}
        edge = min((int(item["event_id"]) for item in shown.values()), default=0) if snapshot.shown["next"] else 0
        for told in replay.of(snapshot.what):
            if told.number >= edge:
                item = shown.get(told.id)
                assert item and item["version"] >= told.version and (item["deleted_at"] or not told.deleted), f"a page of {snapshot.cursor} has {item} for {vars(told)}"

    def history_is_what_was_said(self):
        after = self.live.aftermath
        for person, room, items in after.history:
            told = sorted(self.end.of(room), key=lambda told: told.number)
            assert [item["id"] for item in items] == [t.id for t in told], f"the history of {room} has other messages than the log"
            known = self.ledger.known(room)
            page_shows(items, None, room, self.ledger, Known(person, known, known))
            for item, one in zip(items, told):
                assert as_shown(item) == as_told(one, self.end), f"{item} and not {as_told(one, self.end)}"
        for room, items in after.pins.items():
            assert {item["id"] for item in items} == {told.id for told in self.end.of(room) if told.pinned}
        for root, items in after.threads.items():
            assert [item["id"] for item in items] == [told.id for told in self.end.messages.values() if told.thread == root]

    def unread_counts_match(self):
        last = self.log.events[-1].number
        for (who, room), counted in self.live.aftermath.unread.items():
            inside = room in self.log.rooms_at(who, last)
            assert (counted is not None) == inside, f"{who} sees {counted} of {room}, and is {'a' if inside else 'no'} member"
            if counted is None:
                continue
            position, itself, listed = counted
            reading = self.ledger.readings.get((who, room))
            low, high = (reading.low, reading.high) if reading else (0, 0)
            assert low <= position <= high, f"{who} had read up to {low}, and {position} is left"
            unread = self.end.unread(room, who, position)
            assert itself == listed == unread, f"{who} after {position}: {itself} and {listed} unread, not {unread}"


Known = collections.namedtuple("Known", "person before after")


def page_shows(items, following, room, ledger, look):
    """A page against what was known both before it was asked for and after it came. following: None on the last page."""
    shown = {item["id"]: item for item in items}
    order = [int(item["event_id"]) for item in items]
    assert order in (sorted(set(order)), sorted(set(order), reverse=True)), f"a page of another order: {order}"
    edge = min(order, default=0) if following else 0
    for id, before in look.before.items():
        message, item = ledger.messages[id], shown.get(id)
        assert item or message.event_id < edge, f"the history of {room} lacks {id}, which was acknowledged"
        if item:
            wrong = differs(message, item, dict(before.items() & look.after[id].items()), look.person)
            assert not wrong, f"{wrong}, was shown {item}"


def differs(message, item, known, reader):
    """What is wrong with a message as it was shown; "" for nothing. known: {field: (turns, value)}."""
    deleted, hidden, text, pinned = (known.get(field, (0, None))[1] for field in ("deleted", "hidden", "text", "pinned"))
    if (deleted or hidden) and (item["text"] or item["html"]):
        return "a text that was taken back"
    if deleted is not None and deleted != (item["deleted_at"] is not None):
        return f"deleted: {deleted}"
    if deleted is not False:
        return ""
    if hidden is not None and hidden != (item["hidden_at"] is not None):
        return f"hidden: {hidden}"
    if hidden is False and text is not None and item["text"] != text:
        return f"the text was {text!r}"
    if pinned is not None and pinned != (item["pinned_at"] is not None):
        return f"pinned: {pinned}"
    return reactions_differ(message, item, known, reader)


def reactions_differ(message, item, known, reader):
    shown = {reaction["emoji"]: reaction for reaction in item["reactions"]}
    for emoji in {emoji for emoji, _ in message.reactions} | set(shown):
        states = [known.get(key, (0, None))[1] for key in message.reactions if key[0] == emoji]
        count, mine = (shown[emoji]["count"], shown[emoji]["mine"]) if emoji in shown else (0, False)
        if not states.count(True) <= count <= len(states) - states.count(False):
            return f"{emoji}: {states}"
        if mine != known.get((emoji, reader.id), (0, mine if (emoji, reader.id) in message.reactions else False))[1]:
            return f"{emoji} of the reader: {known}"
    return ""


def as_told(told, replay):
    if told is None:
        return None
    reactions = {emoji: len(who) for emoji, who in told.reactions.items() if who}
    return (told.id, told.number, told.author, told.thread, told.version, told.deleted, told.hidden, told.pinned, replay.replies(told), reactions)


def as_shown(item):
    if item is None:
        return None
    flags = [item[at] is not None for at in ("deleted_at", "hidden_at", "pinned_at")]
    reactions = {reaction["emoji"]: reaction["count"] for reaction in item["reactions"]}
    return (item["id"], int(item["event_id"]), item["author"]["id"], item["thread_id"], item["version"], *flags, item["replies"], reactions)


def difference(heard, due):
    heard, due = [(number, kind) for number, kind, _ in heard], [(e.number, e.kind) for e in due]
    few, many = collections.Counter(due) - collections.Counter(heard), collections.Counter(heard) - collections.Counter(due)
    if not few and not many:
        return f"another order: {heard}"
    return f"of {len(due)} lacks {sorted(few)[:5]} and has too many {sorted(many.elements())[:5]}"
