#!/usr/bin/python3
"""./dev bench chat [--quick] [--only part,part…]: streams and messages, with nchan (Debian's) in the same nginx as the peer.

Fan-out of single messages and of bursts, and how long until the last subscriber has a message, commit included; memory and idle CPU per subscriber; a storm of reconnects; messages
accepted with group commit and each in a transaction of its own. Every figure of deliveries is void unless each subscriber got each message once, in one order for all.
--quick shows in a minute that everything works; its figures mean nothing and are not written to RESULTS.md.
"""

import dataclasses
import json
import pathlib
import statistics
import subprocess
import sys
import time

import harness
import measure
import parts
from crowd import Crowd
from client import School

NCHAN = pathlib.Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
PLACES = """
location = /nchan/sub { nchan_subscriber eventsource; nchan_subscriber_first_message newest; nchan_channel_id bench; }
location = /nchan/pub { nchan_publisher; nchan_channel_id bench; nchan_message_buffer_length 2000; nchan_message_timeout 5m; }
"""


@dataclasses.dataclass
class Size:
    pairs: int = 5
    crowds: tuple = (1000, 5000)
    deliveries: int = 1000000  # of one run
    burst: int = 16
    rates: tuple = (20, 5)  # messages a second of the open model, for each crowd
    open_s: int = 20
    idle: tuple = (2000, 4000, 6000, 8000)  # none of 0: what a rush of openings leaves behind is paid once, not for each
    idle_s: int = 10
    back: int = 10000
    back_messages: int = 20
    seconds: float = 3


QUICK = Size(pairs=2, crowds=(50,), deliveries=5000, rates=(20,), open_s=1, idle=(20, 50, 100), idle_s=1, back=100, back_messages=5, seconds=0.5)


class Hall:
    """A course with its room, a crowd in it, and an nginx in front."""

    def __init__(self, size):
        self.size, self.school = size, School()
        self.teacher = self.school.person("staff")
        self.course = self.school.course(self.teacher)["id"]
        reply = self.teacher.post(f"/v1/courses/{self.course}/rooms", json={"name": "Hall", "kind": "discussion"})
        reply.raise_for_status()
        self.room = reply.json()["id"]
        self.crowd = Crowd(self.course, max(*size.crowds, *size.idle, size.back))
        self.ours, self.theirs = harness.WORK / "ours", harness.WORK / "theirs"
        self.ours.write_text("".join(f"/v1/events {self.crowd.tokens[user]}\n" for user in self.crowd.ids))
        self.theirs.write_text("/nchan/sub -\n" * len(self.crowd.ids))
        self.mixed = harness.WORK / "mixed"  # every fifth by long polls
        self.mixed.write_text("".join(f"/v1/events{'' if i % 5 else '/poll'} {self.crowd.tokens[user]}\n" for i, user in enumerate(self.crowd.ids)))
        self.nginx = None
        self.fresh_nginx()
        self.url = f"http://127.0.0.1:{harness.HTTP_PORT}"
        self.chats = {name: pid for name, pid in measure.service_groups().items() if name.startswith("chat-")}
        self.to_us = f"/v1/rooms/{self.room}/messages", self.teacher.token, '{"text": "swarm:%d is what was said"}'
        # as many bytes for them to deliver as our event has
        self.to_them = "/nchan/pub", "-", json.dumps({"text": "swarm:%d is what was said", "more": "." * (self._size_of_event() - 50)})

    def fresh_nginx(self):
        if self.nginx:
            harness.stop(self.nginx)
            (harness.WORK / "nginx.pid").unlink(missing_ok=True)
        self.nginx = harness.start_nginx({}, modules=f"load_module {NCHAN};", http="nchan_shared_memory_size 256m;", places=PLACES)

    def _size_of_event(self):
        reply = self.teacher.post(f"/v1/rooms/{self.room}/messages", json={"text": "swarm:1 is what was said"})
        reply.raise_for_status()
        return len(reply.text)

    def swarm(self, what, listing, n, *words):
        told = harness.tool("swarm", what, self.url, listing, n, *words)
        if told["missing"] or told["wrong"] or told["refused"]:
            sys.exit(f"bench: void: {told}")
        return told


