"""All eight kinds of items: an attempt of them is taken, graded, and each score explains itself; what waits for a person; what chance decides."""

import json
import os
import re

import psycopg2
import pytest

from client import eventually, problem
from quizzes import CLOZE, ESSAY, FORMULA, KINDS, MATCH, ORDER, add_item, begin, graded, read, result, save, saved, set_quiz, slot_of, submit

def faults(reply):
    return {(e["pointer"], e["code"]) for e in problem(reply, 422)["errors"]}


@pytest.fixture
def quiz(teacher, course):
    return set_quiz(teacher, course, [add_item(teacher, course, item) for item in KINDS])


@pytest.fixture
def attempt(student, quiz):
    return begin(student, quiz)


def by_kind(paper):
    return {s["kind"]: s for s in paper["slots"]}


def answers_to(paper):
    values = by_kind(paper)["formula"]["values"]
    return {
        "choice": {"choices": ["co2"]},
        "numeric": {"value": "662"},
        "short_text": {"text": "chlorophyll"},
        "match": {"pairs": {"fr": "p", "it": "o"}},
        "order": {"order": ["d", "s", "h", "w"]},
        "cloze": {"gaps": {"temp": {"value": "212 degF"}, "gas": {"text": "Hydrogen"}, "state": {"choices": ["dry"]}}},
        "formula": {"value": str(float(values["a"]) * float(values["b"])), "unit": "m^2"},
        "essay": {"text": "Because they reflect green light."},
    }


def answer_everything(student, attempt):
    answers = answers_to(attempt)
    for s in attempt["slots"]:
        saved(student, attempt, s["slot"], s["rev"], answers[s["kind"]])


def test_the_paper_shows_what_is_asked_and_no_key(attempt):
    slots = by_kind(attempt)
    assert sorted(c["id"] for c in slots["choice"]["choices"]) == ["co2", "n2", "o2"] and slots["choice"]["multiple"] is False
    assert [p["id"] for p in slots["match"]["prompts"]] == ["fr", "it"] and slots["match"]["prompts"][0]["html"] == "<p><em>France</em></p>\n"
    assert sorted(o["id"] for o in slots["match"]["options"]) == ["o", "p", "r"]
    assert sorted(e["id"] for e in slots["order"]["entries"]) == ["d", "h", "s", "w"]
    assert "{{gas}} and <em>oxygen</em>" in slots["cloze"]["html"]
    assert set(slots["cloze"]["gaps"]) == {"temp", "gas", "state"} and slots["cloze"]["gaps"]["temp"] == {"kind": "numeric"}
    assert sorted(c["id"] for c in slots["cloze"]["gaps"]["state"]["choices"]) == ["dry", "wet"]
    a, b = slots["formula"]["values"]["a"], slots["formula"]["values"]["b"]
    assert slots["formula"]["stem"] == f"A field is {a} m by {b} m. Its area?" and f"{a} m by {b} m" in slots["formula"]["stem_html"]
    assert 10 <= int(a) <= 90 and 1.5 <= float(b) <= 9.5 and float(b) * 4 == int(float(b) * 4)
    assert slots["essay"]["min_words"] == 3 and slots["essay"]["max_words"] is None
    assert not re.search(r"correct|fraction|feedback|tolerance|accept|\"key\"|a\*b", str([{k: v for k, v in s.items() if k != "answer"} for s in attempt["slots"]]))


def test_a_paper_stays_as_it_was_drawn(teacher, course, student, attempt):
    assert by_kind(read(student, attempt)) == by_kind(attempt)


@pytest.mark.parametrize("kind, answer, pointer", [
    ("match", {"pairs": {"xx": "p"}}, "/answer/pairs"),
    ("match", {"pairs": {"fr": "it"}}, "/answer/pairs"),
    ("match", {"order": ["fr"]}, "/answer"),
    ("order", {"order": ["s", "x"]}, "/answer/order"),
    ("order", {"order": ["s", "s"]}, "/answer/order/1"),
    ("cloze", {"gaps": {"nix": {"text": "a"}}}, "/answer/gaps"),
    ("cloze", {"gaps": {"temp": {"text": "100"}}}, "/answer/gaps"),
    ("cloze", {"gaps": {"state": {"choices": ["moist"]}}}, "/answer/gaps"),
    ("cloze", {"gaps": {"state": {"order": ["wet"]}}}, "/answer/gaps/state/order"),
    ("formula", {"text": "3"}, "/answer"),
    ("essay", {"text": "a" * 50001}, "/answer/text"),
    ("essay", {"value": "3"}, "/answer"),
])
def test_answers_that_the_item_does_not_take(student, attempt, kind, answer, pointer):
    assert {p for p, _ in faults(save(student, attempt, slot_of(attempt, kind), 0, answer))} == {pointer}
    assert by_kind(read(student, attempt))[kind]["rev"] == 0


def mark(person, attempt, slot, points, comment=None, **more):
    return person.put(f"/v1/attempts/{attempt['id']}/slots/{slot}/grade", json={"points": points, "comment": comment}, **more)


