"""The same autosave as others would write it: Fastify with node-pg, Go's net/http with pgx, each behind the benchmark's nginx. Versions are pinned by the lock files in peers/;
what is built from them lies in build/bench."""

import os
import shutil
import subprocess

import harness

SOURCES = harness.ROOT / "tests" / "bench" / "peers"
BUILD = harness.ROOT / "build" / "bench"
POOL = 32  # connections to PostgreSQL, in all


def _fastify():
    """Its command, or None without npm."""
    if not (shutil.which("npm") and shutil.which("node")):
        return None
    to = BUILD / "fastify"
    shutil.copytree(SOURCES / "fastify", to, dirs_exist_ok=True)
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=to, check=True)
    return ["node", to / "main.js"]


def _go():
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if not go:
        return None
    BUILD.mkdir(parents=True, exist_ok=True)
    subprocess.run([go, "build", "-o", str(BUILD / "peer-go"), "."], cwd=SOURCES / "go", check=True)
    return [BUILD / "peer-go"]


def start():
    """{name: (process, socket)} of those that this machine can build; says which it cannot."""
    harness.sql("CREATE SCHEMA IF NOT EXISTS bench; DROP TABLE IF EXISTS bench.peer_answers; CREATE TABLE bench.peer_answers (attempt_id uuid, slot int, rev int NOT NULL, answer jsonb, "
                "saved_at timestamptz, PRIMARY KEY (attempt_id, slot)) WITH (fillfactor = 70)")
    running = {}
    for name, build in (("fastify", _fastify), ("go", _go)):
        argv = build()
        if argv is None:
            print(f"  {name}: its tools are not installed here; left out", flush=True)
            continue
        socket = harness.WORK / f"{name}.sock"
        running[name] = (harness.start(*argv, socket, harness.STATE / "secret" / "token.key.pub", SOURCES / "save.sql", POOL, env=os.environ), socket)
    for _, socket in running.values():
        harness.wait_for(socket)
    return running
