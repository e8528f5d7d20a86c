"""Accounts: what administrators do with them, and what follows for the people."""

import concurrent.futures

import pytest
from client import PASSWORD, Person, eventually, faults, pages, problem, unique

NOWHERE = "01989a11-0000-7000-8000-000000000000"


def test_create(admin):
    email = unique("new") + "@school.example"
    reply = admin.post("/v1/users", json={"email": email.upper(), "name": "Zoë Ångström", "role": "staff", "password": PASSWORD})
    assert reply.status_code == 201
    user = reply.json()
    assert user["email"] == email and user["name"] == "Zoë Ångström" and user["role"] == "staff"
    assert user["active"] and user["has_password"]
    assert reply.headers["location"] == "/v1/users/" + user["id"]
    read = admin.get(reply.headers["location"])
    assert read.json() == user and read.headers["etag"] == reply.headers["etag"]
    assert "password" not in read.text.replace("has_password", "")


def test_an_email_address_is_used_once(admin, school):
    account = school.account()
    again = {"email": account["email"].title(), "name": "A", "role": "member", "password": PASSWORD}
    problem(admin.post("/v1/users", json=again), 409, "conflict")


@pytest.mark.parametrize("change, expected", [
    ({"email": "nobody"}, {"/email": "format"}),
    ({"email": "a@b@c.example"}, {"/email": "format"}),
    ({"email": "a" * 65 + "@b.example"}, {"/email": "format"}),
    ({"name": ""}, {"/name": "too-short"}),
    ({"name": "x" * 201}, {"/name": "too-long"}),
    ({"name": "two\nlines"}, {"/name": "format"}),
    ({"role": "root"}, {"/role": "invalid"}),
    ({"password": "short"}, {"/password": "too-short"}),
    ({"password": None}, {"/password": "type"}),
    ({"id": NOWHERE}, {"/id": "unknown"}),
])
def test_create_input(admin, change, expected):
    body = {"email": unique("x") + "@school.example", "name": "X", "role": "member", "password": PASSWORD}
    assert faults(admin.post("/v1/users", json=body | change)) == expected


@pytest.mark.parametrize("method, path", [
    ("POST", "/v1/users"), ("GET", "/v1/users"), ("GET", "/v1/users/" + NOWHERE), ("PATCH", "/v1/users/" + NOWHERE),
    ("POST", "/v1/roster/import"),
])
def test_only_for_administrators(teacher, anonymous, school, method, path):
    body = {"json": {}} if method in ("POST", "PATCH") else {}
    problem(anonymous.request(method, path, **body), 401, "unauthorized")
    for person in (teacher, school.person()):
        problem(person.request(method, path, **body), 403, "forbidden")


def test_list_finds_and_pages(admin, school):
    word = unique("Wort")
    made = [school.account(role, name=f"{word} {role} {i}") for i in range(4) for role in ("member", "staff")]
    found = pages(admin, "/v1/users", q=word.lower(), limit=3)
    assert sorted(u["id"] for u in found) == sorted(u["id"] for u in made)
    assert [u["email"] for u in found] == sorted(u["email"] for u in made)
    assert len(pages(admin, "/v1/users", q=word, role="staff", limit=200)) == 4
    by_email = pages(admin, "/v1/users", q=made[0]["email"].upper())
    assert [u["id"] for u in by_email] == [made[0]["id"]]
    assert pages(admin, "/v1/users", q=word + "%") == [] and pages(admin, "/v1/users", q="_" + word) == []
    assert admin.change(f"/v1/users/{made[0]['id']}", {"active": False}).status_code == 200
    assert len(pages(admin, "/v1/users", q=word, active="true")) == 7
    assert [u["id"] for u in pages(admin, "/v1/users", q=word, active="false")] == [made[0]["id"]]


def test_list_input(admin):
    assert faults(admin.get("/v1/users", params={"limit": 201})) == {"/limit": "out-of-range"}
    assert faults(admin.get("/v1/users", params={"limit": 0})) == {"/limit": "out-of-range"}
    assert faults(admin.get("/v1/users", params={"limit": "many", "role": "root"})) == {"/limit": "type", "/role": "invalid"}
    assert faults(admin.get("/v1/users", params={"order": "name"})) == {"/order": "unknown"}
    assert faults(admin.get("/v1/users", params={"cursor": "forged"})) == {"/cursor": "invalid"}


