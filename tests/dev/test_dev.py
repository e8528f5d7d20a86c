"""./dev itself: what it promises about starting, stopping, dying and failing. EA_INSTANCE and EA_PORT_BASE name an instance for these tests alone."""

import ctypes
import os
import pathlib
import re
import shlex
import signal
import socket
import struct
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
IN_CREATE, IN_MOVED_TO = 0x100, 0x80  # <sys/inotify.h>
PATIENCE = 240  # seconds for what must happen at all


def dev(*args, **env):
    return subprocess.run([str(ROOT / "dev"), *args], capture_output=True, text=True, env={**os.environ, **env}, stdin=subprocess.DEVNULL)


def must(*args, **env):
    done = dev(*args, **env)
    assert done.returncode == 0, f"./dev {' '.join(args)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def settings():
    return dict(line.split("=", 1) for line in shlex.split(must("env")))


def state():
    return pathlib.Path(settings()["EA_STATE"])


def processes():
    """name -> (pid, health) as ./dev status tells."""
    rows = [line.split() for line in dev("status").stdout.splitlines()[1:-1]]
    return {row[0]: (row[1], row[4] if len(row) > 4 else "") for row in rows}


def left_over():
    """Processes that work below the instance's directory, whoever they are."""
    here, found = str(state()) + "/", []
    for cwd in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        try:
            if str(cwd.readlink()).startswith(here):
                found.append(cwd.parent.name)
        except OSError:
            pass
    return found


