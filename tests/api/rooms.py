"""What the tests of rooms and messages share."""


def make_room(person, course, name="Questions", kind="discussion", **fields):
    reply = person.post(f"/v1/courses/{course['id']}/rooms", json={"name": name, "kind": kind} | fields)
    assert reply.status_code == 201, reply.text
    return reply.json()


def say(person, room, text, **fields):
    reply = person.post(f"/v1/rooms/{room['id']}/messages", json={"text": text} | fields)
    assert reply.status_code == 201, reply.text
    return reply.json()


def read(person, message):
    reply = person.get(f"/v1/messages/{message['id']}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def history(person, room, limit=50):
    """Everything that was said in a room, the newest first, page by page."""
    got, before = [], None
    while True:
        params = {"limit": limit} | ({"before": before} if before else {})
        page = person.get(f"/v1/rooms/{room['id']}/messages", params=params).json()
        got += page["items"]
        before = page["next"]
        if before is None:
            return got


def poll(person, after=None, wait=0, **params):
    if after is not None:
        params["after"] = after
    reply = person.get("/v1/events/poll", params=params | {"wait": wait})
    assert reply.status_code == 200, reply.text
    return reply.json()


def cursor_now(person):
    return poll(person)["cursor"]


def heard_between(person, after, until):
    """Every event that a person hears after one id, up to another that is in the log."""
    events, cursor = [], after
    while cursor < until:
        reply = poll(person, after=cursor, wait=10)
        events += reply["events"]
        cursor = reply["cursor"]
    return [e for e in events if e["id"] <= until]


def mark(teacher, course):
    """An event that all of the course hear: what was told before it has a smaller id."""
    return say(teacher, {"id": course["id"]}, "mark")["event_id"]
