"""Whether what people heard and were shown while things broke is what the log says, and the log what was acknowledged. Everything is compared exactly, but for changes of which nobody
knows whether they were carried out."""

import bisect
import collections
import math

import confidence
import stack
from eventlog import Log, Replay
from ledger import ROLES
from pages import as_answered, as_shown, as_told, differs, page_shows, reach

SAYS = ("text", "html", "mentions", "files")  # of a message: what the log forgets when it is taken back or hidden


class Verdict:
    def __init__(self, live):
        self.live, self.ledger = live, live.ledger
        self.log = Log(live.start, live.names, live.inside, live.joined)
        self.end, self._expected = Replay(self.log).end(), {}

    def check(self):
        self.acknowledged_messages_are_in_the_log()
        self.changes_are_in_the_log()
        self.comings_and_goings_are_in_the_log()
        for follower in self.live.followers:
            self.heard_what_the_log_says(follower)
        self.snapshots_are_of_their_cursors()
        for look in self.live.looks:
            for room in look.rooms:
                page_shows(look, room, self.shown_after(look.person, room, look.cursor, self.ledger.end_of(look.begun)), self.ledger)
        for sight in self.live.aftermath.sights:
            self.is_what_was_said(sight)
        for person, room, items in self.live.aftermath.found:
            self.is_what_was_found(person, room, items)
        self.unread_counts_match()
        confidence.check(self)
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
            if message.question:
                assert as_answered(told.question) in message.answered.may_be, f"answered: {told.question}, not {message.answered.may_be}: {message.id}"
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
                if event.kind == "message.updated" and event.room in self.live.joined:
                    assert not any(data.get(said) for said in SAYS), f"{who} heard what may have been said before they came: {data}"

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
            bounds = self.shown_after(snapshot.person, room["id"], snapshot.cursor, snapshot.cursor + 1)
            wrong = [self.room_differs(room, snapshot, replay, bound) for bound in bounds]
            assert "" in wrong, f"{at} of {room['id']}, after one of {bounds}: {wrong}"

    @staticmethod
    def room_differs(room, snapshot, replay, bound):
        """What is wrong with a room as it was shown, if it is shown to them after this event; "" for nothing."""
        id, last = room["id"], as_told(replay.last(room["id"], bound), replay)
        if as_shown(room["last_message"]) != last:
            return f"{room['last_message']}, and it was {last}"
        least, most = (replay.unread(id, snapshot.person.id, max(position[id], bound)) for position in (snapshot.high, snapshot.low))
        return "" if least <= room["unread"] <= most else f"{room['unread']} unread, not {least} to {most}"

    def page_is_not_older_than(self, snapshot, replay):
        shown = {item["id"]: item for item in snapshot.shown["items"]}
        order = [int(item["event_id"]) for item in shown.values()]
        edge = min(order, default=0) if snapshot.shown["next"] else 0
        due = [told for told in replay.of(snapshot.what) if told.number >= edge]
        missing = [told.number for told in due if told.id not in shown]
        bounds = self.shown_after(snapshot.person, snapshot.what, snapshot.cursor)
        assert reach(bounds, order, missing), f"a page of {snapshot.cursor} for {snapshot.person.email} lacks {missing}: {snapshot.what} is shown after {bounds}"
        for told in due:
            item = shown.get(told.id)
            assert not item or item["version"] >= told.version and (item["deleted_at"] or not told.deleted), f"a page of {snapshot.cursor} has {item} for {vars(told)}"

    # --- what is shown when all is over ---------------------------------------------------------------------------------------

    def shown_after(self, person, room, start, end=math.inf):
        place = self.ledger.places.get(person.id)  # the teacher has none
        return self.log.shown_after(person.id, room, start, end, taught=place is None or place.taught)

    def shown_at_last(self, person, room):
        """As shown_after, when nobody comes or goes any more."""
        place, bounds = self.ledger.places.get(person.id), self.shown_after(person, room, self.log.events[-1].number)
        return bounds & {0} if place and place.doubts == 0 and place.role in ROLES[1:] else bounds

    def is_what_was_said(self, sight):
        """Of a room, as one reader was shown it, by every way to look at it."""
        told = sorted(self.end.of(sight.room), key=lambda told: told.number)
        bounds = self.shown_at_last(sight.person, sight.room)
        wrong = [self.sight_differs(sight, [t for t in told if t.number > bound]) for bound in bounds]
        assert "" in wrong if bounds else sight.is_nothing(), f"{sight.person.email}, to whom {sight.room} is shown after {bounds}, was shown {wrong or sight}"
        known = self.ledger.known(sight.room)
        for item in sight.items():
            one = self.end.messages[item["id"]]
            assert as_shown(item) == as_told(one, self.end), f"{item} and not {as_told(one, self.end)}"
            wrong = differs(self.ledger.messages[one.id], item, known[one.id], sight.person) if one.id in known else ""
            assert not wrong, f"{wrong}, was shown {item}"

    @staticmethod
    def sight_differs(sight, told):
        """told: the messages that are shown to them, in order."""
        ids, there = [t.id for t in told], {t.id for t in told}
        for items in sight.histories:
            if ids_of(items) != ids:
                return f"another history: {ids_of(items)}, not {ids}"
        if set(ids_of(sight.pins)) != {t.id for t in told if t.pinned}:
            return f"other pins: {ids_of(sight.pins)}"
        asked = [t.id for t in told if t.question and not t.deleted and not t.hidden]
        if ids_of(sight.questions) != asked:
            return f"other questions: {ids_of(sight.questions)}, not {asked}"
        for (name, root), items in sight.threads.items():
            if ids_of(items) != ([t.id for t in told if t.thread == root] if name in there else None):
                return f"another thread of {name}: {ids_of(items)}"
        return ""

    def is_what_was_found(self, person, author, items):
        """Of all that was said, or of what somebody has said under their name, where one is given."""
        last, found = self.log.events[-1].number, collections.defaultdict(list)
        for item in items or ():
            found[item["room_id"]].append(item["id"])
        for room in self.live.rooms.values():
            told = sorted((t for t in self.end.of(room) if not t.deleted and not t.hidden), key=lambda told: told.number)
            if author:
                told = [t for t in told if t.named and author.lower() in t.named["name"].lower() and self.live.course["id"] in self.log.rooms_at(t.author, last)]
            bounds = self.shown_at_last(person, room)
            due = [[t.id for t in told if t.number > bound] for bound in bounds]
            assert found[room] in due or not bounds and not found[room], f"{person.email} finds {found[room]} of {author} in {room}, not one of {due}"

    def unread_counts_match(self):
        last, people = self.log.events[-1].number, {person.id: person for person in [self.live.crowd.teacher, *self.live.people]}
        for (who, room), counted in self.live.aftermath.unread.items():
            inside = room in self.log.rooms_at(who, last)
            assert (counted is not None) == inside, f"{who} sees {counted} of {room}, and is {'a' if inside else 'no'} member"
            if counted is None:
                continue
            position, itself, listed = counted
            reading = self.ledger.readings.get((who, room))
            low, high = (reading.low, reading.high) if reading else (0, 0)
            assert low <= position <= high, f"{who} had read up to {low}, and {position} is left"
            unread = {self.end.unread(room, who, max(position, bound)) for bound in self.shown_at_last(people[who], room)}
            assert itself == listed and listed in unread, f"{who} after {position}: {itself} and {listed} unread, not {unread}"


def ids_of(items):
    return items if items is None else [item["id"] for item in items]


def difference(heard, due):
    heard, due = [(number, kind) for number, kind, _ in heard], [(e.number, e.kind) for e in due]
    few, many = collections.Counter(due) - collections.Counter(heard), collections.Counter(heard) - collections.Counter(due)
    if not few and not many:
        return f"another order: {heard}"
    return f"of {len(due)} lacks {sorted(few)[:5]} and has too many {sorted(many.elements())[:5]}"
