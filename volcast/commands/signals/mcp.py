"""`volcast mcp`: an MCP server over standard input and output, or over HTTP on this machine, whose tools ask a running API."""

import asyncio
import socket
import sys
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from volcast.cli.main import UserError
from volcast.cli.options import settings_options
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_LIBRARY = "mcp>=2.3,<3"
"""As the extra `mcp` in pyproject.toml."""
_HOST = "127.0.0.1"
_GRACE_S = 3


@click.command("mcp")
@click.option(
    "--http",
    "port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help=f"Serve http://{_HOST}:PORT/mcp instead of stdin and stdout; 0 for any free port.",
)
@settings_options("client_url", "client_token", "log_level", "log_format")
def command(settings: Settings, port: int | None) -> None:
    """Let an assistant ask a running API, by tools that only read: latest, history, probability, drift, symbols.

    A host of MCP servers starts this command and speaks with it on stdin and stdout. Each answer says first whether its numbers
    may be used now. The token of the API is given as VOLCAST_CLIENT_TOKEN, or as the setting client_token in a file.
    """
    if not _has_library():
        raise UserError(f"`volcast mcp` needs the library mcp; install it with `{sys.executable} -m pip install '{_LIBRARY}'`")
    from volcast.cli.http import address  # noqa: PLC0415  # not needed by --help
    from volcast.cli.log_format import configure  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415
    from volcast.client import AsyncClient  # noqa: PLC0415
    from volcast.client.mcp.server import create_mcp_server  # noqa: PLC0415

    configure(settings.log_level, secrets=settings.secrets(), log_format=settings.log_format)
    token = settings.client_token.get_secret_value() if settings.client_token else None
    try:
        client = AsyncClient(settings.client_url, token=token)
    except ValueError as error:
        raise UserError(str(error)) from None
    server = create_mcp_server(client, version("volcast"))

    async def run() -> None:
        try:
            if port is None:
                await server.run_stdio_async()
                return
            with _bound(port) as listening:
                click.echo(f"MCP over HTTP: {address(listening)}/mcp")
                # For a host of this machine the library refuses requests whose Host or Origin is another one.
                await run_services(_serve(server.streamable_http_app(host=_HOST), listening))
        finally:
            await client.close()

    asyncio.run(run())


def _has_library() -> bool:
    """Return whether the library is installed; older ones have no such module."""
    try:
        return find_spec("mcp.server.mcpserver") is not None
    except ImportError:
        return False


def _bound(port: int) -> socket.socket:
    """Return a listening socket. Raises UserError, which names no option --host: this command has none."""
    from volcast.cli.http import bind  # noqa: PLC0415  # not needed by --help

    try:
        return bind(_HOST, port, "--http")
    except UserError as error:
        raise UserError(error.message.removesuffix(" or --host")) from error


async def _serve(app: "ASGIApp", listening: socket.socket) -> None:
    """Serve the app until cancelled; then give the requests in progress a few seconds to finish."""
    import uvicorn  # noqa: PLC0415  # not needed by --help

    class Server(uvicorn.Server):
        def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
            """Leave the signal handlers alone: `run_services` handles signals for the whole process."""
            return nullcontext()

    config = uvicorn.Config(
        app, log_config=None, log_level="error", access_log=False, ws="none", timeout_graceful_shutdown=_GRACE_S
    )
    server = Server(config)
    serving = asyncio.ensure_future(server.serve([listening]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
