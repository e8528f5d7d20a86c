"""What breaks: each fault does one thing to the running stack and undoes it, or leaves that to the supervisor."""

import asyncio
import contextlib
import os
import random
import signal
import time

import psycopg2
import stack

STEPS = 5
LONG_EVERY = 10  # of so many schedules one has a stop that outlasts every patience of the servers
SERVERS = ("postgres", "redis", "nginx")


def victim(chance, *kinds):
    name = chance.choice(stack.names(*kinds) or list(kinds))
    return name, stack.until(f"{name} runs", lambda: stack.pid(name))


def family(process):
    return [process, *stack.children(process)]


def signal_all(processes, sig):
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, sig)


# --- kinds of faults: each is made for somebody, and is then called with (live, chance) ------------------------------------------


def kill(*kinds):
    async def do(live, chance):
        _, process = victim(chance, *kinds)
        signal_all([process], signal.SIGKILL)

    return do


def kill_with_children(*kinds):
    async def do(live, chance):
        _, process = victim(chance, *kinds)
        signal_all(family(process), signal.SIGKILL)

    return do


def kill_a_child(*kinds):
    async def do(live, chance):
        _, process = victim(chance, *kinds)
        signal_all([chance.choice(stack.children(process) or [process])], signal.SIGKILL)

    return do


def pause(least, most, *kinds):
    """With all its children."""

    async def do(live, chance):
        _, process = victim(chance, *kinds)
        stopped = family(process)
        signal_all(stopped, signal.SIGSTOP)
        try:
            await asyncio.sleep(least + chance.random() * (most - least))
        finally:
            signal_all(stopped, signal.SIGCONT)

    return do


def reload(*kinds):
    async def do(live, chance):
        _, process = victim(chance, *kinds)
        signal_all([process], signal.SIGHUP)

    return do


def restart(*kinds):
    """As ./dev restart does: it ends its streams and what it has begun, then the next one begins."""

    async def do(live, chance):
        name, _ = victim(chance, *kinds)
        await asyncio.to_thread(stack.restart, name)

    return do


@contextlib.contextmanager
def without(path):
    """Nobody finds this socket."""
    away = path.with_name(path.name + ".away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


async def cut_off_chat_from_postgres(live, chance):
    """Its sessions end as soon as they have begun."""
    name, _ = victim(chance, "chat")
    end = time.monotonic() + 0.3 + chance.random()
    while time.monotonic() < end:
        await asyncio.to_thread(end_sessions, "application_name IN (%s, 'message', 'follow')", name)
        await asyncio.sleep(0.02)


async def cut_off_everybody_from_postgres(live, chance):
    connection = psycopg2.connect(os.environ["EA_PG"])
    connection.autocommit = True
    with contextlib.closing(connection), without(stack.STATE / "run" / f".s.PGSQL.{os.environ['EA_PORT_POSTGRES']}"), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
        await asyncio.sleep(chance.random())


async def end_half_the_sessions(live, chance):
    await asyncio.to_thread(end_sessions, "random() < 0.5")


def end_sessions(which, *args):
    stack.rows(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND {which}", *args)


def end_connections_to_redis():
    for kind in ("normal", "pubsub"):
        stack.tell_redis(f"CLIENT KILL TYPE {kind}")


async def cut_off_everybody_from_redis(live, chance):
    with without(stack.STATE / "run" / "redis.sock"):
        end_connections_to_redis()
        await asyncio.sleep(chance.random())


async def cut_off_chat_from_redis(live, chance):
    """All of its processes, and for longer than a moment nobody else. Nothing wakes them any more when another one has written; they hear of it all the same, while this lasts."""
    with contextlib.ExitStack() as away:
        for name in stack.names("chat"):
            away.enter_context(without(stack.way_to_redis(name)))
        end_connections_to_redis()
        await live.everybody_hears(await live.assembly("without Redis"))


async def flush_redis(live, chance):
    stack.flush_redis()


async def cut_off_nginx_from_chat(live, chance):
    """No new connection reaches it; those that are open stay."""
    name, _ = victim(chance, "chat")
    with without(stack.STATE / "run" / f"{name}.sock"):
        await asyncio.sleep(chance.random())


async def cut_off_everybody_from_nginx(live, chance):
    live.hang_up(live.followers + live.actors)


# --- the table ------------------------------------------------------------------------------------------------------------------

FAULTS = {  # name: (how often, what)
    "kill chat": (10, kill("chat")),
    "pause chat": (5, pause(0, 1, "chat")),
    "restart chat": (4, restart("chat")),
    "cut chat off from PostgreSQL": (4, cut_off_chat_from_postgres),
    "kill gateway": (4, kill("gateway")),
    "restart gateway": (2, restart("gateway")),
    "kill Redis": (4, kill("redis")),
    "pause Redis": (4, pause(0, 1, "redis")),
    "flush Redis": (4, flush_redis),
    "cut everybody off from Redis": (4, cut_off_everybody_from_redis),
    "cut chat off from Redis": (4, cut_off_chat_from_redis),
    "kill PostgreSQL": (4, kill("postgres")),
    "kill one of PostgreSQL's processes": (2, kill_a_child("postgres")),
    "pause PostgreSQL": (4, pause(0, 1, "postgres")),
    "reload PostgreSQL": (1, reload("postgres")),
    "cut everybody off from PostgreSQL": (3, cut_off_everybody_from_postgres),
    "end half of PostgreSQL's sessions": (4, end_half_the_sessions),
    "kill nginx": (3, kill_with_children("nginx")),
    "kill one of nginx's workers": (4, kill_a_child("nginx")),
    "pause nginx": (3, pause(0, 1, "nginx")),
    "reload nginx": (4, reload("nginx")),
    "cut nginx off from chat": (3, cut_off_nginx_from_chat),
    "cut everybody off from nginx": (3, cut_off_everybody_from_nginx),
}
LONG = {f"pause {what} for long": pause(5.5, 8, kind) for what, kind in (("chat", "chat"), ("PostgreSQL", "postgres"), ("Redis", "redis"), ("nginx", "nginx"))}


def plan(seed):
    """What breaks in a schedule, in this order."""
    chance = random.Random(f"{seed} plan")
    steps = chance.choices(list(FAULTS), [often for often, _ in FAULTS.values()], k=STEPS)
    if seed % LONG_EVERY == 0:
        steps[chance.randrange(STEPS)] = chance.choice(list(LONG))
    return steps


async def break_things(live):
    """The plan, with everything standing again between two faults. live.broken: (when, what)."""
    chance = random.Random(f"{live.seed} faults")
    for name in plan(live.seed):
        await asyncio.sleep(0.1 + chance.random() * 0.4)
        live.broken.append((time.strftime("%H:%M:%S"), name))
        await (LONG[name] if name in LONG else FAULTS[name][1])(live, chance)
        await asyncio.to_thread(stack.await_ready, *SERVERS, *stack.names("chat", "gateway"))
    await asyncio.sleep(0.3)
