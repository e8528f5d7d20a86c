"""A wire between a process and PostgreSQL that can be cut, as tests/browser/rig.js has one to nginx: bytes are passed on as they are.

    with wired("chat-1") as [wire]:
        wire.cut()      every connection is dropped and new ones are refused
        wire.die()      nothing is said any more, in either direction, and nobody is told
        wire.mend()
"""

import contextlib
import os
import socket
import threading

import stack


class Wire:
    def __init__(self, name):
        self.there = os.path.join(os.environ["EA_STATE"], "run", f".s.PGSQL.{os.environ['EA_PORT_POSTGRES']}")
        self.directory = stack.STATE / "tmp" / f"wire-{name}"
        self.directory.mkdir(exist_ok=True)
        self.directory.chmod(0o711)
        self.here = self.directory / os.path.basename(self.there)
        self.flows, self.lock, self.sockets = threading.Event(), threading.Lock(), set()
        self.server = None
        self.mend()

    def mend(self):
        self.flows.set()
        if self.server is None:
            self.here.unlink(missing_ok=True)
            self.server = socket.socket(socket.AF_UNIX)
            self.server.bind(str(self.here))
            self.here.chmod(0o777)
            self.server.listen(64)
            threading.Thread(target=self._accept, args=(self.server,), daemon=True).start()

    def cut(self):
        self.here.unlink(missing_ok=True)
        server, self.server = self.server, None
        server.shutdown(socket.SHUT_RDWR)  # ends accept
        with self.lock:
            for s in self.sockets:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)
        self.flows.set()

    def die(self):
        self.flows.clear()

    def close(self):
        if self.server is not None:
            self.cut()

    def _accept(self, server):
        with contextlib.suppress(OSError), server:
            while True:
                near, _ = server.accept()
                self.flows.wait()
                far = socket.socket(socket.AF_UNIX)
                try:
                    far.connect(self.there)
                except OSError:  # PostgreSQL is away by itself
                    near.close()
                    continue
                with self.lock:
                    self.sockets |= {near, far}
                threading.Thread(target=self._carry, args=(near, far), daemon=True).start()
                threading.Thread(target=self._carry, args=(far, near), daemon=True).start()

    def _carry(self, source, sink):
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                self.flows.wait()
                sink.sendall(chunk)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
        source.close()
        with self.lock:
            self.sockets.discard(source)


@contextlib.contextmanager
def wired(*names):
    """For as long as the block lasts each of these processes reaches PostgreSQL by a wire of its own."""
    wires = [Wire(name) for name in names]
    before = {name: (stack.STATE / "env" / name / "EA_PG").read_text().strip() for name in names}
    try:
        for name, wire in zip(names, wires):
            settings = [f"host={wire.directory}" if s.startswith("host=") else s for s in before[name].split()]
            stack.begin_anew([name], {"EA_PG": " ".join(settings)}, there=True)
        yield wires
    finally:
        for wire in wires:
            wire.mend()
        for name in names:
            stack.begin_anew([name], {"EA_PG": before[name]}, there=True)
        for wire in wires:
            wire.close()
