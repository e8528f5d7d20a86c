"""Signing in, staying in, getting out: /v1/auth/*, /v1/me and the keys."""

import base64
import concurrent.futures
import json
import os
import time

import pytest
from client import PASSWORD, Person, eventually, faults, problem, unique
from jwcrypto import jwk, jws, jwt
from listening import has_read


def login(person, email, password, **more):
    return person.post("/v1/auth/login", json={"email": email, "password": password} | more)


def refresh(person, token):
    return person.post("/v1/auth/refresh", json={"refresh_token": token})


def as_bearer(person, token):
    return person.get("/v1/me", headers={"Authorization": "Bearer " + token})


def at_once(n, call):
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        return [f.result() for f in [pool.submit(call, i) for i in range(n)]]


# --- login ---------------------------------------------------------------------------------------------------------------


def test_login_says_who_one_is(anonymous, school):
    account = school.account("staff", name="Grace Hopper")
    reply = login(anonymous, account["email"], PASSWORD)
    assert reply.status_code == 200
    body = reply.json()
    assert body["token_type"] == "Bearer" and body["expires_in"] == 900
    assert body["user"] == {"id": account["id"], "email": account["email"], "name": "Grace Hopper", "role": "staff"}
    assert "set-cookie" not in reply.headers
    assert reply.headers["cache-control"] == "no-store"
    me = as_bearer(anonymous, body["access_token"])
    assert me.status_code == 200
    assert me.json() == body["user"] | {"enrolments": []}


def test_email_is_compared_in_lower_case(anonymous, school):
    account = school.account()
    assert login(anonymous, " " + account["email"].upper(), PASSWORD).status_code == 200


def test_wrong_password_and_unknown_account_look_the_same(anonymous, school):
    account = school.account()
    wrong = problem(login(anonymous, account["email"], PASSWORD + "x"), 401, "invalid-credentials")
    unknown = problem(login(anonymous, unique("nobody") + "@school.example", PASSWORD), 401, "invalid-credentials")
    for body in (wrong, unknown):
        body.pop("request_id")
    assert wrong == unknown


def test_account_without_password_cannot_sign_in(anonymous, admin):
    email = unique("silent") + "@school.example"
    assert admin.post("/v1/users", json={"email": email, "name": "S", "role": "member"}).status_code == 201
    problem(login(anonymous, email, PASSWORD), 401, "invalid-credentials")


