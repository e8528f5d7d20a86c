"""The item bank: items and their versions, and GIFT files in and out."""

import httpx
import pytest
from client import CA, PATIENCE, URL, faults, pages, problem
from quizzes import CHOICE, NOWHERE, NUMERIC, SHORT_TEXT, add_item, bank

GIFT = """\
// A file as teachers have them
$CATEGORY: $course$/top/Biology

// [tag:gas]
::Gas:: Which gas do leaves take in? {
  =Carbon dioxide #Right.
  ~Oxygen #They give it off.
}

::Broken:: Nobody closes this {=a ~b

Leaves are green.{TRUE#Look again.#Yes.}

::Essay:: Tell us about light. {}

[markdown]Which are **plants**? {~%50%moss ~%50%fern ~%-100%whale}

How many nm? {#662:10}

The pigment is {=chlorophyll =%50%chloro*}.
"""


def gift(teacher, course, text, **params):
    content = text if isinstance(text, bytes) else text.encode()
    return teacher.post(f"/v1/courses/{course['id']}/items/import", params=params, content=content, headers={"Content-Type": "text/x-gift"})


def export(teacher, course, **params):
    reply = teacher.get(f"/v1/courses/{course['id']}/items/export", params={"format": "gift"} | params)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/x-gift")
    return reply.text


def test_an_item_is_kept_as_it_was_written(teacher, course):
    item = add_item(teacher, course, CHOICE)
    assert item["version"] == 1 and item["kind"] == "choice" and item["points"] == 1 and item["difficulty"] == 0.2
    assert item["stem_html"] == "<p>Which gas do leaves take <strong>in</strong>?</p>\n"
    assert item["feedback_html"] == "<p>They breathe, too.</p>\n"
    choices = item["definition"]["choices"]
    assert [(c["id"], c["correct"]) for c in choices] == [("o2", False), ("co2", True), ("n2", False)]
    assert choices[0]["html"] == "<p>Oxygen</p>\n" and choices[0]["feedback_html"] == "<p>They give it <em>off</em>.</p>\n"
    assert item["definition"]["scoring"] == "all_or_nothing" and item["definition"]["shuffle"] is True
    reply = teacher.get(f"/v1/items/{item['id']}")
    assert reply.json() == item and reply.headers["etag"] == '"1"'
    assert teacher.get(f"/v1/items/{item['id']}", headers={"If-None-Match": '"1"'}).status_code == 304


def test_a_change_is_a_new_version(teacher, course):
    item = add_item(teacher, course, NUMERIC)
    reply = teacher.change(f"/v1/items/{item['id']}", {"stem": "In micrometres?", "tags": [" a  b ", "a b", "c"], "difficulty": None})
    assert reply.status_code == 200, reply.text
    new = reply.json()
    assert new["version"] == 2 and new["stem"] == "In micrometres?" and new["tags"] == ["a b", "c"] and new["difficulty"] is None
    assert new["definition"] == item["definition"] and new["points"] == 2
    stale = teacher.patch(f"/v1/items/{item['id']}", json={"points": 3}, headers={"If-Match": '"1"'})
    problem(stale, 412, "precondition-failed")
    problem(teacher.patch(f"/v1/items/{item['id']}", json={"points": 3}), 428, "precondition-required")
    other_kind = teacher.change(f"/v1/items/{item['id']}", {"kind": "short_text"})
    assert faults(other_kind) == {"/definition": "required"}
    both = teacher.change(f"/v1/items/{item['id']}", {"kind": "short_text", "definition": {"accept": [{"text": "0.662"}]}})
    assert both.status_code == 200 and both.json()["kind"] == "short_text" and both.json()["version"] == 3


