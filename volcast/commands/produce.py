"""`volcast produce`: append candles to the log, from files at a chosen speed or from a venue as they close."""

import asyncio
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.candle_files.contract import FileOptions
from volcast.cli.candle_options import candle_options
from volcast.cli.main import INTERRUPTED
from volcast.cli.options import replay_options, settings_options
from volcast.cli.params import VenueParam
from volcast.cli.wiring.live import LIVE_SETTINGS, open_live_producer, venue_symbols
from volcast.cli.wiring.pipeline import LOG_SETTINGS, create_log, disk_collectors, open_replays
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from producer.feeds.contract import Feed
    from volcast.cli.wiring.tracing import Traces


@click.group("produce")
def command() -> None:
    """Send candles from files or from a venue to the log."""


@command.command("replay", short_help="Replay files of candles.")
@replay_options
@candle_options
@settings_options(*LOG_SETTINGS, "append_records", "log_level", "log_format", "traces_endpoint")
def replay_command(
    *, files: tuple[Path, ...], symbols: tuple[str, ...], speed: float, options: FileOptions, settings: Settings
) -> None:
    """Replay files of candles into the log given by --bus. Without files, replay the bundled, simulated sample.

    A replay that was interrupted resumes after the last candle of its symbol on the log.
    """
    from producer.replay import Pace, Pump  # noqa: PLC0415  # not needed by --help
    from volcast.cli.log_format import configure  # noqa: PLC0415
    from volcast.cli.progress import progress  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415
    from volcast.cli.wiring.tracing import tracing  # noqa: PLC0415

    configure(settings.log_level, secrets=settings.secrets(), log_format=settings.log_format)
    log = create_log(settings)
    sources = open_replays(files, symbols, options)

    async def produce(traces: "Traces") -> None:
        async with log:
            pump = Pump(traces.log(log), sources, Pace(speed), settings.append_records)
            rows = sum(source.summary.rows for source in sources)
            with progress("sent", rows, lambda: pump.sent + pump.already_sent):
                stopped = await run_services(pump.run())
            click.echo(f"{pump.sent} candles sent")
        if stopped:
            raise click.exceptions.Exit(INTERRUPTED)

    with tracing(settings, "produce") as traces:
        asyncio.run(produce(traces))


@command.command("live", short_help="Stream the candles of a venue.")
@click.argument("feed", metavar="VENUE", type=VenueParam())
@click.argument("pairs", metavar="SYMBOL...", nargs=-1, required=True)
@settings_options(*LOG_SETTINGS, *LIVE_SETTINGS, "host", "metrics_port", "log_level", "log_format", "traces_endpoint")
def live_command(feed: "Feed", pairs: tuple[str, ...], settings: Settings) -> None:
    """Stream the closed one-minute candles of a venue into the log given by --bus, until stopped.

    Candles that are missing since the last one on the log, or after a lost connection, are fetched and written first. A second
    producer of the same streams takes over from the first one; with a --twin name of its own it runs beside the first one.
    """
    log = create_log(settings)
    symbols = venue_symbols(feed, pairs, settings)

    from producer.live.metrics import live_monitor  # noqa: PLC0415  # not needed by --help, nor for a usage error
    from volcast.cli.http import address, bind, serve  # noqa: PLC0415
    from volcast.cli.log_format import configure  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415
    from volcast.cli.wiring.tracing import tracing  # noqa: PLC0415

    configure(settings.log_level, secrets=settings.secrets(), log_format=settings.log_format)

    async def produce(traces: "Traces") -> None:
        port = settings.metrics_port
        with bind(settings.host, port, "--metrics-port") if port is not None else nullcontext() as listening:
            async with open_live_producer(log, feed, symbols, settings, traces.log) as producer, log:
                services = [producer.run()]
                if listening:
                    click.echo(f"metrics at {address(listening)}/metrics")
                    services.append(serve(live_monitor(producer, *disk_collectors(settings)), listening))
                await run_services(*services)

    with tracing(settings, "produce") as traces:
        asyncio.run(produce(traces))
