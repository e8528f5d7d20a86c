"""What the tests of items, quizzes and attempts share: a bank of three items, a quiz of them, and students who take it."""

from datetime import datetime, timedelta, timezone

from client import Person, eventually

NOWHERE = "01989a11-0000-7000-8000-000000000000"

CHOICE = {
    "kind": "choice",
    "title": "Gas",
    "stem": "Which gas do leaves take **in**?",
    "feedback": "They breathe, too.",
    "tags": ["light", "gas"],
    "difficulty": 0.2,
    "definition": {
        "choices": [
            {"id": "o2", "text": "Oxygen", "feedback": "They give it *off*."},
            {"id": "co2", "text": "Carbon dioxide", "correct": True, "feedback": "Right."},
            {"id": "n2", "text": "Nitrogen"},
        ]
    },
}
NUMERIC = {
    "kind": "numeric",
    "stem": "Wavelength of red light in nm?",
    "points": 2,
    "tags": ["light"],
    "definition": {"answers": [{"value": 662, "tolerance": 10, "feedback": "Red."}, {"value": 662, "tolerance": 50, "fraction": 0.5}]},
}
SHORT_TEXT = {
    "kind": "short_text",
    "stem": "The green pigment is called …",
    "points": 1.5,
    "definition": {"accept": [{"text": "Chlorophyll"}, {"pattern": "chloro.*", "fraction": 0.5}]},
}
MATCH = {"kind": "match", "stem": "Which belongs to which?", "definition": {
    "prompts": [{"id": "fr", "text": "*France*"}, {"id": "it", "text": "Italy"}],
    "options": [{"id": "p", "text": "Paris"}, {"id": "r", "text": "Rome"}, {"id": "o", "text": "Oslo"}],
    "key": {"fr": "p", "it": "r"}}}
ORDER = {"kind": "order", "stem": "From small to large", "definition": {
    "entries": [{"id": "s", "text": "Sparrow"}, {"id": "d", "text": "Dog"}, {"id": "h", "text": "Horse"}, {"id": "w", "text": "Whale"}]}}
CLOZE = {"kind": "cloze", "stem": "Fill in", "points": 3, "definition": {
    "text": "Water boils at {{temp}} and is made of {{gas}} and *oxygen*; it is {{state}}.",
    "gaps": {"temp": {"answers": [{"value": 100, "unit": "degC"}], "wrong_unit_share": 0.5},
             "gas": {"accept": [{"text": "hydrogen", "feedback": "Quite."}]},
             "state": {"choices": [{"id": "wet", "text": "wet", "correct": True}, {"id": "dry", "text": "dry"}]}}}}
FORMULA = {"kind": "formula", "stem": "A field is {a} m by {b} m. Its area?", "points": 2, "definition": {
    "variables": {"a": {"min": 10, "max": 90}, "b": {"min": "1.5", "max": "9.5", "step": "0.25"}}, "answer": "a*b", "tolerance": 0.001, "relative": True, "unit": "m^2"}}
ESSAY = {"kind": "essay", "stem": "Why are leaves green?", "points": 5, "definition": {"min_words": 3}}
KINDS = [CHOICE, NUMERIC, SHORT_TEXT, MATCH, ORDER, CLOZE, FORMULA, ESSAY]
RIGHT = {"choice": {"choices": ["co2"]}, "numeric": {"value": "662"}, "short_text": {"text": "chlorophyll"}}
WRONG = {"choice": {"choices": ["o2"]}, "numeric": {"value": "7"}, "short_text": {"text": "green"}}


def from_now(**delta):
    return (datetime.now(timezone.utc) + timedelta(**delta)).isoformat().replace("+00:00", "Z")


def add_item(teacher, course, item, **fields):
    reply = teacher.post(f"/v1/courses/{course['id']}/items", json=item | fields)
    assert reply.status_code == 201, reply.text
    assert reply.headers["location"] == f"/v1/items/{reply.json()['id']}"
    return reply.json()


def bank(teacher, course):
    """The three items, in the order of their kinds."""
    return [add_item(teacher, course, item) for item in (CHOICE, NUMERIC, SHORT_TEXT)]


def set_quiz(teacher, course, items=None, publish=True, **fields):
    body = {"title": "Light and leaves", "show": {"score": "on_submit", "key": "on_submit", "feedback": "on_submit"}}
    if "sections" not in fields:
        body["sections"] = [{"title": "All", "items": [item["id"] for item in items or bank(teacher, course)]}]
    reply = teacher.post(f"/v1/courses/{course['id']}/quizzes", json=body | fields)
    assert reply.status_code == 201, reply.text
    quiz = reply.json()
    if publish:
        reply = teacher.post(f"/v1/quizzes/{quiz['id']}/publish")
        assert reply.status_code == 200, reply.text
        quiz = reply.json()
    return quiz


def begin(student, quiz, **body):
    reply = student.post(f"/v1/quizzes/{quiz['id']}/attempts", **({"json": body} if body else {}))
    assert reply.status_code == 201, reply.text
    assert reply.headers["location"] == f"/v1/attempts/{reply.json()['id']}"
    return reply.json()


def slot_of(attempt, kind):
    return next(s["slot"] for s in attempt["slots"] if s["kind"] == kind)


def save(student, attempt, slot, rev, answer, **more):
    return student.put(f"/v1/attempts/{attempt['id']}/answers/{slot}", json={"rev": rev, "answer": answer} | more)


def saved(student, attempt, slot, rev, answer):
    reply = save(student, attempt, slot, rev, answer)
    assert reply.status_code == 200, reply.text
    assert reply.json()["slot"] == slot
    return reply.json()


def answer_all(student, attempt, answers=None):
    for s in attempt["slots"]:
        saved(student, attempt, s["slot"], s["rev"], (answers or RIGHT)[s["kind"]])


def submit(student, attempt):
    reply = student.post(f"/v1/attempts/{attempt['id']}/submit")
    assert reply.status_code == 202, reply.text
    return reply.json()


def read(person, attempt):
    reply = person.get(f"/v1/attempts/{attempt['id']}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def result(person, attempt):
    reply = person.get(f"/v1/attempts/{attempt['id']}/result")
    assert reply.status_code == 200, reply.text
    return reply.json()


def graded(person, attempt):
    """The result once the grader has looked."""
    return eventually(lambda: (r := result(person, attempt)) and r["state"] == "graded" and r)


def tab(person):
    """The same person from a connection of its own."""
    other = Person()
    other.headers["Authorization"] = person.headers["Authorization"]
    other.user = person.user
    return other
