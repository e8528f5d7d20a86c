"""Courses and who is in them."""

import pytest
from client import eventually, faults, pages, problem, stream, unique

NOWHERE = "01989a11-0000-7000-8000-000000000000"


def test_whoever_makes_a_course_teaches_it(teacher):
    code = unique("BIO")
    reply = teacher.post("/v1/courses", json={"title": "Biology für Anfänger", "code": code, "time_zone": "Europe/Berlin"})
    assert reply.status_code == 201
    course = reply.json()
    assert course["title"] == "Biology für Anfänger" and course["code"] == code
    assert course["time_zone"] == "Europe/Berlin" and course["role"] == "teacher"
    read = teacher.get(reply.headers["location"])
    assert read.json() == course and read.headers["etag"] == reply.headers["etag"]
    (only,) = pages(teacher, f"/v1/courses/{course['id']}/enrolments")
    assert only["user_id"] == teacher.id and only["role"] == "teacher"


def test_members_make_no_courses(school):
    problem(school.person().post("/v1/courses", json={"title": "T", "code": unique("C"), "time_zone": "UTC"}), 403, "forbidden")


@pytest.mark.parametrize("zone", ["Berlin", "europe/berlin", "CET-1CEST", "posix/UTC", "+01:00", "Factory", "localtime", "Europe/Berlin "])
def test_time_zones_are_of_the_iana_database(teacher, zone):
    body = {"title": "T", "code": unique("C"), "time_zone": zone}
    assert faults(teacher.post("/v1/courses", json=body)) == {"/time_zone": "unknown"}


@pytest.mark.parametrize("change, expected", [
    ({"title": ""}, {"/title": "too-short"}),
    ({"title": "x" * 201}, {"/title": "too-long"}),
    ({"code": "x" * 51, "time_zone": 1}, {"/code": "too-long", "/time_zone": "type"}),
    ({"code": "a\tb"}, {"/code": "format"}),
    ({"owner": "me"}, {"/owner": "unknown"}),
])
def test_create_input(teacher, change, expected):
    body = {"title": "T", "code": unique("C"), "time_zone": "UTC"}
    assert faults(teacher.post("/v1/courses", json=body | change)) == expected


def test_a_code_is_used_once(teacher, course):
    problem(teacher.post("/v1/courses", json={"title": "T", "code": course["code"], "time_zone": "UTC"}), 409, "conflict")
    other = teacher.post("/v1/courses", json={"title": "T", "code": unique("C"), "time_zone": "UTC"}).json()
    problem(teacher.change(f"/v1/courses/{other['id']}", {"code": course["code"]}), 409, "conflict")


def test_one_sees_one_s_own_courses(school, admin):
    teacher = school.person("staff")
    mine = [school.course(teacher)["id"] for _ in range(5)]
    strangers = school.course()
    assert sorted(c["id"] for c in pages(teacher, "/v1/courses", limit=2)) == sorted(mine)
    everything = {c["id"]: c for c in pages(admin, "/v1/courses", limit=200)}
    assert set(mine) < set(everything) and strangers["id"] in everything
    assert everything[strangers["id"]]["role"] is None
    assert [c["code"] for c in everything.values()] == sorted((c["code"] for c in everything.values()))


def test_others_see_nothing(school, course, anonymous):
    stranger = school.person("staff")
    at = "/v1/courses/" + course["id"]
    for method, path, body in [
        ("GET", at, None), ("PATCH", at, {"title": "X"}), ("GET", at + "/enrolments", None),
        ("POST", at + "/enrolments", {"user_id": stranger.id, "role": "teacher"}),
        ("DELETE", f"{at}/enrolments/{stranger.id}", None),
    ]:
        send = {"json": body} if body else {}
        problem(stranger.request(method, path, headers={"If-Match": "*"}, **send), 404, "not-found")
        problem(anonymous.request(method, path, headers={"If-Match": "*"}, **send), 401, "unauthorized")


def test_students_read_and_no_more(course, student):
    at = "/v1/courses/" + course["id"]
    assert student.get(at).json()["role"] == "student"
    problem(student.patch(at, json={"title": "X"}, headers={"If-Match": "*"}), 403, "forbidden")
    problem(student.post(at + "/enrolments", json={"user_id": student.id, "role": "teacher"}), 403, "forbidden")
    problem(student.delete(f"{at}/enrolments/{student.id}"), 403, "forbidden")


def test_assistants_do_not_change_the_course(school, course):
    assistant = school.person()
    school.enrol(course, assistant, "assistant")
    at = "/v1/courses/" + course["id"]
    problem(assistant.patch(at, json={"title": "X"}, headers={"If-Match": "*"}), 403, "forbidden")
    problem(assistant.post(at + "/enrolments", json={"user_id": assistant.id, "role": "teacher"}), 403, "forbidden")


