#!/usr/bin/python3
"""./dev bench quiz [--quick] [--only part,part…]: attempts at scale.

Answers being saved and attempts being submitted against pgbench's bare statements, at 1x and 100x data; an exam storm in the open model, and the number of students at which
it breaks; logins; the grader's pure functions, and how long a grade takes alone and behind a backlog. --quick shows in a minute or two that everything works; its figures mean
nothing and are not written to RESULTS.md.
"""

import dataclasses
import os
import re
import statistics
import subprocess
import sys
import time

import answers
import harness
import measure
import parts
import peers
from crowd import Crowd, analyze
from client import Person, School, Stream, unique

GIFT = "\n\n".join(
    [f"::Number {n}::How many degrees is room temperature? {{#20:5}}" for n in range(6)]
    + [f"::Choice {n}::Which gas do leaves take in? {{=Carbon dioxide ~Oxygen ~Nitrogen}}" for n in range(6)]
    + [f"::Text {n}::The green pigment is called {{=Chlorophyll}}" for n in range(4)]
)
CLIENTS = 32
SUBMITS_MAX = 400000  # of pgbench, in all rounds


@dataclasses.dataclass
class Size:
    pairs: int = 7
    seconds: float = 3
    attempts: int = 1000  # of 1x data
    events: int = 2  # saves of each of their slots
    factor: int = 100
    submits: int = 3000  # in one run
    storm: int = 3000
    ramp: int = 10
    saves: int = 170
    gaps: tuple = (30, 90)
    break_saves: int = 60
    break_steps: int = 4
    login_seconds: int = 10
    graded: int = 100
    backlog: int = 10000


QUICK = Size(pairs=2, seconds=0.5, attempts=40, factor=5, submits=60, storm=60, ramp=2, saves=8, gaps=(1, 3), break_saves=4, break_steps=2, login_seconds=2, graded=5, backlog=80)


class Exam:
    """What all parts share: a course with its teacher, its crowd, and a quiz of 16 items (`storm`) and of one number (`small`), each with an attempt to copy."""

    def __init__(self, size):
        self.size, self.school = size, School()
        self.teacher = self.school.person("staff")
        self.course = self.school.course(self.teacher)["id"]
        self.first = self.school.person()
        self.school.enrol({"id": self.course}, self.first)
        self.crowd = Crowd(self.course, max(size.storm * 2 ** size.break_steps if size is QUICK else size.storm * 5, size.submits, size.backlog))
        self.items = self._import(GIFT)
        numbers = self.items[:6]
        self.template = self._begin(self.quiz(numbers))

    def _import(self, gift):
        reply = self.teacher.post(f"/v1/courses/{self.course}/items/import", content=gift, headers={"Content-Type": "text/x-gift"})
        reply.raise_for_status()
        return [item["id"] if isinstance(item, dict) else item for item in reply.json()["items"]]

    def quiz(self, items):
        body = {"title": unique("Exam"), "time_limit_s": 7200, "attempts": 100, "sections": [{"title": "All", "items": items}]}
        reply = self.teacher.post(f"/v1/courses/{self.course}/quizzes", json=body)
        reply.raise_for_status()
        self.teacher.post(f"/v1/quizzes/{reply.json()['id']}/publish").raise_for_status()
        return reply.json()["id"]

    def _begin(self, quiz):
        reply = self.first.post(f"/v1/quizzes/{quiz}/attempts")
        reply.raise_for_status()
        return reply.json()["id"]


def dev(*words):
    subprocess.run([str(harness.ROOT / "dev"), *words], check=True, stdout=subprocess.DEVNULL)


def per_thousand(used, requests):
    """CPU seconds per 1000 requests of each process, the greatest first, in words."""
    rates = sorted(((s * 1000 / max(1, requests), name) for name, s in used.items()), reverse=True)
    return ", ".join(f"{name} {rate:.2f}" for rate, name in rates if rate >= 0.005)


