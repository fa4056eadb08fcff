"""HTTP connections with bounds: how many, how long each may take, and how much of a request is kept.

uvicorn has a timeout for idle connections only, so that clients which connect and stay silent, send half a request or do not read
the response could use up the file descriptors of the process. Here every state of a connection ends after some time. At the limit
of connections, the one that has waited longest for a request makes room: a client that sends its request at once is answered.

A stream, a response without an end, is bounded in another way: streams may take a part of the connections, and one ends when its
client has not read for some time, or when the server ends. An app declares it by the extension `volcast.stream` of the scope, a
dict of three functions: `begin`, called with a function that ends the stream, returns whether there is room for it; `release`
lets the app send on though the client has not read, so that it can say why it ends; `write` sends bytes that are framed as a
chunk already, so that they are framed once for many clients, and returns whether it has: not while the client does not read.

With TLS a connection is counted and timed from its acceptance on, so that the bounds hold for handshakes, too.
"""

import asyncio
import resource
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_MAX_CONNECTIONS = 2_048
_STREAMS_SHARE = 0.75
_PIECE = 4_096


def _problem(status: bytes, title: bytes, detail: bytes) -> bytes:
    body = b'{"type":"about:blank","title":"%s","status":%s,"detail":"%s"}' % (title, status, detail)
    return (
        b"HTTP/1.1 %s %s\r\ncontent-type: application/problem+json\r\nx-content-type-options: nosniff\r\n"
        b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (status, title, len(body), body)
    )


_BUSY = _problem(b"503", b"Service Unavailable", b"too many connections; try again later")
_NO_REQUEST = _problem(b"400", b"Bad Request", b"this is no request of HTTP/1.1, or its head is too large")


class HttpLimits(NamedTuple):
    """The bounds of one server."""

    connections: int
    """Connections at a time; the process needs descriptors for other things too."""
    request_s: float = 10.0
    """Time for a client to send the head of a request, from its connection or from its first byte on."""
    response_s: float = 60.0
    """Time for a response, including the time that the client takes to read it."""
    idle_s: float = 65.0
    """Time that a connection stays open after a response: longer than the usual interval of a scraper."""
    head_bytes: int = 16_384
    """Size of the head of a request."""

    @property
    def streams(self) -> int:
        """Streams at a time: they leave room for other requests."""
        return int(self.connections * _STREAMS_SHARE)


def allow_descriptors() -> None:
    """Let this process open as many files as its limits need, if it may: a shell allows 1 024, whatever the system would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _MAX_CONNECTIONS if hard == resource.RLIM_INFINITY else min(2 * _MAX_CONNECTIONS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def default_limits() -> HttpLimits:
    """Return the bounds for this process, at most half of whose file descriptors are for clients."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return HttpLimits(min(_MAX_CONNECTIONS, max(descriptors // 2, 1)))


class Shared:
    """What the connections of one server know of each other."""

    def __init__(self) -> None:
        self.connections = 0
        """Number of connections, those included whose TLS handshake is not over."""
        self.waiting: dict[BoundedProtocol, None] = {}
        """Those that wait for a request, the longest-waiting first."""
        self.streams = 0
        """Number of streams."""