@pytest.mark.parametrize("body, expected", [
    ({}, {"/kind": "required", "/stem": "required", "/definition": "required"}),
    (CHOICE | {"kind": "riddle"}, {"/kind": "invalid"}),
    (CHOICE | {"kind": "essay"}, {"/definition/choices": "unknown"}),
    (CHOICE | {"kind": "riddle"}, {"/kind": "invalid"}),
    (CHOICE | {"points": -1, "difficulty": 2, "colour": 1}, {"/points": "out-of-range", "/difficulty": "out-of-range", "/colour": "unknown"}),
    (CHOICE | {"points": 1.0005}, {"/points": "format"}),
    (CHOICE | {"stem": " \n "}, {"/stem": "too-short"}),
    (CHOICE | {"tags": ["a", 7]}, {"/tags/1": "type"}),
    (CHOICE | {"definition": {"choices": [{"text": "A"}, {"text": "B", "colour": 1}]}}, {"/definition/choices/1/colour": "unknown"}),
    (CHOICE | {"definition": {"choices": [{"text": "A"}, {"text": "B"}]}}, {"/definition/choices": "invalid"}),
    (NUMERIC | {"definition": {"answers": [{"value": "x"}]}}, {"/definition/answers/0/value": "format"}),
    (SHORT_TEXT | {"definition": {"accept": [{"pattern": "("}]}}, {"/definition/accept/0/pattern": "format"}),
    (SHORT_TEXT | {"definition": 7}, {"/definition": "type"}),
])
def test_faults_of_an_item_are_all_told(teacher, course, body, expected):
    assert faults(teacher.post(f"/v1/courses/{course['id']}/items", json=body)) == expected


def test_the_bank_is_found_by_tag_kind_category_and_words(teacher, course):
    items = bank(teacher, course)
    add_item(teacher, course, SHORT_TEXT, category="Biology/Cells")
    path = f"/v1/courses/{course['id']}/items"
    assert len(pages(teacher, path, limit=2)) == 4
    assert [i["id"] for i in pages(teacher, path, tag="light")] == [items[0]["id"], items[1]["id"]]
    assert [i["id"] for i in pages(teacher, path, kind="numeric")] == [items[1]["id"]]
    assert len(pages(teacher, path, category="Biology/Cells")) == 1
    assert [i["id"] for i in pages(teacher, path, q="leaves gas")] == [items[0]["id"]]
    assert pages(teacher, path, q="whale") == []
    assert "definition" not in pages(teacher, path)[0]


def test_the_bank_is_the_teachers(school, teacher, course, student, anonymous):
    item = add_item(teacher, course, CHOICE)
    path = f"/v1/courses/{course['id']}/items"
    for nobody in (student, school.person(), school.person("staff")):
        expected = 403 if nobody is student else 404
        problem(nobody.get(path), expected)
        problem(nobody.post(path, json=CHOICE), expected)
        problem(gift(nobody, course, GIFT), expected)
        problem(nobody.get(path + "/export"), expected)
        problem(nobody.get(f"/v1/items/{item['id']}"), 404, "not-found")
        problem(nobody.patch(f"/v1/items/{item['id']}", json={}, headers={"If-Match": "*"}), 404, "not-found")
    assistant = school.person()
    school.enrol(course, assistant, "assistant")
    assert assistant.get(f"/v1/items/{item['id']}").status_code == 200
    problem(assistant.post(path, json=CHOICE), 403, "forbidden")
    problem(anonymous.get(path), 401)
    problem(teacher.get(f"/v1/items/{NOWHERE}"), 404, "not-found")


def test_a_gift_file_comes_in_without_its_bad_questions(teacher, course):
    reply = gift(teacher, course, GIFT)
    assert reply.status_code == 200, reply.text
    report = reply.json()
    assert report["imported"] == 5 and [i["line"] for i in report["items"]] == [4, 12, 16, 18, 20]
    assert [i["kind"] for i in report["items"]] == ["choice", "choice", "choice", "numeric", "short_text"]
    assert [(e["line"], e["code"]) for e in report["errors"]] == [(10, "syntax"), (14, "unsupported")]
    assert "essay" in report["errors"][1]["detail"] and report["errors"][0]["column"] == 31
    listed = pages(teacher, f"/v1/courses/{course['id']}/items")
    assert [i["id"] for i in listed] == [i["id"] for i in report["items"]]
    assert listed[0]["category"] == "Biology" and listed[0]["tags"] == ["gas"] and listed[0]["title"] == "Gas"
    first = teacher.get(f"/v1/items/{listed[0]['id']}").json()
    assert [c["correct"] for c in first["definition"]["choices"]] == [True, False]
    several = teacher.get(f"/v1/items/{listed[2]['id']}").json()["definition"]
    assert several["multiple"] and [c["fraction"] for c in several["choices"]] == [0.5, 0.5, -1]


