"""Serve an ASGI app on a socket, in a thread and an event loop of its own: no work of the pipeline delays /health.

What the app reads is written by other threads meanwhile, so it must not iterate over what may grow.
"""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any, cast

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from volcast.metrics.request_id import RequestIds, request_id_of

from .bounded_http import BoundedProtocol, HttpLimits, Shared, allow_descriptors, default_limits
from .main import UserError

MAX_STUCK_S = 60.0
"""An event loop of the pipeline that has not run for longer is stuck."""
_BEAT_S = 1.0
_GRACE_S = 3
_BACKLOG = 64
"""So many connections are accepted before the first of them is counted."""


def bind(host: str, port: int, flag: str) -> socket.socket:
    """Return a listening socket; port 0 takes a free port. Raises UserError, which names `flag`, if the port is not available."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # Python appends the address, which the message has already
        raise UserError(f"cannot listen on {host}:{port}: {reason}; choose another with {flag} or --host") from error
    # A socket that is made from the descriptor knows that its protocol is TCP, and so do those that it accepts. asyncio sets
    # TCP_NODELAY on these only; without it a response waits 40 ms for the client's acknowledgement of its head.
    return socket.socket(fileno=listening.detach())


def address(listening: socket.socket, scheme: str = "http") -> str:
    """Return the socket's address as a URL that a browser on this machine can open, as in `http://127.0.0.1:8000`."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def invitation(base: str) -> str:
    """Return what a command that serves prints first: where a person and where a program finds the forecasts."""
    return f"open {base}/ in a browser; the numbers as JSON: {base}/latest"


async def serve(
    app: ASGIApp, listening: socket.socket, limits: HttpLimits | None = None, tls: ssl.SSLContext | None = None
) -> None:
    """Serve the app until cancelled, over TLS if there is a context; then give the requests in progress a few seconds to finish.

    /health answers 503 while the calling event loop is stuck.
    """
    allow_descriptors()
    watched, shared = WatchedApp(app), Shared()
    ids = RequestIds(watched, Random())  # noqa: S311  # no secret
    server = _Server(_config(ids, limits or default_limits(), shared, tls), shared)
    result = Future[None]()

    def run() -> None:
        try:
            asyncio.run(server.serve([listening]))
        except BaseException as error:  # noqa: BLE001  # raised again by the caller
            result.set_exception(error)
        else:
            result.set_result(None)

    threading.Thread(target=run, name="http", daemon=True).start()
    ended = asyncio.wrap_future(result)
    try:
        while not ended.done():
            watched.beat()
            await asyncio.wait([ended], timeout=_BEAT_S)
    except asyncio.CancelledError:
        server.should_exit = True
        await asyncio.shield(ended)
        raise
    await ended


class WatchedApp:
    """An app whose /health answers 503 if nobody has called `beat` for a while."""

    def __init__(self, app: ASGIApp, now: Callable[[], float] = time.monotonic) -> None:
        """`now` is a monotonic clock, in seconds."""
        self._app, self._now = app, now
        self._beat_s = now()

    def beat(self) -> None:
        """Take note that the event loop of the pipeline runs."""
        self._beat_s = self._now()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        stuck_s = self._now() - self._beat_s
        if stuck_s > MAX_STUCK_S and scope.get("path") == "/health":
            detail = f"the event loop of this process is stuck: it last ran {stuck_s:.0f} s ago"
            problem = {
                "type": "about:blank",
                "title": "Service Unavailable",
                "status": 503,
                "detail": detail,
                "instance": "/health",
                "request_id": request_id_of(scope),
            }
            await JSONResponse(problem, 503, media_type="application/problem+json")(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _config(app: ASGIApp, limits: HttpLimits, shared: Shared, tls: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=cast("Any", partial(BoundedProtocol, limits, shared, tls)),
        ws="none",
        lifespan="off",
        backlog=_BACKLOG,
        timeout_keep_alive=int(limits.idle_s) + 1,  # the protocol's own timer comes first
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=limits.head_bytes,
        log_config=None,
        log_level="error",  # what a client did wrong is in its response; a log line for each would have no bound
        access_log=False,
        proxy_headers=False,  # the app knows which proxies it trusts; by default uvicorn trusts all programs of this machine
        server_header=False,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, shared: Shared) -> None:
        super().__init__(config)
        self._shared = shared

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the handshakes, which uvicorn does not know, and then as it does."""
        for each in [each for each in self._shared.waiting if each.is_in_handshake]:
            each.abort()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signal handlers alone: `run_services` handles signals for the whole process."""
        yield