def test_each_score_explains_itself_and_an_essay_waits_for_a_person(teacher, student, attempt):
    answer_everything(student, attempt)
    submit(student, attempt)
    essay = slot_of(attempt, "essay")
    reply = eventually(lambda: (r := mark(teacher, attempt, essay, 4, "Well *seen*.")).status_code == 200 and r)
    assert reply.json()["score"] == {"points": 4, "of": 5} and reply.headers["etag"]
    body = graded(student, attempt)
    slots = by_kind(body)
    points = {kind: s["score"]["points"] for kind, s in slots.items()}
    assert points == {"choice": 1, "numeric": 2, "short_text": 1.5, "match": 0.5, "order": 0.667, "cloze": 2, "formula": 2, "essay": 4}
    assert body["score"]["points"] == pytest.approx(sum(points.values()))
    assert {kind: s["explanation"]["rule"] for kind, s in slots.items()} == {
        "choice": "choice/1", "numeric": "numeric/2", "short_text": "short_text/1", "match": "match/1", "order": "order/1", "cloze": "cloze/1", "formula": "formula/1",
        "essay": "person/1"}
    for kind, s in slots.items():
        steps = (s["explanation"].get("automatic") or s["explanation"])["steps"]
        assert [x["step"] for x in steps][0] == "raw" and [x["step"] for x in steps][-1] == "cap"
        assert s["explanation"]["final"] == s["score"]
        if kind != "essay":
            assert s["score"]["points"] == pytest.approx(s["score"]["of"] * steps[-1]["share"], abs=0.0006)
    gaps = slots["cloze"]["explanation"]["gaps"]
    assert {g: x["steps"][-1]["share"] for g, x in gaps.items()} == {"temp": 1, "gas": 1, "state": 0} and gaps["temp"]["rule"] == "numeric/2"
    assert slots["cloze"]["feedback"] == ["<p>Quite.</p>\n"]
    assert slots["essay"]["comment"] == "Well *seen*." and slots["essay"]["explanation"]["automatic"]["rule"] == "essay/1"
    assert slots["match"]["key"] == {"pairs": {"fr": "p", "it": "r"}} and slots["order"]["key"] == {"order": ["s", "d", "h", "w"]}
    assert slots["cloze"]["key"]["gaps"]["state"] == {"choices": ["wet"]} and slots["formula"]["key"]["answer"] == "a*b"
    values = by_kind(attempt)["formula"]["values"]
    assert slots["formula"]["explanation"]["expected"] == pytest.approx(float(values["a"]) * float(values["b"]))


def test_nothing_of_the_key_is_told_before_it_may(teacher, course, student):
    quiz = set_quiz(teacher, course, [add_item(teacher, course, item) for item in KINDS[:-1]], show={"score": "on_submit", "key": "never", "feedback": "never"})
    attempt = begin(student, quiz)
    answer_everything_but = {k: v for k, v in answers_to(attempt).items() if k != "essay"}
    for s in attempt["slots"]:
        saved(student, attempt, s["slot"], 0, answer_everything_but[s["kind"]])
    submit(student, attempt)
    for s in graded(student, attempt)["slots"]:
        assert s["key"] is None and s["feedback"] is None and not {"matched", "matched_gaps", "expected"} & set(s["explanation"])
    told = {s["kind"]: s["explanation"] for s in result(teacher, attempt)["slots"]}
    assert told["formula"]["expected"] and told["cloze"]["matched_gaps"]["gas"] == [0] and told["match"]["matched"] == [0]


def test_marks_of_people(teacher, course, school, student, attempt):
    essay, choice = slot_of(attempt, "essay"), slot_of(attempt, "choice")
    problem(mark(teacher, attempt, essay, 1), 409, "conflict")
    answer_everything(student, attempt)
    submit(student, attempt)
    assert faults(mark(teacher, attempt, essay, 5.001)) == {("/points", "out-of-range")}
    assert faults(mark(teacher, attempt, essay, -1)) == {("/points", "out-of-range")}
    problem(mark(student, attempt, essay, 5), 403)
    problem(mark(school.person(), attempt, essay, 5), 404)
    problem(mark(teacher, attempt, 99, 1), 404)
    problem(mark(teacher, attempt, 0, 1), 404)
    eventually(lambda: read(teacher, attempt)["needs_grading"])  # the grader has looked
    assert [a["needs_grading"] for a in teacher.get(f"/v1/quizzes/{attempt['quiz_id']}/attempts").json()["items"]] == [True]
    first = mark(teacher, attempt, essay, 3)
    assert first.status_code == 200 and not read(teacher, attempt)["needs_grading"]
    assert graded(student, attempt)["slots"][essay - 1]["score"]["points"] == 3
    # two markers: the second is told
    second = mark(teacher, attempt, essay, 2, headers={"If-Match": first.headers["etag"]})
    assert second.status_code == 200 and second.json()["state"] == "graded"
    problem(mark(teacher, attempt, essay, 1, headers={"If-Match": first.headers["etag"]}), 412)
    # in place of what the grader found, which is kept
    before = graded(student, attempt)["score"]["points"]
    assert mark(teacher, attempt, choice, 0.25).status_code == 200
    body = graded(student, attempt)
    assert body["score"]["points"] == pytest.approx(before - 0.75)
    told = body["slots"][choice - 1]["explanation"]
    assert told["rule"] == "person/1" and told["automatic"]["rule"] == "choice/1" and told["final"] == {"points": 0.25, "of": 1}


