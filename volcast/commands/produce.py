"""`volcast produce replay`: candles of files onto the log, as fast as was asked for."""

import asyncio
from pathlib import Path

import click

from volcast.settings import Settings

from .main import INTERRUPTED
from .options import settings_options
from .replay_options import replay_options
from .wiring import LOG_SETTINGS, log_of, replays_of


@click.group("produce")
def command() -> None:
    """Candles onto the log."""


@command.command("replay")
@replay_options
@settings_options(*LOG_SETTINGS, "append_records", "log_level")
def replay(files: tuple[Path, ...], symbols: tuple[str, ...], speed: float, settings: Settings) -> None:
    """Replay CSV files of candles (without any: the bundled, simulated sample) into the log that --bus names.

    A replay that was interrupted goes on at the log's last candle of its symbol.
    """
    from producer.pump import Pace, Pump  # noqa: PLC0415  # not needed by --help

    from .logs import configure  # noqa: PLC0415
    from .process import run_services  # noqa: PLC0415
    from .progress import progress  # noqa: PLC0415

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
