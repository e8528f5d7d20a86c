"""A rig for tests of workers: a database and a virtual host of RabbitMQ of its own on real servers, and processes that are restarted when they die.

It takes the running stack's servers (the variables of ./dev env), or those that are named: EA_TEST_PG (a connection string whose user may create
databases), EA_TEST_REDIS, EA_TEST_AMQP (a virtual host that nobody else uses) and EA_TEST_RABBITMQCTL (the command)."""

import contextlib
import itertools
import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import pytest
from stack import PATIENCE, until

ROOT = pathlib.Path(__file__).resolve().parents[2]
DELAYS = "1,1,1,1"
VHOST = "test-workers"


def binary(name):
    build = os.environ.get("EA_TEST_BUILD") or ROOT / "build" / os.environ.get("EA_FLAVOUR", "plain")
    path = pathlib.Path(build) / name
    if not path.exists():
        pytest.fail(f"{path} is not built: run make first")
    return str(path)


def run(*command, **kwargs):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"
    return done.stdout


class Servers:
    """Where the real servers are."""

    def __init__(self):
        env = os.environ
        if env.get("EA_TEST_AMQP"):
            self.pg, self.redis, self.amqp = env.get("EA_TEST_PG"), env.get("EA_TEST_REDIS"), env["EA_TEST_AMQP"]
            self.rabbitmqctl = shlex.split(env.get("EA_TEST_RABBITMQCTL", ""))
        elif env.get("EA_STATE") and env.get("EA_AMQP"):
            self.pg = f"host={env['EA_STATE']}/run port={env['EA_PORT_POSTGRES']} user=postgres dbname=postgres"
            self.redis = env["EA_REDIS"]
            self.rabbitmqctl = [str(ROOT / "dev"), "rabbitmqctl"]
            self.amqp = self.virtual_host(env["EA_AMQP"])
        else:
            pytest.fail("no servers: bring the stack up and give the variables of ./dev env, or set EA_TEST_PG, EA_TEST_REDIS, EA_TEST_AMQP")
        if not self.pg or not self.redis:
            pytest.fail("EA_TEST_AMQP is set, so EA_TEST_PG and EA_TEST_REDIS must be as well")

    def virtual_host(self, amqp):
        if VHOST not in run(*self.rabbitmqctl, "list_vhosts", "--quiet").split():
            run(*self.rabbitmqctl, "add_vhost", VHOST)
        user = amqp.split("//")[1].split(":")[0]
        run(*self.rabbitmqctl, "set_permissions", "-p", VHOST, user, ".*", ".*", ".*")
        return amqp.rsplit("/", 1)[0] + "/" + VHOST


def ports():
    """Those of the running stack's hundred that nothing else of it uses (dev.d/ports.sh), or some below the range of outgoing connections."""
    base = os.environ.get("EA_PORT_BASE")
    return range(int(base) + 44, int(base) + 69) if base else range(20000, 32000)


class Process:
    """A program that is started again when it dies, until it is stopped."""

    def __init__(self, rig, name, program, env, port):
        self.name, self.program, self.port = name, program, port
        self.env = env
        self.log = rig.tmp / f"{name}.log"
        self.deaths = 0
        self.wanted = True
        self.lock = threading.Lock()
        self.child = None
        self.start()
        self.keeper = threading.Thread(target=self.keep, daemon=True)
        self.keeper.start()

    def start(self):
        with self.lock, open(self.log, "a") as log:
            if self.wanted:
                self.child = subprocess.Popen([self.program], env=self.env, stderr=log, stdout=log)

    def keep(self):
        while self.wanted:
            child = self.child
            child.wait()
            if self.wanted:
                self.deaths += 1
                time.sleep(0.2)
                self.start()

    def runs(self):
        return self.child.poll() is None

    def kill(self):
        """Ends this life of it as hard as can be; it is started again."""
        until(f"{self.name} runs", self.runs)
        before = self.deaths
        self.child.kill()
        until(f"{self.name} has died", lambda: self.deaths > before)

    def takes_signals(self):
        """It has come so far in its life that SIGTERM does not just kill it."""
        try:
            masks = dict(line.split(":\t") for line in pathlib.Path(f"/proc/{self.child.pid}/status").read_text().splitlines() if line.startswith(("SigBlk", "SigCgt")))
        except OSError:  # it has just died
            return False
        return any(int(mask, 16) >> (signal.SIGTERM - 1) & 1 for mask in masks.values())

    def stop(self):
        """SIGTERM, to a life of it that has begun: returns the exit status."""
        until(f"{self.name} can be told to end", lambda: self.runs() and self.takes_signals())
        with self.lock:
            self.wanted = False
        self.child.send_signal(signal.SIGTERM)
        try:
            status = self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            status = "it did not end by itself"
        self.keeper.join()
        return status

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE) as answer:
            return answer.read().decode()

    def is_ready(self):
        try:
            self.get("/readyz")
            return True
        except OSError:
            return False

    def metric(self, name):
        """0 also while the process is not there to answer."""
        try:
            lines = self.get("/metrics").splitlines()
        except OSError:
            return 0.0
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + " ")), 0.0)

    def said(self, message):
        return sum(1 for line in self.log.read_text().splitlines() if f'"message":"{message}"' in line)


