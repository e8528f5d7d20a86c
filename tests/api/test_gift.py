"""The item bank as a GIFT file, in and out."""

import httpx
import pytest
from client import CA, PATIENCE, URL, faults, pages, problem
from quizzes import CHOICE, KINDS, MATCH, NUMERIC, SHORT_TEXT, add_item

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

Who lives where? {
  =Fish -> water
  =Birds -> air
  =Whales -> water
  = -> fire
}

Read this first: light has colours.
"""


def gift(teacher, course, text, **params):
    content = text if isinstance(text, bytes) else text.encode()
    return teacher.post(f"/v1/courses/{course['id']}/items/import", params=params, content=content, headers={"Content-Type": "text/x-gift"})


def export(teacher, course, **params):
    reply = teacher.get(f"/v1/courses/{course['id']}/items/export", params={"format": "gift"} | params)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/x-gift")
    return reply.text


def test_a_gift_file_comes_in_without_its_bad_questions(teacher, course):
    reply = gift(teacher, course, GIFT)
    assert reply.status_code == 200, reply.text
    report = reply.json()
    assert report["imported"] == 7 and [i["line"] for i in report["items"]] == [4, 12, 14, 16, 18, 20, 22]
    assert [i["kind"] for i in report["items"]] == ["choice", "choice", "essay", "choice", "numeric", "short_text", "match"]
    assert [(e["line"], e["code"]) for e in report["errors"]] == [(10, "syntax"), (29, "unsupported")]
    assert "description" in report["errors"][1]["detail"] and report["errors"][0]["column"] == 31
    listed = pages(teacher, f"/v1/courses/{course['id']}/items")
    assert [i["id"] for i in listed] == [i["id"] for i in report["items"]]
    assert listed[0]["category"] == "Biology" and listed[0]["tags"] == ["gas"] and listed[0]["title"] == "Gas"
    first = teacher.get(f"/v1/items/{listed[0]['id']}").json()
    assert [c["correct"] for c in first["definition"]["choices"]] == [True, False]
    several = teacher.get(f"/v1/items/{listed[3]['id']}").json()["definition"]
    assert several["multiple"] and [c["fraction"] for c in several["choices"]] == [0.5, 0.5, -1]
    pairs = teacher.get(f"/v1/items/{listed[6]['id']}").json()["definition"]
    assert [o["text"] for o in pairs["options"]] == ["water", "air", "fire"] and pairs["key"] == {"a": "a", "b": "b", "c": "a"}


def test_files_of_questions_are_the_teachers(school, course, student):
    for nobody in (student, school.person(), school.person("staff")):
        expected = 403 if nobody is student else 404
        problem(gift(nobody, course, GIFT), expected)
        problem(nobody.get(f"/v1/courses/{course['id']}/items/export"), expected)


def test_a_dry_run_changes_nothing(teacher, course):
    reply = gift(teacher, course, GIFT, dry_run="true")
    assert reply.status_code == 200 and reply.json()["imported"] == 7 and reply.json()["dry_run"] is True
    assert all(i["id"] is None for i in reply.json()["items"])
    assert pages(teacher, f"/v1/courses/{course['id']}/items") == []


def test_an_import_sent_twice_is_done_once(teacher, course):
    path, headers = f"/v1/courses/{course['id']}/items/import", {"Content-Type": "text/x-gift", "Idempotency-Key": "import-1"}
    first = teacher.post(path, content=GIFT.encode(), headers=headers)
    again = teacher.post(path, content=GIFT.encode(), headers=headers)
    assert again.json() == first.json() and again.headers["idempotent-replay"] == "true"
    assert len(pages(teacher, f"/v1/courses/{course['id']}/items")) == 7


def said(teacher, course):
    """The items of a bank, but for what a copy has of its own."""
    items = [teacher.get(f"/v1/items/{i['id']}").json() for i in pages(teacher, f"/v1/courses/{course['id']}/items")]
    return [{k: v for k, v in item.items() if k not in ("id", "course_id", "created_at", "updated_at")} for item in items]


def test_what_goes_out_comes_in_again(school, teacher, course):
    gift(teacher, course, GIFT)
    for item in KINDS:
        add_item(teacher, course, item, title="Of  " + item["kind"], points=2.5, category="Kinds: {all}", tags=["a [b]", "\\"])
    add_item(teacher, course, CHOICE, stem="# 1. {~x} \\= `y`\r\n\n\n\t-> <b>&lt;</b> // \u2028 ::T:: \\n #### %50% é\u0301", feedback="####")
    refused = teacher.get(f"/v1/courses/{course['id']}/items/export")
    ids = {i["title"]: i["id"] for i in pages(teacher, f"/v1/courses/{course['id']}/items")}
    never = {f"/items/{ids['Of  ' + kind]}": kind for kind in ("order", "cloze", "formula")}
    assert faults(refused) == {pointer: "unsupported" for pointer in never}
    assert len({e["detail"] for e in refused.json()["errors"]}) == 3
    text = export(teacher, course, skip="true")
    assert text.count("// Left out, GIFT has no ") == 3
    other = school.course(teacher)
    report = gift(teacher, other, text).json()
    assert report["errors"] == [] and report["imported"] == 7 + len(KINDS) - 3 + 1
    assert said(teacher, other) == [i for i in said(teacher, course) if i["kind"] not in never.values()]
    assert "\n".join(line for line in text.split("\n") if "// Left out" not in line).split() == export(teacher, other).split()


@pytest.mark.parametrize("item, words", [
    (NUMERIC | {"definition": {"answers": [{"value": 1, "unit": "m"}]}}, "units"),
    (NUMERIC | {"definition": {"answers": [{"value": 1, "significant_figures": 2}], "wrong_figures_share": 0.5}}, "wrong significant figures"),
    (SHORT_TEXT | {"definition": {"accept": [{"pattern": "a|b"}]}}, "patterns"),
    (SHORT_TEXT | {"definition": {"accept": [{"text": "a -> b"}]}}, "pairs"),
    (MATCH | {"definition": MATCH["definition"] | {"prompts": [{"id": "fr", "text": "a->b"}, {"id": "it", "text": "b"}]}}, "first ->"),
])
def test_what_gift_cannot_say_of_an_item_is_named(teacher, course, item, words):
    made = add_item(teacher, course, item, title="An odd one")
    refused = teacher.get(f"/v1/courses/{course['id']}/items/export")
    assert faults(refused) == {f"/items/{made['id']}": "unsupported"} and words in refused.json()["errors"][0]["detail"]
    text = export(teacher, course, skip="true")
    assert text.startswith("// Left out, GIFT ") and text.endswith(": An odd one\n\n") and words in text
    assert gift(teacher, course, text).json()["imported"] == 0


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


def test_a_text_is_no_longer_than_the_api_takes_it(teacher, course):
    report = gift(teacher, course, "Long? {=" + 4001 * "a" + " ~b}\n\n[markdown]Full? {=" + 4000 * "\\=" + " ~b}\n").json()
    assert report["imported"] == 1 and [(e["line"], e["column"], e["code"]) for e in report["errors"]] == [(1, 9, "too-long")]
    assert export(teacher, course).count("\\=") == 4000


def test_an_endless_file_is_refused(teacher, course):
    with httpx.Client(base_url=URL, verify=CA, headers={"Authorization": "Bearer " + teacher.token}, timeout=PATIENCE) as over_http_1:
        problem(gift(over_http_1, course, b"x" * (8 * 1024 * 1024 + 1)), 413, "too-large")  # by nginx, which does not read it
    one_line = gift(teacher, course, b"x" * (3 * 1024 * 1024) + b"\n\nLeaves? {T}").json()
    assert one_line["imported"] == 1 and one_line["errors"][0]["code"] == "too-long"


def test_other_media_are_refused(teacher, course):
    problem(teacher.post(f"/v1/courses/{course['id']}/items/import", json={"text": GIFT}), 415)
    assert faults(teacher.get(f"/v1/courses/{course['id']}/items/export", params={"format": "qti"})) == {"/format": "invalid"}
