"""Papers: drawn in balance, made before the opening, walked through in order; who may begin, from where and when, and what a rush of starts does."""

import concurrent.futures
import os
import random
import time

import psycopg2
import pytest
from client import PATIENCE, Stream, eventually, faults, problem
from quizzes import CHOICE, NUMERIC, RIGHT, add_item, answer_all, begin, from_now, graded, read, save, saved, set_quiz, submit, tab


def query(sql, *values):
    with psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else cursor.rowcount


def pool(teacher, course, difficulties, tag="pool"):
    """One item for each difficulty; only the first goes through the API, for the others are like it."""
    model = add_item(teacher, course, NUMERIC, tags=[tag], difficulty=difficulties[0])
    for d in difficulties[1:]:
        query("""WITH i AS (INSERT INTO items (id, course_id, kind, tags, difficulty, search, created_by)
                            SELECT gen_random_uuid(), course_id, kind, tags, %s, search, created_by FROM items WHERE id = %s RETURNING id)
                 INSERT INTO item_versions (item_id, version, kind, stem, stem_html, points, tags, difficulty, definition, created_by)
                 SELECT i.id, 1, v.kind, v.stem, v.stem_html, v.points, v.tags, %s, v.definition, v.created_by
                 FROM i, item_versions v WHERE v.item_id = %s AND v.version = 1""",
              None if d is None else round(d * 1000), model["id"], None if d is None else round(d * 1000), model["id"])


def drawn(course, tag, n, seed, taken=()):
    [[ids]] = query("SELECT ea_section_draw(%s, %s, %s, %s::uuid[], %s)::text[]", course["id"], f'{{"tags": ["{tag}"]}}', n, list(taken), seed)
    return ids


# ---- the draw ----


