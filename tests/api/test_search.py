"""Searching what was said: words and what narrows them, over the rooms that one hears and no others."""

import pytest
from client import faults, problem
from rooms import make_room, say


def found(person, course, q, **params):
    reply = person.get(f"/v1/courses/{course['id']}/messages", params={"q": q} | params)
    assert reply.status_code == 200, reply.text
    return reply.json()["items"]


def ids(messages):
    return [m["id"] for m in messages]


@pytest.fixture
def room(teacher, course):
    return make_room(teacher, course, name="Light and leaves")


def test_words_phrases_and_what_is_not_meant(teacher, student, course, room):
    one = say(teacher, room, "The **green** pigment is chlorophyll")
    two = say(student, {"id": course["id"]}, "Chlorophyll, and no green pigment at all")
    assert ids(found(student, course, "chlorophyll")) == [two["id"], one["id"]]
    assert ids(found(student, course, '"pigment is"')) == [one["id"]]
    assert ids(found(student, course, "chlorophyll -all")) == [one["id"]]
    assert ids(found(student, course, "nothing or ALL")) == [two["id"]]
    assert found(student, course, "nothing") == []
    (hit,) = found(student, course, '"pigment is"')
    assert hit["room"] == {"id": room["id"], "name": "Light and leaves"} and hit["html"] == one["html"]


def test_what_is_said_or_changed_or_taken_back_since_is_found_as_it_is(teacher, student, course, room):
    message = say(student, room, "xylem")
    assert ids(found(teacher, course, "xylem")) == [message["id"]]
    student.patch(f"/v1/messages/{message['id']}", json={"text": "phloem"})
    assert found(teacher, course, "xylem") == [] and ids(found(teacher, course, "phloem")) == [message["id"]]
    unseen = say(student, room, "stoma")
    student.patch(f"/v1/messages/{unseen['id']}", json={"text": "cuticle"})
    assert found(teacher, course, "stoma") == [] and ids(found(teacher, course, "cuticle")) == [unseen["id"]]
    teacher.put(f"/v1/messages/{message['id']}/hidden")
    assert found(teacher, course, "phloem") == []
    teacher.delete(f"/v1/messages/{message['id']}/hidden")
    assert ids(found(teacher, course, "phloem")) == [message["id"]]
    student.delete(f"/v1/messages/{message['id']}")
    assert found(teacher, course, "phloem") == []
    hidden = say(student, room, "epidermis")
    teacher.put(f"/v1/messages/{hidden['id']}/hidden")
    assert found(teacher, course, "epidermis") == []
    teacher.delete(f"/v1/messages/{hidden['id']}/hidden")
    assert ids(found(teacher, course, "epidermis")) == [hidden["id"]]


def test_from_in_before_and_has_file(school, teacher, student, course, room):
    name = student.user["name"]
    theirs = say(student, room, "stoma of a leaf")
    mine = say(teacher, {"id": course["id"]}, "stoma again")
    (file,) = student.post(f"/v1/rooms/{room['id']}/files", files={"file": ("guardcells.png", b"x")}).json()["items"]
    with_file = say(student, room, "a picture of a stoma", files=[file["id"]])
    assert ids(found(teacher, course, f'stoma from:"{name}"')) == [with_file["id"], theirs["id"]]
    assert ids(found(teacher, course, f"FROM:{name} stoma has:file")) == [with_file["id"]]
    assert ids(found(teacher, course, "has:file")) == [with_file["id"]]
    assert ids(found(teacher, course, "guardcells")) == [with_file["id"]]
    assert ids(found(teacher, course, 'in:"light and" stoma')) == [with_file["id"], theirs["id"]]
    assert ids(found(teacher, course, f"in:\"{course['title']}\" stoma")) == [mine["id"]]
    assert found(teacher, course, "stoma before:2020-01-01") == []
    assert len(found(teacher, course, "stoma before:2099-12-31")) == 3
    assert found(teacher, course, "stoma from:nobody-at-all") == [] and found(teacher, course, "stoma in:nowhere") == []
    for q in ("before:tomorrow", "before:2026-13-01", "before:2026-02-30", "has:money"):
        assert faults(teacher.get(f"/v1/courses/{course['id']}/messages", params={"q": q})) == {"/q": "invalid"}
    assert faults(teacher.get(f"/v1/courses/{course['id']}/messages")) == {"/q": "required"}


def test_pages_go_back(teacher, student, course, room):
    said = [say(teacher, room, f"stoma {i}")["id"] for i in range(5)]
    path, got, before = f"/v1/courses/{course['id']}/messages", [], {}
    while True:
        page = student.get(path, params={"q": "stoma", "limit": 2} | before).json()
        got += ids(page["items"])
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert got == said[::-1]


def test_nobody_finds_what_they_do_not_hear(school, admin, teacher, student, course):
    friend, other = school.person(), school.person()
    for person in (friend, other):
        school.enrol(course, person)
    private = student.post(f"/v1/courses/{course['id']}/rooms", json={"kind": "direct", "members": [friend.id]}).json()
    group = make_room(teacher, course, name="Group", kind="group", members=[student.id])
    secret, shared = say(student, private, "cotyledon between us"), say(student, group, "cotyledon in the group")
    assert ids(found(student, course, "cotyledon")) == [shared["id"], secret["id"]]
    assert ids(found(friend, course, "cotyledon")) == [secret["id"]]
    assert ids(found(teacher, course, "cotyledon")) == [shared["id"]]
    for q in ("cotyledon", f"from:{student.user['name']}", f"room:{private['id']}", f"'room:{private['id']}' | cotyledon"):
        assert found(other, course, q) == []
    problem(school.person().get(f"/v1/courses/{course['id']}/messages", params={"q": "cotyledon"}), 404)
    elsewhere = school.course(teacher)
    assert found(teacher, elsewhere, "cotyledon") == []