def test_change(teacher, course):
    path = "/v1/courses/" + course["id"]
    problem(teacher.patch(path, json={"title": "X"}), 428, "precondition-required")
    etag = teacher.get(path).headers["etag"]
    reply = teacher.patch(path, json={"title": "X", "time_zone": "America/New_York"}, headers={"If-Match": etag})
    assert reply.status_code == 200
    assert reply.json() | {"updated_at": None} == course | {"title": "X", "time_zone": "America/New_York", "updated_at": None}
    problem(teacher.patch(path, json={"title": "Y"}, headers={"If-Match": etag}), 412, "precondition-failed")
    problem(teacher.patch(path, json={"title": "Y"}, headers={"If-Match": f'W/{reply.headers["etag"]}'}), 412, "precondition-failed")
    assert faults(teacher.patch(path, json={"time_zone": "Mars"}, headers={"If-Match": "*"})) == {"/time_zone": "unknown"}
    assert teacher.get(path).json()["title"] == "X"


# --- enrolments ----------------------------------------------------------------------------------------------------------


def test_enrol_by_id_or_email(school, teacher, course):
    by_id, by_email = school.account(), school.account(name="Zora Zimt")
    at = f"/v1/courses/{course['id']}/enrolments"
    first = teacher.post(at, json={"user_id": by_id["id"], "role": "student"})
    assert first.status_code == 201 and first.headers["location"] == f"{at}/{by_id['id']}"
    second = teacher.post(at, json={"email": by_email["email"].upper(), "role": "assistant"})
    assert second.status_code == 201
    assert second.json() | {"enrolled_at": None} == {
        "course_id": course["id"], "user_id": by_email["id"], "name": "Zora Zimt", "email": by_email["email"],
        "role": "assistant", "enrolled_at": None}
    again = teacher.post(at, json={"user_id": by_id["id"], "role": "student"})
    assert again.status_code == 200 and again.json()["enrolled_at"] == first.json()["enrolled_at"]
    changed = teacher.post(at, json={"user_id": by_id["id"], "role": "assistant"})
    assert changed.status_code == 200 and changed.json()["role"] == "assistant"


@pytest.mark.parametrize("body, expected", [
    ({"role": "student"}, {"/user_id": "required"}),
    ({"role": "student", "user_id": NOWHERE, "email": "a@b.example"}, {"/user_id": "invalid"}),
    ({"role": "student", "user_id": NOWHERE}, {"/user_id": "unknown"}),
    ({"role": "student", "email": "nobody-at-all@school.example"}, {"/email": "unknown"}),
    ({"role": "king", "user_id": "me"}, {"/role": "invalid", "/user_id": "format"}),
])
def test_enrol_input(teacher, course, body, expected):
    assert faults(teacher.post(f"/v1/courses/{course['id']}/enrolments", json=body)) == expected


def test_deactivated_people_are_not_enrolled(school, teacher, course, admin):
    account = school.account()
    assert admin.change(f"/v1/users/{account['id']}", {"active": False}).status_code == 200
    body = {"user_id": account["id"], "role": "student"}
    assert faults(teacher.post(f"/v1/courses/{course['id']}/enrolments", json=body)) == {"/user_id": "unknown"}


def test_the_list_is_by_name_and_hides_addresses_from_students(school, teacher, course, student):
    for name in ("émile", "Anna", "anna", "Zoe"):
        person = school.account(name=name)
        assert teacher.post(f"/v1/courses/{course['id']}/enrolments", json={"user_id": person["id"], "role": "student"}).status_code == 201
    path = f"/v1/courses/{course['id']}/enrolments"
    seen = pages(teacher, path, limit=2)
    assert len(seen) == 6 and all(e["email"] for e in seen)
    names = [e["name"].lower() for e in seen]
    assert names.index("anna") < names.index("zoe")
    assert len({e["user_id"] for e in seen}) == 6
    assert [e["user_id"] for e in pages(student, path, limit=4)] == [e["user_id"] for e in seen]
    assert all(e["email"] is None for e in pages(student, path))
    assert {e["role"] for e in pages(teacher, path, role="teacher")} == {"teacher"}


def test_unenrol(school, teacher, course, student):
    path = f"/v1/courses/{course['id']}/enrolments/{student.id}"
    assert student.get("/v1/courses/" + course["id"]).status_code == 200
    assert teacher.delete(path).status_code == 204
    problem(student.get("/v1/courses/" + course["id"]), 404, "not-found")
    problem(teacher.delete(path), 404, "not-found")
    assert pages(student, "/v1/courses") == []


def test_an_administrator_may_everywhere(admin, school, course):
    path = "/v1/courses/" + course["id"]
    assert admin.get(path).json()["role"] is None
    assert admin.change(path, {"title": "By the administrator"}).status_code == 200
    assert all(e["email"] for e in pages(admin, path + "/enrolments"))


def test_membership_is_not_shown_to_clients_but_felt(school, teacher, course):
    """A new member's open stream starts to carry the course's news, without a new connection."""
    person = school.person()
    room = teacher.post(f"/v1/courses/{course['id']}/rooms", json={"name": "Questions", "kind": "discussion"})
    assert room.status_code == 201, room.text
    with stream(person) as events:
        school.enrol(course, person)
        eventually(lambda: person.get(f"/v1/rooms/{room.json()['id']}").status_code == 200)

        def heard():
            text = unique("hello")
            teacher.post(f"/v1/rooms/{room.json()['id']}/messages", json={"text": text, "client_id": text})
            return events.wait("message.created", lambda m: m["text"] == text, within=1)

        eventually(heard)
        assert "membership.changed" not in {e["event"] for e in events.events}
