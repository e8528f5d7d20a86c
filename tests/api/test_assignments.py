"""Work that is set, handed in, graded and given back: what each participant sees of it, and what they must not see."""

import base64
import concurrent.futures
import hashlib
import json
import os
import urllib.parse
import uuid
from datetime import datetime, timedelta, timezone

import psycopg2
import pytest
from client import Person, eventually, faults, pages, problem, stream
from jwcrypto import jwk, jws

NOWHERE = "01989a11-0000-7000-8000-000000000000"

REPORT = """# What plants do with light

Plants turn *light*, water and carbon dioxide into sugar: [photosynthesis](https://example.org/photosynthesis).
This report tells what ten bean plants did in a week, and why half of their leaves went hungry.

## 1. Method

We covered one leaf of each of ten plants for a week and weighed the starch in all of them. The pots stood at a
south window; each was given the same water each morning. Leaves were chosen by lot.

| plant | covered leaf (mg) | open leaf (mg) |
|-------|-------------------|----------------|
| 1     | 4                 | 41             |
| 2     | 5                 | 39             |

## 2. Result

Leaves in the dark held a tenth of the starch of the others. **Chlorophyll** was the same in both, so the dark leaves
could have worked: what they lacked was light.

<script>alert("not here")</script>

""" + "\n\n".join(
    f"### Day {day}\n\nOn day {day} the leaves were weighed again, and nothing that we saw spoke against the days before."
    for day in range(1, 60)
)

CHECKS = [
    {"kind": "word_count", "min": 100, "max": 5000, "points": 2},
    {"kind": "headings", "required": ["Method", "Result"], "points": 4},
    {"kind": "terms", "required": ["chlorophyll", "carbon dioxide"], "points": 2},
    {"kind": "links", "min": 1, "forbidden_hosts": ["cheats.example"], "points": 2},
]


def from_now(**delta):
    return (datetime.now(timezone.utc) + timedelta(**delta)).isoformat().replace("+00:00", "Z")


def assign(teacher, course, publish=True, **fields):
    reply = teacher.post(f"/v1/courses/{course['id']}/assignments", json={"title": "A report", "points": 10} | fields)
    assert reply.status_code == 201, reply.text
    assignment = reply.json()
    if publish:
        reply = teacher.post(f"/v1/assignments/{assignment['id']}/publish")
        assert reply.status_code == 200, reply.text
        assignment = reply.json()
    return assignment


def part(name, content, filename=None, media_type=None):
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    head = f"Content-Disposition: {disposition}\r\n" + (f"Content-Type: {media_type}\r\n" if media_type else "")
    return head.encode() + b"\r\n" + (content if isinstance(content, bytes) else content.encode())


def multipart(*parts, mark="a8f3mark", closed=True):
    body = b"".join(b"--" + mark.encode() + b"\r\n" + p + b"\r\n" for p in parts)
    if closed:
        body += f"--{mark}--\r\n".encode()
    return {"content": body, "headers": {"Content-Type": f"multipart/form-data; boundary={mark}"}}


def post(person, assignment, request, key=None):
    if key:
        request = request | {"headers": request.get("headers", {}) | {"Idempotency-Key": key}}
    return person.post(f"/v1/assignments/{assignment['id']}/submissions", **request)


def all_at_once(person, assignment, requests, key=None):
    """Each from a connection of its own: as several tabs would, and nginx sees them truly at once."""

    def one(request):
        with Person() as tab:
            tab.headers["Authorization"] = person.headers["Authorization"]
            return post(tab, assignment, request, key)

    with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(one, requests))


def hand_in(person, assignment, *parts, text=None):
    """A submission that must succeed, of parts or of a JSON text."""
    reply = post(person, assignment, multipart(*parts) if parts else {"json": {"text": text}})
    assert reply.status_code == 201, reply.text
    assert reply.headers["location"] == f"/v1/submissions/{reply.json()['id']}"
    return reply.json()