class BoundedProtocol(H11Protocol):
    """One connection. It waits for a request, or it answers one; in both states a timer runs that ends it.

    A stream has a timer only while the client does not read.
    """

    def __init__(self, limits: HttpLimits, shared: Shared, tls: ssl.SSLContext | None, **server: Any) -> None:
        super().__init__(**server)
        self._limits, self._shared, self._waiting = limits, shared, shared.waiting
        self._tls = tls
        self._handshake: asyncio.Task[None] | None = None
        self._early = b""
        """What the client has sent before this object knows that the handshake is over."""
        self._is_lost = False
        self._timer: asyncio.TimerHandle | None = None
        self._end_stream: Callable[[], None] | None = None
        self._head_begun = False

    @property
    def is_in_handshake(self) -> bool:
        """Whether the TLS handshake is not over."""
        return self._handshake is not None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Take the connection, if there is room or another one can make room."""
        self._shared.connections += 1
        if self._tls:
            self.transport = transport
            transport.pause_reading()
            self._handshake = self.loop.create_task(self._encrypt(transport, self._tls))
        else:
            super().connection_made(transport)
        self._wait(self._limits.request_s)
        if self._shared.connections > self._limits.connections:
            longest = next(iter(self._waiting))
            if longest is not self:
                longest.abort()
            elif self._tls:  # all others are being answered
                self.abort()
            else:
                transport.write(_BUSY)
                transport.close()

    async def _encrypt(self, plain: asyncio.Transport, tls: ssl.SSLContext) -> None:
        """Do the handshake, and begin the connection once it is over."""
        limit_s = self._limits.request_s
        try:
            transport = await self.loop.start_tls(
                plain, self, tls, server_side=True, ssl_handshake_timeout=limit_s, ssl_shutdown_timeout=limit_s
            )
        except OSError:  # what is wrong with the client's TLS is the client's own concern
            transport = None
        self._handshake = None
        if transport is None or self._is_lost:  # asyncio returns None if the connection was lost meanwhile
            plain.abort()
            self.connection_lost(None)
            return
        super().connection_made(transport)
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._is_lost:
            return
        self._is_lost = True
        self._shared.connections -= 1
        self._waiting.pop(self, None)
        self._stop_timer()
        self._forget_stream()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request; from its first byte on, the time for its head runs."""
        if self._handshake:
            self._early += data
            return
        if self in self._waiting and not self._head_begun:
            self._head_begun = True
            self._start_timer(self._limits.request_s)
        if self not in self._waiting:
            super().data_received(data)
            return
        for begin in range(0, len(data), _PIECE):  # h11 looks at the size of a head only while it is incomplete
            if self.transport.is_closing():
                return
            super().data_received(data[begin : begin + _PIECE])

    def handle_events(self) -> None:
        """Begin to answer a request if its head is complete."""
        before = self.cycle
        super().handle_events()  # it makes the task of the answer, which runs later: the scope is complete then
        if self.cycle is not before:
            self.cycle.scope["extensions"] = {
                "volcast.stream": {"begin": self._begin_stream, "release": self.flow.resume_writing, "write": self._write_chunk}
            }
        if self.cycle is not before and not self.cycle.response_complete:
            self._waiting.pop(self, None)
            self._start_timer(self._limits.response_s)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # it says less than the problem
        """Refuse what is no request of HTTP/1.1, or one whose head is too large, and end the connection."""
        self.conn.send(h11.Response(status_code=400, headers=[(b"connection", b"close")]))
        self.transport.write(_NO_REQUEST)
        self.transport.close()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless the client has sent it already."""
        self._forget_stream()
        super().on_response_complete()
        if self.cycle.response_complete:
            self._wait(self._limits.idle_s)

    def pause_writing(self) -> None:
        """Take note that the client does not read."""
        super().pause_writing()
        if self._end_stream:
            self._start_timer(self._limits.response_s)

    def resume_writing(self) -> None:
        """Take note that the client reads again."""
        super().resume_writing()
        if self._end_stream:
            self._stop_timer()

    def shutdown(self) -> None:
        """End the stream, because the server ends; any other response may be finished."""
        end_stream = self._end_stream
        if end_stream and self.transport.get_write_buffer_size():
            self.abort()  # who knows when the client will read
        if end_stream:
            end_stream()
        super().shutdown()

    def abort(self) -> None:
        """End the connection at once. A regular close would wait until the client has read what was written."""
        self._waiting.pop(self, None)
        self.connections.discard(self)
        self._stop_timer()
        self.transport.abort()

    def _begin_stream(self, end: Callable[[], None]) -> bool:
        if self._shared.streams >= self._limits.streams:
            return False
        self._shared.streams += 1
        self._end_stream = end
        self._stop_timer()
        self.cycle.keep_alive = False
        return True

    def _write_chunk(self, framed: bytes) -> bool:
        """Send a chunk of the stream, in the framing of HTTP/1.1, past h11, which keeps no state for chunks."""
        if self.flow.write_paused or self.transport.is_closing() or self.scope["http_version"] != "1.1":
            return False
        self.transport.write(framed)
        return True

    def _forget_stream(self) -> None:
        if self._end_stream:
            self._end_stream = None
            self._shared.streams -= 1

    def _wait(self, seconds: float) -> None:
        self._waiting[self] = None
        self._head_begun = False
        self._start_timer(seconds)

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
