"""fcgi/openapi.yaml against the route tables of every responder, both ways; and the document against itself."""

import json
import os
import subprocess

import contract
import pytest
from client import pages

RESPONDERS = ["gateway", "assignment", "quiz", "chat"]
METHODS = {"get", "post", "put", "patch", "delete"}


def told():
    """What the document says, in the words of --routes: {(method, path): (item, operation)}."""
    return {(method.upper(), path): (item, operation) for path, item in contract.linked()["paths"].items()
            for method, operation in item.items() if method in METHODS}


def built():
    routes = {}
    for name in RESPONDERS:
        binary = os.path.join(os.environ["EA_APP"], "bin", "ea-" + name)
        for line in subprocess.run([binary, "--routes"], capture_output=True, check=True, text=True).stdout.splitlines():
            route = json.loads(line)
            routes[route["method"], route["path"]] = route
    return routes


ROUTES = built()


def test_both_know_the_same_routes():
    document = set(told())
    assert {f"{m} {p}" for m, p in set(ROUTES) - document} == set(), "routes that the document does not tell of"
    assert {f"{m} {p}" for m, p in document - set(ROUTES)} == set(), "operations that no responder has"


def media_of(operation):
    return set(operation.get("requestBody", {}).get("content", {}))


def wanted_media(route):
    if route["body"] == "none":
        return set()
    return {"application/json"} if route["body"] == "json" else set(route["media"].split())


def role_of(operation):
    if operation.get("security") == []:
        return "anyone"
    return operation.get("x-role", "signed_in")


def names(item, operation, where):
    return {p["name"] for p in contract.parameters(item, operation) if p["in"] == where}


@pytest.mark.parametrize("key", sorted(ROUTES), ids=" ".join)
def test_route(key):
    if key not in told():
        pytest.skip("told by the test above")
    route, (item, operation) = ROUTES[key], told()[key]
    takes_key = route["method"] == "POST" and route["who"] != "anyone" and "no_key" not in route["flags"]
    assert role_of(operation) == route["who"]
    assert names(item, operation, "query") == set(route["query"])
    assert names(item, operation, "path") == {p.strip("{}") for p in route["path"].split("/") if p.startswith("{")}
    assert ("If-Match" in names(item, operation, "header")) == ("match" in route["flags"])
    assert ("Idempotency-Key" in names(item, operation, "header")) == takes_key
    assert media_of(operation) == wanted_media(route)
    if media_of(operation):
        assert operation["requestBody"].get("required", False) == ("body_optional" not in route["flags"])


@pytest.mark.parametrize("key", sorted(k for k, r in ROUTES.items() if r["members"]), ids=" ".join)
def test_members_of_the_body(key):
    if key not in told():
        pytest.skip("told by another test")
    route, (_, operation) = ROUTES[key], told()[key]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert set(contract.members(schema)) == set(route["members"])
    assert required(schema) >= set(route["required"])  # a handler may want more than its table


def required(schema):
    return set(schema.get("required", [])).union(*(required(part) for part in schema.get("allOf", [])))


def test_every_failure_is_a_problem():
    for (method, path), (_, operation) in told().items():
        for status, reply in operation["responses"].items():
            if status == "default" or int(status) >= 400:
                assert set(reply["content"]) == {"application/problem+json"}, f"{method} {path} {status}"
        assert "default" in operation["responses"], f"{method} {path}"


def test_nothing_is_told_in_vain():
    """Every component is used by something."""
    document = contract.document()
    text = json.dumps(document)
    for kind in ("schemas", "parameters", "headers", "responses"):
        for name in document["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, f"{kind}/{name} is used by nothing"


def test_the_gateway_serves_it(anonymous):
    reply = anonymous.get("/v1/openapi.json")
    assert reply.status_code == 200 and reply.json() == contract.document()
    same = anonymous.get("/v1/openapi.json", headers={"If-None-Match": reply.headers["etag"]})
    assert same.status_code == 304


def test_the_judge_sees_what_is_wrong(admin, monkeypatch):
    """Otherwise every other test's silent check would be worth nothing."""
    reply = admin.get("/v1/me")
    contract.check(reply)
    good = reply.json()
    for bad in (good | {"secret": 1}, {k: v for k, v in good.items() if k != "email"}, good | {"role": "king"},
                good | {"enrolments": [{"course_id": good["id"], "role": "student", "grade": 1}]}, good | {"enrolments": None}):
        monkeypatch.setattr(reply, "_content", json.dumps(bad).encode())
        with pytest.raises(AssertionError):
            contract.check(reply)
    assert pages(admin, "/v1/courses", limit=1)
