"""Life in a course while things break: students who take quizzes, hand in texts and talk, each writing down what was acknowledged; and afterwards the comparison of
that with what is stored, graded, told and heard.

    with Life(school) as life:
        stack.kill("quiz-1")
        life.goes_on()
    life.check()
"""

import collections
import threading
import time

import stack
import story
from client import Stream, unique

PAUSE = 0.03  # between two things that one person does, so that a slow machine is not all client
SLOTS = 3


class Listener(threading.Thread):
    """An EventSource: follows a person's stream, comes back after it broke, and remembers everything it heard."""

    def __init__(self, person):
        super().__init__(daemon=True)
        self.person, self.heard, self.opened = person, [], 0
        self.cursor = story.again(lambda: person.get("/v1/events/poll", params={"wait": 0})).json()["cursor"]
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            try:
                with Stream(self.person, last_event_id=self.cursor) as events:
                    self.opened += events.status == 200
                    while events.status == 200 and not self.over.is_set():
                        self.take(events)
            except OSError:
                pass
            time.sleep(0.2)

    def take(self, events):
        """What there is within a moment. ValueError of a closed socket, None at the end of the stream: it is opened anew."""
        try:
            event = events.next(within=0.5)
        except AssertionError:
            return
        if event is None:
            raise OSError("the stream has ended")
        self.heard.append(event)
        self.cursor = event["id"]

    def stop(self):
        self.over.set()
        self.join()

    def ids(self, kind):
        return [int(e["id"]) for e in self.heard if e["event"] == kind]


class Student(threading.Thread):
    """Somebody who works until told to stop. What stands in these lists was acknowledged."""

    def __init__(self, life, person):
        super().__init__(daemon=True)
        self.life, self.person = life, person
        self.messages, self.submissions, self.attempts = [], [], []
        self.fault, self.done = None, 0
        self.listener = Listener(life.school.login(person.email, person.password))

    def run(self):
        try:
            while not self.life.over.is_set():
                self.take_a_quiz()
                self.hand_in()
        except BaseException as fault:  # noqa: BLE001  (told by check)
            self.fault = fault

    def acknowledged(self, call):
        reply = story.again(call)
        self.done += 1
        time.sleep(PAUSE)
        return reply.json()

    def take_a_quiz(self):
        attempt = self.acknowledged(lambda: self.person.post(f"/v1/quizzes/{self.life.quiz['id']}/attempts"))
        answers = {}
        for turn in (1, 2):
            for slot in range(1, SLOTS + 1):
                text = f"word {slot}" if turn == 2 else unique("first thought")
                saved = self.acknowledged(lambda s=slot, t=text, r=turn - 1: story.save(self.person, attempt, s, r, t))
                assert saved["rev"] == turn, saved
                answers[slot] = text
            self.talk()
        self.acknowledged(lambda: story.submit(self.person, attempt))
        self.attempts.append((attempt["id"], answers))

    def talk(self):
        client_id = unique("message")
        said = self.acknowledged(lambda: story.say(self.person, self.life.room, f"this is {client_id}", client_id=client_id))
        self.messages.append(said["id"])

    def hand_in(self):
        key = unique("key")
        given = self.acknowledged(lambda: story.hand_in(self.person, self.life.assignment, f"words of {key}", key=key))
        self.submissions.append(given["id"])