def test_an_essay_without_a_word_waits_for_nobody(teacher, course, student):
    attempt = begin(student, set_quiz(teacher, course, [add_item(teacher, course, ESSAY)]))
    saved(student, attempt, 1, 0, {"text": " \n "})
    submit(student, attempt)
    assert graded(student, attempt)["score"]["points"] == 0


@pytest.mark.parametrize("item", KINDS, ids=[item["kind"] for item in KINDS])
def test_each_kind_is_kept_as_it_was_sent_and_versioned(teacher, course, item):
    made = add_item(teacher, course, item)
    got = teacher.get(f"/v1/items/{made['id']}")
    assert got.json()["kind"] == item["kind"] and got.json()["version"] == 1
    again = teacher.patch(f"/v1/items/{made['id']}", json={"definition": got.json()["definition"]}, headers={"If-Match": got.headers["etag"]})
    assert again.status_code == 200 and again.json()["version"] == 2
    assert again.json()["definition"] == got.json()["definition"]


@pytest.mark.parametrize("kind, definition, expected", [
    ("match", {"prompts": [{"text": "a"}], "options": [{"text": "b"}], "key": {"a": "a"}}, {("/definition/options", "too-short")}),
    ("match", MATCH["definition"] | {"key": {"fr": "p", "it": "x"}}, {("/definition/key/it", "unknown")}),
    ("order", {"entries": [{"text": "a"}]}, {("/definition/entries", "too-short")}),
    ("order", ORDER["definition"] | {"scoring": "proportional_with_penalty"}, {("/definition/scoring", "invalid")}),
    ("cloze", CLOZE["definition"] | {"text": "no gap"}, {("/definition/gaps/" + g, "invalid") for g in ("temp", "gas", "state")}),
    ("cloze", {"text": "{{a}}", "gaps": {"a": {"accept": []}}}, {("/definition/gaps/a/accept", "too-short")}),
    ("formula", FORMULA["definition"] | {"answer": "a*c"}, {("/definition/answer", "format")}),
    ("formula", FORMULA["definition"] | {"answer": "a=b"}, {("/definition/answer", "format")}),
    ("formula", {"variables": {"a": {"min": 2, "max": 1}, "b": {"min": "x", "max": 1}}, "answer": "a"}, {("/definition/variables/b/min", "format")}),
    ("essay", {"min_words": 9, "max_words": 3}, {("/definition/max_words", "out-of-range")}),
    ("essay", {"min_words": 0}, {("/definition/min_words", "out-of-range")}),
])
def test_definitions_with_faults(teacher, course, kind, definition, expected):
    reply = teacher.post(f"/v1/courses/{course['id']}/items", json={"kind": kind, "stem": "S", "definition": definition})
    assert faults(reply) == expected


@pytest.fixture
def database():
    """One value of one statement."""
    connection = psycopg2.connect(os.environ["EA_PG"])

    def ask(statement, *arguments):
        with connection.cursor() as cursor:
            cursor.execute(statement, [json.dumps(a) if isinstance(a, dict) else a for a in arguments])
            return cursor.fetchone()[0]

    yield ask
    connection.close()


SEED, ITEM = 20261123, "01989a11-0000-7000-8000-000000000001"


def test_the_same_seed_gives_the_same_for_ever(database):
    """These are never to change: papers that were drawn years ago are shown and graded by them."""
    def draw(kind, definition, seed=SEED):
        return database("SELECT ea_slot_draw(%s, %s::jsonb, %s, %s)", kind, definition, seed, ITEM)

    ids = [{"id": i} for i in "abcdefgh"]
    assert draw("choice", {"choices": ids, "shuffle": True}) == {"choices": list("ehcadbgf")}
    assert draw("choice", {"choices": ids, "shuffle": False}) == {"choices": list("abcdefgh")}
    assert draw("match", {"options": ids, "shuffle": True}) == {"options": list("ehbfagcd")}
    assert draw("order", {"entries": ids}) == {"entries": list("bhfgadec")}
    assert draw("cloze", {"gaps": {"g": {"choices": ids, "shuffle": True}, "n": {"answers": []}}}) == {"gaps": {"g": list("bhadecgf")}}
    assert draw("formula", {"variables": {"a": {"min": 1, "max": 1000, "step": 1}, "b": {"min": -1, "max": 1, "step": 0.01}}}) == {"values": {"a": "272", "b": "-0.49"}}
    assert draw("numeric", {}) == {} and draw("essay", {}) == {} and draw("short_text", {}) == {}
    assert {draw("formula", {"variables": {"a": {"min": 0.5, "max": 2, "step": 0.5}}}, seed)["values"]["a"] for seed in range(200)} == {"0.5", "1", "1.5", "2"}
