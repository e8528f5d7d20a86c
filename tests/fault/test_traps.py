"""Death and standstill at the worst moment: after COMMIT and before anybody was told, and with the event log's lock."""

import signal
import threading

import pytest
import stack
import story
from client import eventually, problem, stream, unique
from quizzes import begin, set_quiz
from stack import until


@pytest.fixture(scope="module")
def traps():
    with stack.Traps() as it:
        yield it
        it.clear()


@pytest.fixture(autouse=True)
def all_alive(traps):
    yield
    traps.clear()
    stack.await_ready(*traps.of)
    assert stack.value("SELECT max(id) - min(id) + 1 = count(*) FROM events"), "the event log has a gap"


@pytest.fixture
def attempt(teacher, course, student):
    return story.start(student, story.make_quiz(teacher, course, questions=3))


# --- killed between COMMIT and reply --------------------------------------------------------------------------------------


def test_an_answer_saved_by_a_process_that_died_before_its_reply_is_saved(traps, student, attempt):
    """nginx repeats a PUT by itself: the other quiz process finds the answer there and says so."""
    trap = traps.set("commit", "quiz_answer_save")
    reply = story.save(student, attempt, 1, 0, "word 1")
    assert reply.status_code == 200, reply.text
    assert traps.sprung(trap)
    assert reply.json()["rev"] == 1
    assert stack.value("SELECT count(*) FROM answer_events WHERE attempt_id = %s", attempt["id"]) == 1
    assert student.get(f"/v1/attempts/{attempt['id']}").json()["slots"][0]["answer"] == {"text": "word 1"}


def test_an_attempt_submitted_by_a_process_that_died_before_its_reply_is_submitted_once(traps, student, attempt):
    assert story.save(student, attempt, 1, 0, "word 1").status_code == 200
    trap = traps.set("commit", "attempts_submit")
    problem(story.submit(student, attempt), 503)
    assert traps.sprung(trap)
    handed_in = story.again(lambda: story.submit(student, attempt)).json()
    assert student.get(f"/v1/attempts/{attempt['id']}/receipt").json()["receipt"] == handed_in["receipt"]
    assert stack.value("SELECT count(*) FROM events WHERE kind = 'attempt.submitted' AND payload->>'attempt_id' = %s", attempt["id"]) == 1


def test_a_message_sent_by_a_process_that_died_before_its_reply_is_sent_once(traps, student, room):
    trap = traps.set("commit", "message_send")
    problem(story.say(student, room, "once", client_id="c1"), 503)
    assert traps.sprung(trap)
    said = story.again(lambda: story.say(student, room, "once", client_id="c1")).json()
    assert [m["id"] for m in story.messages(student, room)] == [said["id"]]


def create_course(teacher, student, course, room, key):
    return teacher.post("/v1/courses", json={"title": "T", "code": key, "time_zone": "UTC"}, headers={"Idempotency-Key": key})


def create_message(teacher, student, course, room, key):
    return story.say(student, room, key, key=key)


def create_submission(teacher, student, course, room, key):
    return story.hand_in(student, create_submission.to, key, key=key)


def create_item(teacher, student, course, room, key):
    item = {"kind": "short_text", "stem": key, "points": 1, "definition": {"accept": [{"text": "a"}]}}
    return teacher.post(f"/v1/courses/{course['id']}/items", json=item, headers={"Idempotency-Key": key})


# The statement that stores the reply with the key.
STORES = dict.fromkeys((create_course, create_submission, create_item), "idempotency_store") | {create_message: "idempotency_settle"}

COUNTS = {
    create_course: "SELECT count(*) FROM courses WHERE code = %s",
    create_message: "SELECT count(*) FROM messages WHERE text = %s",
    create_submission: "SELECT count(*) FROM submissions WHERE text = %s",
    create_item: "SELECT count(*) FROM item_versions WHERE stem = %s",
}


@pytest.mark.parametrize("create", COUNTS, ids=lambda f: f.__name__)
def test_a_post_with_a_key_whose_process_died_before_its_reply_is_answered_when_it_comes_again(traps, teacher, student, course, room, create):
    key = unique("key")
    create_submission.to = story.make_assignment(teacher, course) if create is create_submission else None
    trap = traps.set("commit", STORES[create])
    problem(create(teacher, student, course, room, key), 503)
    assert traps.sprung(trap)
    again = story.again(lambda: create(teacher, student, course, room, key))
    assert again.status_code == 201 and again.headers["idempotent-replay"] == "true"
    assert stack.value(COUNTS[create], key) == 1


# --- killed between COMMIT and the wake-up of the last event ----------------------------------------------------------------