class Life:
    def __init__(self, school, students=3):
        self.school = school
        self.over = threading.Event()
        self.teacher = school.person("staff")
        course = school.course(self.teacher)
        self.room = story.make_room(self.teacher, course)
        self.quiz = story.make_quiz(self.teacher, course, questions=SLOTS)
        self.assignment = story.make_assignment(self.teacher, course)
        people = [school.person() for _ in range(students)]
        for person in people:
            school.enrol(course, person)
            person.event_hooks = {}  # what is to be fast is not held against the contract
        self.students = [Student(self, person) for person in people]
        self.users = [person.id for person in people]

    def __enter__(self):
        for student in self.students:
            student.start()
        self.goes_on()
        return self

    def __exit__(self, *_):
        self.over.set()
        for student in self.students:
            student.join()

    def goes_on(self):
        """Every student has since got some things done."""
        before = [s.done for s in self.students]
        stack.until("everybody goes on", lambda: self.broken() or all(s.done > b + 5 for s, b in zip(self.students, before)))
        if self.broken():
            raise self.broken()

    def broken(self):
        return next((s.fault for s in self.students if s.fault), None)

    # --- the comparison -----------------------------------------------------------------------------------------------------

    def check(self):
        if self.broken():
            raise self.broken()
        try:
            self.everything_is_dealt_with()
            self.messages_are_there_once_and_were_heard()
            self.answers_are_as_last_acknowledged()
            self.work_is_graded_once_and_told_once()
        finally:
            for student in self.students:
                student.listener.stop()
        assert stack.value("SELECT max(id) - min(id) + 1 = count(*) FROM events"), "the event log has a gap"

    def everything_is_dealt_with(self):
        jobs = "SELECT id FROM events WHERE queue IS NOT NULL"
        stack.until("every job is done", lambda: stack.value(f"SELECT count(*) FROM ({jobs} EXCEPT SELECT event_id FROM processed) AS left_over") == 0, 120)
        last = stack.value("SELECT max(id) FROM events WHERE topic = ANY (%s)", ["u:" + u for u in self.users])
        for student in self.students:
            mine = stack.value("SELECT max(id) FROM events WHERE topic = %s AND kind = 'notification'", "u:" + student.person.id)
            stack.until("everybody has heard all", lambda s=student, m=mine: m in s.listener.ids("notification"))
        assert last

    def messages_are_there_once_and_were_heard(self):
        stored = story.messages(self.teacher, self.room)
        acknowledged = [m for s in self.students for m in s.messages]
        assert acknowledged
        assert sorted(m["id"] for m in stored) == sorted(acknowledged)
        ids = [m["event_id"] for m in stored]
        assert ids == sorted(set(ids))
        for student in self.students:
            stack.until("every message was heard", lambda s=student: len(s.listener.ids("message.created")) >= len(ids))
            assert student.listener.ids("message.created") == ids

    def answers_are_as_last_acknowledged(self):
        for student in self.students:
            assert student.attempts
            for attempt, answers in student.attempts:
                stored = student.person.get(f"/v1/attempts/{attempt}").json()
                assert stored["state"] == "graded"
                assert {s["slot"]: (s["rev"], s["answer"]["text"]) for s in stored["slots"]} == {n: (2, text) for n, text in answers.items()}
                revisions = stack.rows("SELECT slot, rev FROM answer_events WHERE attempt_id = %s ORDER BY 1, 2", attempt)
                assert revisions == [(slot, rev) for slot in range(1, SLOTS + 1) for rev in (1, 2)]

    def work_is_graded_once_and_told_once(self):
        for student in self.students:
            attempts, topic = [a for a, _ in student.attempts], "u:" + student.person.id
            stored = stack.rows("SELECT id::text, state FROM submissions WHERE user_id = %s", student.person.id)
            assert sorted(stored) == sorted((s, "graded") for s in student.submissions)
            begun = stack.rows("SELECT id::text FROM attempts WHERE user_id = %s AND state <> 'in_progress'", student.person.id)
            assert {a for (a,) in begun} == set(attempts)
            grades = "SELECT coalesce(payload->>'attempt_id', payload->>'submission_id') FROM events WHERE topic = %s AND kind IN ('attempt.graded', 'submission.graded')"
            self.each_once(grades, topic, attempts + student.submissions)
            told = "SELECT coalesce(payload->'payload'->>'attempt_id', payload->'payload'->>'submission_id') FROM events WHERE topic = %s AND kind = 'notification'"
            self.each_once(told, topic, attempts + student.submissions)
            for table in ("notifications", "mails"):
                of_each = f"SELECT coalesce(payload->>'attempt_id', payload->>'submission_id') FROM {table} WHERE user_id::text = substr(%s, 3)"
                self.each_once(of_each, topic, attempts + student.submissions)
            for kind in ("attempt.graded", "submission.graded", "notification"):
                written = [i for (i,) in stack.rows("SELECT id FROM events WHERE topic = %s AND kind = %s ORDER BY id", topic, kind)]
                assert student.listener.ids(kind) == written

    @staticmethod
    def each_once(statement, topic, expected):
        counted = collections.Counter(of for (of,) in stack.rows(statement, topic))
        assert counted == collections.Counter(expected)