def per_million(used, deliveries):
    return ", ".join(f"{name} {s * 1e6 / deliveries:.2f}" for name, s in sorted(used.items(), key=lambda kv: -kv[1]) if s * 1e6 / deliveries >= 0.005)


# --- P4 ---------------------------------------------------------------------------------------------------------------------


def bench_fan(results, hall):
    size = hall.size
    for n in size.crowds:
        for burst in (1, size.burst):
            rounds = max(3, size.deliveries // n // burst)
            groups = measure.service_groups() | {"nginx": hall.nginx}

            def side(listing, to, kept, n=n, burst=burst, rounds=rounds, groups=groups):
                def run():
                    with measure.Meter(groups) as meter:
                        told = hall.swarm("fan", listing, n, burst, rounds, *to)
                    kept.append((told, meter.used))
                    return told["per_second"]

                return run

            ours, theirs = [], []
            figures = measure.pairs(side(hall.ours, hall.to_us, ours), side(hall.theirs, hall.to_them, theirs), size.pairs)
            what = f"{n:,} subscribers, {'one message at a time' if burst == 1 else f'{burst} messages at once'}"
            used = {name: sum(u[name] for _, u in ours) for name in groups}
            peer_used = sum(u["nginx"] for _, u in theirs)
            sent = sum(t["delivered"] for t, _ in ours)
            results.add(f"fan_{n}_{burst}", f"{what}: deliveries, against nchan", figures[0], "a second", *figures[1:], goal=1.0 if burst == 1 else 2.0,
                        note=f"CPU µs per delivery: {per_million(used, sent)}; nchan's nginx {peer_used * 1e6 / sum(t['delivered'] for t, _ in theirs):.2f}")


# --- P6 ---------------------------------------------------------------------------------------------------------------------


def bench_last(results, hall):
    size = hall.size
    for n, rate in zip(size.crowds, size.rates):

        def runs(listing, to, n=n, rate=rate):
            return lambda: hall.swarm("open", listing, n, rate, size.open_s, *to)

        sides = {"ours": runs(hall.ours, hall.to_us), "nchan": runs(hall.theirs, hall.to_them), "mixed": runs(hall.mixed, hall.to_us)}
        told = {name: [] for name in sides}
        for _ in range(min(size.pairs, 3)):  # each is long enough
            for name, run in sides.items():
                told[name].append(run())

        def figure(name, key, told=told):
            return statistics.median(t[key] for t in told[name])

        what = f"{n:,} subscribers, {rate} messages a second at fixed moments: from there until the last one has it"
        for key, name in (("last_p50_ms", "p50"), ("last_p99_ms", "p99")):
            ratios = [a[key] / b[key] for a, b in zip(told["ours"], told["nchan"])]
            results.add(f"{key}_{n}", f"{what}, {name}, commit included; nchan commits nothing", figure("ours", key), "ms", figure("nchan", key), statistics.median(ratios), min(ratios), max(ratios), goal=1.2,
                        note=f"goal: at most; with every fifth by long polls {figure('mixed', key):.1f} ms; the generator late at p99 by {figure('ours', 'late_p99_ms'):.1f} and {figure('nchan', 'late_p99_ms'):.1f}")


# --- P5 ---------------------------------------------------------------------------------------------------------------------


def restart_chats(hall):
    for name in hall.chats:
        subprocess.run([str(harness.ROOT / "dev"), "restart", name], check=True, stdout=subprocess.DEVNULL)
    hall.chats = {name: pid for name, pid in measure.service_groups().items() if name.startswith("chat-")}


def slope(points):
    """KiB per subscriber: least squares through (n, MiB)."""
    mean_n, mean_m = statistics.mean(n for n, _ in points), statistics.mean(m for _, m in points)
    return 1024 * sum((n - mean_n) * (m - mean_m) for n, m in points) / sum((n - mean_n) ** 2 for n, _ in points)


def held(hall, listing, n, look):
    """look() while n subscribers are there and idle."""
    if n == 0:
        return look()
    child = harness.start(harness.TOOLS / "swarm", "hold", hall.url, listing, n, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if child.stdout.readline() != "ready\n":
        sys.exit("bench: void: the subscribers did not get in")
    found = look()
    child.stdin.close()
    child.wait()
    return found


def bench_idle(results, hall):
    size, mine, front, theirs = hall.size, [], [], []

    def look():
        time.sleep(12)  # what the openings left behind is given back (fcgi/core/heap.h)
        return measure.memory_of(list(hall.chats.values()))[1], measure.memory_of(measure.family(hall.nginx))[1]

    for n in size.idle:  # all processes fresh: what an earlier crowd left in them is no memory of this one
        restart_chats(hall)
        hall.fresh_nginx()
        ours = held(hall, hall.ours, n, look)
        mine.append((n, ours[0]))
        front.append((n, ours[1]))
        hall.fresh_nginx()
        theirs.append((n, held(hall, hall.theirs, n, look)[1]))
    results.add("hub_kib", "the hub's memory per idle subscriber", slope(mine), "KiB", goal=1, note=f"nginx before it {slope(front):.1f} KiB, nchan's nginx {slope(theirs):.1f} KiB; goal: at most")
    n = size.idle[-1]

    def watch():
        groups = {**hall.chats, "nginx": hall.nginx}
        with measure.Meter(groups) as meter:
            time.sleep(size.idle_s)
        return meter.used

    used = held(hall, hall.ours, n, watch)
    results.add("idle_cpu", "CPU of 1,000 idle subscribers", sum(used.values()) / size.idle_s / n * 1e6, "ms per s", note=", ".join(f"{name} {s:.2f} s" for name, s in used.items()) + f" in {size.idle_s} s with {n:,}")


# --- P7 ---------------------------------------------------------------------------------------------------------------------


def bench_return(results, hall):
    size = hall.size
    kept = []

    def ours():
        told = hall.swarm("return", hall.ours, size.back, size.back_messages, *hall.to_us)
        kept.append(told)
        return told["seconds"]

    took = [ours() for _ in range(3)]
    holders = hall.chats | {f"nginx worker {n}": pid for n, pid in enumerate(measure.family(hall.nginx)[1:], 1)}
    files = held(hall, hall.ours, size.back, lambda: ", ".join(f"{name} {sum(1 for _ in pathlib.Path(f'/proc/{pid}/fd').iterdir()):,}" for name, pid in holders.items()))
    results.add("return", f"{size.back:,} subscribers come back at once with their last id and have the {size.back_messages} messages that they missed", statistics.median(took), "s", goal=10,
                note=f"goal: at most; each message once and in order; descriptors while they are there: {files}")


# --- messages ---------------------------------------------------------------------------------------------------------------


def bench_accept(results, hall):
    listing = harness.WORK / "speakers"
    listing.write_text("".join(f"{hall.crowd.tokens[user]} {hall.room}\n" for user in hall.crowd.ids[:32]))

    def say(how):
        return lambda: harness.tool("closed", how, hall.url, listing, 32, hall.size.seconds)["per_second"]

    figures = measure.pairs(say("say"), say("say-alone"), hall.size.pairs)
    results.add("accepted", "messages accepted, 32 at once, written in batches, against each in a transaction of its own with its Idempotency-Key", figures[0], "messages/s", *figures[1:])


PARTS = {"fan": bench_fan, "last": bench_last, "idle": bench_idle, "return": bench_return, "accept": bench_accept}


def main():
    if not NCHAN.exists():
        sys.exit("bench: nchan is not installed; Debian's package is libnginx-mod-nchan.")
    parts.run("chat", PARTS, lambda quick: Hall(QUICK if quick else Size()), lambda hall: hall.school.close())


if __name__ == "__main__":
    main()