class Rig:
    def __init__(self, servers, database, tmp):
        self.servers, self.tmp = servers, tmp
        self.database = database
        self.pg = f"{servers.pg} dbname={database}"
        self.processes = []
        self.ports = itertools.cycle(ports())
        self.mq("purge")

    def env(self, **more):
        base = {"PATH": os.environ["PATH"], "EA_MQ_DELAYS": DELAYS, "EA_AMQP": self.servers.amqp}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                base[name] = os.environ[name]
        return base | more

    def port(self):
        for port in self.ports:
            with socket.socket() as s, contextlib.suppress(OSError):
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("127.0.0.1", port))
                return port

    def start(self, program, name=None, **more):
        port, name = self.port(), name or pathlib.Path(program).name
        env = self.env(EA_SERVICE_NAME=name, EA_METRICS_LISTEN=f"127.0.0.1:{port}", EA_PG=self.pg, EA_REDIS=self.servers.redis)
        process = Process(self, name, binary(program), env | more, port)
        self.processes.append(process)
        return process

    def worker(self, **more):
        return self.start("tests/fault/testworker", **more)

    def relay(self, **more):
        return self.start("ea-relay", **more)

    def stop_all(self):
        return {p.name: p.stop() for p in self.processes if p.wanted}

    # the database

    def sql(self, statement):
        done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.pg, "-c", statement], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def number(self, statement):
        return int(self.sql(statement) or 0)

    def jobs(self, kind, n=1, queue="grade", payload="{}"):
        """Appends n jobs to the event log; returns their ids."""
        rows = self.sql(f"""SELECT pg_advisory_xact_lock(4242); INSERT INTO events (id, kind, payload, queue)
            SELECT (SELECT coalesce(max(id), 0) FROM events) + n, '{kind}', '{payload}', '{queue}' FROM generate_series(1, {n}) n RETURNING id""")
        return [int(row) for row in rows.split()]

    def effects(self):
        """How often each job had its effect."""
        rows = self.sql("SELECT payload->>'of', count(*) FROM events WHERE kind = 'test.effect' GROUP BY 1")
        return {int(row.split("|")[0]): int(row.split("|")[1]) for row in rows.split()}

    def done(self, ids):
        return self.effects().keys() >= set(ids)

    # RabbitMQ

    def tool(self, program, *args):
        return run(binary(program), *args, env=self.env())

    def mq(self, *args):
        return self.tool("tests/fault/mq", *args)

    def dead(self, queue="grade"):
        """Dead letters: {event id: the line that ea-queues prints}."""
        lines = self.tool("ea-queues", "dead", queue).splitlines()
        return {int(line.split()[1]): line for line in lines if line.startswith("event ")}

    def depth(self, name):
        for line in self.tool("ea-queues", "list").splitlines():
            if line.split()[0] == name:
                return int(line.split()[1])
        raise KeyError(name)

    def once(self, ids):
        """Each of these jobs had its effect exactly once."""
        effects = self.effects()
        assert {i: effects.get(i, 0) for i in ids if effects.get(i, 0) != 1} == {}


@pytest.fixture(scope="session")
def servers():
    return Servers()


@pytest.fixture(scope="session")
def template(servers):
    """A migrated database to copy from."""
    name = f"test_workers_{os.getpid()}"

    def server(sql):
        run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", servers.pg, "-c", sql)

    server(f"CREATE DATABASE {name}")
    run(binary("ea-migrate"), env={"PATH": os.environ["PATH"], "EA_PG": f"{servers.pg} dbname={name}", "EA_MIGRATIONS": str(ROOT / "sql/migrations")})
    yield name, server
    server(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def rig(servers, template, tmp_path):
    name, server = template
    server(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
    rig = Rig(servers, f"{name}_copy", tmp_path)
    yield rig
    statuses = rig.stop_all()
    server(f"DROP DATABASE {name}_copy WITH (FORCE)")
    assert set(statuses.values()) <= {0}, f"not every process ended by itself with status 0: {json.dumps(statuses)}"
    for process in rig.processes:
        reports = [line for line in process.log.read_text().splitlines() if "Sanitizer" in line or "runtime error:" in line]
        assert not reports, f"{process.name}: {reports}"