def settle():
    """Waits until the workers have nothing left to do from what was measured before."""
    open_jobs = "SELECT count(*) FROM events WHERE queue IS NOT NULL AND NOT EXISTS (SELECT FROM processed p WHERE p.event_id = events.id)"
    end = time.monotonic() + 600
    while int(left := harness.sql(open_jobs)[0][0]) > 0:
        if time.monotonic() > end:
            sys.exit(f"bench: void: {left} jobs are still to be done after ten minutes; see ./dev queues")
        time.sleep(0.5)


# --- P1: answers, P2: submits ------------------------------------------------------------------------------------------------

SUBMIT = """\\set id random(1, 1000000000)
BEGIN;
UPDATE bench.attempts SET state = 'submitted', submitted_at = now() WHERE id = (SELECT nextval('bench.next'));
INSERT INTO bench.idempotency (id, scope, key, status, body) VALUES (nextval('bench.n'), 'POST /v1/attempts/submit', :id, 202, '{"state": "submitted"}');
INSERT INTO bench.outbox (kind, payload) VALUES ('attempt.submitted', '{"attempt_id": 1}');
COMMIT;
"""


def make_submit_tables(attempts):
    """Enough attempts for each transaction to have one that is still in progress."""
    harness.sql("DROP TABLE IF EXISTS bench.attempts, bench.idempotency, bench.outbox; DROP SEQUENCE IF EXISTS bench.n, bench.next; CREATE SEQUENCE bench.n; CREATE SEQUENCE bench.next; "
                "CREATE TABLE bench.attempts (id bigint PRIMARY KEY, state text, submitted_at timestamptz) WITH (fillfactor = 85); "
                f"INSERT INTO bench.attempts SELECT n, 'in_progress' FROM generate_series(1, {attempts + SUBMITS_MAX}) n; "
                "CREATE TABLE bench.idempotency (id bigint PRIMARY KEY, scope text, key bigint, status int, body text, at timestamptz DEFAULT now()); "
                "CREATE TABLE bench.outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text, payload jsonb, at timestamptz DEFAULT now()); "
                "VACUUM ANALYZE bench.attempts")


