"""Many schedules one after the other, told as they go: campaign.py [--go-on] SCHEDULES FIRST, against the running stack (./dev fault). --go-on: also after one that failed."""

import argparse
import collections
import pathlib
import signal
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))

import client  # noqa: E402
from live import Crowd, Live  # noqa: E402


class Campaign:
    def __init__(self, schedules, first, go_on):
        self.seeds, self.go_on = range(first, first + schedules), go_on
        self.counts, self.faults, self.failed = collections.Counter(), collections.Counter(), []
        self.began, self.done = time.monotonic(), 0

    def run(self):
        school = client.School()
        crowd = Crowd(school)
        try:
            for seed in self.seeds:
                if not self.one(crowd, seed) and not self.go_on:
                    break
        except KeyboardInterrupt:
            print()
        finally:
            self.sum_up()
            crowd.leave()
            school.close()
        return not self.failed

    def one(self, crowd, seed):
        began, live = time.monotonic(), None
        try:
            live = Live(crowd, seed)
            live.run()
            live.check()
        except Exception:
            traceback.print_exc()
            self.failed.append(seed)
        self.done += 1
        self.tell(seed, live, time.monotonic() - began)
        return seed not in self.failed

    def tell(self, seed, live, took):
        counts, broken = (live.counts(), live.broken) if live else ({}, [])
        self.counts.update(counts)
        self.faults.update(name for _, name in broken)
        left = (time.monotonic() - self.began) / self.done * (len(self.seeds) - self.done)
        told = f"{counts.get('messages', 0)} messages, {counts.get('changes', 0)} changes, {counts.get('heard', 0)} heard"
        print(f"{self.done} of {len(self.seeds)}, {length(left)} left: seed {seed}, {took:.1f} s, {told}; {', '.join(name for _, name in broken)}", flush=True)
        if seed in self.failed:
            print(f"    FAILED; what broke when: {broken}\n    again: ./dev fault 1 {seed}", flush=True)

    def sum_up(self):
        took = time.monotonic() - self.began
        print(f"\n{self.done} schedules in {length(took)}, {took / max(self.done, 1):.1f} s each; {len(self.failed)} failed{': ' + ' '.join(map(str, self.failed)) if self.failed else ''}")
        print("  acknowledged and heard: " + ", ".join(f"{n} {what}" for what, n in self.counts.items()))
        print("  faults: " + ", ".join(f"{n} {what}" for what, n in self.faults.most_common()))


def length(seconds):
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--go-on", action="store_true")
    parser.add_argument("schedules", type=int)
    parser.add_argument("first", type=int)
    asked = parser.parse_args()
    for sig in (signal.SIGINT, signal.SIGTERM):  # what is paused or cut off at that moment goes on
        signal.signal(sig, signal.default_int_handler)
    client.hold_against_contract = lambda response: None  # the API tests do that; here it would only slow the clients down
    return 0 if Campaign(asked.schedules, asked.first, asked.go_on).run() else 1


if __name__ == "__main__":
    sys.exit(main())
