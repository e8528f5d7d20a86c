"""Answers being saved, against pgbench's one-row upsert on the same cluster and socket; void unless every acknowledged save is in the journal."""

import os
import pathlib
import re
import subprocess
import sys

import harness

UPSERT = """\\set attempt random(1, {attempts})
\\set slot random(1, 20)
INSERT INTO bench.answers (attempt, slot, rev, answer, saved_at) VALUES (:attempt, :slot, 1, '{{"value": "12.5"}}', now())
ON CONFLICT (attempt, slot) DO UPDATE SET rev = bench.answers.rev + 1, answer = excluded.answer, saved_at = excluded.saved_at;
"""


def make_table(attempts=0):
    """pgbench's table, with rows of so many attempts in it."""
    harness.sql("CREATE SCHEMA IF NOT EXISTS bench; DROP TABLE IF EXISTS bench.answers; "
                "CREATE TABLE bench.answers (attempt int, slot int, rev int, answer jsonb, saved_at timestamptz, PRIMARY KEY (attempt, slot)) WITH (fillfactor = 70); "
                f"INSERT INTO bench.answers SELECT a, s, 1, '{{\"value\": \"1\"}}', now() FROM generate_series(1, {attempts}) a, generate_series(1, 20) s")


def pgbench(script, clients, seconds):
    """Transactions per second of this script."""
    path = harness.WORK / "pgbench.sql"
    path.write_text(script)
    dsn = dict(word.split("=", 1) for word in os.environ["EA_PG"].split())
    argv = ["/usr/lib/postgresql/15/bin/pgbench", "-h", dsn["host"], "-p", dsn["port"], "-U", dsn["user"], "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds), "-f", str(path), dsn["dbname"]]
    out = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"tps = ([\d.]+)", out).group(1))


def upsert(clients, seconds, attempts=None):
    return pgbench(UPSERT.format(attempts=attempts or clients), clients, seconds)


class Saving:
    """Saves of these (token, attempt, slot), in turn, through the benchmark's nginx."""

    def __init__(self, lines, clients, seconds, path="", journal="answer_events"):
        self.lines, self.clients, self.seconds, self.path, self.journal = lines, clients, seconds, path, journal
        self.listing = pathlib.Path(harness.WORK) / f"saving-{id(self)}"

    def _stored(self):
        """How many saves the journal holds of these answers; writes the revisions that the next run goes on from."""
        ids = ",".join(f"'{attempt}'" for _, attempt, _ in self.lines)
        revs = {(a, s): int(rev) for a, s, rev in harness.sql(f"SELECT attempt_id, slot, max(rev) FROM {self.journal} WHERE attempt_id IN ({ids}) GROUP BY 1, 2")}
        self.listing.write_text("".join(f"{token} {a} {s} {revs.get((a, str(s)), 0)}\n" for token, a, s in self.lines))
        return sum(revs.values())

    def __call__(self):
        before = self._stored()
        told = harness.tool("closed", "save", f"http://127.0.0.1:{harness.HTTP_PORT}{self.path}", self.listing, self.clients, self.seconds)
        stored = self._stored() - before
        if stored != told["ok"]:
            sys.exit(f"bench: void: {told['ok']} answers acknowledged, {stored} stored")
        return told["per_second"]