def test_ten_failures_close_an_account_for_a_while(anonymous, school):
    account, other = school.account(), school.account()
    for _ in range(10):
        problem(login(anonymous, account["email"], "wrong-password"), 401, "invalid-credentials")
    refused = login(anonymous, account["email"], PASSWORD)
    problem(refused, 429, "too-many-requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 900
    assert login(anonymous, other["email"], PASSWORD).status_code == 200


def test_guessing_an_unknown_account_is_limited_too(anonymous):
    email = unique("nobody") + "@school.example"
    for _ in range(10):
        problem(login(anonymous, email, "wrong-password"), 401)
    problem(login(anonymous, email, "wrong-password"), 429, "too-many-requests")


def test_success_forgets_earlier_failures(anonymous, school):
    account = school.account()
    for _ in range(2):
        for _ in range(7):
            problem(login(anonymous, account["email"], "wrong-password"), 401)
        assert login(anonymous, account["email"], PASSWORD).status_code == 200


def test_guesses_sent_at_once_do_not_slip_through(school):
    account = school.account()
    guesses = at_once(40, lambda i: login(Person(), account["email"], PASSWORD if i == 39 else f"wrong-guess-{i}"))
    for reply in guesses:
        assert reply.status_code in (401, 429, 503), reply.text
    with Person() as person:
        problem(login(person, account["email"], PASSWORD), 429, "too-many-requests")


@pytest.mark.parametrize("body, expected", [
    ({}, {"/email": "required", "/password": "required"}),
    ({"email": "nobody", "password": 12}, {"/email": "format", "/password": "type"}),
    ({"email": "a@school.example", "password": "x" * 201}, {"/password": "too-long"}),
    ({"email": "a@school.example", "password": "x", "cookie": "yes"}, {"/cookie": "type"}),
    ({"email": "a@school.example", "password": "x", "admin": True}, {"/admin": "unknown"}),
])
def test_login_input(anonymous, body, expected):
    assert faults(anonymous.post("/v1/auth/login", json=body)) == expected


# --- refresh -------------------------------------------------------------------------------------------------------------


def test_refresh_gives_a_new_pair(school):
    person = school.person()
    reply = refresh(person, person.refresh_token)
    assert reply.status_code == 200
    body = reply.json()
    assert body["user"] == person.user
    assert body["refresh_token"] != person.refresh_token and body["access_token"] != person.token
    assert as_bearer(person, body["access_token"]).status_code == 200
    assert as_bearer(person, person.token).status_code == 200  # it runs until its end


def test_the_immediate_predecessor_yields_a_sibling(school):
    person = school.person()
    first, second = (refresh(person, person.refresh_token).json() for _ in range(2))
    assert first["refresh_token"] != second["refresh_token"]
    for pair in (first, second):  # two tabs, each with its own
        assert refresh(person, pair["refresh_token"]).status_code == 200


def test_the_same_token_many_times_at_once(school):
    person = school.person()
    replies = at_once(8, lambda _: refresh(Person(), person.refresh_token))
    assert [r.status_code for r in replies] == [200] * 8
    assert len({r.json()["refresh_token"] for r in replies}) == 8


def test_an_older_token_closes_the_whole_session(school):
    person = school.person()
    second = refresh(person, person.refresh_token).json()
    third = refresh(person, second["refresh_token"]).json()
    problem(refresh(person, person.refresh_token), 401, "token-reused")
    problem(refresh(person, third["refresh_token"]), 401, "unauthorized")
    for token in (person.token, second["access_token"], third["access_token"]):
        problem(as_bearer(person, token), 401, "unauthorized")
    problem(refresh(person, person.refresh_token), 401, "unauthorized")
    assert login(person, person.email, PASSWORD).status_code == 200  # only that session


def test_the_predecessor_is_refused_after_half_a_minute(school, database):
    person = school.person()
    second = refresh(person, person.refresh_token).json()
    database.execute(
        "UPDATE refresh_tokens SET used_at = used_at - interval '31 seconds' WHERE used_at IS NOT NULL AND session_id IN "
        "(SELECT id FROM sessions WHERE user_id = %s)", (person.id,))
    problem(refresh(person, person.refresh_token), 401, "token-reused")
    problem(refresh(person, second["refresh_token"]), 401, "unauthorized")


def test_a_session_ends(school, database):
    person = school.person()
    database.execute("UPDATE sessions SET expires_at = now() WHERE user_id = %s", (person.id,))
    problem(refresh(person, person.refresh_token), 401, "unauthorized")


def test_refresh_tokens_are_not_stored_in_clear(school, database):
    person = school.person()
    database.execute("SELECT t::text FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE s.user_id = %s", (person.id,))
    (row,) = database.fetchall()
    raw = base64.urlsafe_b64decode(person.refresh_token + "=")
    assert person.refresh_token not in row[0] and raw.hex() not in row[0]


def test_refresh_input(anonymous):
    problem(refresh(anonymous, "no such token"), 401, "unauthorized")
    assert faults(anonymous.post("/v1/auth/refresh", json={})) == {"/refresh_token": "required"}
    assert faults(anonymous.post("/v1/auth/refresh", json={"refresh_token": "x", "cookie": True})) == {"/refresh_token": "invalid"}
    problem(anonymous.post("/v1/auth/refresh", json={"cookie": True}), 401, "unauthorized")


# --- logout --------------------------------------------------------------------------------------------------------------


def test_logout_ends_the_session_and_no_other(school):
    person = school.person()
    other = login(person, person.email, PASSWORD).json()
    assert person.post("/v1/auth/logout").status_code == 204
    problem(as_bearer(person, person.token), 401, "unauthorized")
    problem(refresh(person, person.refresh_token), 401, "unauthorized")
    problem(person.post("/v1/auth/logout"), 401, "unauthorized")
    assert as_bearer(person, other["access_token"]).status_code == 200


def test_logout_holds_on_every_responder(school, course):
    person = school.person()
    school.enrol(course, person)
    at = "/v1/courses/" + course["id"]
    one_of_each = ["/v1/me", at + "/assignments", at + "/quizzes", at + "/rooms"]
    for path in one_of_each:
        assert person.get(path).status_code == 200, path
    assert person.post("/v1/auth/logout").status_code == 204
    for path in one_of_each:
        eventually(lambda: person.get(path).status_code == 401)


def test_logout_needs_somebody(anonymous):
    reply = anonymous.post("/v1/auth/logout")
    problem(reply, 401, "unauthorized")
    assert reply.headers["www-authenticate"] == "Bearer"


# --- cookies -------------------------------------------------------------------------------------------------------------


def cookie_attributes(reply):
    return {v.split("=", 1)[0]: v.split("; ")[1:] for v in reply.headers.get_list("set-cookie")}


@pytest.fixture
def browser(school, anonymous):
    """Somebody signed in with cookies; anonymous.csrf is what the page keeps."""
    account = school.account()
    reply = login(anonymous, account["email"], PASSWORD, cookie=True)
    assert reply.status_code == 200
    assert set(reply.json()) == {"csrf_token", "expires_in", "user"}
    anonymous.csrf, anonymous.login_reply = reply.json()["csrf_token"], reply
    return anonymous


def test_cookies_are_closed_to_scripts(browser):
    assert cookie_attributes(browser.login_reply) == {
        "__Host-ea_session": ["Path=/", "Max-Age=900", "Secure", "HttpOnly", "SameSite=Lax"],
        "__Secure-ea_refresh": ["Path=/v1/auth", "Max-Age=2592000", "Secure", "HttpOnly", "SameSite=Strict"],
    }
    assert browser.get("/v1/me").status_code == 200


def test_unsafe_requests_by_cookie_need_the_csrf_token(browser):
    problem(browser.post("/v1/auth/logout"), 403, "csrf")
    problem(browser.post("/v1/auth/logout", headers={"X-CSRF-Token": browser.csrf[:-1]}), 403, "csrf")
    problem(browser.post("/v1/auth/logout", headers={"X-CSRF-Token": "x" * 500}), 403, "csrf")
    assert browser.get("/v1/me").status_code == 200
    reply = browser.post("/v1/auth/logout", headers={"X-CSRF-Token": browser.csrf})
    assert reply.status_code == 204
    assert {name: "Max-Age=0" in rest for name, rest in cookie_attributes(reply).items()} == {
        "__Host-ea_session": True, "__Secure-ea_refresh": True}
    assert not browser.cookies
    problem(browser.get("/v1/me"), 401, "unauthorized")


def test_a_csrf_token_is_its_session_s_own(browser, school):
    with Person() as other:
        account = school.account()
        csrf = login(other, account["email"], PASSWORD, cookie=True).json()["csrf_token"]
    problem(browser.post("/v1/auth/logout", headers={"X-CSRF-Token": csrf}), 403, "csrf")


def test_refresh_by_cookie_keeps_the_csrf_token(browser):
    before = dict(browser.cookies)
    reply = browser.post("/v1/auth/refresh", json={"cookie": True})
    assert reply.status_code == 200
    assert set(reply.json()) == {"csrf_token", "expires_in", "user"}
    assert reply.json()["csrf_token"] == browser.csrf
    after = dict(browser.cookies)
    assert all(after[name] != before[name] for name in before)
    assert browser.post("/v1/auth/logout", headers={"X-CSRF-Token": browser.csrf}).status_code == 204


def test_a_bearer_s_token_in_a_cookie_may_only_read(school, anonymous):
    person = school.person()
    cookie = {"Cookie": "other=1; __Host-ea_session=" + person.token}
    assert anonymous.get("/v1/me", headers=cookie).status_code == 200
    problem(anonymous.post("/v1/auth/logout", headers=cookie | {"X-CSRF-Token": "x"}), 403, "csrf")


# --- tokens --------------------------------------------------------------------------------------------------------------


def test_tokens_verify_with_the_published_keys(school, anonymous):
    person = school.person()
    reply = anonymous.get("/.well-known/jwks.json")
    assert reply.status_code == 200 and "max-age" in reply.headers["cache-control"]
    keys = jwk.JWKSet.from_json(reply.text)
    for key in reply.json()["keys"]:
        assert set(key) == {"kty", "crv", "kid", "x", "use", "alg"}  # nothing private
    token = jwt.JWT(jwt=person.token, key=keys, algs=["EdDSA"])
    claims = json.loads(token.claims)
    assert claims["sub"] == person.id and claims["role"] == "member"
    assert claims["exp"] - claims["iat"] == 900 and abs(claims["iat"] - time.time()) < 60


def encode(part):
    return base64.urlsafe_b64encode(json.dumps(part, separators=(",", ":")).encode()).rstrip(b"=").decode()


def resign(token, key, header=None, **claims):
    """The same token with other claims or another header, signed with key."""
    head, body, _ = (json.loads(base64.urlsafe_b64decode(p + "==")) if i < 2 else None for i, p in enumerate(token.split(".")))
    signed = jws.JWS(json.dumps(body | claims).encode())
    signed.add_signature(key, alg="EdDSA", protected=json.dumps(head if header is None else header, separators=(",", ":")))
    return signed.serialize(compact=True)


@pytest.fixture
def token_key():
    """The key that the gateway signs with."""
    with open(os.path.join(os.environ["EA_STATE"], "secret", "token.key"), encoding="ascii") as f:
        d = f.read().strip()
    with open(os.path.join(os.environ["EA_STATE"], "secret", "token.key.pub"), encoding="ascii") as f:
        x = f.read().strip()
    return jwk.JWK(kty="OKP", crv="Ed25519", d=d, x=x)


def test_our_own_signature_is_what_counts(school, token_key):
    """The helper that forges can also make a good one: so what the next tests see refused is refused for its fault."""
    person = school.person()
    assert as_bearer(person, resign(person.token, token_key)).status_code == 200


def test_expired_token(school, token_key):
    person = school.person()
    reply = as_bearer(person, resign(person.token, token_key, exp=int(time.time())))
    problem(reply, 401, "unauthorized")
    assert "invalid_token" in reply.headers["www-authenticate"]


def test_forged_tokens(school, token_key):
    person = school.person()
    head, body, signature = person.token.split(".")
    stranger = jwk.JWK.generate(kty="OKP", crv="Ed25519")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    kid = json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]
    forged = [
        ".".join([head, encode(claims | {"role": "admin"}), signature]),
        resign(person.token, stranger),
        resign(person.token, token_key, header={"alg": "EdDSA", "typ": "JWT", "kid": "AAAAAAAAAAAAAAAA"}),
        resign(person.token, token_key, header={"alg": "EdDSA", "typ": "ea-receipt+jws", "kid": kid}),
        resign(person.token, token_key, role="root"),
        encode({"alg": "none", "typ": "JWT"}) + "." + body + ".",
        encode({"alg": "none", "typ": "JWT", "kid": kid}) + "." + body + "." + signature,
        person.token[:-1] + ("A" if person.token[-1] != "A" else "Q"),
        person.token + "A",
        head + "." + body,
        "A" * 3000,
        "",
    ]
    for token in forged:
        problem(as_bearer(person, token), 401, "unauthorized")
    problem(person.get("/v1/me", headers={"Authorization": "Basic YTpi"}), 401, "unauthorized")
    assert person.get("/v1/me").status_code == 200