def test_a_logout_whose_process_died_before_it_told_anybody_holds_everywhere(traps, school, course, student):
    """Nothing comes after it in the log, so only the followers' own looking finds it."""
    elsewhere = school.login(student.email, student.password)
    at = f"/v1/courses/{course['id']}"
    with stream(elsewhere) as events:
        trap = traps.set("commit", "session_close")
        problem(elsewhere.post("/v1/auth/logout"), 503)
        assert traps.sprung(trap)
        events.wait_end()
    for path in ("/v1/me", at + "/assignments", at + "/quizzes", at + "/rooms"):
        eventually(lambda p=path: elsewhere.get(p).status_code == 401)
        assert student.get(path).status_code == 200


@pytest.mark.parametrize(
    "statement, kind", [("attempt_grade", "attempt.graded"), ("notifier_add", "notification")], ids=["grader", "notifier"]
)
def test_news_of_a_worker_that_died_before_it_told_anybody_arrives_once(traps, student, attempt, statement, kind):
    with stream(student) as events:
        trap = traps.set("commit", statement)
        assert story.submit(student, attempt).status_code == 202
        until("the worker died there", lambda: traps.sprung(trap))
        assert events.wait(kind)
        if kind != "notification":
            events.wait("notification")
    stack.await_ready(*traps.of)
    dealt_with(attempt["id"])
    told = stack.rows("SELECT kind FROM events WHERE topic = %s AND kind IN ('attempt.graded', 'notification')", "u:" + student.id)
    assert sorted(told) == [("attempt.graded",), ("notification",)]
    assert stack.value("SELECT count(*) FROM notifications WHERE user_id = %s", student.id) == 1


def dealt_with(attempt):
    """Both consumers have done the jobs of this attempt, and nothing of them is still to be delivered."""
    jobs = "SELECT id FROM events WHERE queue IS NOT NULL AND payload->>'attempt_id' = %s"
    until("its jobs are done", lambda: stack.value(f"SELECT count(*) FROM processed WHERE event_id IN ({jobs})", attempt) == 2)
    until("nothing waits in the queues", queues_are_empty)


def queues_are_empty():
    lines = [line.split() for line in stack.dev("queues").splitlines()[1:]]
    return all(line[1] == "0" for line in lines if line[0] in ("ea.grade", "ea.notify"))


def test_a_job_whose_process_died_before_it_told_anybody_is_done(traps, student, teacher, course):
    """The relay looks by itself, too."""
    assignment = story.make_assignment(teacher, course)
    key = unique("key")
    with stream(student) as events:
        trap = traps.set("commit", "submission_insert")
        problem(story.hand_in(student, assignment, "some words", key=key), 503)
        assert traps.sprung(trap)
        graded = events.wait("submission.graded")["data"]
    submission = story.again(lambda: story.hand_in(student, assignment, "some words", key=key)).json()
    assert graded["submission_id"] == submission["id"]


# --- a job that kills its worker --------------------------------------------------------------------------------------------


def test_a_job_that_kills_its_worker_among_a_hundred_innocents(traps, teacher, student, course, attempt):
    """It ends among the dead letters with its reason, from where ./dev queues gives it back; the innocents are graded once."""
    assignment = story.make_assignment(teacher, course)
    innocents = []
    with stream(student) as events:
        with stack.frozen(stack.pid("grader")):
            innocents += [story.hand_in(student, assignment, "words").json()["id"] for _ in range(50)]
            assert story.submit(student, attempt).status_code == 202
            innocents += [story.hand_in(student, assignment, "words").json()["id"] for _ in range(50)]
            job = stack.value("SELECT id FROM events WHERE kind = 'attempt.submitted' AND payload->>'attempt_id' = %s", attempt["id"])
            until("all are on their way", lambda: stack.value("SELECT id FROM cursors WHERE name = 'relay'") >= job + 50)
            trap, deaths = traps.set("before", "attempt_for_grading"), 0
        while not dead_letter(job):
            if traps.sprung(trap):
                trap, deaths = traps.set("before", "attempt_for_grading"), deaths + 1
        traps.clear()
        assert "its worker died 3 times" in dead_letter(job)
        assert deaths == 4  # once in company, three times alone
        graded = {events.wait("submission.graded")["data"]["submission_id"] for _ in innocents}
        assert graded == set(innocents)
        stack.dev("queues", "replay", "grade", "--event", job)
        assert events.wait("attempt.graded")["data"]["attempt_id"] == attempt["id"]
    assert not dead_letter(job)
    told = "SELECT count(*), count(DISTINCT payload->>'submission_id') FROM events WHERE topic = %s AND kind = 'submission.graded'"
    assert stack.rows(told, "u:" + student.id) == [(100, 100)]


def dead_letter(event):
    """The line that ./dev queues prints for it; "" when it is not dead."""
    return next((line for line in stack.dev("queues", "dead", "grade").splitlines() if line.startswith(f"event {event} ")), "")


# --- SIGSTOP while writing to the event log ---------------------------------------------------------------------------------


def from_chat(school, teacher, student, course, room, assignment):
    return story.say(student, room, "many words " * 1200, client_id="stopped")


def from_chat_with_key(school, teacher, student, course, room, assignment):
    return story.say(student, room, "with a key", key="a-key-of-its-own")


