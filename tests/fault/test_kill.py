"""kill -9 of any one process in mid-story: nothing acknowledged is lost, nothing is graded or told twice, and the supervisor brings it back."""

import os
import signal

import stack
from checker import Life
from stack import RESPONDERS, WORKERS, until


def kill_a_worker_of_nginx():
    victim, others = stack.children(stack.pid("nginx"))[0], len(stack.children(stack.pid("nginx")))
    os.kill(victim, signal.SIGKILL)
    until("nginx has as many workers as before", lambda: len(stack.children(stack.pid("nginx"))) == others)


def test_any_one_process_may_die(school):
    with Life(school) as life:
        for victim in stack.names(*RESPONDERS, *WORKERS) + ["redis", "postgres", "rabbitmq", "nginx"]:
            stack.kill(victim)
            stack.await_ready(victim)
            life.goes_on()
        kill_a_worker_of_nginx()
        life.goes_on()
    life.check()
