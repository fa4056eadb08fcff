"""`volcast serve`: read signals from the log and serve them by the API and as metrics.

Like every command that runs until it is stopped, it only joins a log, a follower and an HTTP server. The work is done in `api`.
"""

import asyncio

import click

from volcast.cli.options import loaded_options
from volcast.cli.wiring.api import API_SETTINGS, create_security, create_server_tls, warn_of_strangers
from volcast.cli.wiring.pipeline import LOG_SETTINGS, create_log, disk_collectors
from volcast.settings.sources import Loaded

SERVE_SETTINGS = (*LOG_SETTINGS, *API_SETTINGS, "stale_after_s", "log_level", "log_format", "traces_endpoint")


@click.command("serve")
@loaded_options(*SERVE_SETTINGS)
def command(loaded: Loaded) -> None:
    """Serve the latest signals over HTTP. /health answers at once; /ready succeeds once the log has been read."""
    from api.app import create_app  # noqa: PLC0415  # not needed by --help
    from api.follower import Follower  # noqa: PLC0415
    from api.stream.history import start_at_random  # noqa: PLC0415
    from api.view import View  # noqa: PLC0415
    from volcast.cli.http import address, bind, invitation, serve  # noqa: PLC0415
    from volcast.cli.log_format import configure  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415
    from volcast.cli.wiring.tracing import Traces, tracing  # noqa: PLC0415
    from volcast.settings.effective import effective_settings  # noqa: PLC0415

    settings = loaded.settings
    configure(settings.log_level, secrets=settings.secrets(), log_format=settings.log_format)
    log = create_log(settings)
    security, tls = create_security(settings), create_server_tls(settings)
    warn_of_strangers(settings)
    view = View(settings.stale_after_s, start_at_random())

    async def follow(traces: Traces) -> None:
        async with log:
            await Follower(traces.log(log), view).run()

    async def serve_and_follow(traces: Traces) -> None:
        shown = effective_settings(loaded, SERVE_SETTINGS)
        app = create_app(view, disk_collectors(settings), security=security, settings=shown)
        with bind(settings.host, settings.port, "--port") as listening:
            click.echo(invitation(address(listening, "https" if tls else "http")))
            await run_services(serve(traces.app(app), listening, tls=tls), follow(traces))

    with tracing(settings, "serve") as traces:
        asyncio.run(serve_and_follow(traces))
