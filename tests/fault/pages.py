"""Whether messages are shown as they were known to be, and as the log has told of them."""

from ledger import ANSWERED, OPEN


def reach(bounds, shown, missing):
    """Whether this is all that is shown after one of these events: of messages, by their numbers."""
    return any(all(number > bound for number in shown) and all(number <= bound for number in missing) for bound in bounds)


def page_shows(look, room, bounds, ledger):
    """What a page shows of a room, against what was known both before it was asked for and after it came. bounds: after which event the room is shown to who looked."""
    shown = {item["id"]: item for item in look.page["items"] if item["room_id"] == room}
    before = {id: known for id, known in look.before.items() if ledger.messages[id].room == room}
    order, missing = [int(item["event_id"]) for item in shown.values()], []
    if look.whole:
        assert order in (sorted(set(order)), sorted(set(order), reverse=True)), f"a page of another order: {order}"
        edge = min(order, default=0) if look.page["next"] else 0
        missing = [ledger.messages[id].event_id for id in before if id not in shown and ledger.messages[id].event_id >= edge]
    assert reach(bounds, order, missing) or not (order or look.whole), f"{look.person.email}, to whom {room} is shown after {bounds}, was shown {order} and not {missing}, which were acknowledged"
    for id, known in before.items():
        if id in shown:
            wrong = differs(ledger.messages[id], shown[id], dict(known.items() & look.after[id].items()), look.person)
            assert not wrong, f"{wrong}, was shown {shown[id]}"


def differs(message, item, known, reader):
    """What is wrong with a message as it was shown; "" for nothing. known: {field: (turns, value)}."""
    deleted, hidden, text, pinned, answered = (known.get(field, (0, None))[1] for field in ("deleted", "hidden", "text", "pinned", "answered"))
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
    if message.question and answered is not None and answered != as_answered(item["question"]):
        return f"answered: {answered}"
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


def as_answered(question):
    return OPEN if question["answered_at"] is None else question["answer_id"] or ANSWERED


def as_told(told, replay):
    if told is None:
        return None
    reactions = {emoji: len(who) for emoji, who in told.reactions.items() if who}
    return (told.id, told.number, told.named, told.question, told.thread, told.version, told.deleted, told.hidden, told.pinned, replay.replies(told), reactions)


def as_shown(item):
    if item is None:
        return None
    flags = [item[at] is not None for at in ("deleted_at", "hidden_at", "pinned_at")]
    reactions = {reaction["emoji"]: reaction["count"] for reaction in item["reactions"]}
    return (item["id"], int(item["event_id"]), item["author"], item["question"], item["thread_id"], item["version"], *flags, item["replies"], reactions)
