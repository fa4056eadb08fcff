"""`volcast run`: the whole path in one process, on a log in one file."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.cli.main import INTERRUPTED, UserError
from volcast.cli.options import loaded_options, replay_options
from volcast.cli.params import VenueParam
from volcast.cli.wiring import ENGINE_SETTINGS, replays_of, sample
from volcast.cli.wiring_live import LIVE_SETTINGS, symbols_of, tls_of
from volcast.settings.describe import text
from volcast.settings.schema import Settings
from volcast.settings.sources import Loaded

from .live import streaming
from .pipeline import run_around
from .replay import replaying

if TYPE_CHECKING:
    from producer.feeds.contract import Feed
    from producer.replay import CsvReplay


@click.command("run")
@replay_options
@click.option(
    "--live",
    "feed",
    metavar="VENUE",
    type=VenueParam(),
    help="Stream from a venue instead; then symbols take the place of files.",
)
@click.option("--exit-when-done", is_flag=True, help="End when the last candle's signal can be read; without it the API stays.")
@loaded_options(
    *("db", "host", "port", *ENGINE_SETTINGS, "sqlite_synchronous", "poll_s"),
    *("batch_records", "snapshot_records", *LIVE_SETTINGS, "max_symbols", "stale_after_s", "log_level"),
)
def command(
    *, files: tuple[Path, ...], symbols: tuple[str, ...], speed: float, feed: "Feed | None", exit_when_done: bool, loaded: Loaded
) -> None:
    """Replay CSV files of candles (without any: the bundled, simulated sample) through the whole pipeline, and serve the result.

    With --live, stream a venue's candles: `volcast run --live binance BTCUSDT ETHUSDT`. Killed and started again with the same
    --db, it goes on where it was.
    """
    from volcast.cli.log_format import configure  # noqa: PLC0415  # not needed by --help

    settings = loaded.settings
    quiet = loaded.origins["log_level"] == "default"  # a person is looking: unless asked for, no news is good news
    configure("warning" if quiet else settings.log_level, secrets=settings.secrets())
    if feed is not None:
        _run_live(feed, files, symbols, settings)
        return
    sources = replays_of(files, symbols)
    if not files:
        click.echo("Replaying the bundled sample: simulated candles, not market data.")
    opening = replaying(sources, speed, settings.append_records, exit_when_done=exit_when_done)
    stopped = asyncio.run(run_around(opening, settings.db or _default_path(_name_of(sources), settings), settings))
    if stopped and exit_when_done:
        raise click.exceptions.Exit(INTERRUPTED)


def _run_live(feed: "Feed", files: tuple[Path, ...], symbols: tuple[str, ...], settings: Settings) -> None:
    if symbols or not files:
        raise UserError(f"with --live name the symbols as arguments, as in: volcast run --live {feed.name} BTCUSDT")
    pairs = symbols_of(feed, tuple(map(str, files)))
    tls_of(settings)  # a certificate's file that is none is told before anything is written
    path = settings.db or _default_path("+".join(pairs), settings)
    asyncio.run(run_around(streaming(feed, pairs, settings), path, settings))


def _name_of(sources: "list[CsvReplay]") -> str:
    if [source.path for source in sources] == list(sample()):
        return "sample"
    return "+".join(source.path.name.removesuffix(".gz").removesuffix(".csv") for source in sources)


def _default_path(name: str, settings: Settings) -> Path:
    """A file of its own for each source and engine settings, so that no run meets another's state."""
    import platformdirs  # noqa: PLC0415  # not needed by --help

    changed = [
        f"{name}={re.sub('[^A-Za-z0-9.,=]', '-', text(getattr(settings, name)))}"
        for name in ENGINE_SETTINGS
        if getattr(settings, name) != getattr(Settings(), name)
    ]
    return platformdirs.user_data_path("volcast") / f"{'_'.join([name[:100], *changed])}.db"
