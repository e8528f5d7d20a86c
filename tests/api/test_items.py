"""The item bank: items and their versions."""

import pytest
from client import faults, pages, problem
from quizzes import CHOICE, NOWHERE, NUMERIC, SHORT_TEXT, add_item, bank


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
        problem(nobody.get(f"/v1/items/{item['id']}"), 404, "not-found")
        problem(nobody.patch(f"/v1/items/{item['id']}", json={}, headers={"If-Match": "*"}), 404, "not-found")
    assistant = school.person()
    school.enrol(course, assistant, "assistant")
    assert assistant.get(f"/v1/items/{item['id']}").status_code == 200
    problem(assistant.post(path, json=CHOICE), 403, "forbidden")
    problem(anonymous.get(path), 401)
    problem(teacher.get(f"/v1/items/{NOWHERE}"), 404, "not-found")
