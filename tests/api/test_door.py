"""nginx, the one door: what it answers by itself, whatever the responders do. Needs EA_URL, EA_CA, EA_STATE and ports from `./dev env`."""

import concurrent.futures
import json
import os
import secrets
import socket
import ssl
import time
import urllib.parse

import httpx
import pytest
from transport import Transport

URL = os.environ["EA_URL"]
HOST, PORT = urllib.parse.urlsplit(URL).hostname, urllib.parse.urlsplit(URL).port
ORIGIN = "https://localhost:3000"
PATIENCE = 60  # seconds for what must happen at all


@pytest.fixture(scope="module")
def client():
    with httpx.Client(base_url=URL, transport=Transport(os.environ["EA_CA"]), timeout=PATIENCE) as c:
        yield c


def raw_connection():
    context = ssl.create_default_context(cafile=os.environ["EA_CA"])
    return context.wrap_socket(socket.create_connection((HOST, PORT), timeout=PATIENCE), server_hostname=HOST)


def raw_reply(request):
    """Sends bytes as they are and reads one reply: (status, headers in lower case, body)."""
    with raw_connection() as tls:
        got = b""
        try:
            tls.sendall(request)
            while not whole(got) and (chunk := tls.recv(65536)):
                got += chunk
        except (ConnectionError, ssl.SSLError):
            pass  # nginx hung up on what it had not read; the reply came before
    return split_reply(got)


def split_reply(got):
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, body


def whole(got):
    if b"\r\n\r\n" not in got:
        return False
    _, headers, body = split_reply(got)
    return len(body) >= int(headers.get("content-length", "0"))


def assert_problem(status, content_type, body, slug, request_id=None):
    problem = json.loads(body)
    assert content_type == "application/problem+json"
    assert problem["type"] == f"/problems/{slug}"
    assert problem["status"] == status
    assert problem["title"] and problem["instance"].startswith("/") and problem["request_id"]
    if request_id:
        assert problem["request_id"] == request_id


def random_token():
    return "e30." + secrets.token_urlsafe(40) + "." + secrets.token_urlsafe(64)


def test_tls_and_http2(client):
    with raw_connection() as tls:
        assert tls.version() == "TLSv1.3"
    assert client.get("/healthz").http_version == "HTTP/2"


def test_old_tls_is_refused():
    context = ssl.create_default_context(cafile=os.environ["EA_CA"])
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(socket.create_connection((HOST, PORT), timeout=PATIENCE), server_hostname=HOST)


def test_http_is_sent_to_https():
    reply = httpx.get(f"http://127.0.0.1:{os.environ['EA_PORT_HTTP']}/v1/me?x=1", follow_redirects=False, timeout=PATIENCE)
    assert reply.status_code == 308
    assert reply.headers["location"] == f"{URL}/v1/me?x=1"


def test_http_on_the_https_port_is_a_problem():
    reply = httpx.get(f"http://127.0.0.1:{PORT}/v1/me", timeout=PATIENCE)
    assert reply.status_code == 400
    assert_problem(400, reply.headers["content-type"], reply.content, "bad-request")


@pytest.mark.parametrize("path", ["/healthz", "/v1/me", "/nowhere"])
def test_security_headers_are_on_every_reply(client, path):
    headers = client.get(path).headers
    assert headers["strict-transport-security"].startswith("max-age=")
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["server"] == "nginx"


def test_request_id_goes_in_and_out(client):
    reply = client.get("/v1/me", headers={"X-Request-Id": "my-request-0001"})
    assert reply.headers.get_list("x-request-id") == ["my-request-0001"]
    assert reply.json()["request_id"] == "my-request-0001"


@pytest.mark.parametrize("bad", ["short", "x" * 65, 'with"quote00', "with blank"])
def test_request_id_that_is_not_well_formed_is_replaced(client, bad):
    reply = client.get("/v1/me", headers={"X-Request-Id": bad})
    assert reply.headers["x-request-id"] != bad
    assert reply.json()["request_id"] == reply.headers["x-request-id"]


