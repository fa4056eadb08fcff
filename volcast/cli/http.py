"""An ASGI app on a socket, inside a loop that others share."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from .main import UserError

_GRACE_S = 3


def bind(host: str, port: int, flag: str) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises UserError that names `flag` where the port can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # Python adds the address, which stands there already
        raise UserError(f"can't listen on {host}:{port}: {reason}; choose another with {flag} or --host") from error


def address(listening: socket.socket) -> str:
    """`http://127.0.0.1:8000`, as a browser on this machine would reach it."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared with, not bound to
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(app: ASGIApp, listening: socket.socket) -> None:
    """Until cancelled; requests that are under way get a few seconds."""
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
        """Signals are the process's business, not one service's."""
        yield
