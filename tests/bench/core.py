#!/usr/bin/python3
"""./dev bench core: the figures that everything else stands on.

GET /v1/me from the cache against a bare libfcgi program and a canned answer; idle connections against the classic accept loop; answers being saved against pgbench's
one-row upsert on the same cluster; how long from submitting to the student's event; what each process takes in memory and time to start.
"""

import os
import re
import socket
import subprocess
import sys
import time

import answers
import harness
import measure
from results import Results
from client import School, stream, unique

PAIRS = 7
STUDENTS = 32
GRADED = 60  # submissions timed
GIFT = "::Warm::How many degrees is room temperature? {#20:5}\n"


def students_of(school, teacher, n):
    """A course with n students signed in."""
    course = school.course(teacher)
    people = [school.person() for _ in range(n)]
    for person in people:
        school.enrol(course, person)
    return course, people


def make_quiz(teacher, course):
    """A published quiz of one numeric item that can be attempted again and again."""
    imported = teacher.post(f"/v1/courses/{course['id']}/items/import", content=GIFT, headers={"Content-Type": "text/x-gift"})
    imported.raise_for_status()
    item = imported.json()["items"][0]
    item = item["id"] if isinstance(item, dict) else item
    made = teacher.post(
        f"/v1/courses/{course['id']}/quizzes",
        json={"title": unique("Quiz"), "time_limit_s": 7200, "attempts": 100, "sections": [{"title": "All", "items": [item]}]},
    )
    made.raise_for_status()
    quiz = made.json()["id"]
    teacher.post(f"/v1/quizzes/{quiz}/publish").raise_for_status()
    return quiz


def start_attempt(person, quiz):
    reply = person.post(f"/v1/quizzes/{quiz}/attempts")
    reply.raise_for_status()
    attempt = reply.json()
    return attempt["id"], attempt["slots"][0]["slot"], attempt["slots"][0]["rev"]


# --- one read from memory ---------------------------------------------------------------------------------------------------


def bench_me(results, token):
    hello, canned = harness.WORK / "hello.sock", harness.WORK / "canned.sock"
    harness.start(harness.TOOLS / "hello", hello, 32)
    harness.start(harness.TOOLS / "canned", canned)
    harness.wait_for(hello)
    harness.wait_for(canned)
    harness.start_nginx({"hello": hello, "canned": canned})

    def me():
        return harness.wrk("/v1/me", token)

    me()
    ours, peer, ratio, low, high = measure.pairs(me, lambda: harness.wrk("/peer/hello"), PAIRS)
    results.add("me_vs_hello", "GET /v1/me, token and answer cached, against bare libfcgi", ours, "req/s", peer, ratio, low, high, 0.8)
    ours, peer, ratio, low, high = measure.pairs(me, lambda: harness.wrk("/peer/canned"), PAIRS)
    results.add("me_vs_canned", "the same against a canned FastCGI answer", ours, "req/s", peer, ratio, low, high)


# --- idle connections -------------------------------------------------------------------------------------------------------


def bench_idle(results):
    """Both with four threads: how many of 500 requests are answered within half a second while 512 kept connections are idle."""
    classic = harness.WORK / "classic.sock"
    harness.start(harness.TOOLS / "hello", classic, 4)
    harness.wait_for(classic)
    gateway = next((harness.STATE / "run").glob("gateway-1.sock"))
    ours = harness.tool("idle", gateway, 512, 500, "/healthz", 500)
    peer = harness.tool("idle", classic, 8, 20, "/", 500)  # few: each unanswered one costs the whole timeout
    results.add("idle_answered", "requests answered beside 512 idle kept connections (peer: classic loop beside 8)",
                ours["answered"] / ours["requests"], "share", peer["answered"] / peer["requests"], goal=1.0)
    results.add("idle_p99", "p99 of those", ours["p99_us"] / 1000, "ms")


# --- answers ----------------------------------------------------------------------------------------------------------------


