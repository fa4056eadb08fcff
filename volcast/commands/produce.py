"""`volcast produce`: candles onto the log, of files as fast as was asked for, or of a venue as they happen."""

import asyncio
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.cli.main import INTERRUPTED
from volcast.cli.options import replay_options, settings_options
from volcast.cli.params import VenueParam
from volcast.cli.wiring import LOG_SETTINGS, log_of, replays_of
from volcast.cli.wiring_live import LIVE_SETTINGS, live_of, symbols_of
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from producer.feeds.contract import Feed


@click.group("produce")
def command() -> None:
    """Candles onto the log."""


@command.command("replay")
@replay_options
@settings_options(*LOG_SETTINGS, "append_records", "log_level")
def replay_command(files: tuple[Path, ...], symbols: tuple[str, ...], speed: float, settings: Settings) -> None:
    """Replay CSV files of candles (without any: the bundled, simulated sample) into the log that --bus names.

    A replay that was interrupted goes on at the log's last candle of its symbol.
    """
    from producer.replay import Pace, Pump  # noqa: PLC0415  # not needed by --help
    from volcast.cli.log_format import configure  # noqa: PLC0415
    from volcast.cli.progress import progress  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415

    configure(settings.log_level, secrets=settings.secrets())
    log = log_of(settings)
    sources = replays_of(files, symbols)

    async def produce() -> None:
        async with log:
            pump = Pump(log, sources, Pace(speed), settings.append_records)
            rows = sum(source.summary.rows for source in sources)
            with progress("on the log", rows, lambda: pump.sent + pump.found):
                stopped = await run_services(pump.run())
            click.echo(f"{pump.sent} candles sent")
        if stopped:
            raise click.exceptions.Exit(INTERRUPTED)

    asyncio.run(produce())


@command.command("live")
@click.argument("feed", metavar="VENUE", type=VenueParam())
@click.argument("pairs", metavar="SYMBOL...", nargs=-1, required=True)
@settings_options(*LOG_SETTINGS, *LIVE_SETTINGS, "host", "metrics_port", "log_level")
def live_command(feed: "Feed", pairs: tuple[str, ...], settings: Settings) -> None:
    """Stream a venue's closed one-minute candles into the log that --bus names, until it is told to stop.

    What is missing, since the log's last candle or the last lost connection, is asked for and written first. A second producer
    of the same streams takes over from the first; with a --twin name of its own it runs beside it.
    """
    log = log_of(settings)
    symbols = symbols_of(feed, pairs)

    from producer.live.metrics import live_monitor  # noqa: PLC0415  # not needed by --help, nor by a refusal
    from volcast.cli.http import address, bind, serve  # noqa: PLC0415
    from volcast.cli.log_format import configure  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415

    configure(settings.log_level, secrets=settings.secrets())

    async def produce() -> None:
        port = settings.metrics_port
        with bind(settings.host, port, "--metrics-port") if port is not None else nullcontext() as listening:
            async with live_of(log, feed, symbols, settings) as producer, log:
                services = [producer.run()]
                if listening:
                    click.echo(f"metrics on {address(listening)}/metrics")
                    services.append(serve(live_monitor(producer), listening))
                await run_services(*services)

    asyncio.run(produce())
