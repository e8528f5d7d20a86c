"""Roster import: a file of people, good rows and bad."""

import httpx
import pytest
from client import CA, PASSWORD, PATIENCE, URL, eventually, faults, pages, problem, unique

HEADER = "role,given name,family name,email,course code\n"


def send(admin, text, **params):
    body = text if isinstance(text, bytes) else text.encode()
    return admin.post("/v1/roster/import", content=body, headers={"Content-Type": "text/csv; charset=utf-8"}, params=params)


def imported(admin, text, **params):
    """Sent again where a busy machine takes longer for the whole of it than a statement may: nothing was saved then."""
    reply = eventually(lambda: (said := send(admin, text, **params)).status_code != 503 and said)
    assert reply.status_code == 200, reply.text
    return reply.json()


def counts(report):
    return {k: report[k] for k in ("created", "updated", "enrolled")} | {"errors": len(report["errors"])}


@pytest.fixture
def tag():
    return unique("r")


def row(tag, i, code="", role="student", name=None):
    return f"{role},{name or 'Given'},Family {i},{tag}-{i}@school.example,{code}\n"


def test_a_class(admin, school, teacher, course, tag):
    text = HEADER + "".join(row(tag, i, course["code"]) for i in range(30)) + row(tag, 30, course["code"], "teacher")
    assert counts(imported(admin, text)) == {"created": 31, "updated": 0, "enrolled": 31, "errors": 0}
    people = pages(admin, "/v1/users", q=tag)
    assert sorted(p["role"] for p in people) == ["member"] * 30 + ["staff"]
    assert not any(p["has_password"] for p in people)
    assert people[0]["name"].startswith("Given Family ")
    assert len(pages(teacher, f"/v1/courses/{course['id']}/enrolments", role="student")) == 30
    assert counts(imported(admin, text)) == {"created": 0, "updated": 0, "enrolled": 0, "errors": 0}


def test_a_dry_run_changes_nothing(admin, course, tag):
    text = HEADER + row(tag, 1, course["code"]) + row(tag, 2, "no-such-course")
    report = imported(admin, text, dry_run="true")
    assert report["dry_run"] is True
    assert counts(report) == {"created": 1, "updated": 0, "enrolled": 1, "errors": 1}
    assert pages(admin, "/v1/users", q=tag) == []
    wet = imported(admin, text)
    assert wet == report | {"dry_run": False}


def test_bad_rows_never_lose_the_rest(admin, course, tag):
    text = (HEADER + row(tag, 1, course["code"]) + "king,A,B,nobody,\n" + row(tag, 2, "no-such-course") + 'student,"open,quote\n'
            + row(tag, 3, course["code"]) + row(tag, 1, course["code"]) + "student,,,,\n" + row(tag, 4))
    report = imported(admin, text)
    assert counts(report) == {"created": 3, "updated": 0, "enrolled": 2, "errors": 8}
    assert [(e["line"], e["column"], e["code"]) for e in report["errors"]] == [
        (3, "role", "invalid"), (3, "email", "format"), (4, "course code", "unknown"), (5, "", "format"), (7, "email", "duplicate"),
        (8, "given name", "required"), (8, "family name", "required"), (8, "email", "required")]
    assert all(e["detail"] for e in report["errors"])
    assert {p["email"] for p in pages(admin, "/v1/users", q=tag)} == {f"{tag}-{i}@school.example" for i in (1, 3, 4)}


def test_who_exists_keeps_role_and_password(admin, school, course, tag):
    person = school.person("staff")
    text = "role,given name,family name,email,course code,password\n" f"student,New,Name,{person.email},{course['code']},{PASSWORD}x\n"
    assert counts(imported(admin, text)) == {"created": 0, "updated": 1, "enrolled": 1, "errors": 0}
    eventually(lambda: person.get("/v1/me").json()["name"] == "New Name")
    me = person.get("/v1/me").json()
    assert me["role"] == "staff" and me["enrolments"] == [{"course_id": course["id"], "role": "student"}]
    assert school.login(person.email, PASSWORD).user["name"] == "New Name"


def test_a_person_in_two_courses(admin, school, teacher, tag):
    one, two = school.course(teacher), school.course(teacher)
    text = HEADER + row(tag, 1, one["code"]) + row(tag, 1, two["code"], "assistant")
    assert counts(imported(admin, text)) == {"created": 1, "updated": 0, "enrolled": 2, "errors": 0}
    role = lambda course: pages(teacher, f"/v1/courses/{course['id']}/enrolments", limit=200)
    assert {e["role"] for e in role(one)} == {"teacher", "student"} and {e["role"] for e in role(two)} == {"teacher", "assistant"}


