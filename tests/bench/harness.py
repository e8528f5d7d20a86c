"""What benchmarks share: the running instance, its database and processes, a plain-HTTP nginx in front of its responders and their peers, and the C tools."""

import atexit
import json
import os
import pathlib
import pwd
import re
import signal
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


def stop(pid):
    """Ends one of those early."""
    child = next(c for c in _children if c.pid == pid)
    child.terminate()
    child.wait()


def wait_for(path):
    while not path.exists():
        time.sleep(0.01)


def sockets(kind):
    """The running instance's sockets of one kind of responder, as nginx's server lines."""
    found = sorted((STATE / "run").glob(f"{kind}-*.sock"))
    return "".join(f"server unix:{path}; " for path in found)


def start_nginx(peers, http_peers=None, modules="", http="", places=""):
    """nginx on plain HTTP: the API's routes to the responders, each of `peers` ({name: FastCGI socket}) at /peer/<name>, and each of `http_peers` ({name: HTTP socket})
    below /peer/<name>/; `modules`, `http` and `places` are configuration for its main, http and server block. Returns its pid."""
    http_peers = http_peers or {}
    user = pwd.getpwuid((STATE / "run").stat().st_uid).pw_name
    pools = {kind: sockets(kind) for kind in ("gateway", "quiz", "chat") if sockets(kind)}
    pools |= {"peer_" + name: f"server unix:{path};" for name, path in (peers | http_peers).items()}
    upstreams = "\n".join(f"upstream {name} {{ {servers} keepalive 64; }}" for name, servers in pools.items())
    places += "\n".join(f"location = /peer/{name} {{ fastcgi_pass peer_{name}; }}" for name in peers)
    places += "\n".join(f'location /peer/{name}/ {{ proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://peer_{name}/; }}' for name in http_peers)
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
    chat = "location /v1/rooms/ { fastcgi_pass chat; } location /v1/events { fastcgi_buffering off; fastcgi_buffers 8 16k; fastcgi_buffer_size 16k; fastcgi_read_timeout 2m; fastcgi_pass chat; }" if "chat" in pools else ""
    quiz = "location /v1/attempts/ { fastcgi_pass quiz; } location /v1/quizzes/ { fastcgi_pass quiz; }" if "quiz" in pools else ""
    (WORK / "nginx.conf").write_text(f"""
{f"user {user};" if os.getuid() == 0 else ""}
worker_processes auto;
error_log stderr warn;
pid {WORK}/nginx.pid;
worker_rlimit_nofile 20000;
{modules}
events {{ worker_connections 16384; }}
http {{
    {http}
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
        {chat}
        {places}
    }}
}}
""")
    nginx = start("/usr/sbin/nginx", "-p", WORK, "-e", "stderr", "-c", WORK / "nginx.conf", "-g", "daemon off;")
    wait_for(WORK / "nginx.pid")
    return nginx.pid


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


def sql(text):
    """Statements on the instance's database; the rows they give, of text."""
    argv = ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", os.environ["EA_PG"]]
    done = subprocess.run(argv, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: PostgreSQL says: {done.stderr}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def service_pid(name):
    return int((STATE / "sv" / name / "supervise" / "pid").read_text())
