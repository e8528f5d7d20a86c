"""A FastCGI client of one responder, past nginx: it reads when it is told to, and can hang up in the middle."""

import os
import socket
import struct

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def _record(kind, content=b""):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def _pair(name, value):
    lengths = b"".join(struct.pack(">I", len(x) | 1 << 31) for x in (name, value))
    return lengths + name + value


class Request:
    """A path with a person's token. read(n) gives up to n more bytes of the reply, its head first, and b"" at its end; read() all of it."""

    def __init__(self, name, person, path, query="", method="GET"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(os.path.join(os.environ["EA_STATE"], "run", name + ".sock"))
        said = {"REQUEST_METHOD": method, "REQUEST_URI": path, "QUERY_STRING": query, "REMOTE_ADDR": "127.0.0.1",
                "HTTP_AUTHORIZATION": person.headers["Authorization"]}
        params = b"".join(_pair(k.encode(), v.encode()) for k, v in said.items())
        begin = _record(BEGIN, struct.pack(">HB5x", 1, 0))
        self.socket.sendall(begin + _record(PARAMS, params) + _record(PARAMS) + _record(STDIN))
        self.file = self.socket.makefile("rb")
        self.ended = False

    def record(self):
        _, kind, _, length, padding = struct.unpack(">BBHHBx", self.file.read(8))
        content = self.file.read(length)
        self.file.read(padding)
        self.ended = kind == END
        return content if kind == STDOUT else b""

    def read(self, most=None):
        """Up to so many bytes more, or all."""
        got = b""
        while not self.ended and (most is None or len(got) < most):
            got += self.record()
        return got

    def close(self):
        self.file.close()
        self.socket.close()
