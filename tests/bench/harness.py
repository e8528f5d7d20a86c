"""What benchmarks share: the running instance, a plain-HTTP nginx in front of its responders and their peers, pairs of runs in turn, and the page of results.

Figures are ratios of two things measured in turn in one run, because the machines these run on are noisy; a median of pairs, with the least and the greatest beside it.
"""

import atexit
import json
import os
import pathlib
import pwd
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "api"))

STATE = pathlib.Path(os.environ.get("EA_STATE", ""))
if not STATE.is_dir():
    sys.exit("bench: no running instance in the environment; run it as ./dev bench.")
TOOLS = ROOT / "build" / os.environ["EA_FLAVOUR"] / "tests" / "bench"
HTTP_PORT = int(os.environ["EA_PORT_BASE"]) + 90
WORK = pathlib.Path(tempfile.mkdtemp(prefix="ea-bench-"))
WORK.chmod(0o755)

_children = []


def start(*argv, **options):
    """A process that ends with the benchmark."""
    child = subprocess.Popen([str(a) for a in argv], **options)
    _children.append(child)
    return child


@atexit.register
def _end_children():
    for child in _children:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
    for child in _children:
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
    subprocess.run(["rm", "-rf", str(WORK)], check=False)


def wait_for(path):
    while not path.exists():
        time.sleep(0.01)


def sockets(kind):
    """The running instance's sockets of one kind of responder, as nginx's server lines."""
    found = sorted((STATE / "run").glob(f"{kind}-*.sock"))
    return "".join(f"server unix:{path}; " for path in found)


def start_nginx(peers):
    """nginx on plain HTTP: the API's routes to the responders, and each of `peers` ({name: socket}) under /peer/<name>."""
    user = pwd.getpwuid((STATE / "run").stat().st_uid).pw_name
    pools = {kind: sockets(kind) for kind in ("gateway", "quiz", "chat") if sockets(kind)}
    pools |= {"peer_" + name: f"server unix:{path};" for name, path in peers.items()}
    upstreams = "\n".join(f"upstream {name} {{ {servers} keepalive 64; }}" for name, servers in pools.items())
    places = "\n".join(f"location = /peer/{name} {{ fastcgi_pass peer_{name}; }}" for name in peers)
    params = "\n".join(
        f"fastcgi_param {name} {value};"
        for name, value in {
            "REQUEST_METHOD": "$request_method",
            "REQUEST_URI": "$request_uri",
            "SCRIPT_NAME": "$uri",
            "DOCUMENT_URI": "$uri",
            "QUERY_STRING": "$query_string",
            "CONTENT_TYPE": "$content_type",
            "CONTENT_LENGTH": "$content_length",
            "SERVER_PROTOCOL": "$server_protocol",
            "SERVER_NAME": "$host",
            "REQUEST_SCHEME": "$scheme",
            "REMOTE_ADDR": "$remote_addr",
            "EA_REQUEST_ID": "$request_id",
        }.items()
    )
    quiz = "location /v1/attempts/ { fastcgi_pass quiz; }" if "quiz" in pools else ""
    (WORK / "nginx.conf").write_text(f"""
{f"user {user};" if os.getuid() == 0 else ""}
worker_processes auto;
error_log stderr warn;
pid {WORK}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {WORK}/body;
    fastcgi_temp_path {WORK}/fastcgi;
    proxy_temp_path {WORK}/proxy;
    uwsgi_temp_path {WORK}/uwsgi;
    scgi_temp_path {WORK}/scgi;
    keepalive_requests 100000000;
    {upstreams}
    {params}
    fastcgi_keep_conn on;
    server {{
        listen 127.0.0.1:{HTTP_PORT} backlog=4096;
        location / {{ fastcgi_pass gateway; }}
        {quiz}
        {places}
    }}
}}
""")
    start("/usr/sbin/nginx", "-p", WORK, "-e", "stderr", "-c", WORK / "nginx.conf", "-g", "daemon off;")
    wait_for(WORK / "nginx.pid")


def wrk(path, token=None, connections=32, seconds=3):
    """Requests per second of a closed loop; a run with any reply that is not 2xx is void."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{HTTP_PORT}{path}"]
    if token:
        argv[1:1] = ["-H", f"Authorization: Bearer {token}"]
    out = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"bench: a void run of {path}:\n{out}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def tool(name, *argv):
    """Runs one of the C tools; returns what its JSON line says."""
    done = subprocess.run([str(TOOLS / name), *map(str, argv)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: a void run of {name}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def pairs(ours, peer, n):
    """Runs the two in turn, the order changing, n times each; returns their medians and the median ratio ours/peer with its range."""
    a, b = [], []
    for i in range(n):
        for side in ((ours, a), (peer, b)) if i % 2 == 0 else ((peer, b), (ours, a)):
            side[1].append(side[0]())
    ratios = sorted(x / y for x, y in zip(a, b))
    return statistics.median(a), statistics.median(b), statistics.median(ratios), ratios[0], ratios[-1]


def sql(text):
    """One statement on the instance's database, as a list of rows of text."""
    dsn = os.environ["EA_PG"]
    out = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", dsn, "-c", text], check=True, capture_output=True, text=True)
    return [line.split("\t") for line in out.stdout.splitlines()]


def service_pid(name):
    return int((STATE / "sv" / name / "supervise" / "pid").read_text())


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


class Results:
    """Rows of one benchmark: printed as they come, written to RESULTS.md under the benchmark's heading, and one JSON line at the end."""

    def __init__(self, name):
        self.name, self.rows, self.json = name, [], {}

    def add(self, key, what, ours, unit, peer=None, ratio=None, low=None, high=None, goal=None, note=""):
        self.json[key] = {"ratio": ratio, "goal": goal, "ours": ours, "peer": peer, "unit": unit}
        spread = f" ({low:.2f}–{high:.2f})" if low is not None else ""
        row = (what, f"{ours:,.4g}", "" if peer is None else f"{peer:,.4g}", unit, "" if ratio is None else f"{ratio:.2f}{spread}", "" if goal is None else f"{goal:g}", note)
        self.rows.append(row)
        print("  " + "  ".join(c for c in row if c), flush=True)

    def write(self):
        page = pathlib.Path(__file__).with_name("RESULTS.md")
        cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown processor")
        memory = int(open("/proc/meminfo").readline().split()[1]) // 1024 // 1024
        lines = [
            f"## {self.name}",
            "",
            f"{time.strftime('%Y-%m-%d', time.gmtime())}, {os.cpu_count()} cores of {cpu}, {memory} GiB, Linux {os.uname().release}; load and databases on the same cores.",
            "",
            "| what | ours | peer | unit | ratio (range) | goal | |",
            "|---|---|---|---|---|---|---|",
            *("| " + " | ".join(row) + " |" for row in self.rows),
            "",
        ]
        text = page.read_text() if page.exists() else "# Results\n\nWritten by `./dev bench <name>`; ratios of medians measured in turn in one run. See harness.py for how.\n\n"
        section = re.compile(rf"^## {re.escape(self.name)}$.*?(?=^## |\Z)", re.M | re.S)
        body = "\n".join(lines) + "\n"
        page.write_text(section.sub(lambda _: body, text) if section.search(text) else text + body)
        print(json.dumps(self.json))