def test_passwords_for_those_who_start_today(admin, school, tag):
    text = f"email,password,Family Name,GIVEN_NAME,Role\r\n{tag}@school.example,{PASSWORD},\"O\"\"Neill, Jr.\",Ann,student\r\n"
    assert counts(imported(admin, "\ufeff" + text)) == {"created": 1, "updated": 0, "enrolled": 0, "errors": 0}
    assert school.login(f"{tag}@school.example", PASSWORD).user["name"] == 'Ann O"Neill, Jr.'


def test_not_more_passwords_than_can_be_hashed(admin, tag):
    head = "role,given name,family name,email,password\n"
    text = head + "".join(f"student,A,B,{tag}-{i}@school.example,{PASSWORD}\n" for i in range(203))
    report = imported(admin, text, dry_run="true")
    assert counts(report) == {"created": 203, "updated": 0, "enrolled": 0, "errors": 3}
    assert {(e["column"], e["code"]) for e in report["errors"]} == {("password", "out-of-range")}
    assert [e["line"] for e in report["errors"]] == [202, 203, 204]


def test_rows_of_one_person(admin, school, teacher, tag):
    """The first row tells of the account, whatever becomes of earlier ones; each row of its course."""
    one, two = school.course(teacher), school.course(teacher)
    text = ("role,given name,family name,email,course code,password\n"
            f"teacher,Not,This,{tag}@school.example,no-such-course,{PASSWORD}1\n"
            f"student,But,This,{tag}@school.example,{one['code']},{PASSWORD}2\n"
            f"assistant,Nor,This,{tag}@school.example,{two['code']},{PASSWORD}3\n")
    assert counts(imported(admin, text)) == {"created": 1, "updated": 0, "enrolled": 2, "errors": 1}
    person = school.login(f"{tag}@school.example", PASSWORD + "2")
    assert person.user["name"] == "But This" and person.user["role"] == "member"
    assert {e["course_id"]: e["role"] for e in person.get("/v1/me").json()["enrolments"]} == {one["id"]: "student", two["id"]: "assistant"}


def test_thousands(admin, teacher, course, tag):
    n = 5000
    text = HEADER + "".join(row(tag, i, course["code"]) for i in range(n))
    assert counts(imported(admin, text)) == {"created": n, "updated": 0, "enrolled": n, "errors": 0}
    assert len(pages(teacher, f"/v1/courses/{course['id']}/enrolments", role="student", limit=200)) == n
    renamed = text.replace("Given", "Renamed")
    assert counts(imported(admin, renamed)) == {"created": 0, "updated": n, "enrolled": 0, "errors": 0}


def test_the_same_key_imports_once(admin, tag):
    headers = {"Content-Type": "text/csv", "Idempotency-Key": unique("key")}
    text = HEADER + row(tag, 1)
    first, second = (admin.post("/v1/roster/import", content=text, headers=headers) for _ in range(2))
    assert first.json()["created"] == 1
    assert second.content == first.content and second.headers["idempotent-replay"] == "true"
    problem(admin.post("/v1/roster/import", content=text + row(tag, 2), headers=headers), 422, "idempotency-key-reused")


@pytest.mark.parametrize("text, word", [
    ("", "header"), ("\n\n", "header"), ("role,given name,family name\n", "email"), ("a,b\n1,2\n", "role"),
    ("role,role,given name,family name,email\n", "twice"),
])
def test_files_that_are_no_roster(admin, text, word):
    assert word in problem(send(admin, text), 422, "invalid-input")["detail"]


def test_only_csv(admin):
    problem(admin.post("/v1/roster/import", json={}), 415, "unsupported-media-type")
    assert faults(send(admin, HEADER, dry_run="perhaps")) == {"/dry_run": "type"}


def test_over_the_limit(admin):
    """More than the route takes is refused by the responder; more than the location takes by nginx, which does not read it."""
    problem(send(admin, b"x" * (4 * 1024 * 1024 + 1)), 413, "too-large")
    with httpx.Client(base_url=URL, verify=CA, headers={"Authorization": "Bearer " + admin.token}, timeout=PATIENCE) as over_http_1:
        problem(send(over_http_1, b"x" * (9 * 1024 * 1024)), 413, "too-large")
    assert admin.get("/v1/me").status_code == 200


def test_bytes_that_are_not_utf8(admin, tag):
    report = imported(admin, HEADER.encode() + b"student,Ren\xe9,Latin,x@school.example,\n" + row(tag, 1).encode())
    assert [(e["line"], e["column"], e["code"]) for e in report["errors"]] == [(2, "given name", "utf8")]
    assert report["created"] == 1
