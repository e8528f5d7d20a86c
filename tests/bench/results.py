"""Rows of one benchmark: printed as they come, written to RESULTS.md under the benchmark's heading, and one JSON line at the end."""

import json
import os
import pathlib
import re
import time


class Results:
    def __init__(self, name):
        self.name, self.rows, self.json = name, [], {}

    def add(self, key, what, ours, unit, peer=None, ratio=None, low=None, high=None, goal=None, note=""):
        self.json[key] = {"ratio": ratio, "goal": goal, "ours": ours, "peer": peer, "unit": unit}
        spread = f" ({low:.2f}–{high:.2f})" if low is not None else ""
        row = (what, f"{ours:,.4g}", "" if peer is None else f"{peer:,.4g}", unit, "" if ratio is None else f"{ratio:.2f}{spread}", "" if goal is None else f"{goal:g}", note)
        self.rows.append(row)
        print("  " + "  ".join(c for c in row if c), flush=True)

    def print_json(self):
        print(json.dumps(self.json))

    def write(self):
        page = pathlib.Path(__file__).with_name("RESULTS.md")
        cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown processor")
        memory = int(open("/proc/meminfo").readline().split()[1]) // 1024 // 1024
        lines = [
            f"## {self.name}",
            "",
            f"{time.strftime('%Y-%m-%d', time.gmtime())}, {os.cpu_count()} cores of {cpu}, {memory} GiB, Linux {os.uname().release}; load and databases on the same cores.",
            "",
            "| what | ours | peer | unit | ratio (95 % interval) | goal | |",
            "|---|---|---|---|---|---|---|",
            *("| " + " | ".join(row) + " |" for row in self.rows),
            "",
        ]
        text = page.read_text() if page.exists() else "# Results\n\nWritten by `./dev bench <name>`; ratios of medians measured in turn in one run. See measure.py for how.\n\n"
        section = re.compile(rf"^## {re.escape(self.name)}$.*?(?=^## |\Z)", re.M | re.S)
        body = "\n".join(lines) + "\n"
        page.write_text(section.sub(lambda _: body, text) if section.search(text) else text + body)
        self.print_json()
