"""Work that is handed in: texts and files, good ones and bad ones, in time and late, once and twice; and what each participant sees of it."""

import concurrent.futures
import urllib.parse
import uuid

import pytest
from assignments import CHECKS, REPORT, all_at_once, assign, blobs, check_receipt, grade, graded, hand_in, looked_at, multipart, part, pdf_of, post, read, sha256
from client import eventually, faults, pages, problem, stream
from quizzes import NOWHERE, from_now


def test_a_markdown_file_of_some_pages_is_graded_and_the_news_arrives(teacher, student, friend, outsider, course):
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
    for person in friend, outsider:
        problem(person.get(f"/v1/submissions/{submission['id']}"), 404, "not-found")
        problem(person.get(f"/v1/submissions/{submission['id']}/files/{submission['files'][0]['id']}"), 404)
    assert pages(friend, f"/v1/assignments/{assignment['id']}/submissions") == []


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


def test_a_pdf_of_20_mib_goes_to_a_person_and_comes_back_whole(teacher, assistant, student, friend, outsider, course):
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
        for person in friend, outsider:
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


def test_who_may_hand_in(teacher, assistant, outsider, anonymous, course):
    assignment = assign(teacher, course)
    body = {"json": {"text": "mine"}}
    problem(post(anonymous, assignment, body), 401)
    problem(post(outsider, assignment, body), 404)
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


def test_lists_show_each_their_own(teacher, assistant, student, friend, course):
    assignment = assign(teacher, course)
    mine = [hand_in(student, assignment, text=f"mine {i}")["id"] for i in range(3)]
    theirs = hand_in(friend, assignment, text="theirs")["id"]
    path = f"/v1/assignments/{assignment['id']}/submissions"
    assert [s["id"] for s in pages(student, path, limit=2)] == mine
    assert [s["id"] for s in pages(student, path, user_id=friend.id)] == mine, "the filter opens nothing"
    assert [s["id"] for s in pages(assistant, path, limit=1)] == mine + [theirs]
    assert [s["id"] for s in pages(teacher, path, user_id=friend.id)] == [theirs]
    looked_at(teacher, {"id": theirs})
    assert grade(teacher, {"id": theirs}, points=1).status_code == 200
    assert [s["id"] for s in pages(teacher, path, state="graded")] == [theirs]
    assert set(faults(teacher.get(path, params={"limit": 201, "state": "lost", "cursor": "forged", "x": 1}))) == {"/limit", "/state", "/x"}
    assert faults(teacher.get(path, params={"cursor": "forged"})) == {"/cursor": "invalid"}
