"""`volcast run`: the whole pipeline in one process, on a log in an SQLite file."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.cli.main import INTERRUPTED, UserError
from volcast.cli.options import loaded_options, replay_options
from volcast.cli.params import VenueParam
from volcast.cli.wiring import ENGINE_SETTINGS, open_replays, sample_files
from volcast.cli.wiring_live import LIVE_SETTINGS, create_tls_context, venue_symbols
from volcast.settings.describe import text
from volcast.settings.schema import Settings
from volcast.settings.sources import Loaded

from .live import live_source
from .pipeline import run_pipeline
from .replay import replay_source

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
    help="Stream from this venue; give symbols instead of files.",
)
@click.option("--exit-when-done", is_flag=True, help="Exit when the last signal can be read, instead of serving on.")
@loaded_options(
    *("db", "host", "port", *ENGINE_SETTINGS, "sqlite_synchronous", "poll_s"),
    *("batch_records", "snapshot_records", *LIVE_SETTINGS, "max_symbols", "stale_after_s", "log_level"),
)
def command(
    *, files: tuple[Path, ...], symbols: tuple[str, ...], speed: float, feed: "Feed | None", exit_when_done: bool, loaded: Loaded
) -> None:
    """Replay CSV files of candles through the whole pipeline and serve the signals. Without files, replay the bundled sample.

    With --live, stream the candles of a venue: `volcast run --live binance BTCUSDT ETHUSDT`. If it is killed and started again
    with the same --db, it resumes where it was.
    """
    from volcast.cli.log_format import configure_quietly  # noqa: PLC0415  # not needed by --help

    settings = loaded.settings
    configure_quietly(loaded)
    if feed is not None:
        _run_live(feed, files, symbols, settings)
        return
    sources = open_replays(files, symbols)
    if not files:
        click.echo("replaying the bundled sample: simulated candles, not market data")
    open_source = replay_source(sources, speed, settings.append_records, exit_when_done=exit_when_done)
    path = settings.db or _default_path(_source_name(sources), settings)
    stopped = asyncio.run(run_pipeline(open_source, path, settings))
    if stopped and exit_when_done:
        raise click.exceptions.Exit(INTERRUPTED)


def _run_live(feed: "Feed", files: tuple[Path, ...], symbols: tuple[str, ...], settings: Settings) -> None:
    if symbols or not files:
        raise UserError(f"with --live, give symbols as arguments, as in `volcast run --live {feed.name} BTCUSDT`")
    pairs = venue_symbols(feed, tuple(map(str, files)))
    create_tls_context(settings)  # report an unusable certificate file before anything is written
    path = settings.db or _default_path("+".join(pairs), settings)
    asyncio.run(run_pipeline(live_source(feed, pairs, settings), path, settings))


def _source_name(sources: "list[CsvReplay]") -> str:
    if [source.path for source in sources] == list(sample_files()):
        return "sample"
    return "+".join(source.path.name.removesuffix(".gz").removesuffix(".csv") for source in sources)


def _default_path(name: str, settings: Settings) -> Path:
    """Return a path in the user's data folder, different for each source and set of engine settings, so that runs do not mix."""
    import platformdirs  # noqa: PLC0415  # not needed by --help

    changed = [
        f"{name}={re.sub('[^A-Za-z0-9.,=]', '-', text(getattr(settings, name)))}"
        for name in ENGINE_SETTINGS
        if getattr(settings, name) != getattr(Settings(), name)
    ]
    return platformdirs.user_data_path("volcast") / f"{'_'.join([name[:100], *changed])}.db"
