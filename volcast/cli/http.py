"""Serve an ASGI app on a socket, in an event loop that other services share."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from .main import UserError

_GRACE_S = 3


def bind(host: str, port: int, flag: str) -> socket.socket:
    """Return a listening socket; port 0 takes a free port. Raises UserError, which names `flag`, if the port is not available."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # Python appends the address, which the message has already
        raise UserError(f"cannot listen on {host}:{port}: {reason}; choose another with {flag} or --host") from error


def address(listening: socket.socket) -> str:
    """Return the socket's address as a URL that a browser on this machine can open, as in `http://127.0.0.1:8000`."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(app: ASGIApp, listening: socket.socket) -> None:
    """Serve the app until cancelled; then give the requests in progress a few seconds to finish."""
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=_GRACE_S))
    serving = asyncio.ensure_future(server.serve([listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signal handlers alone: `run_services` handles signals for the whole process."""
        yield
