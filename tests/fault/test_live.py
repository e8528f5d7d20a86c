"""Rooms under fire: whatever dies, every acknowledged message reaches each member once and in order, over every transport, and nobody else.

EA_LIVE_SEEDS="first-last" chooses the schedules; ./dev fault runs more of them than ./dev check does."""

import asyncio
import os
import signal

import pytest
import stack
from live import Crowd, Live

FIRST, LAST = map(int, os.environ.get("EA_LIVE_SEEDS", "1-20").split("-"))
STEPS = 5


@pytest.fixture(scope="module")
def crowd(school):
    return Crowd(school)


def kill(*kinds):
    def do(chance):
        os.kill(stack.pid(chance.choice(stack.names(*kinds) or list(kinds))), signal.SIGKILL)

    return do


def stop_for_a_moment(*kinds):
    async def do(chance):
        victim = stack.pid(chance.choice(stack.names(*kinds) or list(kinds)))
        os.kill(victim, signal.SIGSTOP)
        await asyncio.sleep(chance.random())
        os.kill(victim, signal.SIGCONT)

    return do


def kill_a_worker_of_nginx(chance):
    os.kill(chance.choice(stack.children(stack.pid("nginx"))), signal.SIGKILL)


def cut_off_postgres(chance):
    stack.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND random() < 0.5")


def flush_redis(chance):
    stack.flush_redis()


FAULTS = [
    kill("chat"),
    kill("chat"),
    kill("gateway"),
    kill("redis"),
    kill("postgres"),
    kill_a_worker_of_nginx,
    lambda chance: stack.send("nginx", signal.SIGHUP),
    stop_for_a_moment("chat"),
    stop_for_a_moment("postgres"),
    stop_for_a_moment("redis"),
    cut_off_postgres,
    flush_redis,
]
THERE = ("postgres", "redis", "nginx")


async def break_things(chance):
    for fault in [chance.choice(FAULTS) for _ in range(STEPS)]:
        await asyncio.sleep(0.2 + chance.random() * 0.5)
        done = fault(chance)
        if asyncio.iscoroutine(done):
            await done
        await asyncio.to_thread(stack.await_ready, *THERE, *stack.names("chat", "gateway"))
    await asyncio.sleep(0.5)


@pytest.mark.parametrize("seed", range(FIRST, LAST + 1))
def test_everybody_hears_what_was_said_while_they_were_there(crowd, seed):
    print(f"again: EA_LIVE_SEEDS={seed}-{seed}")
    live = Live(crowd, seed)
    live.run(break_things)
    live.check()
