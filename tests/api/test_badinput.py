"""Input that no honest client sends, on routes of every kind: each fault has its own answer, and nothing else suffers."""

import concurrent.futures
import json

import httpx
import pytest
from client import CA, PASSWORD, PATIENCE, URL, Person, faults, pages, problem, unique

NOWHERE = "01989a11-0000-7000-8000-000000000000"
JSON = {"Content-Type": "application/json"}


def course_body():
    return {"title": "T", "code": unique("C"), "time_zone": "UTC"}


def post(person, content, path="/v1/courses", headers=JSON):
    return person.post(path, content=content, headers=headers)


# --- JSON ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    b"", b" ", b"{", b"}", b"{}}", b"{} {}", b"nul", b"{'title': 'x'}", b'{"title": "x",}', b'{"title": NaN}', b'{"title": Infinity}',
    b'{"title": 01}', b'{"title": +1}', b'{"title": .5}', b'{"title": 0x10}', b'{"title": "a\nb"}', b'{"title": "\\x41"}', b'{"title": "\\ud800"}',
    b'{"title": "unended', b"/* c */ {}", b"\xef\xbb\xbf{}", b'{"title": "a", "title": "b"}', b'{"title": "\xff"}', b'{"title": "\xc0\xaf"}',
    b'{"title": "\xed\xa0\x80"}', b"\x00", b"{}\x00", b'{"a": tru}', b"[1 2]",
])
def test_malformed_json(teacher, text):
    problem(post(teacher, text), 400, "malformed-json")


@pytest.mark.parametrize("text", [b"[]", b"null", b"true", b"17", b'"text"'])
def test_json_that_is_no_object(teacher, text):
    assert faults(post(teacher, text)) == {"": "type"}


def test_nul_in_a_string(teacher):
    body = course_body() | {"title": "a\0b"}
    assert faults(teacher.post("/v1/courses", json=body)) == {"/title": "utf8"}


@pytest.mark.parametrize("nest", [lambda n: b"[" * n + b"]" * n, lambda n: b'{"a":' * n + b"1" + b"}" * n, lambda n: b"[" * n])
@pytest.mark.parametrize("depth", [33, 1000, 4000])
def test_deep_nesting(teacher, nest, depth):
    text = b'{"title": ' + nest(depth) + b"}"
    if len(text) <= 8192:
        problem(post(teacher, text), 400, "malformed-json")
    else:
        problem(post(teacher, text), 413, "too-large")
    assert teacher.get("/v1/me").status_code == 200


@pytest.mark.parametrize("value", ["1e400", "-1e400", "9" * 400, "1" + "0" * 30, "0." + "0" * 300 + "1", "1e-400", "-0", "12345678901234567890"])
def test_huge_numbers(teacher, value):
    text = json.dumps(course_body()).replace('"T"', value).encode()
    assert faults(post(teacher, text)) == {"/title": "type"}


@pytest.mark.parametrize("value", ["1e400", "99999999999999999999", "1.5", "-1", "0x10", " 7", "7 ", "", "١"])
def test_numbers_in_a_query(teacher, value):
    reply = teacher.get("/v1/courses", params={"limit": value})
    assert list(faults(reply)) == ["/limit"]


@pytest.mark.parametrize("value", [1, 1.5, True, None, [], {}, ["a"], {"a": "b"}])
def test_wrong_types(teacher, value):
    assert faults(teacher.post("/v1/courses", json={"title": value, "code": value, "time_zone": value})) == {
        "/title": "type", "/code": "type", "/time_zone": "type"}


def test_every_fault_at_once(teacher):
    body = {"title": "", "code": 7, "zone": "UTC", "owner": {"id": 1}, "a/b~c": 1}
    assert faults(teacher.post("/v1/courses", json=body)) == {
        "/title": "too-short", "/code": "type", "/time_zone": "required", "/zone": "unknown", "/owner": "unknown", "/a~1b~0c": "unknown"}


def test_thousands_of_faults_are_told_within_bounds(teacher):
    body = {f"m{i}": i for i in range(500)}
    reply = teacher.post("/v1/courses", json=body)
    assert 3 <= len(faults(reply)) <= 60 and len(reply.content) < 20000


# --- addresses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [
    "/", "/v1", "/v1/", "/v1/nothing", "/v1/me/", "//v1/me", "/v1/me/x", "/v2/me", "/V1/me", "/v1/users/1", "/v1/users/" + NOWHERE + "0",
    "/v1/courses/" + NOWHERE + "/nothing", "/v1/courses/%2e%2e/me", "/v1/courses/" + "x" * 1000, "/.env", "/v1/me.json", "/v1/m%65/x",
    "/_blob/x", "/_problem/404",
])
def test_addresses_of_nothing(admin, path):
    problem(admin.get(path), 404, "not-found")


