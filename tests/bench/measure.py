"""Measuring on a noisy machine: two sides in turn, medians and an interval for their ratio, what each process burns and holds."""

import os
import pathlib
import random
import statistics
import subprocess

import harness

TICK = os.sysconf("SC_CLK_TCK")
STEAL_MAX = 0.05  # of the machine's time, in one round; above it the round is run again
RESAMPLES = 2000


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


# --- rounds -----------------------------------------------------------------------------------------------------------------


def _machine():
    """Seconds that were stolen, and all, since boot."""
    fields = [int(n) for n in open("/proc/stat").readline().split()[1:9]]
    return fields[7] / TICK, sum(fields) / TICK


def interval(ratios):
    """The middle 95 % of the medians of resampled ratios: where the median would fall if it were all done again."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    return medians[int(RESAMPLES * 0.025)], medians[int(RESAMPLES * 0.975)]


def rounds(sides, n):
    """Runs all sides ({name: function}) in turn n times, the order changing; a round in which the machine was taken away is run again, n times at most.
    Returns {name: [result of each round]}."""
    kept, spare = {name: [] for name in sides}, n
    while len(next(iter(kept.values()))) < n:
        order = list(sides) if spare % 2 == 0 else list(reversed(sides))
        before = _machine()
        results = {name: sides[name]() for name in order}
        after = _machine()
        noisy = (after[0] - before[0]) > STEAL_MAX * (after[1] - before[1])
        spare -= 1
        if noisy and spare >= 0:
            continue
        for name, result in results.items():
            kept[name].append(result)
    return kept


def compare(ours, peer):
    """Medians of two lists of rates from the same rounds, the median of their ratios and its interval."""
    ratios = [a / b for a, b in zip(ours, peer)]
    return statistics.median(ours), statistics.median(peer), statistics.median(ratios), *interval(ratios)


def pairs(ours, peer, n):
    kept = rounds({"ours": ours, "peer": peer}, n)
    return compare(kept["ours"], kept["peer"])


# --- processes --------------------------------------------------------------------------------------------------------------


def _stat(pid):
    """Name, parent, seconds of CPU with those of children it has waited for."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    head, tail = text.rsplit(")", 1)
    fields = tail.split()
    return head.split("(", 1)[1], int(fields[1]), sum(int(n) for n in fields[11:15]) / TICK


def family(pid):
    """The process and all below it."""
    parents = {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parents.setdefault(_stat(path.name)[1], []).append(int(path.name))
        except (OSError, ValueError):
            continue
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        left += parents.get(one, [])
    return found


def cpu_s(pids):
    total = 0.0
    for pid in pids:
        try:
            total += _stat(pid)[2]
        except OSError:
            pass
    return total


class Meter:
    """CPU seconds of groups of processes ({label: root pid}) between two looks: with Meter(groups) as m: …; m.used"""

    def __init__(self, groups):
        self.groups = groups

    def _look(self):
        return {label: cpu_s(family(pid)) for label, pid in self.groups.items()}

    def __enter__(self):
        self._before = self._look()
        return self

    def __exit__(self, *_):
        self.used = {label: max(0.0, now - self._before[label]) for label, now in self._look().items()}


def memory_mib(pid):
    """RSS and PSS: pages that processes share count once in the sum of PSS."""
    rss = pss = 0
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Rss:"):
            rss = int(line.split()[1])
        elif line.startswith("Pss:"):
            pss = int(line.split()[1])
    return rss / 1024, pss / 1024


def memory_of(pids):
    both = [memory_mib(pid) for pid in pids]
    return sum(rss for rss, _ in both), sum(pss for _, pss in both)


def service_groups():
    """{name: pid} of the running instance: our own processes, and the servers they stand on."""
    names = sorted(p.name for p in (harness.STATE / "env").iterdir() if (harness.STATE / "sv" / p.name).is_dir())
    groups = {}
    for name in [*names, "nginx", "postgres", "redis", "rabbitmq"]:
        try:
            groups[name] = harness.service_pid(name)
        except (OSError, ValueError):
            continue  # stopped for this measurement
    return groups
