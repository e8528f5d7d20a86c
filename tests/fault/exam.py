"""An exam while things die: students who answer and submit, each writing down what was acknowledged and what is unsure; and afterwards the comparison of that with the
journal, the papers, the events and the grader's pure function.

    with Exam(school, seed) as exam:
        while exam.goes_on(after=30):
            stack.kill("quiz-1")
    exam.check()
"""

import collections
import json
import random
import threading
import time

import httpx
import stack
import story
from client import problem
from quizzes import CHOICE, NUMERIC, SHORT_TEXT, add_item, set_quiz
from rig import binary, run

ATTEMPTS, STUDENTS, SAVES = 200, 24, 7  # all attempts, and saves of each
THINKS_S = 0.2  # at most, before a save: so that many can die while there are attempts
SEVERAL = {
    "kind": "choice",
    "stem": "Which are pigments?",
    "points": 3,
    "definition": {
        "multiple": True,
        "scoring": "proportional_with_penalty",
        "choices": [{"id": "a", "text": "Chlorophyll", "correct": True}, {"id": "b", "text": "Carotene", "correct": True}, {"id": "c", "text": "Starch"},
                    {"id": "d", "text": "Sugar"}],
    },
}
VALUES = ["662", "655.5", "6.62e2", "640", "1,000", "7", "about 662"]
TEXTS = ["chlorophyll", " Chlorophyll  ", "chlorofill", "green", "Grün \u2028 \u00e9 \U0001f33f", "x" * 3000]


class Paper:
    """An attempt as its student knows it. sure: acknowledged (slot, rev, answer); unsure: sent, and the last word on it was none."""

    def __init__(self, attempt):
        self.id, self.slots = attempt["id"], attempt["slots"]
        self.sure, self.unsure = [], []
        self.revs = {s["slot"]: s["rev"] for s in self.slots}
        self.replies = []  # to its submit

    def stands_at(self, slot, rev, answer):
        """The server said so: it is what was known, or one of the unsure."""
        if rev != self.revs[slot]:
            assert (slot, rev, answer) in self.unsure, f"nobody saved {answer} as revision {rev} of slot {slot} of {self.id}"
        self.revs[slot] = rev


class Student(threading.Thread):
    def __init__(self, exam, person, chance):
        super().__init__(daemon=True)
        self.exam, self.person, self.chance = exam, person, chance
        self.tab = person.tab()
        for of in (self.person, self.tab):
            of.event_hooks = {}
        self.papers, self.done, self.fault = [], 0, None

    def run(self):
        try:
            while self.exam.left.acquire(blocking=False):
                self.take()
        except BaseException as fault:  # noqa: BLE001  (told by check)
            self.fault = fault

    def take(self):
        paper = Paper(story.start(self.person, self.exam.quiz))
        self.papers.append(paper)
        for slot in self.chance.choices(paper.slots, k=SAVES):
            time.sleep(THINKS_S * self.chance.random())
            self.save(paper, slot["slot"], self.thought(slot))
        if self.chance.random() < 0.3:
            stack.each(lambda of: self.submit(of, paper), self.person, self.tab)
        else:
            self.submit(self.person, paper)
        self.submit(self.person, paper)

    def thought(self, slot):
        if self.chance.random() < 0.1:
            return None
        if slot["kind"] == "choice":
            ids = [c["id"] for c in slot["choices"]]
            return {"choices": self.chance.sample(ids, self.chance.randint(1, len(ids)) if slot["multiple"] else 1)}
        return {"value": self.chance.choice(VALUES)} if slot["kind"] == "numeric" else {"text": self.chance.choice(TEXTS)}

    def save(self, paper, slot, answer):
        """Until it is acknowledged; but who was left in the dark may as well look at what is stored and go on from there."""
        rev, looks = paper.revs[slot], self.chance.random() < 0.5
        while (reply := self.put(paper, slot, rev, answer)) is None:
            paper.unsure.append((slot, rev + 1, answer))
            time.sleep(0.05)
            if looks:
                return self.look(paper)
        if reply.status_code == 409:
            stored = problem(reply, 409, "stale-revision")["stored"]
            return paper.stands_at(slot, stored["rev"], stored["answer"])
        assert reply.status_code == 200 and reply.json()["rev"] == rev + 1, reply.text
        paper.revs[slot] = rev + 1
        paper.sure.append((slot, rev + 1, answer))
        self.done += 1

    def put(self, paper, slot, rev, answer):
        """The final reply, or None."""
        try:
            reply = self.person.put(f"/v1/attempts/{paper.id}/answers/{slot}", json={"rev": rev, "answer": answer})
        except httpx.TransportError:
            return None
        return None if reply.status_code in story.LATER else reply

    def look(self, paper):
        for s in story.again(lambda: self.person.get(f"/v1/attempts/{paper.id}")).json()["slots"]:
            paper.stands_at(s["slot"], s["rev"], s["answer"])

    def submit(self, of, paper):
        paper.replies.append(story.again(lambda: story.submit(of, {"id": paper.id})).json())