def bench_save(results, exam, scale, inside, nginx):
    size = exam.size
    answers.make_table(size.attempts * (1 if scale == "1x" else size.factor) // 4)
    lines = [(token, attempt, slot) for token, attempt in inside[: CLIENTS * 10] for slot in (1, 2)]
    saving, used = answers.Saving(lines, CLIENTS, size.seconds), []

    def ours():
        with measure.Meter(measure.service_groups() | {"nginx": nginx}) as meter:
            rate = saving()
        used.append((meter.used, rate * size.seconds))
        return rate

    figures = measure.pairs(ours, lambda: answers.upsert(CLIENTS, max(1, round(size.seconds)), len(lines) // 2), size.pairs)
    total = {name: sum(u[name] for u, _ in used) for name in used[0][0]}
    results.add(f"save_{scale}", f"answers saved through nginx, {CLIENTS} at once, {scale} data, against pgbench's one-row upsert", figures[0], "saves/s", *figures[1:], goal=1.0,
                note="CPU s per 1000: " + per_thousand(total, sum(n for _, n in used)))


def bench_submit(results, exam, scale):
    """The workers stand still meanwhile: pgbench's transactions have no grader behind them."""
    size = exam.size
    make_submit_tables(size.attempts * (1 if scale == "1x" else size.factor))
    papers = [exam.crowd.take(exam.template, size.submits) for _ in range(2 * size.pairs)]
    listing = harness.WORK / "submits"

    def ours():
        quiz, inside = papers.pop()
        listing.write_text("".join(f"{token} {attempt}\n" for token, attempt in inside))
        told = harness.tool("closed", "submit", f"http://127.0.0.1:{harness.HTTP_PORT}", listing, CLIENTS, 60)
        stored = int(harness.sql(f"SELECT count(*) FROM attempts WHERE state = 'submitted' AND quiz_id = '{quiz}'")[0][0])
        if not told["ok"] == stored == len(inside):
            sys.exit(f"bench: void: {told['ok']} of {len(inside)} attempts acknowledged, {stored} stored")
        return told["per_second"]

    figures = measure.pairs(ours, lambda: answers.pgbench(SUBMIT, CLIENTS, max(1, round(size.seconds))), size.pairs)
    results.add(f"submit_{scale}", f"attempts submitted through nginx, {CLIENTS} at once, {scale} data, against the transaction of four statements", figures[0], "submits/s", *figures[1:], goal=1.5)


def bench_answers(results, exam):
    size = exam.size
    nginx = harness.start_nginx({})
    dev("stop", "grader")
    try:
        for scale in ("1x", "100x"):
            attempts, inside = size.attempts * (1 if scale == "1x" else size.factor - 1), []
            while attempts > 0:
                n = min(attempts, len(exam.crowd.ids))
                inside += exam.crowd.take(exam.template, n, size.events)[1]
                attempts -= n
            analyze()
            bench_save(results, exam, scale, inside, nginx)
            bench_submit(results, exam, scale)
    finally:
        dev("start", "grader")
        harness.stop(nginx)


# --- the same in other stacks -----------------------------------------------------------------------------------------------


def bench_peers(results, exam):
    size, running = exam.size, peers.start()
    nginx = harness.start_nginx({}, {name: socket for name, (_, socket) in running.items()})
    _, inside = exam.crowd.take(exam.template, CLIENTS * 10)
    lines = [(token, attempt, slot) for token, attempt in inside for slot in (1, 2)]
    groups = measure.service_groups() | {"nginx": nginx} | {name: child.pid for name, (child, _) in running.items()}
    sides = {"ours": answers.Saving(lines, CLIENTS, size.seconds)}
    sides |= {name: answers.Saving(lines, CLIENTS, size.seconds, f"/peer/{name}", "bench.peer_answers") for name in running}

    def metered(saving):
        def run():
            with measure.Meter(groups) as meter:
                rate = saving()
            return rate, meter.used

        return run

    kept = measure.rounds({name: metered(saving) for name, saving in sides.items()}, size.pairs)
    rates = {name: [rate for rate, _ in runs] for name, runs in kept.items()}
    for name in sides:
        figures = measure.compare(rates["ours"], rates[name]) if name != "ours" else (statistics.median(rates[name]),)
        used = {group: sum(u[group] for _, u in kept[name]) for group in groups}
        note = "CPU s per 1000: " + per_thousand(used, sum(rates[name]) * size.seconds)
        pids = [pid for group in groups if group.startswith("quiz-") for pid in measure.family(groups[group])] if name == "ours" else measure.family(groups[name])
        rss, pss = measure.memory_of(pids)
        results.add(f"peer_{name}", f"the same autosave: {'ours' if name == 'ours' else 'against ' + name}", figures[0], "saves/s", *figures[1:], note=f"{note}; PSS {pss:.1f} MiB, RSS {rss:.1f}")
    harness.stop(nginx)
    for child, _ in running.values():
        harness.stop(child.pid)


# --- P8: the storm ----------------------------------------------------------------------------------------------------------


def storm(exam, students, saves):
    """One exam of so many; what the tool said, and each process' share of one core."""
    size = exam.size
    quiz = exam.quiz(exam.items)
    begin = time.monotonic()
    with measure.Meter(measure.service_groups()) as meter:
        told = harness.tool("storm", os.environ["EA_URL"], os.environ["EA_CA"], exam.crowd.listing, quiz, students, size.ramp, saves, *size.gaps, 1)
    took = time.monotonic() - begin
    told["cores"] = {name: used / took for name, used in meter.used.items()}
    told["errors"] = sum(told[key] for key in ("replies_429", "replies_5xx", "replies_other", "wrong", "lost"))
    begun, saved = harness.sql(f"SELECT (SELECT count(*) FROM attempts WHERE quiz_id = '{quiz}' AND state = 'in_progress'), "
                               f"(SELECT count(*) FROM answer_events v JOIN attempts a ON a.id = v.attempt_id WHERE a.quiz_id = '{quiz}')")[0]
    if told["lost"] == 0 and (int(begun), int(saved)) != (told["started"], told["saved"]):
        sys.exit(f"bench: void: {told['started']} starts and {told['saved']} saves acknowledged, {begun} and {saved} stored")
    return told


def holds(told):
    return told["errors"] == 0 and told["in_p99_ms"] < 500 and told["save_p99_ms"] < 100


def describe(told):
    cores = ", ".join(f"{name} {share:.2f}" for name, share in sorted(told["cores"].items(), key=lambda kv: -kv[1]) if share >= 0.01)
    return (f"started {told['started']}, 503 at start {told['deferred']}, 429 {told['replies_429']}, 5xx {told['replies_5xx']}, lost {told['lost']}, "
            f"in p99 {told['in_p99_ms']:.0f} ms, save p99 {told['save_p99_ms']:.1f} ms, generator late p99 {told['late_p99_ms']:.1f} ms; cores: {cores}")


def bench_storm(results, exam):
    size = exam.size
    told = storm(exam, size.storm, size.saves)
    who = f"exam storm, {size.storm} students in {size.ramp} s"
    results.add("storm_start_p99", f"{who}: start, p99 of served requests, from the intended time, TLS handshake included", told["start_p99_ms"], "ms", goal=500, note=f"p50 {told['start_p50_ms']:.1f}, max {told['start_max_ms']:.0f}")
    results.add("storm_in_p99", "the same, from first wish to paper, 503s waited out", told["in_p99_ms"], "ms", note=f"p50 {told['in_p50_ms']:.1f}, max {told['in_max_ms']:.0f}; 503s {told['deferred']}")
    results.add("storm_save_p99", f"saves every {size.gaps[0]}–{size.gaps[1]} s, p99", told["save_p99_ms"], "ms", goal=100, note=f"p50 {told['save_p50_ms']:.1f}, max {told['save_max_ms']:.0f}; {told['saved']} saves")
    results.add("storm_errors", "errors, 429 among them", told["errors"], "replies", goal=0, note=describe(told))
    if not holds(told):
        results.add("storm_breaks", "students at which it breaks", size.storm, "students", note="already there")
        return
    low, high, worst, n = size.storm, None, None, size.storm
    for _ in range(size.break_steps):
        n = min(low * 2 if high is None else (low + high) // 2, len(exam.crowd.ids))
        told = storm(exam, n, size.break_saves)
        if holds(told):
            low = n
        else:
            high, worst = n, told
        if n == len(exam.crowd.ids) and high is None:
            break
    results.add("storm_holds", "students it was seen to hold within those bounds", low, "students")
    if worst:
        results.add("storm_breaks", "students at which it was seen to break", high, "students", note=describe(worst))


# --- the grader -------------------------------------------------------------------------------------------------------------


def bench_score(results, exam):
    runs = [harness.tool("score", exam.size.seconds / 3) for _ in range(exam.size.pairs)]
    results.add("scored", "items scored per core by the grader's pure function", statistics.median(r["scored"] for r in runs), "items/s")
    results.add("read_scored", "the same with definition and answer read from JSON", statistics.median(r["read_and_scored"] for r in runs), "items/s")


def graded(papers, between=lambda: None):
    """Submits all of these, calls between(), and returns the milliseconds from each submit until its grade was at its student's stream."""
    sent, took = [], []
    for token, attempt in papers:
        person = Person()
        person.token, person.headers["Authorization"] = token, "Bearer " + token
        events = Stream(person).__enter__()
        began = time.perf_counter()
        person.post(f"/v1/attempts/{attempt}/submit").raise_for_status()
        sent.append((person, attempt, events, began))
    between()
    for person, attempt, events, began in sent:
        events.wait("attempt.graded", lambda data, attempt=attempt: data["attempt_id"] == attempt, within=300)
        took.append((time.perf_counter() - began) * 1000)
        events.close()
        person.close()
    return took


def bench_graded(results, exam):
    size = exam.size
    alone = [graded([paper])[0] for paper in exam.crowd.take(exam.template, size.graded)[1]]
    results.add("graded_p50", "submit sent -> attempt.graded at the student's stream, alone, p50", measure.percentile(alone, 50), "ms", note=f"p99 {measure.percentile(alone, 99):.1f}")
    nginx = harness.start_nginx({})
    listing, inside = harness.WORK / "backlog", exam.crowd.take(exam.template, size.backlog)[1]
    listing.write_text("".join(f"{token} {attempt}\n" for token, attempt in inside))
    measured = exam.crowd.take(exam.template, 20)[1]
    dev("stop", "grader")
    try:
        told = harness.tool("closed", "submit", f"http://127.0.0.1:{harness.HTTP_PORT}", listing, CLIENTS, 120)
        if told["ok"] != size.backlog:
            sys.exit(f"bench: void: {told['ok']} of {size.backlog} attempts acknowledged")
        behind = graded(measured, lambda: dev("start", "grader"))
    finally:
        dev("start", "grader")
        harness.stop(nginx)
    results.add("graded_behind_p50", f"the same behind a backlog of {size.backlog}, the grader starting just after the submit, p50", measure.percentile(behind, 50), "ms",
                note=f"p99 {measure.percentile(behind, 99):.0f}; {size.backlog / max(behind) * 1000:.0f} attempts graded a second")


# --- logins -----------------------------------------------------------------------------------------------------------------

LOGIN = """local n, emails = 0, {{{emails}}}
request = function()
    n = n + 1
    return wrk.format("POST", "/v1/auth/login", {{["Content-Type"] = "application/json"}}, '{{"email": "' .. emails[n % #emails + 1] .. '", "password": "{password}"}}')
end
"""


def bench_logins(results, exam):
    """A rush of logins over the shipped nginx, and beside it people who are signed in already; theirs is a closed loop of few."""
    script = harness.WORK / "login.lua"
    emails = ", ".join(f'"{email}"' for email in exam.crowd.emails(200))
    script.write_text(LOGIN.format(emails=emails, password=os.environ["EA_STUDENT"].split(":", 1)[1]))
    me = Person()
    me.headers["Authorization"] = "Bearer " + exam.crowd.tokens[exam.crowd.ids[0]]
    argv = ["wrk", "-t1", "-c16", f"-d{exam.size.login_seconds}s", "--timeout", "10s", "-s", str(script), os.environ["EA_URL"]]
    rush = harness.start(*argv, stdout=subprocess.PIPE, text=True)
    took, at = [], time.perf_counter() + 0.5
    while rush.poll() is None:
        time.sleep(max(0, at - time.perf_counter()))
        me.get("/v1/me").raise_for_status()
        took.append((time.perf_counter() - at) * 1000)
        at += 0.02
    out = rush.stdout.read()
    if "Non-2xx" in out:
        sys.exit(f"bench: a void rush of logins:\n{out}")
    me.close()
    results.add("logins", "logins, 16 at once", float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), "logins/s")
    results.add("me_beside_logins_p99", "GET /v1/me beside them, 50 a second from fixed times, p99, Python's own time included", measure.percentile(took, 99), "ms", note=f"p50 {measure.percentile(took, 50):.1f}")


PARTS = {"score": bench_score, "graded": bench_graded, "logins": bench_logins, "answers": bench_answers, "peers": bench_peers, "storm": bench_storm}


def close(exam):
    harness.sql("DROP SCHEMA IF EXISTS bench CASCADE")
    exam.school.close()


def main():
    parts.run("quiz", PARTS, lambda quick: Exam(QUICK if quick else Size()), close, between=settle)


if __name__ == "__main__":
    main()