def read(person, submission):
    reply = person.get(f"/v1/submissions/{submission['id']}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def graded(person, submission):
    """The submission once the grader has looked."""
    return eventually(lambda: (s := read(person, submission)) and s["state"] == "graded" and s)


def looked_at(teacher, submission):
    """The submission once the grader has looked and left it to a person."""
    return eventually(lambda: (s := read(teacher, submission)) and s["explanation"] and s)


def grade(teacher, submission, **body):
    seen = {"If-Match": etag(teacher, submission)}
    return teacher.put(f"/v1/submissions/{submission['id']}/grade", json=body, headers=seen)


def etag(person, submission):
    return person.get(f"/v1/submissions/{submission['id']}").headers["etag"]


def pdf_of(size):
    return (b"%PDF-1.7\n" + os.urandom(4096) * (size // 4096 + 1))[:size]


def sha256(content):
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()


def check_receipt(person, submission, *parts):
    """The receipt holds what was sent, checked with nothing but the published keys. parts: (name, content)"""
    receipt = submission["receipt"]
    keys = person.get("/.well-known/jwks.json").json()["keys"]
    key = next(k for k in keys if k["kid"] == receipt["key_id"])
    token = jws.JWS()
    token.deserialize(receipt["jws"], jwk.JWK(**key))
    head, said = json.loads(token.objects["protected"]), json.loads(token.payload)
    assert head["alg"] == "EdDSA" and head["kid"] == receipt["key_id"]
    assert said["submission_id"] == submission["id"]
    assert said["assignment_id"] == submission["assignment_id"]
    assert said["user_id"] == person.id
    assert said["submitted_at"] == receipt["submitted_at"] == submission["submitted_at"]
    assert [(p["name"], p["size"], p["sha256"]) for p in said["parts"]] == [
        (name, len(content if isinstance(content, bytes) else content.encode()), sha256(content)) for name, content in parts
    ]
    # what `sha256sum` prints for the parts, hashed again
    assert said["sha256"] == receipt["sha256"] == sha256("".join(f"{sha256(c)}  {n}\n" for n, c in parts))
    forged = receipt["jws"].split(".")
    forged[1] = base64.urlsafe_b64encode(json.dumps(said | {"submitted_at": "2020-01-01T00:00:00.000Z"}).encode()).rstrip(b"=").decode()
    with pytest.raises(jws.InvalidJWSSignature):
        jws.JWS().deserialize(".".join(forged), jwk.JWK(**key))


@pytest.fixture
def other(school, course):
    person = school.person()
    school.enrol(course, person)
    return person


@pytest.fixture
def assistant(school, course):
    person = school.person()
    school.enrol(course, person, "assistant")
    return person


@pytest.fixture
def stranger(school):
    return school.person()


@pytest.fixture
def database():
    connection = psycopg2.connect(os.environ["EA_PG"])
    connection.autocommit = True
    yield connection.cursor()
    connection.close()


def blobs():
    """Every stored file, whole or not."""
    return {os.path.join(d, f) for d, _, files in os.walk(os.environ["EA_BLOB_DIR"]) for f in files}


# --- setting work ---------------------------------------------------------------------------------------------------------


def test_a_draft_is_seen_by_who_teaches_only(teacher, assistant, student, stranger, course):
    draft = assign(teacher, course, publish=False, instructions="Write **well**.\n\n<script>alert(1)</script>")
    path = f"/v1/assignments/{draft['id']}"
    assert draft["state"] == "draft"
    assert "<strong>well</strong>" in draft["instructions_html"]
    assert "<script" not in draft["instructions_html"]
    assert assistant.get(path).status_code == 200
    for person in student, stranger:
        problem(person.get(path), 404, "not-found")
        problem(post(person, draft, {"json": {"text": "early"}}), 404, "not-found")
        problem(person.get(path + "/submissions"), 404, "not-found")
    problem(student.post(path + "/publish"), 404)
    problem(assistant.post(path + "/publish"), 403, "forbidden")
    assert pages(student, f"/v1/courses/{course['id']}/assignments") == []
    assert [a["id"] for a in pages(assistant, f"/v1/courses/{course['id']}/assignments")] == [draft["id"]]
    problem(stranger.get(f"/v1/courses/{course['id']}/assignments"), 404)

    published = teacher.post(path + "/publish")
    assert published.json()["state"] == "published"
    again = teacher.post(path + "/publish")
    assert again.headers["etag"] == published.headers["etag"], "publishing twice changes nothing"
    assert student.get(path).json() == published.json()
    assert [a["id"] for a in pages(student, f"/v1/courses/{course['id']}/assignments")] == [draft["id"]]
    problem(stranger.get(path), 404)


def test_only_teachers_set_work(teacher, assistant, student, stranger, anonymous, course):
    path, body = f"/v1/courses/{course['id']}/assignments", {"title": "A report", "points": 10}
    problem(anonymous.post(path, json=body), 401)
    problem(stranger.post(path, json=body), 404)
    problem(student.post(path, json=body), 403)
    problem(assistant.post(path, json=body), 403)
    problem(teacher.post(f"/v1/courses/{NOWHERE}/assignments", json=body), 404)
    assert teacher.post(path, json=body).status_code == 201


def test_every_fault_of_an_assignment_is_told_at_once(teacher, course):
    bad = {
        "points": 1.2345,
        "colour": "red",
        "opens_at": "tomorrow",
        "accepts": ["text", "smoke"],
        "max_files": 21,
        "attempts": 0,
        "late_policy": {"per_day_percent": 101},
        "checks": [{"kind": "word_count", "points": 0, "min": 1}, {"kind": "spelling", "points": 1}],
        "rubric": [{"id": "a", "title": "A", "points": -1}],
    }
    found = faults(teacher.post(f"/v1/courses/{course['id']}/assignments", json=bad))
    assert found == {
        "/title": "required",
        "/points": "format",
        "/colour": "unknown",
        "/opens_at": "format",
        "/accepts/1": "invalid",
        "/max_files": "out-of-range",
        "/attempts": "out-of-range",
        "/late_policy/per_day_percent": "out-of-range",
        "/checks/0/points": "out-of-range",
        "/checks/1/kind": "invalid",
        "/rubric/0/points": "out-of-range",
    }
    bad = {
        "title": "A",
        "points": 1,
        "extensions": ["md", "p d f"],
        "checks": [{"kind": "word_count", "points": 1}, {"kind": "terms", "points": 1, "required": ["x"], "min": 2}],
        "rubric": [{"id": "a", "title": "A", "points": 1}, {"id": "a", "title": "B", "points": 1}],
    }
    found = faults(teacher.post(f"/v1/courses/{course['id']}/assignments", json=bad))
    assert found == {
        "/extensions/1": "format",
        "/checks/0": "required",
        "/checks/1/min": "unknown",
        "/rubric/1/id": "duplicate",
    }


def test_times_are_kept_in_utc_and_as_they_were_meant(teacher, course):
    times = {"opens_at": "2026-03-28T12:00:00+01:00", "due_at": "2026-03-29T12:00:00+02:00", "lock_at": "2026-11-01T00:00:00Z"}
    assignment = assign(teacher, course, **times)
    assert assignment["opens_at"] == "2026-03-28T11:00:00.000Z"
    assert assignment["due_at"] == "2026-03-29T10:00:00.000Z"
    assert assignment["time_zone"] == "Europe/Berlin"
    assert assignment["local"] == {"opens_at": "2026-03-28T12:00:00", "due_at": "2026-03-29T12:00:00", "lock_at": "2026-11-01T01:00:00"}
    path = f"/v1/assignments/{assignment['id']}"
    assert faults(teacher.change(path, {"opens_at": "2026-04-01T00:00:00Z"})) == {"/due_at": "out-of-range"}
    assert faults(teacher.change(path, {"lock_at": "2026-03-29T09:59:59Z"})) == {"/lock_at": "out-of-range"}
    changed = teacher.change(path, {"due_at": None, "opens_at": None}).json()
    assert (changed["due_at"], changed["local"]["due_at"], changed["opens_at"]) == (None, None, None)
    assert changed["lock_at"] == "2026-11-01T00:00:00.000Z"


def test_two_teachers_do_not_overwrite_each_other(teacher, student, course):
    assignment = assign(teacher, course, checks=CHECKS)
    path = f"/v1/assignments/{assignment['id']}"
    tag = teacher.get(path).headers["etag"]
    assert teacher.get(path, headers={"If-None-Match": tag}).status_code == 304
    problem(teacher.patch(path, json={"title": "B"}), 428, "precondition-required")
    changed = teacher.patch(path, json={"title": "B"}, headers={"If-Match": tag})
    assert changed.status_code == 200 and changed.json()["title"] == "B" and changed.json()["checks"] == assignment["checks"]
    problem(teacher.patch(path, json={"title": "C"}, headers={"If-Match": tag}), 412, "precondition-failed")
    problem(teacher.delete(path, headers={"If-Match": tag}), 412)
    problem(student.patch(path, json={"title": "C"}, headers={"If-Match": changed.headers["etag"]}), 403)
    problem(student.delete(path, headers={"If-Match": changed.headers["etag"]}), 403)
    assert teacher.get(path).json()["title"] == "B"


def test_what_is_deleted_is_gone_for_everybody(teacher, student, course, database):
    assignment = assign(teacher, course)
    submission = hand_in(student, assignment, text="It was here.")
    path = f"/v1/assignments/{assignment['id']}"
    problem(teacher.delete(path), 428)
    assert teacher.delete(path, headers={"If-Match": teacher.get(path).headers["etag"]}).status_code == 204
    for person in teacher, student:
        problem(person.get(path), 404)
        problem(person.get(f"/v1/submissions/{submission['id']}"), 404)
        problem(person.get(path + "/submissions"), 404)
    problem(post(student, assignment, {"json": {"text": "again"}}), 404)
    assert pages(teacher, f"/v1/courses/{course['id']}/assignments") == []
    database.execute("SELECT count(*) FROM submissions WHERE id = %s", [submission["id"]])
    assert database.fetchone() == (1,), "what grades and receipts depend on is kept"
    database.execute("SELECT actor::text, action FROM audit WHERE object_id = %s", [assignment["id"]])
    assert database.fetchall() == [(teacher.id, "assignment.deleted")]


# --- handing in -----------------------------------------------------------------------------------------------------------


def test_a_markdown_file_of_some_pages_is_graded_and_the_news_arrives(teacher, student, other, stranger, course):
    assignment = assign(teacher, course, checks=CHECKS, extensions=["md", "pdf"])
    with stream(student) as events:
        submission = hand_in(student, assignment, part("file", REPORT, "report.md", "text/markdown"))
        assert submission["attempt"] == 1 and submission["late"] is False and submission["state"] == "submitted"
        check_receipt(student, submission, ("report.md", REPORT))
        news = events.wait("submission.graded", lambda data: data["submission_id"] == submission["id"])["data"]
    assert news["score"] == {"points": 10, "of": 10}
    assert news["assignment_id"] == assignment["id"] and news["course_id"] == course["id"] and news["user_id"] == student.id

    mine = read(student, submission)
    assert mine["state"] == "graded" and mine["released"] is True and mine["score"] == {"points": 10, "of": 10}
    assert mine["receipt"] == submission["receipt"]
    explanation = mine["explanation"]
    assert explanation["method"] == "checks" and explanation["raw"] == explanation["final"] == 10
    assert [c["score"] for c in explanation["checks"]] == [{"points": c["points"], "of": c["points"]} for c in CHECKS]
    assert explanation["checks"][1]["found"] == ["Method", "Result"]
    assert read(teacher, submission)["score"] == mine["score"]
    for person in other, stranger:
        problem(person.get(f"/v1/submissions/{submission['id']}"), 404, "not-found")
        problem(person.get(f"/v1/submissions/{submission['id']}/files/{submission['files'][0]['id']}"), 404)
    assert pages(other, f"/v1/assignments/{assignment['id']}/submissions") == []


def test_what_is_missing_costs_what_the_explanation_says(teacher, student, course):
    assignment = assign(teacher, course, checks=CHECKS)
    poor = hand_in(student, assignment, text="# Method\n\nWe had chlorophyll. See [this](https://www.cheats.example/essay).")
    mine = graded(student, poor)
    assert mine["score"] == {"points": 3, "of": 10}
    words, headings, terms, links = mine["explanation"]["checks"]
    assert (words["score"]["points"], headings["score"]["points"], terms["score"]["points"], links["score"]["points"]) == (0, 2, 1, 0)
    assert headings["missing"] == ["Result"] and terms["missing"] == ["carbon dioxide"]
    assert links["forbidden"] == ["www.cheats.example"]
    assert "<h1>Method</h1>" in mine["html"]


def test_a_text_and_files_make_one_submission(teacher, student, course):
    assignment = assign(teacher, course, checks=[{"kind": "terms", "points": 10, "required": ["alpha", "beta", "gamma"]}])
    parts = [("text", "alpha"), ("b.md", "beta"), ("c.txt", "gamma")]
    sent = [part("text", "alpha"), part("file", "beta", "b.md"), part("file", "gamma", "c.txt")]
    submission = hand_in(student, assignment, *sent)
    check_receipt(student, submission, *parts)
    assert [f["name"] for f in submission["files"]] == ["b.md", "c.txt"]
    assert graded(student, submission)["score"]["points"] == 10


def test_a_pdf_of_20_mib_goes_to_a_person_and_comes_back_whole(teacher, assistant, student, other, stranger, course):
    assignment = assign(teacher, course, checks=CHECKS, extensions=["pdf"])
    content = pdf_of(20 * 1024 * 1024)
    name = 'Öl & "Wasser" 50%.pdf'
    with stream(student) as events:
        submission = hand_in(student, assignment, part("file", content, name.replace('"', '\\"'), "text/html"))
        (file,) = submission["files"]
        assert file["size"] == len(content) and file["sha256"] == sha256(content) and file["name"] == name
        check_receipt(student, submission, (name, content))

        seen = looked_at(teacher, submission)
        assert seen["state"] == "submitted" and seen["score"] is None
        assert seen["explanation"]["method"] == "person" and seen["explanation"]["unread"] == [name]
        assert read(student, submission)["explanation"] is None

        path = f"/v1/submissions/{submission['id']}/files/{file['id']}"
        whole = student.get(path)
        assert whole.status_code == 200 and whole.content == content
        assert whole.headers["content-type"] == "application/pdf", "not what its sender called it"
        assert whole.headers["x-content-type-options"] == "nosniff"
        disposition = whole.headers["content-disposition"]
        assert disposition.startswith('attachment; filename="_l & _Wasser_ 50_.pdf"; filename*=UTF-8\'\'')
        assert urllib.parse.unquote(disposition.split("''")[1]) == name
        assert teacher.get(path, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
        some = assistant.get(path, headers={"Range": "bytes=1000-1999"})
        assert some.status_code == 206 and some.content == content[1000:2000]
        assert some.headers["content-range"] == f"bytes 1000-1999/{len(content)}"
        assert student.head(path).headers["content-length"] == str(len(content))
        beyond = student.get(path, headers={"Range": f"bytes={len(content)}-"})
        assert beyond.status_code == 416 and beyond.headers["content-range"] == f"bytes */{len(content)}"
        for person in other, stranger:
            problem(person.get(path), 404, "not-found")
        problem(student.get(f"/v1/submissions/{submission['id']}/files/{NOWHERE}"), 404)
        for way_in in f"/_blob/{file['id']}", "/_blob/":
            problem(student.get(way_in), 404)

        reply = grade(assistant, submission, points=7.25, comment="Good *work*")
        assert reply.status_code == 200, reply.text
        news = events.wait("submission.graded", lambda data: data["submission_id"] == submission["id"])["data"]
    assert news["score"] == {"points": 7.25, "of": 10}
    mine = read(student, submission)
    assert mine["state"] == "graded" and mine["score"] == {"points": 7.25, "of": 10} and mine["graded_by"] == assistant.id
    assert "<em>work</em>" in mine["feedback"]["html"]
    assert mine["explanation"]["method"] == "person" and mine["explanation"]["automatic"]["unread"] == [name]


def test_eight_uploads_at_once(school, teacher, course):
    assignment = assign(teacher, course, extensions=["pdf"])
    students = [school.person() for _ in range(8)]
    for student in students:
        school.enrol(course, student)

    def upload(student):
        content = pdf_of(20 * 1024 * 1024)
        submission = hand_in(student, assignment, part("file", content, "scan.pdf"))
        return submission["files"][0]["sha256"] == sha256(content)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(upload, students)) == [True] * 8
    everybody = pages(teacher, f"/v1/assignments/{assignment['id']}/submissions", limit=3)
    assert {s["user"]["id"] for s in everybody} == {s.id for s in students}


BAD_BODIES = {
    "no boundary named": ({"content": b"--x\r\n\r\n--x--", "headers": {"Content-Type": "multipart/form-data"}}, 415, "unsupported-media-type"),
    "another type": ({"content": b"hello", "headers": {"Content-Type": "text/plain"}}, 415, "unsupported-media-type"),
    "no body": ({"headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, "bad-request"),
    "boundary never there": (multipart(part("text", "x")) | {"headers": {"Content-Type": "multipart/form-data; boundary=other"}}, 400, "bad-request"),
    "cut off in a file": (multipart(part("file", "x" * 100000, "a.md"), closed=False), 400, "bad-request"),
    "cut off in a header": ({"content": b"--x\r\nContent-Disposition: form-da", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, "bad-request"),
    "a header too long": (multipart(b"Content-Disposition: form-data; name=text\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\nhello"), 400, "bad-request"),
    "a part without a name": (multipart(b"Content-Disposition: form-data\r\n\r\nhello"), 400, "bad-request"),
    "too many parts": (multipart(*[part("other", "x")] * 100), 413, "too-large"),
    "a text too long": (multipart(part("text", "x" * (256 * 1024 + 1))), 413, "too-large"),
    "a file too long": (multipart(part("file", "x" * 100001, "a.md")), 413, "too-large"),
    "malformed JSON": ({"content": b'{"text": ', "headers": {"Content-Type": "application/json"}}, 400, "malformed-json"),
}


@pytest.mark.parametrize("what", BAD_BODIES)
def test_bad_bodies_leave_nothing(teacher, student, course, what):
    assignment = assign(teacher, course, max_bytes=100000, extensions=["md"])
    before = blobs()
    body, status, slug = BAD_BODIES[what]
    problem(post(student, assignment, body), status, slug)
    assert pages(student, f"/v1/assignments/{assignment['id']}/submissions") == []
    assert eventually(lambda: blobs() <= before), "no file is left behind"


def test_every_fault_of_an_upload_is_told_at_once(teacher, student, course):
    assignment = assign(teacher, course, max_files=2, extensions=["md"], attempts=1)
    before = blobs()
    bad = multipart(
        part("text", b"\xff\xfe"),
        part("file", "fine", "a.md"),
        part("file", "no", "b.exe"),
        part("file", "no", "c.md"),
        part("size", "3"),
        part("text", "twice"),
    )
    assert faults(post(student, assignment, bad)) == {
        "/text": "duplicate", "/file/1": "invalid", "/file/2": "too-long", "/": "unknown"}
    assert faults(post(student, assignment, multipart(part("file", "", "empty.md")))) == {"/file/0": "too-short"}
    assert faults(post(student, assignment, multipart(part("file", "", "")))) == {"/": "required"}
    assert faults(post(student, assignment, {"json": {"text": ""}})) == {"/text": "too-short"}
    assert faults(post(student, assignment, {"json": {"text": 5, "more": 1}})) == {"/text": "type", "/more": "unknown"}
    assert eventually(lambda: blobs() <= before)
    # the one attempt is not used up by what was refused
    submission = hand_in(student, assignment, part("file", "good", "../../A.MD"))
    assert submission["files"][0]["name"] == "A.MD"


def test_an_assignment_says_what_it_takes(teacher, student, course):
    texts = assign(teacher, course, accepts=["text"])
    assert faults(post(student, texts, multipart(part("file", "x", "a.md")))) == {"/file/0": "invalid"}
    files = assign(teacher, course, accepts=["file"])
    assert faults(post(student, files, {"json": {"text": "x"}})) == {"/text": "invalid"}
    assert faults(post(student, files, multipart(part("text", "x")))) == {"/text": "invalid"}


def test_who_may_hand_in(teacher, assistant, stranger, anonymous, course):
    assignment = assign(teacher, course)
    body = {"json": {"text": "mine"}}
    problem(post(anonymous, assignment, body), 401)
    problem(post(stranger, assignment, body), 404)
    problem(post(assistant, assignment, body), 403)
    problem(post(teacher, assignment, body), 403)
    problem(post(teacher, {"id": NOWHERE}, body), 404)


def test_attempts_are_counted_without_a_race(teacher, student, course):
    assignment = assign(teacher, course, attempts=3)
    replies = all_at_once(student, assignment, [{"json": {"text": f"try {i}"}} for i in range(8)])
    assert sorted(r.json()["attempt"] for r in replies if r.status_code == 201) == [1, 2, 3]
    for reply in replies:
        if reply.status_code != 201:
            problem(reply, 409, "conflict")
    assert len(pages(student, f"/v1/assignments/{assignment['id']}/submissions")) == 3


@pytest.mark.parametrize("form", ["file", "json"])
def test_a_double_click_is_one_submission(teacher, student, course, form):
    assignment = assign(teacher, course, attempts=1)
    body = multipart(part("file", REPORT, "report.md")) if form == "file" else {"json": {"text": REPORT}}
    key, before = str(uuid.uuid4()), blobs()
    replies = all_at_once(student, assignment, [body] * 4, key)
    assert {r.status_code for r in replies} == {201}
    assert len({r.content for r in replies}) == 1, "the same reply, byte for byte"
    assert sum("idempotent-replay" not in r.headers for r in replies) == 1
    later = post(student, assignment, body, key)
    assert later.content == replies[0].content and later.headers["idempotent-replay"] == "true"
    problem(post(student, assignment, {"json": {"text": "another"}}, key), 422, "idempotency-key-reused")
    problem(post(student, assignment, body, str(uuid.uuid4())), 409)
    assert len(pages(student, f"/v1/assignments/{assignment['id']}/submissions")) == 1
    assert eventually(lambda: len(blobs() - before) == (form == "file")), "repeats leave no file behind"


def test_open_due_and_lock(teacher, student, course):
    early = assign(teacher, course, opens_at=from_now(days=1))
    assert student.get(f"/v1/assignments/{early['id']}").status_code == 200
    problem(post(student, early, {"json": {"text": "x"}}), 409, "conflict")
    locked = assign(teacher, course, due_at=from_now(hours=-2), lock_at=from_now(hours=-1))
    problem(post(student, locked, {"json": {"text": "x"}}), 410, "gone")
    late = assign(teacher, course, due_at=from_now(hours=-1), lock_at=from_now(hours=1))
    assert hand_in(student, late, text="x")["late"] is True
    in_time = assign(teacher, course, due_at=from_now(hours=1))
    assert hand_in(student, in_time, text="x")["late"] is False


def test_lateness_costs_what_the_policy_says(teacher, student, course):
    checks = [{"kind": "word_count", "min": 1, "points": 10}]
    policy = {"per_day_percent": 12.5, "floor_percent": 40, "grace_minutes": 30}
    for due, points, days in [({"minutes": -10}, 10, 0), ({"days": -1, "hours": -1}, 7.5, 2), ({"days": -30}, 4, 31)]:
        assignment = assign(teacher, course, checks=checks, late_policy=policy, due_at=from_now(**due))
        mine = graded(student, hand_in(student, assignment, text="some words"))
        assert mine["late"] is True
        assert mine["score"] == {"points": points, "of": 10}
        assert (mine["explanation"]["raw"], mine["explanation"]["late"]["days"]) == (10, days)


def test_rules_hold_for_what_was_handed_in_under_them(teacher, student, course):
    assignment = assign(teacher, course, checks=CHECKS)
    first = graded(student, hand_in(student, assignment, text=REPORT))
    changed = teacher.change(f"/v1/assignments/{assignment['id']}", {"points": 5, "checks": None})
    assert changed.status_code == 200 and changed.json()["checks"] == []
    assert read(student, first)["score"] == {"points": 10, "of": 10}
    second = hand_in(student, assignment, text=REPORT)
    assert "no automatic checks" in looked_at(teacher, second)["explanation"]["reason"]
    assert second["attempt"] == 2
    assert grade(teacher, second, points=5).json()["score"] == {"points": 5, "of": 5}


# --- grades ---------------------------------------------------------------------------------------------------------------


def test_grades_are_held_back_until_they_are_released(teacher, student, course):
    assignment = assign(teacher, course, checks=CHECKS, release="manual")
    submission = hand_in(student, assignment, text=REPORT)
    seen = eventually(lambda: (s := read(teacher, submission)) and s["state"] == "graded" and s)
    assert seen["released"] is False and seen["score"] == {"points": 10, "of": 10}
    hidden = read(student, submission)
    assert hidden["state"] == "graded" and hidden["released"] is False
    assert [hidden[k] for k in ("score", "explanation", "feedback", "criteria", "graded_at")] == [None] * 5
    assert pages(student, f"/v1/assignments/{assignment['id']}/submissions")[0]["score"] is None
    assert grade(teacher, submission, points=9, comment="secret").json()["released"] is False

    problem(student.post(f"/v1/assignments/{assignment['id']}/release"), 403)
    with stream(student) as events:
        assert teacher.post(f"/v1/assignments/{assignment['id']}/release").json() == {"released": 1}
        first = events.wait("submission.graded")["data"]
    assert first["submission_id"] == submission["id"] and first["score"] == {"points": 9, "of": 10}, "nothing was told before"
    assert read(student, submission)["score"] == {"points": 9, "of": 10}
    assert teacher.post(f"/v1/assignments/{assignment['id']}/release").json() == {"released": 0}


def test_marks_follow_the_rubric(teacher, student, assistant, stranger, course, database):
    rubric = [
        {"id": "idea", "title": "The idea", "points": 6, "ratings": [{"title": "good", "points": 6}, {"title": "poor", "points": 1}]},
        {"id": "form", "title": "Its form", "points": 4},
    ]
    assignment = assign(teacher, course, rubric=rubric)
    submission = hand_in(student, assignment, text="An idea.")
    looked_at(teacher, submission)
    path = f"/v1/submissions/{submission['id']}/grade"
    marks = {"points": 8.5, "comment": "Well done", "criteria": [{"id": "idea", "points": 5.5, "comment": "new"}, {"id": "form", "points": 3}]}

    problem(teacher.put(path, json=marks), 428)
    problem(teacher.put(path, json=marks, headers={"If-Match": '"99"'}), 412)
    problem(student.put(path, json=marks, headers={"If-Match": "*"}), 403)
    problem(stranger.put(path, json=marks, headers={"If-Match": "*"}), 404)
    bad = {"points": 10.001, "criteria": [{"id": "idea", "points": 7}, {"id": "style", "points": 1}, {"id": "idea", "points": 1}]}
    assert faults(grade(teacher, submission, **bad)) == {
        "/points": "out-of-range", "/criteria/0/points": "out-of-range", "/criteria/1/id": "unknown", "/criteria/2/id": "duplicate"}

    tag = etag(assistant, submission)
    assert grade(assistant, submission, **marks).status_code == 200
    problem(teacher.put(path, json=marks | {"points": 1}, headers={"If-Match": tag}), 412)
    assert grade(teacher, submission, points=9).status_code == 200
    mine = read(student, submission)
    assert mine["score"] == {"points": 9, "of": 10} and mine["criteria"] is None and mine["graded_by"] == teacher.id

    history = teacher.get(f"/v1/submissions/{submission['id']}/grades").json()["items"]
    assert [(g["points"], g["graded_by"]) for g in history] == [(9, teacher.id), (8.5, assistant.id)]
    assert history[1]["criteria"] == marks["criteria"]
    problem(student.get(f"/v1/submissions/{submission['id']}/grades"), 403)
    database.execute("SELECT actor::text, detail FROM audit WHERE object_id = %s ORDER BY id", [submission["id"]])
    assert [(actor, detail["from"], detail["to"]) for actor, detail in database.fetchall()] == [(assistant.id, None, 8.5), (teacher.id, 8.5, 9)]


def test_lists_show_each_their_own(teacher, assistant, student, other, course):
    assignment = assign(teacher, course)
    mine = [hand_in(student, assignment, text=f"mine {i}")["id"] for i in range(3)]
    theirs = hand_in(other, assignment, text="theirs")["id"]
    path = f"/v1/assignments/{assignment['id']}/submissions"
    assert [s["id"] for s in pages(student, path, limit=2)] == mine
    assert [s["id"] for s in pages(student, path, user_id=other.id)] == mine, "the filter opens nothing"
    assert [s["id"] for s in pages(assistant, path, limit=1)] == mine + [theirs]
    assert [s["id"] for s in pages(teacher, path, user_id=other.id)] == [theirs]
    looked_at(teacher, {"id": theirs})
    assert grade(teacher, {"id": theirs}, points=1).status_code == 200
    assert [s["id"] for s in pages(teacher, path, state="graded")] == [theirs]
    assert set(faults(teacher.get(path, params={"limit": 201, "state": "lost", "cursor": "forged", "x": 1}))) == {"/limit", "/state", "/x"}
    assert faults(teacher.get(path, params={"cursor": "forged"})) == {"/cursor": "invalid"}