def test_escapes_in_an_address(admin):
    assert admin.get("/v1/m%65").status_code == 200
    for path in ("/v1/courses/%", "/v1/courses/%zz", "/v1/courses/%00"):
        assert admin.get(path).status_code in (400, 404)


def test_ids_in_either_case(teacher, course):
    assert teacher.get("/v1/courses/" + course["id"].upper()).json() == teacher.get("/v1/courses/" + course["id"]).json()


@pytest.mark.parametrize("query", ["limit", "limit=%zz", "limit=1&limit=2", "%ff=1", "x=%00", "limit=1;cursor=2", "x=1&" * 300], ids=range(7))
def test_queries(teacher, query):
    reply = teacher.get("/v1/courses?" + query)
    problem(reply, 422, "invalid-input")
    assert len(reply.content) < 20000


def test_a_query_where_there_is_none(teacher):
    assert faults(teacher.get("/v1/me?x=1")) == {"/x": "unknown"}


def test_a_cursor_of_another_list(admin):
    cursor = admin.get("/v1/users", params={"limit": 1}).json()["next"]
    assert cursor
    assert faults(admin.get("/v1/courses", params={"cursor": cursor})) == {"/cursor": "invalid"}
    for mangled in (cursor[:-2], cursor + "AA", cursor.swapcase(), "!" + cursor, "A" * 1000):
        assert faults(admin.get("/v1/users", params={"cursor": mangled})) == {"/cursor": "invalid"}


# --- methods, media, sizes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method, path, allow", [
    ("DELETE", "/v1/me", {"GET", "HEAD", "OPTIONS"}), ("PUT", "/v1/courses", {"GET", "HEAD", "POST", "OPTIONS"}),
    ("GET", "/v1/auth/login", {"POST", "OPTIONS"}), ("POST", "/v1/users/" + NOWHERE, {"GET", "HEAD", "PATCH", "OPTIONS"}),
])
def test_methods_that_a_resource_has_not(admin, method, path, allow):
    reply = admin.request(method, path)
    problem(reply, 405, "method-not-allowed")
    assert {m.strip() for m in reply.headers["allow"].split(",")} == allow
    options = admin.options(path)
    assert options.status_code == 204
    assert {m.strip() for m in options.headers["allow"].split(",")} == allow


@pytest.mark.parametrize("method", ["FROBNICATE", "TRACE", "PROPFIND"])
def test_methods_that_nobody_has(admin, method):
    with httpx.Client(base_url=URL, verify=CA, timeout=PATIENCE) as plain:
        reply = plain.send(httpx.Request(method, URL + "/v1/me", headers={"Authorization": "Bearer " + admin.token}))
    assert reply.status_code in (400, 405, 501), reply.text


@pytest.mark.parametrize("headers", [
    {}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "application/jsonp"},
    {"Content-Type": "multipart/form-data; boundary=x"}, {"Content-Type": ";"}, {"Content-Type": "application/json, text/plain"},
])
def test_media_types(teacher, headers):
    reply = post(teacher, json.dumps(course_body()).encode(), headers=headers)
    problem(reply, 415, "unsupported-media-type")
    assert reply.headers["accept-post"] == "application/json"


def test_media_type_with_parameters(teacher):
    reply = post(teacher, json.dumps(course_body()).encode(), headers={"Content-Type": "Application/JSON; charset=UTF-8"})
    assert reply.status_code == 201


def test_a_body_where_none_is_expected(teacher):
    problem(teacher.request("GET", "/v1/me", json={}), 415, "unsupported-media-type")
    problem(teacher.post("/v1/auth/logout", json={}), 415, "unsupported-media-type")
    assert teacher.get("/v1/me").status_code == 200


def test_over_the_limit_of_the_route(teacher, anonymous):
    body = json.dumps(course_body() | {"padding": "x" * 9000}).encode()
    problem(post(teacher, body), 413, "too-large")
    problem(post(anonymous, b" " * 5000, "/v1/auth/login"), 413, "too-large")
    at_the_limit = json.dumps(course_body()).encode()
    assert post(teacher, at_the_limit + b" " * (8192 - len(at_the_limit))).status_code == 201


def test_preconditions_are_checked_in_order(anonymous, teacher):
    """Who may not call learns nothing about what is wrong with the call."""
    problem(anonymous.post("/v1/users", content=b"{", headers={"Content-Type": "text/plain"}), 401)
    problem(teacher.post("/v1/users", content=b"{", headers={"Content-Type": "text/plain"}), 403)


