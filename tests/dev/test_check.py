"""./dev check itself, with steps made for these tests: they run side by side, each with an instance of its own, and all that was started ends with it."""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds for what must happen at all


class Check:
    def __init__(self, at):
        self.at, self.steps, self.out = at, at / "steps", at / "out"
        self.steps.mkdir()
        self.env = {**os.environ, "CHECK_STEPS": str(self.steps), "CHECK_DIR": str(self.out), "EA_INSTANCE": "of-a-test", "AT": str(at)}

    def step(self, name, script):
        (self.steps / name).write_text(f'# shellcheck shell=bash\n# what {name} does\n. "$EA_ROOT/dev.d/check.sh"\n{script}\n')

    def begin(self, *args):
        return subprocess.Popen([str(ROOT / "dev"), "check", *args], env=self.env, text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def run(self, *args):
        running = self.begin(*args)
        said, _ = running.communicate(timeout=PATIENCE)
        return running.returncode, said

    def made(self, name):
        return (self.at / name).read_text().strip()


def lines(said):
    """What was told of each step: {name: (passed or FAILED, passed tests, failed tests)}, in the order of their ends."""
    found = re.findall(r"^  (\S+) +(passed|FAILED) +[\d.]+ s   (\d+) passed, (\d+) failed", said, re.M)
    return {name: (how, int(good), int(bad)) for name, how, good, bad in found}


@pytest.fixture
def check(tmp_path):
    return Check(tmp_path)


# each waits for the others' files: one after the other they would wait for ever
MEET = 'touch "$AT/$CHECK_NAME"\nwait_until 60 test -e "$AT/%s"'


def test_steps_run_side_by_side_each_with_an_instance_and_ports_of_its_own(check):
    where = '\necho "$CHECK_INSTANCE $CHECK_PORT_BASE" >"$AT/$CHECK_NAME.where"'
    check.step("10-left", MEET % "right" + where)
    check.step("20-right", MEET % "left" + where)
    code, said = check.run("--jobs", "2")
    assert code == 0 and lines(said) == {"left": ("passed", 1, 0), "right": ("passed", 1, 0)}
    base = int(check.env["EA_PORT_BASE"])
    assert {check.made("left.where"), check.made("right.where")} == {f"of-a-test-check{n} {base + 100 * n}" for n in (1, 2)}


def test_with_one_job_they_run_one_after_the_other(check):
    for n, name in enumerate(("first", "second", "third")):
        check.step(f"{n}0-{name}", '[ ! -e "$AT/busy" ]\ntouch "$AT/busy"\necho "$CHECK_NAME" >>"$AT/order"\nrm "$AT/busy"')
    code, said = check.run("--jobs", "1")
    assert code == 0 and list(lines(said)) == check.made("order").split() == ["first", "second", "third"]


def test_a_step_that_fails_shows_its_log_and_the_others_go_on(check):
    check.step("10-bad", 'count 3 2\necho "that is wrong"\nexit 1')
    check.step("20-good", "count 5 0")
    code, said = check.run()
    assert code == 1 and lines(said) == {"bad": ("FAILED", 3, 2), "good": ("passed", 5, 0)}
    assert "      | that is wrong\n" in said and "not right: bad " in said and said.endswith("\n8 passed, 2 failed\n")


@pytest.mark.parametrize("needed", ["packages", "build"])
def test_without_packages_or_a_build_nothing_else_begins(check, needed):
    check.step(f"10-{needed}", "exit 1")
    check.step("20-other", 'touch "$AT/begun"')
    code, said = check.run()
    assert code == 1 and lines(said) == {needed: ("FAILED", 0, 1)}
    assert not (check.at / "begun").exists()


def test_only_what_was_asked_for_runs(check):
    for name in ("one", "two", "three"):
        check.step(f"10-{name}", "true")
    code, said = check.run("two", "three")
    assert code == 0 and set(lines(said)) == {"two", "three"}
    assert [check.run(*wrong)[0] for wrong in (["four"], ["--jobs", "0", "one"], ["--jobs"])] == [1, 1, 1]


LONG = """touch "$AT/$CHECK_NAME.begun"
timeout 300 /usr/bin/python3 - "$AT/$CHECK_NAME" <<'PY' || true
import sys, time
try:
    open(sys.argv[1] + ".runs", "w").close()
    time.sleep(300)
finally:
    open(sys.argv[1] + ".put-back", "a").write("once")
PY
touch "$AT/$CHECK_NAME.went-on"
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_who_ends_it_ends_all_that_it_started(check, how):
    """A test that runs is told as by ^C, so it puts back what it changed; then its step ends, and the next one never begins."""
    for name in ("10-one", "20-two", "30-three"):
        check.step(name, LONG)
    running = check.begin("--jobs", "2")
    end = time.monotonic() + PATIENCE
    while not all((check.at / f"{name}.runs").exists() for name in ("one", "two")):
        assert time.monotonic() < end and running.poll() is None
        time.sleep(0.02)
    os.killpg(running.pid, how)
    running.communicate(timeout=PATIENCE)
    assert running.returncode == 130
    assert {p.name for p in check.at.iterdir() if "." in p.name} == {f"{name}.{what}" for name in ("one", "two") for what in ("begun", "runs", "put-back")}
    assert check.made("one.put-back") == "once"
    left = subprocess.run(["pgrep", "-f", str(check.at)], capture_output=True, text=True).stdout
    assert left == ""
