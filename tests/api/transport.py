"""How the tests' clients reach nginx: HTTP/2 as httpx speaks it, and GOAWAY understood as a browser understands it (RFC 9113, 6.8).

nginx says GOAWAY on every connection when it takes a new configuration or ends. httpcore as Debian 12 has it raises what it read, and keeps the
connection as one to be used again, so that every later request fails, too. Here

    a connection that has heard GOAWAY gets no further request;
    a request on a stream above the last that GOAWAY names was not processed, and is sent again on a new connection;
    a request that may have been processed is never repeated: its caller gets the httpx.RemoteProtocolError.
"""

import h2.events
import httpcore
import httpx


class Connection(httpcore.ConnectionInterface):
    """One connection of the pool, which asks it before it gives it a request."""

    def __init__(self, inner):
        self.inner = inner
        self.told_to_go = False

    def handle_request(self, request):
        stream, trace = None, request.extensions.get("trace")

        def listen(moment, said):
            nonlocal stream
            stream = said.get("stream_id", stream)
            if trace:
                trace(moment, said)

        request.extensions = request.extensions | {"trace": listen}
        try:
            return self.inner.handle_request(request)
        except httpcore.RemoteProtocolError as lost:
            goaway = lost.args[0]
            if not isinstance(goaway, h2.events.ConnectionTerminated):
                raise
            self.told_to_go = True
            if stream is None or stream <= goaway.last_stream_id:
                raise
            raise httpcore.ConnectionNotAvailable() from lost  # the pool takes, or makes, another one

    def can_handle_request(self, origin):
        return self.inner.can_handle_request(origin)

    def is_available(self):
        return not self.told_to_go and self.inner.is_available()

    def has_expired(self):
        """Whether the pool is to close it: not before its last stream has ended."""
        return (self.told_to_go and self.inner.is_idle()) or self.inner.has_expired()

    def is_idle(self):
        return self.inner.is_idle()

    def is_closed(self):
        return self.inner.is_closed()

    def info(self):
        return self.inner.info()

    def close(self):
        self.inner.close()


class Transport(httpx.HTTPTransport):
    """What httpx would use by itself, with connections that know when to go."""

    def __init__(self, verify):
        super().__init__(verify=verify, http2=True)
        create = self._pool.create_connection
        self._pool.create_connection = lambda origin: Connection(create(origin))