def test_a_dry_run_changes_nothing(teacher, course):
    reply = gift(teacher, course, GIFT, dry_run="true")
    assert reply.status_code == 200 and reply.json()["imported"] == 5 and reply.json()["dry_run"] is True
    assert all(i["id"] is None for i in reply.json()["items"])
    assert pages(teacher, f"/v1/courses/{course['id']}/items") == []


def test_an_import_sent_twice_is_done_once(teacher, course):
    path, headers = f"/v1/courses/{course['id']}/items/import", {"Content-Type": "text/x-gift", "Idempotency-Key": "import-1"}
    first = teacher.post(path, content=GIFT.encode(), headers=headers)
    again = teacher.post(path, content=GIFT.encode(), headers=headers)
    assert again.json() == first.json() and again.headers["idempotent-replay"] == "true"
    assert len(pages(teacher, f"/v1/courses/{course['id']}/items")) == 5


def test_what_goes_out_comes_in_again(school, teacher, course):
    gift(teacher, course, GIFT)
    add_item(teacher, course, CHOICE, points=2.5)
    odd = add_item(teacher, course, NUMERIC, definition={"answers": [{"value": 1, "unit": "m"}]}, title="With a unit")
    refused = teacher.get(f"/v1/courses/{course['id']}/items/export")
    assert faults(refused) == {f"/items/{odd['id']}": "unsupported"} and "units" in refused.json()["errors"][0]["detail"]
    text = export(teacher, course, skip="true")
    assert "// Left out, GIFT has no units: With a unit" in text
    other = school.course(teacher)
    report = gift(teacher, other, text).json()
    assert report["errors"] == [] and report["imported"] == 6

    def said(where):
        items = [teacher.get(f"/v1/items/{i['id']}").json() for i in pages(teacher, f"/v1/courses/{where['id']}/items")]
        for item in items:
            for member in ("id", "course_id", "created_at", "updated_at"):
                del item[member]
            for choice in item["definition"].get("choices", []):
                del choice["id"]
        return items

    assert said(other) == [i for i in said(course) if i["title"] != "With a unit"]


def test_many_questions_at_once(teacher, course):
    text = "\n\n".join(f"::Q{i}:: What is {i} times two? {{#{2 * i}}}" for i in range(10000))
    report = gift(teacher, course, text).json()
    assert report["imported"] == 10000 and report["errors"] == []
    listed = pages(teacher, f"/v1/courses/{course['id']}/items", limit=200)
    assert [i["title"] for i in listed] == [f"Q{i}" for i in range(10000)]
    assert export(teacher, course).count("::Q") == 10000


@pytest.mark.parametrize("content, words", [
    (b"\x7fELF\x02\x01\x01\x00\x00\x00{T}", "no text"),
    ("Leaves are green. {T}".encode("utf-16"), "UTF-16"),
])
def test_what_is_no_text_is_refused(teacher, course, content, words):
    body = problem(gift(teacher, course, content), 422, "invalid-input")
    assert body["errors"][0]["code"] == "encoding" and words in body["errors"][0]["detail"]


def test_another_encoding_spoils_only_what_it_touches(teacher, course):
    report = gift(teacher, course, "Blätter? {T}\n\nLeaves? {T}\n".encode("latin-1")).json()
    assert report["imported"] == 1 and [(e["line"], e["column"], e["code"]) for e in report["errors"]] == [(1, 3, "encoding")]


def test_an_endless_file_is_refused(teacher, course):
    with httpx.Client(base_url=URL, verify=CA, headers={"Authorization": "Bearer " + teacher.token}, timeout=PATIENCE) as over_http_1:
        problem(gift(over_http_1, course, b"x" * (8 * 1024 * 1024 + 1)), 413, "too-large")  # by nginx, which does not read it
    one_line = gift(teacher, course, b"x" * (1024 * 1024) + b"\n\nLeaves? {T}").json()
    assert one_line["imported"] == 1 and one_line["errors"][0]["code"] == "too-long"


def test_other_media_are_refused(teacher, course):
    problem(teacher.post(f"/v1/courses/{course['id']}/items/import", json={"text": GIFT}), 415)
    assert faults(teacher.get(f"/v1/courses/{course['id']}/items/export", params={"format": "qti"})) == {"/format": "invalid"}