class Exam:
    def __init__(self, school, seed):
        self.left = threading.Semaphore(ATTEMPTS)
        teacher = school.person("staff")
        course = school.course(teacher)
        items = [add_item(teacher, course, item) for item in (CHOICE, NUMERIC, SHORT_TEXT, SEVERAL)]
        self.quiz = set_quiz(teacher, course, items, time_limit_s=3600, attempts=None, shuffle=True)
        self.students = []
        for n in range(STUDENTS):
            person = school.person()
            school.enrol(course, person)
            self.students.append(Student(self, person, random.Random(f"{seed} student {n}")))

    def __enter__(self):
        for student in self.students:
            student.start()
        return self

    def __exit__(self, *_):
        for student in self.students:
            student.join()
            student.tab.close()

    def goes_on(self, after):
        """Once so many more saves are acknowledged: whether anybody is still at it."""
        enough = self.done() + after
        stack.until("the exam goes on", lambda: self.over() or self.done() >= enough)
        return not self.over()

    def done(self):
        return sum(s.done for s in self.students)

    def over(self):
        return self.broken() or not any(s.is_alive() for s in self.students)

    def broken(self):
        return next((s.fault for s in self.students if s.fault), None)

    # --- the comparison -----------------------------------------------------------------------------------------------------

    def check(self):
        if self.broken():
            raise self.broken()
        papers = {p.id: p for s in self.students for p in s.papers}
        assert len(papers) == ATTEMPTS
        mine = "SELECT count(*) FROM attempts WHERE quiz_id = %s AND state <> 'graded'"
        stack.until("all is graded", lambda: stack.value(mine, self.quiz["id"]) == 0)
        self.answers_are_those_acknowledged(papers)
        self.submitted_once_and_graded_once(papers)
        self.scores_are_the_pure_functions()
        assert stack.value("SELECT max(id) - min(id) + 1 = count(*) FROM events"), "the event log has a gap"

    def rows(self, columns, table, order):
        return stack.rows(f"SELECT {columns} FROM {table} JOIN attempts a ON a.id = attempt_id WHERE a.quiz_id = %s ORDER BY {order}", self.quiz["id"])

    def answers_are_those_acknowledged(self, papers):
        journal = collections.defaultdict(list)
        for attempt, slot, rev, answer in self.rows("a.id::text, slot, rev, answer", "answer_events", "1, 2, 3"):
            journal[attempt, slot].append((slot, rev, answer))
        slots = self.rows("a.id::text, slot, rev, answer", "attempt_slots", "1, 2")
        assert {attempt for attempt, *_ in slots} == set(papers)
        for attempt, slot, rev, answer in slots:
            paper, written = papers[attempt], journal[attempt, slot]
            assert [r for _, r, _ in written] == list(range(1, rev + 1)), f"revisions of slot {slot} of {attempt}"
            assert not written or written[-1] == (slot, rev, answer)
            assert all(w in paper.sure or w in paper.unsure for w in written)
            lost = [s for s in paper.sure if s[0] == slot and s not in written]
            assert not lost, f"acknowledged and lost in {attempt}: {lost}"

    def submitted_once_and_graded_once(self, papers):
        begun = stack.rows("SELECT id::text, submitted_by, ea_time(submitted_at) FROM attempts WHERE quiz_id = %s", self.quiz["id"])
        assert sorted(i for i, *_ in begun) == sorted(papers)
        for attempt, by, at in begun:
            first = papers[attempt].replies[0]
            assert by == "student" and first["submitted_at"] == at
            assert all(reply == first for reply in papers[attempt].replies), f"two receipts of {attempt}"
        for kind in ("attempt.submitted", "attempt.graded"):
            told = [of for (of,) in stack.rows("SELECT payload ->> 'attempt_id' FROM events WHERE kind = %s", kind)]
            counted = collections.Counter(of for of in told if of in papers)
            assert counted == collections.Counter(papers.keys()), kind

    def scores_are_the_pure_functions(self):
        asked = self.rows("s.kind, v.definition::text, s.points, coalesce(s.answer, 'null')::text, s.score, s.explanation",
                          "attempt_slots s JOIN item_versions v ON v.item_id = s.item_id AND v.version = s.item_version", "s.attempt_id, s.slot")
        lines = [f'{{"kind": "{kind}", "definition": {of}, "points": {points}, "answer": {answer}}}\n' for kind, of, points, answer, *_ in asked]
        scored = [json.loads(line) for line in run(binary("tests/fault/rescore"), input="".join(lines)).splitlines()]
        assert len(scored) == len(asked) and len({s["points"] for s in scored}) > 3
        for line, (*_, score, told), now in zip(lines, asked, scored):
            steps = [{"step": s["step"], "share": round(s["share"] * 10**7)} for s in told["steps"]]
            stored = {"points": score, "rule": told["rule"], "steps": steps, "matched": told["matched"]}
            assert stored == now and round(told["final"]["points"] * 1000) == score, line
        sums = "SELECT count(*) FROM attempts a WHERE quiz_id = %s AND score IS DISTINCT FROM (SELECT sum(score) FROM attempt_slots WHERE attempt_id = a.id)"
        assert stack.value(sums, self.quiz["id"]) == 0