def test_preflight_of_a_listed_origin(client):
    reply = client.options(
        "/v1/attempts/x/answers/1",
        headers={"Origin": ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"},
    )
    assert reply.status_code == 204
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers["access-control-allow-credentials"] == "true"
    assert "PUT" in reply.headers["access-control-allow-methods"]
    allowed = reply.headers["access-control-allow-headers"].lower()
    for header in ("authorization", "content-type", "idempotency-key", "if-match", "x-csrf-token"):
        assert header in allowed
    assert "Origin" in reply.headers["vary"]


@pytest.mark.parametrize("origin", ["https://evil.example", "https://localhost:3000.evil.example", "http://localhost:3000", "null"])
def test_other_origins_get_no_cors(client, origin):
    preflight = client.options("/v1/me", headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
    plain = client.get("/v1/me", headers={"Origin": origin})
    for reply in (preflight, plain):
        assert not [name for name in reply.headers if name.startswith("access-control-")]


def test_listed_origin_may_read_the_reply(client):
    reply = client.get("/v1/me", headers={"Origin": ORIGIN})
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert "ETag" in reply.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "path, over",
    [
        ("/v1/auth/login", 1 << 20),
        ("/v1/attempts/0193a000-0000-7000-8000-000000000099/submit", 1 << 20),
        ("/v1/roster/import", 8 << 20),
        ("/v1/courses/0193a000-0000-7000-8000-000000000010/items/import", 8 << 20),
        ("/v1/assignments/0193a000-0000-7000-8000-000000000099/submissions", 64 << 20),
    ],
    ids=["login", "submit", "roster", "items", "upload"],
)
def test_body_over_the_limit_of_its_route(path, over):
    # only the head is sent: the length alone is refused, by nginx, before a byte of the body
    status, headers, body = raw_reply(
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: text/plain\r\nContent-Length: {over + 1}\r\n"
        f"X-Request-Id: over-the-limit\r\nConnection: close\r\n\r\n".encode()
    )
    assert status == 413
    assert_problem(413, headers["content-type"], body, "too-large", "over-the-limit")


@pytest.mark.parametrize(
    "request_bytes, status, slug",
    [
        (b"GET / HTTP/1.1\r\nno colon here\r\n\r\n", 400, "bad-request"),
        (b"\x00\x01 rubbish\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "bad-request"),
        (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri-too-long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 20000 + b"\r\n\r\n", 431, "headers-too-large"),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405, "method-not-allowed"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rot13\r\n\r\n", 501, "not-implemented"),
        (b"GET /_problem/503 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, "not-found"),
        (b"GET /_blob/data/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, "not-found"),
    ],
    ids=["header", "rubbish", "no-host", "long-uri", "long-header", "trace", "encoding", "own-pages", "blob"],
)
def test_nginx_errors_are_problems(request_bytes, status, slug):
    got, headers, body = raw_reply(request_bytes)
    assert got == status
    assert_problem(status, headers["content-type"], body, slug, headers["x-request-id"])


def test_the_path_is_told_only_where_it_is_safe_in_json():
    _, _, body = raw_reply(b'TRACE /a"b\\c?token=secret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    assert json.loads(body)["instance"] == "/"


def first_held_back(header):
    """Asks many times with the same header; the first reply that is 429, or None. Sixteen connections send all they have to ask at once: however busy the machine, it is nginx that
    sets the pace, and not a client that may be too slow for the limit."""
    of_each = 8 * int(os.environ["EA_BURST_TOKEN"]) // 16
    request = f"GET /v1/me HTTP/1.1\r\nHost: {HOST}\r\n{header}\r\n\r\n".encode()
    held_back = []

    def ask(_):
        got, left = b"", of_each
        with raw_connection() as tls:
            tls.sendall(request * of_each)
            while left and not held_back and (chunk := tls.recv(65536)):
                got += chunk
                while whole(got):
                    status, headers, rest = split_reply(got)
                    length = int(headers["content-length"])
                    if status == 429:
                        held_back.append((headers, rest[:length]))
                    got, left = rest[length:], left - 1

    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        list(threads.map(ask, range(16)))
    return held_back[0] if held_back else None


def test_limit_per_token_leaves_others_alone(client):
    """One token is held back with 429 and Retry-After; another, and who has none, go on from the same address."""
    headers, body = first_held_back(f"Authorization: Bearer {random_token()}")
    assert int(headers["retry-after"]) >= 1
    assert_problem(429, headers["content-type"], body, "too-many-requests", headers["x-request-id"])
    assert client.get("/v1/me", headers={"Authorization": f"Bearer {random_token()}"}).status_code == 401
    assert client.get("/v1/me").status_code == 401


def test_limit_per_session_cookie(client):
    assert first_held_back(f"Cookie: theme=dark; __Host-ea_session={random_token()}; lang=de") is not None
    assert client.get("/v1/me", headers={"Cookie": f"__Host-ea_session={random_token()}"}).status_code == 401


def test_slow_loris_is_cut_off_and_harms_nobody(client):
    """A header that trickles in is not waited for without end, and others are served meanwhile."""
    slow = []
    try:
        for _ in range(50):
            slow.append(raw_connection())
            slow[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert client.get("/healthz").status_code == 200
        for tls in slow:
            # the end of the connection, with or without a word; the socket's own timeout would fail the test
            try:
                while tls.recv(4096):
                    pass
            except (ConnectionError, ssl.SSLError) as end:
                assert not isinstance(end, TimeoutError)
    finally:
        for tls in slow:
            tls.close()
    assert client.get("/healthz").status_code == 200


def test_access_log_has_no_query_strings_and_no_secrets(client):
    token, mark = random_token(), "mark-" + secrets.token_hex(8)
    client.get(f"/v1/events?ticket={mark}-ticket", headers={"Authorization": f"Bearer {token}", "X-Request-Id": f"{mark}-id"})
    client.get(f"/v1/me?password={mark}-password", headers={"Cookie": f"__Host-ea_session={mark}-cookie", "Referer": f"https://x/?{mark}-referer", "X-Request-Id": f"{mark}-last"})
    lines = wait_for_lines(f"{mark}-id", f"{mark}-last")
    entry = json.loads(next(line for line in lines if f"{mark}-id" in line))
    assert entry["url.path"] == "/v1/events"
    everything = "\n".join(lines)
    for secret in ("ticket", "password", "cookie", "referer"):
        assert f"{mark}-{secret}" not in everything
    assert token not in everything


def wait_for_lines(*marks):
    """The access log's lines once all of these are in it: nginx writes it within a second."""
    path = os.path.join(os.environ["EA_STATE"], "log", "access.log")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with open(path, encoding="utf-8") as log:
            lines = log.read().splitlines()
        if all(any(mark in line for line in lines) for mark in marks):
            return lines
        time.sleep(0.1)
    raise AssertionError(f"{' and '.join(marks)} did not come into {path}")
