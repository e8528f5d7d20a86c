"""The running stack in a test's hands, beside what its clients see: processes, metrics, database, and traps inside of processes.

It is found by the variables of ./dev env; processes by runit's own files."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATE = pathlib.Path(os.environ.get("EA_STATE", "/nonexistent"))
SERVICES = STATE / "sv"
RESPONDERS = ("gateway", "assignment", "quiz", "chat")
WORKERS = ("relay", "grader", "notifier")
PATIENCE = 60  # seconds for what must happen at all


def until(what, condition, seconds=PATIENCE):
    """Waits for a condition and returns what it said; the time is only there to end a test that would never end."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"this did not happen in {seconds} s: {what}"
        time.sleep(0.02)


def dev(*args):
    done = subprocess.run([str(ROOT / "dev"), *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, f"./dev {' '.join(map(str, args))}: {done.stdout}{done.stderr}"
    return done.stdout


def names(*kinds):
    """The processes of these kinds, as they run now."""
    found = sorted(d.name for d in SERVICES.iterdir() if not d.name.startswith("."))
    return [n for n in found if n.rstrip("0123456789").rstrip("-") in kinds]


def pid(name):
    """0 while there is none."""
    try:
        return int((SERVICES / name / "supervise" / "pid").read_text() or 0)
    except FileNotFoundError:
        return 0


def children(parent):
    listed = subprocess.run(["ps", "--no-headers", "-o", "pid", "--ppid", str(parent)], capture_output=True, text=True).stdout
    return [int(line) for line in listed.split()]


def send(name, sig):
    os.kill(pid(name), sig)


def kill(name):
    """Ends this life of a process as hard as can be; returns when the supervisor has begun the next."""
    before = until(f"{name} runs", lambda: pid(name))
    os.kill(before, signal.SIGKILL)
    until(f"{name} is started again", lambda: pid(name) not in (0, before))


def restart(name):
    """As ./dev restart does, without its lock: several at once."""
    subprocess.run(["sv", "-w", str(PATIENCE), "stop", str(SERVICES / name)], capture_output=True, check=True)
    subprocess.run(["sv", "up", str(SERVICES / name)], capture_output=True, check=True)
    await_ready(name)


def have(kind, processes):
    """So many of this kind from now on."""
    if len(names(kind)) != processes:
        dev("up", f"--{kind}", processes)


def each(do, *on):
    """do(one) for all of them side by side."""
    faults = []

    def guarded(one):
        try:
            do(one)
        except BaseException as fault:  # noqa: BLE001  (handed on below)
            faults.append(fault)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in on]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if faults:
        raise faults[0]


def _get(name, path):
    at = os.environ["EA_METRICS_" + name.upper().replace("-", "_")] if "EA_METRICS_" + name.upper().replace("-", "_") in os.environ else _metrics_of(name)
    with urllib.request.urlopen(at + path, timeout=PATIENCE) as answer:
        return answer.read().decode()


def _metrics_of(name):
    """A process that was not there when ./dev env was asked."""
    return "http://" + (STATE / "env" / name / "EA_METRICS_LISTEN").read_text().strip()


def is_ready(name):
    if name not in names(*RESPONDERS, *WORKERS):
        return _speaks(name)
    try:
        _get(name, "/readyz")
        return True
    except OSError:
        return False


def await_ready(*of):
    for name in of:
        until(f"{name} is ready", lambda n=name: pid(n) and is_ready(n))


def metric(name, line):
    """The value of one metric by its line's beginning; 0 when there is none, or nobody who tells it."""
    try:
        lines = _get(name, "/metrics").splitlines()
    except OSError:
        return 0
    return next((float(found.rsplit(" ", 1)[1]) for found in lines if found.startswith(line + " ")), 0)


def _answers(address, said, expected):
    try:
        with socket.create_connection(address, timeout=10) as s:
            s.sendall(said)
            return s.recv(64).startswith(expected)
    except OSError:
        return False


def _speaks(server):
    port = {"redis": "REDIS", "rabbitmq": "AMQP", "nginx": "STATUS"}
    if server == "postgres":
        try:
            psycopg2.connect(os.environ["EA_PG"], connect_timeout=10).close()
            return True
        except psycopg2.OperationalError:
            return False
    asked = {
        "redis": (b"PING\r\n", b"+PONG"),
        "rabbitmq": (b"AMQP\0\0\x09\x01", b"\x01"),
        "nginx": (b"GET /status HTTP/1.0\r\n\r\n", b"HTTP/1.1 200"),
    }
    return _answers(("127.0.0.1", int(os.environ["EA_PORT_" + port[server]])), *asked[server])


def tell_redis(command, answer=b":"):
    """One command, and how its answer begins."""
    assert _answers(("127.0.0.1", int(os.environ["EA_PORT_REDIS"])), command.encode() + b"\r\n", answer), command


def way_to_redis(name):
    """Where this process alone finds Redis (dev.d/services/app.sh)."""
    return STATE / "run" / f"{name}.redis"


def flush_redis():
    """What it remembered is gone, as after a crash."""
    tell_redis("FLUSHALL", b"+OK")


@contextlib.contextmanager
def stopped(*servers):
    """Without these servers, or other processes, for as long as the block lasts."""
    dev("stop", *servers)
    try:
        yield
    finally:
        dev("start", *servers)


@contextlib.contextmanager
def frozen(process):
    """SIGSTOP for as long as the block lasts."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def state_of(process):
    """R, S, T (stopped), Z … as in /proc; "" when it is gone."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def rss_kib(name):
    for line in pathlib.Path(f"/proc/{pid(name)}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def was_repeated(request):
    """Whether nginx has asked more than one process for this request (its id), of which its log tells after the reply. It does so with GET, PUT and DELETE when a process dies."""

    def told():
        return next((line for line in (STATE / "log" / "access.log").read_text().splitlines() if request in line), None)

    return "," in json.loads(until(f"nginx tells of {request}", told))["upstream.status"]


# --- the database ---------------------------------------------------------------------------------------------------------


def rows(statement, *args):
    connection = psycopg2.connect(os.environ["EA_PG"])
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, args)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def value(statement, *args):
    return rows(statement, *args)[0][0]


# --- processes with other surroundings ------------------------------------------------------------------------------------


def _own(path, mode):
    owner = STATE.stat()
    path.chmod(mode)
    if os.getuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def _put(path, text):
    path.write_text(text)
    _own(path, 0o600)


def begin_anew(of, variables, there):
    """Restarts processes with these variables in their environment, or without."""
    for name in of:
        for variable, value in variables.items():
            at = STATE / "env" / name / variable
            if there:
                _put(at, value + "\n")
            else:
                at.unlink(missing_ok=True)
    each(restart, *of)


@contextlib.contextmanager
def clock(offset_s, *of):
    """For as long as the block lasts these processes live on a machine whose clock is set wrong by so much. Lengths of time they measure rightly."""
    [library] = pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    wrong = {"LD_PRELOAD": str(library), "FAKETIME": f"{offset_s:+d}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    try:
        begin_anew(of, wrong, there=True)
        yield
    finally:
        begin_anew(of, wrong, there=False)


# --- traps ----------------------------------------------------------------------------------------------------------------


class Traps:
    """tests/fault/trap.c in every responder and worker."""

    def __init__(self):
        self.dir = STATE / "tmp" / "traps"
        self.library = STATE / "tmp" / "trap.so"
        self.variables = {"LD_PRELOAD": str(self.library), "TRAP_DIR": str(self.dir)}
        self.of = names(*RESPONDERS, *WORKERS)

    def __enter__(self):
        flags = subprocess.run(["pkg-config", "--cflags", "libpq"], capture_output=True, text=True, check=True).stdout.split()
        source = str(ROOT / "tests" / "fault" / "trap.c")
        subprocess.run(["cc", "-std=c17", "-O1", "-shared", "-fPIC", *flags, "-o", str(self.library), source], check=True)
        _own(self.library, 0o755)
        self.dir.mkdir(exist_ok=True)
        _own(self.dir, 0o700)
        self.clear()
        begin_anew(self.of, self.variables, there=True)
        return self

    def __exit__(self, *_):
        self.clear()
        begin_anew(self.of, self.variables, there=False)

    def clear(self):
        for trap in self.dir.iterdir():
            trap.unlink()

    def set(self, moment, statement, sig=signal.SIGKILL):
        """moment: commit, before or sent; see trap.c."""
        trap = self.dir / f"{moment}.{statement}"
        _put(trap, str(int(sig)))
        return trap

    def sprung(self, trap):
        return not trap.exists()
