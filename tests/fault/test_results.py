"""Results under strain: 10,000 of them in constant memory, a reader who hangs up, a cache that is emptied, gone, or asked by everybody at once."""

import concurrent.futures
import csv
import io
import pathlib

import pytest
import stack
import story
from responder import Request
from stack import until

STUDENTS = 10_000
READING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%%ea_quiz_results(%%' AND application_name LIKE 'quiz-%%'"

# A class whose names are as long as names may be and of every kind that a table must take care of; every second one has a graded attempt.
FILL = """
WITH people AS (
    INSERT INTO users (id, email, name, role)
    SELECT gen_random_uuid(), gen_random_uuid() || '@many.example', (ARRAY['=1+', '@', '-', '"q", ', 'Zoë '])[1 + n %% 5] || rpad('student ' || n, 180, ' x'), 'member'
    FROM generate_series(1, %s) AS n RETURNING id
), enrolled AS (
    INSERT INTO enrolments (course_id, user_id, role) SELECT q.course_id, p.id, 'student' FROM people p, quizzes q WHERE q.id = %s RETURNING user_id
), numbered AS (
    SELECT user_id, row_number() OVER () AS n FROM enrolled
)
INSERT INTO attempts (id, quiz_id, course_id, user_id, number, state, seed, started_at, submitted_at, submitted_by, graded_at, points, score)
SELECT gen_random_uuid(), q.id, q.course_id, e.user_id, 1, 'graded', 1, now(), now(), 'student', now(), 10000, n %% 10001
FROM numbered e, quizzes q WHERE q.id = %s AND n %% 2 = 0
"""


@pytest.fixture(scope="module")
def crowd(school):
    """A teacher, and a quiz that 10,000 students have."""
    teacher = school.person("staff")
    quiz = story.make_quiz(teacher, school.course(teacher), questions=1)
    stack.rows(FILL, STUDENTS, quiz["id"], quiz["id"])
    return teacher, quiz


def ask(responder, crowd):
    teacher, quiz = crowd
    return Request(responder, teacher, f"/v1/quizzes/{quiz['id']}/results", "format=csv")


def peak_kib(name):
    status = pathlib.Path(f"/proc/{stack.pid(name)}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def forget_peak(name):
    pathlib.Path(f"/proc/{stack.pid(name)}/clear_refs").write_text("5")


def test_ten_thousand_results_row_by_row(crowd):
    teacher, quiz = crowd
    reply = teacher.get(f"/v1/quizzes/{quiz['id']}/results", params={"format": "csv"})
    table = list(csv.reader(io.StringIO(reply.text, newline="")))
    stored = stack.rows("""
        SELECT e.user_id::text, u.name, u.email, coalesce(a.state, 'not_started'), (a.id IS NOT NULL)::int::text, coalesce(ea_points(a.score)::text, ''),
               coalesce(ea_points(a.points)::text, ''), coalesce(ea_time(a.started_at), ''), coalesce(ea_time(a.submitted_at), '')
        FROM enrolments e JOIN users u ON u.id = e.user_id JOIN quizzes q ON q.course_id = e.course_id LEFT JOIN attempts a ON a.quiz_id = q.id AND a.user_id = e.user_id
        WHERE q.id = %s AND e.role = 'student' ORDER BY e.user_id""", quiz["id"])
    assert table[0] == ["user_id", "name", "email", "state", "attempts", "points", "of", "started_at", "submitted_at"]
    assert len(table) == len(stored) + 1 == STUDENTS + 1
    for got, row in zip(table[1:], stored):
        name = "'" + row[1] if row[1][0] in "=+-@\t\r" else row[1]
        assert got == [row[0], name, *row[2:]]


def test_they_take_no_memory(crowd):
    """The peak while they are sent, however many; what a process has grown by before is its caches'."""
    ask("quiz-1", crowd).read()
    before = stack.rss_kib("quiz-1")
    forget_peak("quiz-1")
    body = ask("quiz-1", crowd).read()
    assert len(body) > 3_000_000
    grown = peak_kib("quiz-1") - before
    assert grown < len(body) / 1024 / 4, f"{grown} KiB for a table of {len(body) // 1024} KiB"


def test_who_hangs_up_in_the_middle_leaves_nothing_behind(crowd):
    for _ in range(6):  # more often than the responder has threads
        request = ask("quiz-1", crowd)
        assert b"text/csv" in request.read(50_000)
        until("the statement waits for its reader", lambda: stack.value(READING) == 1)
        request.close()
        until("its connection is free", lambda: stack.value(READING) == 0)
    in_transaction = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%' AND application_name LIKE 'quiz-%%'"
    until("no transaction is left open", lambda: stack.value(in_transaction) == 0)  # the pulse's are there for a moment, each second
    assert ask("quiz-1", crowd).read().count(b"\r\n") > STUDENTS


# ---- one student's result ----


@pytest.fixture
def attempt(teacher, course, student):
    """Taken and graded."""
    attempt = story.start(student, story.make_quiz(teacher, course, questions=3))
    story.save(student, attempt, 1, 0, "word 1")
    story.submit(student, attempt)
    until("it is graded", lambda: read(student, attempt)["state"] == "graded")
    return attempt


def path_of(attempt):
    return f"/v1/attempts/{attempt['id']}/result"


def read(person, attempt):
    reply = person.get(path_of(attempt))
    assert reply.status_code == 200, reply.text
    return reply.json()


def came_from(where):
    return sum(stack.metric(name, f'ea_attempt_results_total{{from="{where}"}}') for name in stack.names("quiz"))


@pytest.fixture
def fresh():
    """No thread has a connection to Redis that an earlier test broke."""
    stack.each(stack.restart, *stack.names("quiz"))


def test_it_is_kept_and_a_wiped_cache_is_only_slower(fresh, student, attempt):
    first = read(student, attempt)
    kept, fetched = came_from("cache"), came_from("database")
    assert [read(student, attempt) for _ in range(5)] == [first] * 5
    assert came_from("cache") == kept + 5 and came_from("database") == fetched
    stack.flush_redis()
    assert read(student, attempt) == first
    assert came_from("database") == fetched + 1


def test_without_redis_it_is_read_each_time(student, attempt):
    first = read(student, attempt)
    with stack.stopped("redis"):
        assert read(student, attempt) == first


def test_a_performance_needs_no_redis(course, student, attempt):
    def performance():
        reply = student.get(f"/v1/courses/{course['id']}/students/{student.id}/performance")
        assert reply.status_code == 200, reply.text
        return reply.json()

    first = performance()
    assert first["work"][0]["attempt_id"] == attempt["id"]
    with stack.stopped("redis"):
        assert performance() == first
    assert performance() == first


def test_a_rush_fetches_it_once_in_each_process(fresh, student, attempt):
    stack.flush_redis()
    read_before, all_before = came_from("database"), sum(map(came_from, ("cache", "flight", "database")))
    tabs = [student.tab() for _ in range(20)]
    with concurrent.futures.ThreadPoolExecutor(len(tabs)) as pool:
        results = [r for part in pool.map(lambda t: [read(t, attempt) for _ in range(3)], tabs) for r in part]
    assert results == [results[0]] * len(results)
    assert 1 <= came_from("database") - read_before <= len(stack.names("quiz"))
    assert sum(map(came_from, ("cache", "flight", "database"))) - all_before == len(results)


def test_what_is_kept_is_never_shown_for_something_newer(teacher, student, attempt):
    seen = read(student, attempt)
    assert seen["score"] == {"points": 3, "of": 9} and read(student, attempt) == seen
    etag = student.get(path_of(attempt)).headers["etag"]
    assert student.get(path_of(attempt), headers={"If-None-Match": etag}).status_code == 304
    # as a regrade would
    stack.rows("UPDATE attempts SET score = 6000, graded_at = now() WHERE id = %s", attempt["id"])
    again = student.get(path_of(attempt), headers={"If-None-Match": etag})
    assert again.status_code == 200 and again.json()["score"] == {"points": 6, "of": 9}
    assert read(student, attempt) == again.json()
    quiz = f"/v1/quizzes/{attempt['quiz_id']}"
    for show in ("never", "on_submit", "never"):
        assert teacher.change(quiz, {"show": {"score": show}}).status_code == 200
        for _ in range(4):  # of either process
            assert (read(student, attempt)["score"] is None) == (show == "never")
        assert read(teacher, attempt)["score"] == {"points": 6, "of": 9}
