"""What is for some only: who was called by name hears of it once and nobody else does, nobody learns who has asked without a name, and who is muted has said nothing (that is seen where
eventlog.py replays it)."""

import json


def check(verdict):
    mentions_are_told(verdict)
    nobody_learns_who_asked(verdict)
    mutes_are_in_the_log(verdict)


# --- mentions -------------------------------------------------------------------------------------------------------------------


def mentions_are_told(verdict):
    for told in verdict.end.messages.values():
        must, may = called(verdict, told)
        assert len(told.mentioned) == len(set(told.mentioned)), f"mentioned twice in {told.id}: {told.mentioned}"
        assert must <= set(told.mentioned) <= may, f"mentioned in {told.id}, which is {told.number}: {told.mentioned}, not {must}, and at most {may}"


def called(verdict, told):
    """Who must be told that a message names them, and who may be: nobody who was not in the room then. Who came only while it was on its way may have come too late to be meant."""
    log, ledger, teacher, saying = verdict.log, verdict.ledger, verdict.live.crowd.teacher, verdict.ledger.sayings.get(told.client)
    if saying is None:
        return set(), set()
    may = set(saying.named)
    must = {who for who in may if log.stayed(who, told.room, saying.since, told.number)}
    if saying.teachers:
        may |= {teacher.id} | {who for who, place in ledger.places.items() if place.taught}
        must |= {teacher.id} | saying.staff
    may = {who for who in may - {told.author} if told.room in log.rooms_at(who, told.number)}
    return must - {told.author}, may


# --- questions ------------------------------------------------------------------------------------------------------------------


def nobody_learns_who_asked(verdict):
    """Reactions are under everybody's own name, and the author may be among those who are mentioned."""
    askers = {message: author for message, (author, _) in verdict.log.askers.items()}
    for message in verdict.ledger.messages.values():
        assert message.anonymous == (message.id in askers), f"asked with a name, or without: {message.id}"
    for event in verdict.log.events:
        asker = askers.get(event.data.get("message_id", event.data.get("id")))
        if event.kind != "reaction.changed" and asker:
            keeps_silent(asker, event.data)
    for item in everything_shown(verdict.live):
        if item["id"] in askers:
            keeps_silent(askers[item["id"]], item)
    for message, versions in verdict.live.aftermath.versions.items():
        assert askers[message] not in json.dumps(versions), f"who asked is in the versions of {message}: {versions}"


def everything_shown(live):
    for look in live.looks:
        yield from look.page["items"]
    for snapshot in (snapshot for follower in live.followers for snapshot in follower.snapshots):
        yield from (filter(None, (room["last_message"] for room in snapshot.shown)) if snapshot.what == "rooms" else snapshot.shown["items"])
    for sight in live.aftermath.sights:
        yield from sight.items()
    for _, _, items in live.aftermath.found:
        yield from items or ()


def keeps_silent(asker, shown):
    said = {name: value for name, value in shown.items() if name != "mentions"}
    assert said.get("author") is None and said.get("client_id") is None and asker not in json.dumps(said), f"{asker} has asked without a name: {shown}"


# --- mutes ----------------------------------------------------------------------------------------------------------------------


def mutes_are_in_the_log(verdict):
    for pair, mute in verdict.ledger.mutes.items():
        assert (pair in verdict.end.muted) in mute.may_be, f"muted: {pair in verdict.end.muted}, not {mute.may_be}: {pair}"