@pytest.mark.parametrize("seed", range(6))
def test_draws_from_one_pool_are_balanced_and_repeatable(teacher, course, seed):
    chance = random.Random(seed)
    known = [round(chance.random() ** chance.choice([1, 3]), 3) for _ in range(chance.randint(1, 60))]
    difficulties = known + [None] * chance.choice([0, 0, 1, 7, 30])
    chance.shuffle(difficulties)
    pool(teacher, course, difficulties)
    n = chance.randint(1, len(difficulties))
    of = dict(query("SELECT id::text, difficulty FROM items WHERE course_id = %s", course["id"]))
    papers = [drawn(course, "pool", n, chance.getrandbits(62)) for _ in range(60)]
    assert all(len(set(p)) == n and set(p) <= set(of) for p in papers)
    rated = [[of[i] for i in p if of[i] is not None] for p in papers]
    assert len({len(r) for r in rated}) == 1
    span = 1000 * (max(known) - min(known))
    assert max(map(sum, rated)) - min(map(sum, rated)) <= span + 0.001
    assert n == len(of) or len({tuple(sorted(p)) for p in papers}) > 1
    assert drawn(course, "pool", n, 42) == drawn(course, "pool", n, 42)
    part = papers[0][:n // 2]
    assert not set(drawn(course, "pool", len(of) - len(part), 7, part)) & set(part)


def test_the_spread_of_papers_is_reported(school, teacher, course):
    pool(teacher, course, [i / 40 for i in range(40)])
    sections = [{"draw": 10, "points": 1, "from": {"tags": ["pool"]}}]
    quiz = set_quiz(teacher, course, sections=sections)
    path = f"/v1/quizzes/{quiz['id']}/papers"
    assert teacher.get(path).json() == {"quiz_id": quiz["id"], "made": 0, "taken": 0, "rated": 0, "difficulty": None}
    papers = set()
    for _ in range(5):
        student = school.person()
        school.enrol(course, student)
        attempt = begin(student, quiz)
        papers.add(tuple(query("SELECT array_agg(item_id ORDER BY item_id)::text FROM attempt_slots WHERE attempt_id = %s", attempt["id"])[0]))
    problem(student.get(path), 403, "forbidden")
    told = teacher.get(path).json()
    spread = told["difficulty"]
    assert len(papers) == 5 and (told["made"], told["taken"], told["rated"]) == (5, 5, 5)
    assert spread["min"] <= spread["mean"] <= spread["max"] and 0 < spread["max"] - spread["min"] <= 0.975 / 10 and spread["sd"] > 0


def test_sections_that_share_a_pool_stay_disjoint_or_are_refused(school, teacher, course, student):
    pool(teacher, course, [i / 9 for i in range(9)])
    section = {"points": 1, "from": {"tags": ["pool"]}}
    quiz = set_quiz(teacher, course, sections=[section | {"draw": 4}, section | {"draw": 5}])
    attempt = begin(student, quiz)
    assert len(attempt["slots"]) == 9
    [[different]] = query("SELECT count(DISTINCT item_id) FROM attempt_slots WHERE attempt_id = %s", attempt["id"])
    assert different == 9
    short = set_quiz(teacher, course, publish=False, sections=[section | {"draw": 5}, section | {"draw": 5}])
    assert faults(teacher.post(f"/v1/quizzes/{short['id']}/publish")) == {"/sections/1/draw": "out-of-range"}


# ---- made before the opening ----


def papers_of(quiz):
    return dict(query("SELECT user_id::text, id::text FROM papers WHERE quiz_id = %s", quiz["id"]))


def open_now(quiz):
    assert query("UPDATE quizzes SET opens_at = now() WHERE id = %s", quiz["id"]) == 1


def test_papers_are_made_before_the_opening_and_nobody_sees_them(school, teacher, course, student):
    item = add_item(teacher, course, CHOICE)
    quiz = set_quiz(teacher, course, sections=[{"items": [item["id"]]}], opens_at=from_now(minutes=20))
    far = set_quiz(teacher, course, sections=[{"items": [item["id"]]}], opens_at=from_now(days=3))
    first = eventually(lambda: papers_of(quiz))
    assert set(first) == {student.id} and papers_of(far) == {}
    for person in (student, teacher):
        assert person.get(f"/v1/quizzes/{quiz['id']}/attempts").json()["items"] == []
        problem(person.get(f"/v1/attempts/{first[student.id]}"), 404, "not-found")
    problem(save(student, {"id": first[student.id]}, 1, 0, RIGHT["choice"]), 404, "not-found")
    assert student.get(f"/v1/quizzes/{quiz['id']}").json()["my_attempts"] == []
    problem(student.post(f"/v1/quizzes/{quiz['id']}/attempts"), 409, "conflict")
    late = school.person()
    school.enrol(course, late)
    both = eventually(lambda: (p := papers_of(quiz)) and len(p) == 2 and p)
    assert both[student.id] == first[student.id]
    open_now(quiz)
    attempt = begin(student, quiz)
    assert attempt["id"] == first[student.id] and attempt["number"] == 1 and attempt["points"] == 1 and len(attempt["slots"]) == 1
    answer_all(student, attempt)
    submit(student, attempt)
    assert graded(student, attempt)["score"] == {"points": 1, "of": 1}


def test_papers_are_made_anew_when_the_quiz_or_the_bank_changes(teacher, course, student):
    items = [add_item(teacher, course, CHOICE) for _ in range(2)]
    quiz = set_quiz(teacher, course, sections=[{"items": [items[0]["id"]]}], opens_at=from_now(minutes=20))
    path = f"/v1/quizzes/{quiz['id']}"
    first = eventually(lambda: papers_of(quiz))
    assert teacher.change(path, {"title": "Another"}).status_code == 200
    assert teacher.change(path, {"sections": [{"items": [i["id"] for i in items]}]}).status_code == 200
    second = eventually(lambda: (p := papers_of(quiz)) and p != first and p)
    assert teacher.change(f"/v1/items/{items[0]['id']}", {"stem": "Which gas?"}).status_code == 200
    third = eventually(lambda: (p := papers_of(quiz)) and p != second and p)
    left = query("SELECT count(*) FROM attempt_slots WHERE attempt_id = ANY (%s::uuid[])", [first[student.id], second[student.id]])
    assert left == [(0,)]
    open_now(quiz)
    attempt = begin(student, quiz)
    assert attempt["id"] == third[student.id] and [s["stem"] for s in attempt["slots"]] == ["Which gas?", CHOICE["stem"]]


def test_a_stale_paper_is_not_begun(teacher, course, student):
    """Stale and after the opening: nobody makes it anew but the start itself."""
    items = [add_item(teacher, course, CHOICE) for _ in range(2)]
    quiz = set_quiz(teacher, course, sections=[{"items": [items[0]["id"]]}], opens_at=from_now(minutes=20))
    paper = eventually(lambda: papers_of(quiz))[student.id]
    open_now(quiz)
    assert teacher.change(f"/v1/quizzes/{quiz['id']}", {"sections": [{"items": [i["id"] for i in items]}]}).status_code == 200
    attempt = begin(student, quiz)
    assert len(attempt["slots"]) == 2 and attempt["id"] != paper
    assert query("SELECT count(*) FROM attempt_slots WHERE attempt_id = %s", paper) == [(0,)]


def test_starts_at_once_are_one_attempt(teacher, course, student):
    for opens_at in (None, from_now(minutes=20)):
        quiz = set_quiz(teacher, course, opens_at=opens_at)
        if opens_at:
            eventually(lambda: papers_of(quiz))
            open_now(quiz)
        tabs = [tab(student) for _ in range(6)]
        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            replies = list(threads.map(lambda t: t.post(f"/v1/quizzes/{quiz['id']}/attempts"), tabs))
        assert sorted(r.status_code for r in replies) == [200] * 5 + [201] and len({r.json()["id"] for r in replies}) == 1
        assert all(len(r.json()["slots"]) == 3 for r in replies)


def test_a_start_that_another_one_overtakes_is_the_same_attempt(teacher, course, student):
    """Found nothing that runs, and then the only attempt there may be has been begun by somebody else."""
    quiz = set_quiz(teacher, course, attempts=1)
    waiting = """SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
                 WHERE NOT granted AND relation = 'papers'::regclass AND application_name LIKE 'quiz%%'"""
    with concurrent.futures.ThreadPoolExecutor(1) as threads, psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute("LOCK TABLE papers IN ACCESS EXCLUSIVE MODE")
        start = threads.submit(student.post, f"/v1/quizzes/{quiz['id']}/attempts")
        eventually(lambda: query(waiting) == [(1,)])
        cursor.execute("""INSERT INTO attempts (id, quiz_id, course_id, user_id, number, seed, points, started_at)
                          SELECT gen_random_uuid(), %s, %s, %s, 1, 0, 0, now() RETURNING id::text""", (quiz["id"], course["id"], student.id))
        [first] = cursor.fetchone()
        db.commit()
        reply = start.result()
    assert reply.status_code == 200 and reply.json()["id"] == first


# ---- who may begin ----


def test_addresses_that_a_quiz_may_be_taken_from(teacher, course, student):
    quiz = set_quiz(teacher, course, addresses=["10.0.0.0/8", "2001:db8::/32"])
    assert quiz["addresses"] == ["10.0.0.0/8", "2001:db8::/32"] and "addresses" not in student.get(f"/v1/quizzes/{quiz['id']}").json()
    assert "127.0.0.1" in problem(student.post(f"/v1/quizzes/{quiz['id']}/attempts"), 403, "forbidden")["detail"]
    assert teacher.change(f"/v1/quizzes/{quiz['id']}", {"addresses": ["10.0.0.0/8", "127.0.0.0/8"]}).status_code == 200
    attempt = begin(student, quiz)
    assert teacher.change(f"/v1/quizzes/{quiz['id']}", {"addresses": None}).json()["addresses"] is None
    saved(student, attempt, 1, 0, RIGHT["choice"])


def test_a_delay_between_attempts(teacher, course, student):
    quiz = set_quiz(teacher, course, attempts=3, delay_s=3600)
    submit(student, begin(student, quiz))
    assert "may begin at" in problem(student.post(f"/v1/quizzes/{quiz['id']}/attempts"), 409, "conflict")["detail"]
    assert query("UPDATE attempts SET submitted_at = submitted_at - interval '1 hour' WHERE quiz_id = %s", quiz["id"]) == 1
    assert begin(student, quiz)["number"] == 2


def test_wrong_access_codes_are_counted(school, teacher, course, student):
    other = school.person()
    school.enrol(course, other)
    quiz = set_quiz(teacher, course, access_code="sesame")
    path = f"/v1/quizzes/{quiz['id']}/attempts"
    for code in ("Sesame", "", "sesame ", "x") * 3:
        reply = student.post(path, json={"access_code": code})
        if reply.status_code != 403:
            break
        problem(reply, 403, "forbidden")
    problem(reply, 429, "too-many-requests")
    problem(student.post(path, json={"access_code": "sesame"}), 429)
    begin(other, quiz, access_code="sesame")


def test_begun_until_the_very_close(teacher, course, student):
    quiz = set_quiz(teacher, course, closes_at=from_now(hours=1), time_limit_s=7200)
    attempt = begin(student, quiz)
    assert attempt["ends_at"][:19] == quiz["closes_at"][:19]  # the closing, not the time limit, for it comes first
    query("UPDATE quizzes SET closes_at = clock_timestamp() WHERE id = %s", quiz["id"])
    submit(student, attempt)
    problem(student.post(f"/v1/quizzes/{quiz['id']}/attempts"), 410, "gone")


@pytest.mark.parametrize("meant, utc, local", [
    ("2030-10-27T02:30:00+02:00", "2030-10-27T00:30:00.000Z", "2030-10-27T02:30:00"),  # half past two comes twice that night
    ("2030-10-27T02:30:00+01:00", "2030-10-27T01:30:00.000Z", "2030-10-27T02:30:00"),
    ("2030-10-28T12:00:00+01:00", "2030-10-28T11:00:00.000Z", "2030-10-28T12:00:00"),
    ("2030-03-31T03:00:00+02:00", "2030-03-31T01:00:00.000Z", "2030-03-31T03:00:00"),  # the minute after 01:59
])
def test_a_close_around_the_change_of_clocks_is_kept_as_meant(teacher, course, student, meant, utc, local):
    quiz = set_quiz(teacher, course, closes_at=meant)
    assert quiz["closes_at"] == utc and quiz["local"]["closes_at"] == local
    assert begin(student, quiz)["ends_at"] == utc


# ---- more time ----


def test_extra_minutes_hold_at_once(teacher, course, student):
    quiz = set_quiz(teacher, course, time_limit_s=600)
    attempt = begin(student, quiz)
    with Stream(student) as news:
        path = f"/v1/quizzes/{quiz['id']}/accommodations/{student.id}"
        assert teacher.put(path, json={"extra_minutes": 5, "extra_time_factor": 1.5}).json()["extra_minutes"] == 5
        told = news.wait("attempt.changed", lambda data: data["attempt_id"] == attempt["id"])["data"]
    [[seconds]] = query("SELECT extract(epoch FROM ends_at - started_at)::integer FROM attempts WHERE id = %s", attempt["id"])
    assert seconds == 600 * 1.5 + 300 and told["ends_at"] == read(student, attempt)["ends_at"] > attempt["ends_at"]
    assert student.get(f"/v1/quizzes/{quiz['id']}").json()["time_limit_s"] == 1200


# ---- one after the other ----


def walk(person, attempt, slot):
    return person.post(f"/v1/attempts/{attempt['id']}/next", json={"slot": slot})


def test_sequential_navigation_is_the_servers(school, teacher, course, student):
    quiz = set_quiz(teacher, course, navigation="sequential")
    attempt = begin(student, quiz)
    assert attempt["at_slot"] == 1 and attempt["slots_in_all"] == 3 and [s["slot"] for s in attempt["slots"]] == [1]
    problem(save(student, attempt, 2, 0, RIGHT["numeric"]), 404, "not-found")
    problem(walk(student, attempt, 2), 409, "conflict")
    saved(student, attempt, 1, 0, RIGHT["choice"])
    for _ in range(2):  # the second is the repeat after a lost reply
        reply = walk(student, attempt, 1)
        assert reply.status_code == 200 and reply.json()["at_slot"] == 2 and [s["slot"] for s in reply.json()["slots"]] == [1, 2]
    assert "left" in problem(save(student, attempt, 1, 1, {"choices": ["o2"]}), 409, "conflict")["detail"]
    reply = student.put(f"/v1/attempts/{attempt['id']}/answers", json={"answers": [
        {"slot": 1, "rev": 1, "answer": None}, {"slot": 2, "rev": 0, "answer": RIGHT["numeric"]}, {"slot": 3, "rev": 0, "answer": RIGHT["short_text"]}]})
    assert [e["status"] for e in reply.json()["answers"]] == [409, 200, 404]
    assert walk(student, attempt, 2).status_code == 200
    problem(walk(student, attempt, 3), 409, "conflict")
    problem(walk(school.person(), attempt, 3), 404, "not-found")
    problem(walk(teacher, attempt, 3), 403, "forbidden")
    submit(student, attempt)
    problem(walk(student, attempt, 3), 409, "conflict")
    assert graded(student, attempt)["score"] == {"points": 3, "of": 4.5}
    free = begin(student, set_quiz(teacher, course))
    assert free["at_slot"] is None and len(free["slots"]) == 3
    problem(walk(student, free, 1), 409, "conflict")


# ---- a rush ----


def start_or_be_sent_away(person, quiz):
    """Until the reply says one or the other."""
    reply = person.post(f"/v1/quizzes/{quiz['id']}/attempts")
    while reply.status_code == 503 and not reply.json()["type"].endswith("/overloaded"):
        problem(reply, 503, "try-again")  # the lock was not given in time
        reply = person.post(f"/v1/quizzes/{quiz['id']}/attempts")
    return reply


def test_a_rush_of_starts_never_costs_a_save(school, teacher, course, student):
    """Whether anybody is sent away is the machine's matter; what they get then, and that saves go on, is ours."""
    running = begin(student, set_quiz(teacher, course))
    quiz = set_quiz(teacher, course, attempts=None)
    people = []
    for _ in range(24):
        people.append(school.person())
        school.enrol(course, people[-1])

    def storm(person):
        return [start_or_be_sent_away(person, quiz) for _ in range(12)]

    with concurrent.futures.ThreadPoolExecutor(25) as threads:
        storms = [threads.submit(storm, p) for p in people]
        rev = 0
        while rev == 0 or not all(s.done() for s in storms):
            rev = saved(student, running, 3, rev, {"text": str(rev)})["rev"]
    replies = [r for s in storms for r in s.result()]
    assert {r.status_code for r in replies} <= {200, 201, 503} and 201 in {r.status_code for r in replies}
    for r in replies:
        if r.status_code == 503:
            problem(r, 503, "overloaded")
    assert len(query("SELECT 1 FROM attempts WHERE quiz_id = %s AND state = 'in_progress'", quiz["id"])) == sum(r.status_code == 201 for r in replies)


def test_starts_beyond_what_is_sustained_are_sent_away_and_saves_are_not(school, teacher, course, student):
    """Starts get stuck behind a lock, so those behind them wait too long for a thread, until the gate sends somebody away; then the lock is let go."""
    running = begin(student, set_quiz(teacher, course))
    quiz = set_quiz(teacher, course)
    people = []
    for _ in range(40):
        people.append(school.person())
        school.enrol(course, people[-1])

    with concurrent.futures.ThreadPoolExecutor(41) as threads, psycopg2.connect(os.environ["EA_PG"]) as db, db.cursor() as cursor:
        cursor.execute("LOCK TABLE papers IN ACCESS EXCLUSIVE MODE")
        starts = [threads.submit(start_or_be_sent_away, p, quiz) for p in people]
        rev, end = 0, time.monotonic() + PATIENCE
        while not any(s.done() for s in starts):
            rev = saved(student, running, 3, rev, {"text": str(rev)})["rev"]
            assert time.monotonic() < end, "nobody is sent away"
        db.rollback()
        replies = [s.result() for s in starts]
    away = [problem(r, 503, "overloaded") for r in replies if r.status_code == 503]
    assert rev > 0 and away and len(away) + sum(r.status_code == 201 for r in replies) == len(people)
    waits = [int(r.headers["retry-after"]) for r in replies if r.status_code == 503]
    assert all(2 <= w <= 10 for w in waits) and (len(waits) < 8 or len(set(waits)) > 1)
    for person in people:
        eventually(lambda: person.post(f"/v1/quizzes/{quiz['id']}/attempts").status_code in (200, 201))
