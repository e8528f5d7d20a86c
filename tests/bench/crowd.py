"""Many students at once: accounts, enrolments, attempts and their history by SQL, tokens by tests/bench/mint.

Attempts are copies of one that was begun through the API, row by row, whatever columns the tables have; only what makes them different is set.
"""

import subprocess

import harness


def copies(table, row, changes, source):
    """INSERT of copies of the rows where `row` with `changes` (an SQL jsonb; it may use `source`)."""
    return f"INSERT INTO {table} SELECT copy.* FROM (SELECT * FROM {table} WHERE {row}) r CROSS JOIN {source} CROSS JOIN LATERAL jsonb_populate_record(r::{table}, {changes}) copy"


class Crowd:
    """n members of a course. `ids[i]` has `tokens[i]`."""

    def __init__(self, course, n):
        self.course = course
        harness.sql(
            "WITH made AS (INSERT INTO users (id, email, name, role, password_hash) "
            "SELECT gen_random_uuid(), 'crowd-' || gen_random_uuid() || '@school.example', 'Student ' || n, 'member', "
            "(SELECT password_hash FROM users WHERE email = 'student@school.example') "
            f"FROM generate_series(1, {n}) n RETURNING id) "
            f"INSERT INTO enrolments (course_id, user_id, role) SELECT '{course}', id, 'student' FROM made; ANALYZE users; ANALYZE enrolments"
        )
        self.ids = [row[0] for row in harness.sql(f"SELECT e.user_id FROM enrolments e JOIN users u ON u.id = e.user_id WHERE e.course_id = '{course}' AND u.email LIKE 'crowd-%' ORDER BY 1")]
        key = harness.STATE / "secret" / "token.key"
        minted = subprocess.run([str(harness.TOOLS / "mint"), str(key), "7200"], input="\n".join(self.ids), check=True, capture_output=True, text=True).stdout.split()
        self.tokens = dict(zip(self.ids, minted))
        self.listing = harness.WORK / f"tokens-{course}"
        self.listing.write_text("\n".join(minted) + "\n")

    def emails(self, n):
        return [row[0] for row in harness.sql(f"SELECT u.email FROM users u WHERE u.id IN (SELECT user_id FROM enrolments WHERE course_id = '{self.course}') AND u.email LIKE 'crowd-%' LIMIT {n}")]

    def take(self, template, n, events=0):
        """A copy of the quiz of attempt `template` in which the first n students are inside, each slot with `events` saves. Returns quiz, [(token, attempt)]."""
        quiz, mark = harness.sql("SELECT gen_random_uuid(), gen_random_uuid()")[0]
        harness.sql(copies("quizzes", f"id = (SELECT quiz_id FROM attempts WHERE id = '{template}')", f"jsonb_build_object('id', '{quiz}', 'title', 'Copy {mark}')", "generate_series(1, 1)"))
        users = f"(SELECT e.user_id FROM enrolments e JOIN users u ON u.id = e.user_id WHERE e.course_id = '{self.course}' AND u.email LIKE 'crowd-%' ORDER BY 1 LIMIT {n}) AS s"
        harness.sql(copies("attempts", f"id = '{template}'", f"jsonb_build_object('id', gen_random_uuid(), 'quiz_id', '{quiz}', 'user_id', s.user_id, 'number', 1)", users))
        mine = f"(SELECT id FROM attempts WHERE quiz_id = '{quiz}') AS a"
        saved = f", 'rev', {events}, 'answer', '{{\"value\": \"{events}\"}}'::jsonb, 'saved_at', now()" if events else ""
        harness.sql(copies("attempt_slots", f"attempt_id = '{template}'", f"jsonb_build_object('attempt_id', a.id{saved})", mine))
        if events:
            harness.sql(f"INSERT INTO answer_events (attempt_id, slot, rev, answer, at) SELECT s.attempt_id, s.slot, r, jsonb_build_object('value', r::text), now() "
                        f"FROM attempts a JOIN attempt_slots s ON s.attempt_id = a.id, generate_series(1, {events}) r WHERE a.quiz_id = '{quiz}'")
        rows = harness.sql(f"SELECT a.user_id, a.id FROM attempts a WHERE a.quiz_id = '{quiz}' ORDER BY 2")
        return quiz, [(self.tokens[user], attempt) for user, attempt in rows]


def analyze():
    harness.sql("VACUUM ANALYZE attempts, attempt_slots, answer_events")