def bench_autosave(results, people, quiz, clients):
    lines = []
    for person in people[:clients]:
        attempt, slot, _ = start_attempt(person, quiz)
        lines.append((person.token, attempt, slot))
    saving = answers.Saving(lines, clients, 3)
    mine, peer, ratio, low, high = measure.pairs(saving, lambda: answers.upsert(clients, 3), PAIRS)
    results.add(f"autosave_{clients}", f"answers saved through nginx, {clients} at once, against pgbench's one-row upsert", mine, "saves/s", peer, ratio, low, high, 1.0)


# --- from submitting to the event -------------------------------------------------------------------------------------------


def bench_graded(results, people, quiz):
    took = []
    for i in range(GRADED):
        person = people[i % len(people)]
        with stream(person) as events:
            attempt, slot, rev = start_attempt(person, quiz)
            person.put(f"/v1/attempts/{attempt}/answers/{slot}", json={"rev": rev, "answer": {"value": "21"}}).raise_for_status()
            begin = time.perf_counter()
            person.post(f"/v1/attempts/{attempt}/submit").raise_for_status()
            events.wait("attempt.graded", lambda data, attempt=attempt: data["attempt_id"] == attempt)
            took.append((time.perf_counter() - begin) * 1000)
    results.add("graded_p50", "submit sent -> attempt.graded at the student's stream, p50", measure.percentile(took, 50), "ms")
    results.add("graded_p99", "the same, p99", measure.percentile(took, 99), "ms")


# --- each process -----------------------------------------------------------------------------------------------------------


def ready(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2) as s:
            s.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
            return b" 200 " in s.recv(64)
    except OSError:
        return False


def start_time_ms(name):
    """From exec to /readyz of a second process with the same settings, on a socket and port of its own."""
    env = {path.name: path.read_text().rstrip("\n") for path in (harness.STATE / "env" / name).iterdir()}
    port = harness.HTTP_PORT + 1
    env |= {"EA_METRICS_LISTEN": f"127.0.0.1:{port}", "EA_SERVICE_NAME": "bench", "EA_LOG": "stderr"}
    if "EA_LISTEN" in env:
        env["EA_LISTEN"] = f"unix:{harness.WORK}/start.sock"
    binary = harness.STATE / "app" / os.environ["EA_FLAVOUR"] / "bin" / ("ea-" + re.sub(r"-\d+$", "", name))
    begin = time.perf_counter()
    child = harness.start(binary, env=env, stderr=subprocess.DEVNULL)
    while not ready(port):
        if child.poll() is not None:
            sys.exit(f"bench: {name} did not start")
    took = (time.perf_counter() - begin) * 1000
    child.terminate()
    child.wait()
    return took


def bench_processes(results):
    names = sorted(p.name for p in (harness.STATE / "env").iterdir() if (harness.STATE / "sv" / p.name).is_dir())
    processes = {name: [harness.service_pid(name)] for name in names} | {"nginx": measure.family(harness.service_pid("nginx"))}
    total_rss = total_pss = 0.0
    for name, pids in processes.items():
        rss, pss = measure.memory_of(pids)
        total_rss, total_pss = total_rss + rss, total_pss + pss
        results.add(f"pss_{name}", f"memory of {name} after all this, shared pages counted once", pss, "MiB", note=f"RSS {rss:.1f}")
    results.add("pss_total", "all of it, without PostgreSQL, Redis and RabbitMQ", total_pss, "MiB", goal=48, note=f"sum of RSS {total_rss:.1f}")
    for name in names:
        if not name.endswith("-2"):
            results.add(f"start_{name}", f"{name}: from exec to ready", start_time_ms(name), "ms", goal=50)


def main():
    results = Results("core")
    school = School()
    teacher = school.person("staff")
    course, people = students_of(school, teacher, STUDENTS)
    quiz = make_quiz(teacher, course)
    answers.make_table()
    bench_me(results, people[0].token)
    bench_idle(results)
    bench_autosave(results, people, quiz, 8)
    bench_autosave(results, people, quiz, 32)
    bench_graded(results, people, quiz)
    bench_processes(results)
    harness.sql("DROP SCHEMA bench CASCADE")
    school.close()
    results.write()


if __name__ == "__main__":
    main()