def from_assignment(school, teacher, student, course, room, assignment):
    return story.hand_in(student, assignment, "many words " * 1200, key="another-key")


def from_gateway(school, teacher, student, course, room, assignment):
    return teacher.post(f"/v1/courses/{course['id']}/enrolments", json={"email": school.admin.email, "role": "assistant"})


STOPPED = {from_chat: "chat-1", from_chat_with_key: "chat-1", from_assignment: "assignment-1", from_gateway: "gateway-1"}


@pytest.mark.parametrize("moment", ["before", "sent"])
@pytest.mark.parametrize("write", STOPPED, ids=lambda f: f.__name__)
def test_a_process_stopped_with_the_lock_of_the_log_stops_nobody_else(traps, school, teacher, student, course, room, write, moment):
    assignment = story.make_assignment(teacher, course)
    attempt = story.start(student, story.make_quiz(teacher, course, questions=1))
    replies = []
    # clients of its own: one connection of httpx does not serve two threads well
    at_work = school.login(teacher.email, teacher.password), school.login(student.email, student.password)
    trap = traps.set(moment, "events_lock", signal.SIGSTOP)

    def call():
        return write(school, *at_work, course, room, assignment)

    writer = threading.Thread(target=lambda: replies.append(call()))
    victim = stack.pid(STOPPED[write])
    writer.start()
    try:
        until("it stands still", lambda: traps.sprung(trap) and stack.state_of(victim) == "T")
        others = {
            "gateway": lambda: teacher.post(f"/v1/courses/{course['id']}/enrolments", json={"email": student.email, "role": "student"}),
            "assignment": lambda: story.hand_in(student, assignment, "words"),
            "quiz": lambda: story.submit(student, attempt),
            "chat": lambda: story.say(student, room, "words"),
        }
        for name, other in others.items():
            if not STOPPED[write].startswith(name):
                reply = other()
                assert reply.status_code in (200, 201, 202), f"{name}: {reply.status_code} {reply.text}"
    finally:
        stack.os.kill(victim, signal.SIGCONT)
        writer.join()
    assert replies[0].status_code in (200, 201, 503), replies[0].text
    assert story.again(call).status_code in (200, 201)
    if write in (from_chat, from_chat_with_key):
        mine = [m for m in story.messages(student, room) if m["text"] != "words"]
        assert len(mine) == 1


def test_a_message_with_a_key_is_committed_by_the_call_that_takes_the_lock(traps, student, room):
    """Nothing of it is still to be sent: it is there while its process stands still, and the reply under its key is what the process says later."""
    replies, at_work = [], student.tab()
    trap = traps.set("sent", "events_lock", signal.SIGSTOP)
    writer = threading.Thread(target=lambda: replies.append(story.say(at_work, room, "alone", key="its-key")))
    victim = stack.pid("chat-1")
    writer.start()
    try:
        until("it stands still", lambda: traps.sprung(trap) and stack.state_of(victim) == "T")
        until("the message is there", lambda: stack.value("SELECT count(*) FROM messages WHERE room_id = %s", room["id"]) == 1)
        assert stack.state_of(victim) == "T"
    finally:
        stack.os.kill(victim, signal.SIGCONT)
        writer.join()
    assert replies[0].status_code == 201, replies[0].text
    again = story.say(student, room, "alone", key="its-key")
    assert again.json() == replies[0].json() == story.messages(student, room)[0]
    assert again.headers["idempotent-replay"] == "true"


# --- killed while an outage is settled ------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "commit"])
def test_an_outage_whose_settling_killed_a_process_is_credited_once(traps, teacher, course, student, moment):
    """In the midst of its transaction, and when that is done and nobody was told."""
    attempt = begin(student, set_quiz(teacher, course, time_limit_s=3600, outage_credit={"threshold_s": 5}))
    stack.rows("UPDATE attempts SET started_at = started_at - interval '1 minute' WHERE id = %s", attempt["id"])
    trap = traps.set(moment, "pulse_move")
    with stream(student) as news:
        [[began]] = stack.rows("UPDATE quiz_pulse SET at = clock_timestamp() - interval '20 s' RETURNING at")
        until("one fell into it", lambda: traps.sprung(trap))
        settled = "SELECT id, ceil(extract(epoch FROM ended_at - began_at)) FROM outages WHERE began_at = %s AND settled_at IS NOT NULL"
        [[of, length]] = until("it is settled", lambda: stack.rows(settled, began))
        news.wait("attempt.changed", lambda data: (data["attempt_id"], data["credited_s"]) == (attempt["id"], length))
    assert stack.value("SELECT credited_s FROM attempts WHERE id = %s", attempt["id"]) == length
    assert stack.value("SELECT count(*) FROM outage_credits WHERE outage_id = %s AND attempt_id = %s", of, attempt["id"]) == 1
    assert stack.value("SELECT count(*) FROM events WHERE kind = 'attempt.changed' AND payload ->> 'attempt_id' = %s", attempt["id"]) == 1