@pytest.mark.parametrize("header, value", [
    ("If-Match", "nonsense"), ("If-Match", '"unended'), ("If-Match", ","), ("If-Match", '"' + "x" * 2000 + '"'), ("If-Match", "W/\"1\""),
])
def test_strange_preconditions(teacher, course, header, value):
    problem(teacher.patch("/v1/courses/" + course["id"], json={"title": "X"}, headers={header: value}), 412, "precondition-failed")


def test_lists_of_etags(teacher, course):
    etag = teacher.get("/v1/courses/" + course["id"]).headers["etag"]
    reply = teacher.patch("/v1/courses/" + course["id"], json={"title": "X"}, headers={"If-Match": f'"other", W/"x" ,{etag}'})
    assert reply.status_code == 200
    path = "/v1/courses/" + course["id"]
    assert teacher.get(path, headers={"If-None-Match": f'"other", W/{reply.headers["etag"]}'}).status_code == 304
    assert teacher.get(path, headers={"If-None-Match": "*"}).status_code == 304


# --- Idempotency-Key -----------------------------------------------------------------------------------------------------


def keyed(person, body, key, path="/v1/courses"):
    with Person() as client:
        return client.post(path, json=body, headers={"Authorization": "Bearer " + person.token, "Idempotency-Key": key})


def test_the_same_key_many_times_at_once(school):
    teacher, body, key = school.person("staff"), course_body(), unique("key")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: keyed(teacher, body, key), range(8)))
    made = [r for r in replies if r.status_code == 201]
    assert made and all(r.status_code in (201, 409) for r in replies)
    assert len({r.content for r in made}) == 1
    assert sum("idempotent-replay" not in r.headers for r in made) == 1
    assert len(pages(teacher, "/v1/courses")) == 1
    again = keyed(teacher, body, key)
    assert again.status_code == 201 and again.content == made[0].content and again.headers["idempotent-replay"] == "true"


def test_a_key_with_another_body(school):
    teacher, body, key = school.person("staff"), course_body(), unique("key")
    assert keyed(teacher, body, key).status_code == 201
    problem(keyed(teacher, body | {"title": "Other"}, key), 422, "idempotency-key-reused")
    assert [c["title"] for c in pages(teacher, "/v1/courses")] == ["T"]


def test_a_key_is_its_person_s_and_its_path_s_own(teacher, school):
    key = unique("key")
    other = school.person("staff")
    mine, theirs = keyed(teacher, course_body(), key).json(), keyed(other, course_body(), key).json()
    assert mine["id"] != theirs["id"]
    member = school.account()
    for course in (mine, mine):
        reply = keyed(teacher, {"user_id": member["id"], "role": "student"}, key, f"/v1/courses/{course['id']}/enrolments")
        assert reply.status_code == 201


def test_a_refused_request_uses_no_key_up(teacher):
    key, body = unique("key"), course_body()
    problem(keyed(teacher, body | {"time_zone": "Mars"}, key), 422, "invalid-input")
    assert keyed(teacher, body, key).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ключ".encode()])
def test_keys_that_are_none(teacher, key):
    reply = teacher.post("/v1/courses", json=course_body(), headers={"Idempotency-Key": key})
    problem(reply, 400, "bad-request")


def test_login_takes_no_key(anonymous, school):
    account, key = school.account(), {"Idempotency-Key": unique("key")}
    body = {"email": account["email"], "password": PASSWORD}
    first, second = (anonymous.post("/v1/auth/login", json=body, headers=key).json() for _ in range(2))
    assert first["refresh_token"] != second["refresh_token"]


# --- heads ---------------------------------------------------------------------------------------------------------------


def test_a_head_that_is_too_large(teacher):
    with httpx.Client(base_url=URL, verify=CA, timeout=PATIENCE) as plain:
        reply = plain.get("/v1/me", headers={"Authorization": "Bearer " + teacher.token, "X-Padding": "x" * 20000})
    problem(reply, 431)
    assert teacher.get("/v1/me").status_code == 200


def test_many_cookies(anonymous):
    cookies = "; ".join(f"c{i}={'v' * 20}" for i in range(200)) + "; __Host-ea_session=; =; ;;"
    problem(anonymous.get("/v1/me", headers={"Cookie": cookies}), 401, "unauthorized")


def test_what_people_write_comes_back_as_it_was(teacher):
    title = "<script>alert(1)</script> & \"quotes\" \\ ' \u2028 \U0001F600 \u0627\u0644\u0633 '; DROP TABLE users; --"
    course = teacher.post("/v1/courses", json=course_body() | {"title": title}).json()
    assert course["title"] == title
    assert teacher.get("/v1/courses/" + course["id"]).json()["title"] == title
