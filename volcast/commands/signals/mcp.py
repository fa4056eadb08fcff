"""`volcast mcp`: an MCP server over standard input and output, or over HTTP on this machine, whose tools ask a running API."""

import asyncio
from importlib.metadata import version
from importlib.util import find_spec

import click

from volcast.cli.main import UserError
from volcast.cli.options import settings_options
from volcast.settings.schema import Settings

INSTALL = "pip install 'volcast[mcp]'"


@click.command("mcp")
@click.option(
    "--http",
    "port",
    type=click.IntRange(1, 65_535),
    metavar="PORT",
    help="Serve http://127.0.0.1:PORT/mcp instead of stdin and stdout.",
)
@settings_options("client_url", "client_token", "log_level", "log_format")
def command(settings: Settings, port: int | None) -> None:
    """Let an assistant ask a running API, by tools that only read: latest, history, probability, drift, symbols.

    A host of MCP servers starts this command and speaks with it on stdin and stdout. Each answer says first whether its numbers
    may be used now. The token of the API is given as VOLCAST_CLIENT_TOKEN, or as the setting client_token in a file.
    """
    if find_spec("mcp") is None:
        raise UserError(f"`volcast mcp` needs the extra `mcp`: {INSTALL}")
    from volcast.cli.log_format import configure  # noqa: PLC0415  # not needed by --help
    from volcast.client import AsyncClient  # noqa: PLC0415
    from volcast.client.mcp.server import create_mcp_server  # noqa: PLC0415

    configure(settings.log_level, secrets=settings.secrets(), log_format=settings.log_format)
    token = settings.client_token.get_secret_value() if settings.client_token else None
    try:
        client = AsyncClient(settings.client_url, token=token)
    except ValueError as error:
        raise UserError(str(error)) from None

    async def run() -> None:
        try:
            server = create_mcp_server(client, version("volcast"))
            await (server.run_stdio_async() if port is None else server.run_streamable_http_async(port=port))
        finally:
            await client.close()

    asyncio.run(run())
