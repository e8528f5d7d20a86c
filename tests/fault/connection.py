"""HTTP/1.1 over TLS in asyncio, as much of it as a crowd of clients needs: two hundred clients of httpx would measure Python."""

import asyncio
import json
import ssl
import typing
import urllib.parse

from client import CA, URL

ADDRESS = urllib.parse.urlsplit(URL)
LATER = (429, 502, 503, 504)
IN_PROGRESS = "/problems/in-progress"  # an attempt before this one, whose key it has
LOST = (OSError, EOFError, asyncio.IncompleteReadError, asyncio.TimeoutError, ssl.SSLError)
PATIENCE = 60


class Reply(typing.NamedTuple):
    status: int
    head: dict
    body: object  # of its JSON
    doubt: int = 0  # so many attempts before this one may have had their effect all the same

    @property
    def good(self):
        return self.status < 300


class Connection:
    """One connection at a time of somebody, opened when it is needed."""

    tls = ssl.create_default_context(cafile=CA) if CA else None

    def __init__(self, person):
        self.person, self.reader, self.writer = person, None, None

    async def _send(self, method, path, body, headers):
        if self.writer is None:
            self.reader, self.writer = await asyncio.wait_for(asyncio.open_connection(ADDRESS.hostname, ADDRESS.port, ssl=self.tls), PATIENCE)
        content = b"" if body is None else json.dumps(body).encode()
        head = {"Host": ADDRESS.netloc, "Authorization": "Bearer " + self.person.token, "Content-Length": len(content)} | dict(headers)
        if body is not None:
            head["Content-Type"] = "application/json"
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content)
        await self.writer.drain()

    async def _head(self):
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode().split("\r\n")
        return int(head[0].split()[1]), {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}

    async def _chunks(self):
        while True:
            size = int((await self.reader.readuntil(b"\r\n")).strip(), 16)
            content = await self.reader.readexactly(size + 2)
            if size == 0:
                return
            yield content[:-2]

    async def ask(self, method, path, body=None, headers=()):
        """The reply; one of LOST when there is none."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._send(method, path, body, headers)
                status, head = await self._head()
                if "content-length" in head:
                    content = await self.reader.readexactly(int(head["content-length"]))
                else:
                    content = b"".join([chunk async for chunk in self._chunks()]) if "transfer-encoding" in head else b""
            if head.get("connection") == "close":
                self.close()
        except BaseException:
            self.close()
            raise
        return Reply(status, head, json.loads(content) if content else None)

    async def again(self, method, path, body=None, refused=(), headers=()):
        """Until the reply is final: good, or one of these refusals."""
        end, doubt = asyncio.get_running_loop().time() + PATIENCE, 0
        while True:
            try:
                reply = await self.ask(method, path, body, headers)
                if reply.good or reply.status in refused:
                    return reply._replace(doubt=doubt)
                assert reply.status in LATER or reply.body["type"] == IN_PROGRESS, f"{method} {path}: {reply.status} {reply.body}"
                why = reply.status
            except LOST as lost:
                why = repr(lost)
            doubt += 1
            assert asyncio.get_running_loop().time() < end, f"{method} {path}: no final reply; the last: {why}"
            await asyncio.sleep(0.1)

    async def events(self, after):
        """What a stream says, as (id, kind, text); kind None where only the cursor moves on. Ends when the stream does."""
        try:
            await self._send("GET", "/v1/events", None, {"Accept": "text/event-stream", "Last-Event-ID": after})
            status, _ = await self._head()
            if status != 200:
                assert status in LATER, f"the stream from {after}: {status}"
                return
            rest, block = b"", {}
            async for chunk in self._chunks():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    name, _, value = line.decode().partition(":")
                    if name:
                        block[name] = value.strip()
                    elif not line:
                        if "id" in block:
                            yield int(block["id"]), block.get("event") if "data" in block else None, block.get("data")
                        block = {}
        finally:
            self.close()

    def cut(self):
        """From outside, whatever it is doing."""
        if self.writer is not None:
            self.writer.transport.abort()

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None