# --- me ------------------------------------------------------------------------------------------------------------------


def test_me_follows_what_changes(school, admin):
    person, teacher = school.person(), school.person("staff")
    assert person.get("/v1/me").json()["enrolments"] == []
    course = school.course(teacher)
    eventually(lambda: teacher.get("/v1/me").json()["enrolments"] == [{"course_id": course["id"], "role": "teacher"}])
    school.enrol(course, person)
    eventually(lambda: person.get("/v1/me").json()["enrolments"] == [{"course_id": course["id"], "role": "student"}])
    school.enrol(course, person, "assistant")
    eventually(lambda: person.get("/v1/me").json()["enrolments"] == [{"course_id": course["id"], "role": "assistant"}])
    assert admin.change(f"/v1/users/{person.id}", {"name": "Renamed"}).status_code == 200
    eventually(lambda: person.get("/v1/me").json()["name"] == "Renamed")
    assert teacher.delete(f"/v1/courses/{course['id']}/enrolments/{person.id}").status_code == 204
    eventually(lambda: person.get("/v1/me").json()["enrolments"] == [])


def test_me_is_a_resource_with_an_etag(school):
    person = school.person()
    first, second = person.get("/v1/me"), person.get("/v1/me")
    assert first.headers["etag"] == second.headers["etag"] and first.content == second.content
    same = person.get("/v1/me", headers={"If-None-Match": first.headers["etag"]})
    assert same.status_code == 304 and same.content == b""
    head = person.head("/v1/me")
    assert head.status_code == 200 and head.content == b"" and head.headers["etag"] == first.headers["etag"]


def test_me_asks_no_database_twice(school, database):
    """Of all connections to it only the followers' and the workers' have anything to do."""
    person = school.person()
    database.execute("SELECT max(id) FROM events")
    [newest] = database.fetchone()
    eventually(lambda: has_read(person, "/v1/me", newest))  # news of anybody who is kept nearby would drop what is kept
    assert person.get("/v1/me").status_code == 200

    def last_used():
        database.execute("SELECT pid, state_change FROM pg_stat_activity WHERE application_name ~ '^gateway-[0-9]+$'")
        return dict(database.fetchall())

    before = last_used()
    for _ in range(50):
        assert person.get("/v1/me").status_code == 200
    assert before and last_used() == before


def test_me_needs_somebody(anonymous):
    reply = anonymous.get("/v1/me")
    problem(reply, 401, "unauthorized")
    assert reply.headers["www-authenticate"] == "Bearer"