def test_change_needs_the_version_that_was_seen(admin, school):
    account = school.account()
    path = "/v1/users/" + account["id"]
    problem(admin.patch(path, json={"name": "A"}), 428, "precondition-required")
    etag = admin.get(path).headers["etag"]
    first = admin.patch(path, json={"name": "A"}, headers={"If-Match": etag})
    assert first.status_code == 200 and first.json()["name"] == "A" and first.headers["etag"] != etag
    problem(admin.patch(path, json={"name": "B"}, headers={"If-Match": etag}), 412, "precondition-failed")
    assert admin.get(path).json()["name"] == "A"
    assert admin.patch(path, json={"name": "C"}, headers={"If-Match": first.headers["etag"]}).status_code == 200
    problem(admin.patch("/v1/users/" + NOWHERE, json={"name": "A"}, headers={"If-Match": "*"}), 404, "not-found")


def test_of_two_changes_at_once_one_is_told(admin, school):
    path = "/v1/users/" + school.account()["id"]
    etag = admin.get(path).headers["etag"]

    def change(i):
        with Person() as client:
            return client.patch(path, json={"name": f"N{i}"}, headers={"If-Match": etag, "Authorization": "Bearer " + admin.token})

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        codes = sorted(r.status_code for r in pool.map(change, range(6)))
    assert codes == [200] + [412] * 5


def test_deactivation_ends_every_session(admin, school):
    person = school.person()
    other = school.login(person.email, PASSWORD)
    assert admin.change(f"/v1/users/{person.id}", {"active": False}).json()["active"] is False
    for session in (person, other):
        problem(session.get("/v1/me"), 401, "unauthorized")
        problem(session.post("/v1/auth/refresh", json={"refresh_token": session.refresh_token}), 401, "unauthorized")
    problem(person.post("/v1/auth/login", json={"email": person.email, "password": PASSWORD}), 401, "invalid-credentials")
    assert admin.change(f"/v1/users/{person.id}", {"active": True}).status_code == 200
    assert school.login(person.email, PASSWORD).get("/v1/me").status_code == 200
    problem(other.get("/v1/me"), 401, "unauthorized")


def test_a_new_role_needs_a_new_login(admin, school):
    person = school.person()
    problem(person.post("/v1/courses", json={"title": "T", "code": unique("C"), "time_zone": "UTC"}), 403, "forbidden")
    assert admin.change(f"/v1/users/{person.id}", {"role": "staff"}).status_code == 200
    problem(person.get("/v1/me"), 401, "unauthorized")
    again = school.login(person.email, PASSWORD)
    assert again.user["role"] == "staff"
    assert again.post("/v1/courses", json={"title": "T", "code": unique("C"), "time_zone": "UTC"}).status_code == 201


def test_a_new_password_needs_a_new_login(admin, school):
    person = school.person()
    assert admin.change(f"/v1/users/{person.id}", {"password": "another-long-password"}).status_code == 200
    problem(person.get("/v1/me"), 401, "unauthorized")
    problem(person.post("/v1/auth/login", json={"email": person.email, "password": PASSWORD}), 401, "invalid-credentials")
    assert school.login(person.email, "another-long-password").get("/v1/me").status_code == 200


def test_a_new_name_leaves_sessions_alone(admin, school):
    person = school.person()
    assert admin.change(f"/v1/users/{person.id}", {"name": "Somebody Else", "role": "member", "active": True}).status_code == 200
    eventually(lambda: person.get("/v1/me").json()["name"] == "Somebody Else")


def test_there_is_always_an_administrator(admin, school):
    """With a second one the first may go; the last one may not."""
    second = school.person("admin")
    path = f"/v1/users/{second.id}"
    assert second.change(path, {"role": "member"}).status_code == 200
    active = [u for u in pages(admin, "/v1/users", role="admin", active="true")]
    if len(active) == 1:
        for change in ({"role": "staff"}, {"active": False}):
            problem(admin.change(f"/v1/users/{active[0]['id']}", change), 409, "conflict")
    assert admin.get("/v1/me").status_code == 200


def test_the_same_key_makes_one_account(admin):
    body = {"email": unique("key") + "@school.example", "name": "K", "role": "member", "password": PASSWORD}
    key = {"Idempotency-Key": unique("key")}
    first, second = (admin.post("/v1/users", json=body, headers=key) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.content == second.content and second.headers["idempotent-replay"] == "true"
    assert "idempotent-replay" not in first.headers
    assert second.headers["location"] == first.headers["location"] and second.headers["etag"] == first.headers["etag"]
    problem(admin.post("/v1/users", json=body | {"name": "L"}, headers=key), 422, "idempotency-key-reused")