def until(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"this did not happen within {PATIENCE} s: {what}"
        time.sleep(0.1)


@pytest.fixture
def up():
    must("up")


@pytest.fixture
def down():
    must("down")


@pytest.fixture(scope="module", autouse=True)
def fresh_and_gone_afterwards():
    must("reset", "--yes")
    yield
    must("reset", "--yes")


def test_up_brings_everything_and_again_nothing_new():
    said = must("up")
    assert "https://127.0.0.1:" in said and "admin@" in said
    before = processes()
    assert set(before) == {
        *("postgres", "redis", "epmd", "rabbitmq", "syslog-ng", "mail", "nginx"),
        *("gateway-1", "assignment-1", "quiz-1", "quiz-2", "chat-1", "relay", "grader", "notifier"),
    }
    assert {health for _, health in before.values()} == {"ok"}
    must("up")
    assert processes() == before


def test_processes_of_a_kind_come_and_go(up):
    before = processes()
    must("up", "--quiz", "3")
    assert set(processes()) - set(before) == {"quiz-3"}
    must("up", "--quiz", "2")
    assert processes() == before


def appearing_in(directory, act):
    """name -> how it came ("made", or "moved" there whole) of what appears in directory while act runs; inotify(7)"""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    assert watch >= 0 and libc.inotify_add_watch(watch, bytes(directory), IN_CREATE | IN_MOVED_TO) >= 0, os.strerror(ctypes.get_errno())
    try:
        act()
        told = os.read(watch, 1 << 20)
    finally:
        os.close(watch)
    appeared = {}
    while told:
        _, mask, _, length = struct.unpack_from("iIII", told)
        appeared[told[16 : 16 + length].rstrip(b"\0").decode()] = "made" if mask & IN_CREATE else "moved"
        told = told[16 + length :]
    return appeared


def test_the_supervisor_never_sees_half_a_service(up):
    """runsv that begins before there is a log directory has none for its life, and the service counts as not supervised"""
    appeared = appearing_in(state() / "sv", lambda: must("up", "--quiz", "4"))
    assert {name: how for name, how in appeared.items() if not name.startswith(".")} == {"quiz-3": "moved", "quiz-4": "moved"}
    must("up", "--quiz", "2")


def test_servers_run_as_nobody_of_importance_and_on_loopback(up):
    for _, (pid, _) in processes().items():
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"^Uid:\s+0\s", status, re.M) is None
    base = int(settings()["EA_PORT_BASE"])
    listening = [line.split() for table in ("tcp", "tcp6") for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    open_to_all = [
        int(row[1].split(":")[1], 16)
        for row in listening
        if row[3] == "0A" and row[1].split(":")[0] not in ("0100007F", "00000000000000000000000001000000")
    ]
    assert [port for port in open_to_all if base <= port < base + 100] == []


def test_every_process_comes_back_after_a_kill(up):
    before = processes()
    for name, (pid, _) in before.items():
        os.kill(int(pid), signal.SIGKILL)
        begun = state() / "sv" / name / "supervise" / "pid"
        until(f"{name} is started again", lambda: begun.read_text().strip() not in ("", pid))
    until("all are healthy again", lambda: {health for _, health in processes().values()} == {"ok"})
    after = processes()
    assert [name for name in before if after[name][0] == before[name][0]] == []


def test_the_broker_starts_no_epmd_of_its_own(up):
    """RabbitMQ does so when it misses epmd; that one would outlive ./dev down and hold the port. Here as it does it."""
    epmd, port = str(state() / "sv" / "epmd"), int(settings()["EA_PORT_EPMD"])
    starter = 'set -a; . "$1"; exec erl -boot no_dot_erlang -sname epmd-starter -noinput -s erlang halt'
    subprocess.run(["sv", "-w", "60", "force-stop", epmd], check=True, capture_output=True)
    try:
        subprocess.run(["bash", "-c", starter, "bash", state() / "etc" / "rabbitmq-env"], capture_output=True, timeout=PATIENCE)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    finally:
        subprocess.run(["sv", "up", epmd], check=True, capture_output=True)
    until("all are healthy again", lambda: {health for _, health in processes().values()} == {"ok"})


def test_up_mends_what_a_dead_supervisor_left(up):
    supervisor = int((state() / "run" / "runsvdir.pid").read_text())
    os.kill(supervisor, signal.SIGKILL)
    until("the supervisor is gone", lambda: dev("status").returncode == 1)
    assert "supervisor" in dev("status").stdout
    must("up")
    assert {health for _, health in processes().values()} == {"ok"}


def test_down_leaves_nothing_and_may_be_said_twice(up):
    must("down")
    assert left_over() == []
    assert "not running" in must("down")
    assert dev("status").returncode == 3


def test_data_outlives_down(up):
    must("psql", "-c", "CREATE TABLE kept AS SELECT 41 + 1 AS answer")
    must("down")
    must("up")
    assert must("psql", "-Atc", "SELECT answer FROM kept").strip() == "42"
    must("psql", "-c", "DROP TABLE kept")


def test_a_port_taken_is_named_and_nothing_is_left(down):
    port = int(settings()["EA_PORT_AMQP"])
    with socket.create_server(("127.0.0.1", port)):
        failed = dev("up")
    assert failed.returncode != 0
    words = failed.stderr
    assert str(port) in words and f"process {os.getpid()}" in words and "EA_PORT_BASE=" in words
    assert left_over() == []


def test_a_process_that_cannot_start_takes_the_rest_down_and_shows_its_log(down):
    failed = dev("up", EA_LOG_LEVEL="shouting")
    assert failed.returncode != 0
    assert "shouting" in failed.stderr and "read on in" in failed.stderr
    assert left_over() == []
    must("up", EA_LOG_LEVEL="info")


def test_one_command_at_a_time(up):
    with open(state() / "lock") as lock:
        subprocess.run(["flock", "-n", str(lock.fileno())], check=True, pass_fds=[lock.fileno()])
        refused = dev("down")
    assert refused.returncode != 0 and "another ./dev" in refused.stderr
    assert {health for _, health in processes().values()} == {"ok"}


def test_a_single_process_stops_and_starts(up):
    must("stop", "redis")
    assert processes()["redis"][1] == "running" or dev("status").returncode == 1
    must("start", "redis")
    assert processes()["redis"][1] == "ok"


def test_restart_gives_new_processes(up):
    before = processes()
    must("restart", "quiz")
    after = processes()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"quiz-1", "quiz-2"}


@pytest.mark.parametrize(
    "command, words",
    [
        (["nonsense"], "no such command"),
        (["up", "--quiz"], "needs a number"),
        (["up", "--quiz", "99"], "between 1 and"),
        (["up", "--lunch", "2"], "not an option"),
        (["restart", "nobody"], "no process"),
        (["logs", "nobody"], "no log"),
        (["bench", "nothing"], "no benchmark"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_told_plainly(up, command, words):
    failed = dev(*command)
    assert failed.returncode != 0
    assert words in failed.stderr and "Traceback" not in failed.stderr and "line " not in failed.stderr


@pytest.mark.parametrize("name, value", [("EA_INSTANCE", "Not A Name"), ("EA_PORT_BASE", "80"), ("EA_FLAVOUR", "vanilla")])
def test_settings_that_cannot_be_are_refused(name, value):
    failed = dev("status", **{name: value})
    assert failed.returncode != 0 and name in failed.stderr


def test_durability_is_on(up):
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        assert must("psql", "-Atc", f"SHOW {name}").strip() == "on"


def test_logs_of_everybody_are_kept(up):
    for name in processes():
        assert (state() / "log" / name / "current").exists(), name
    assert "listening" in must("logs", "mail")
