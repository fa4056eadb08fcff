"""`volcast serve`: signals from the log to the API and the gauges."""

import asyncio

import click

from volcast.cli.options import settings_options
from volcast.cli.wiring import LOG_SETTINGS, log_of
from volcast.settings.schema import Settings


@click.command("serve")
@settings_options(*LOG_SETTINGS, "host", "port", "stale_after_s", "log_level")
def command(settings: Settings) -> None:
    """Serve the latest signals over HTTP. It answers /health at once, /ready once it has read the log."""
    from api.app import create_app  # noqa: PLC0415  # not needed by --help
    from api.follower import Follower  # noqa: PLC0415
    from api.view import View  # noqa: PLC0415
    from volcast.cli.http import address, bind, serve  # noqa: PLC0415
    from volcast.cli.log_format import configure  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415

    configure(settings.log_level, secrets=settings.secrets())
    log = log_of(settings)
    view = View(settings.stale_after_s)

    async def follow() -> None:
        async with log:
            await Follower(log, view).run()

    async def serve_and_follow() -> None:
        with bind(settings.host, settings.port, "--port") as listening:
            click.echo(f"open {address(listening)}/latest")
            await run_services(serve(create_app(view), listening), follow())

    asyncio.run(serve_and_follow())
