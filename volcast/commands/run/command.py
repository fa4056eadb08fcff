"""`volcast run`: the whole pipeline in one process, on a log in an SQLite file."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from volcast.candle_files.contract import FileOptions
from volcast.cli.candle_options import candle_options
from volcast.cli.main import INTERRUPTED, UserError
from volcast.cli.options import loaded_options, replay_options
from volcast.cli.params import VenueParam
from volcast.cli.wiring.api import API_SETTINGS
from volcast.cli.wiring.live import LIVE_SETTINGS, create_tls_context, venue_symbols
from volcast.cli.wiring.pipeline import ENGINE_SETTINGS, open_replays
from volcast.settings.effective import effective_settings
from volcast.settings.sources import Loaded

from .default_log import default_path, default_path_of_files
from .live import live_source
from .pipeline import run_pipeline
from .replay import replay_source

NOTIFY_SETTINGS = ("notify", "notify_tiers", "notify_cooldown_s", "alert", "alert_before_warm")

RUN_SETTINGS = (
    *("db", *API_SETTINGS, *ENGINE_SETTINGS, "sqlite_synchronous", "poll_s"),
    *("retention_hours", "retention_bytes", "rebuild_from_earliest"),
    *("batch_records", "snapshot_records", *LIVE_SETTINGS, *NOTIFY_SETTINGS, "max_symbols", "allowed_symbols"),
    *("stale_after_s", "log_level", "log_format"),
)

if TYPE_CHECKING:
    from producer.feeds.contract import Feed


@click.command("run")
@replay_options
@candle_options
@click.option(
    "--live",
    "feed",
    metavar="VENUE",
    type=VenueParam(),
    help="Stream from this venue; give symbols instead of files.",
)
@click.option("--exit-when-done", is_flag=True, help="Exit when the last signal can be read, instead of serving on.")
@loaded_options(*RUN_SETTINGS)
def command(
    *,
    files: tuple[Path, ...],
    symbols: tuple[str, ...],
    speed: float,
    feed: "Feed | None",
    exit_when_done: bool,
    options: FileOptions,
    loaded: Loaded,
) -> None:
    """Replay files of candles through the whole pipeline and serve the signals. Without files, replay the bundled sample.

    With --live, stream the candles of a venue: `volcast run --live binance BTCUSDT ETHUSDT`. If it is killed and started again
    with the same --db, it resumes where it was; files must continue the candles that are already there. Without --db, other
    files, other contents and other settings get a log of their own. The exit code is 2 if most rows of a symbol are not accepted.
    """
    from volcast.cli.log_format import configure_quietly  # noqa: PLC0415  # not needed by --help

    settings = loaded.settings
    configure_quietly(loaded)
    if feed is not None:
        _run_live(feed, files, symbols, loaded)
        return
    if settings.notify or settings.alert:
        click.echo("no notifications: they are for live candles, and these are from files; stream with --live VENUE", err=True)
    sources = open_replays(files, symbols, options)
    problems: list[str] = []
    open_source = replay_source(
        sources, speed, settings.append_records, problems, is_sample=not files, exit_when_done=exit_when_done
    )
    path = settings.db or default_path_of_files(sources, settings)
    stopped = asyncio.run(run_pipeline(open_source, path, settings, effective_settings(loaded, RUN_SETTINGS)))
    if problems:
        raise click.exceptions.Exit(UserError.exit_code)
    if stopped and exit_when_done:
        raise click.exceptions.Exit(INTERRUPTED)


def _run_live(feed: "Feed", files: tuple[Path, ...], symbols: tuple[str, ...], loaded: Loaded) -> None:
    settings = loaded.settings
    if symbols or not files:
        raise UserError(f"with --live, give symbols as arguments, as in `volcast run --live {feed.name} BTCUSDT`")
    pairs = venue_symbols(feed, tuple(map(str, files)), settings)
    from .notify.wiring import create_notify_plan  # noqa: PLC0415  # not needed by --help

    plan = create_notify_plan(settings, tuple(pairs))
    create_tls_context(settings)  # report an unusable certificate file before anything is written
    path = settings.db or default_path("+".join(pairs), settings)
    asyncio.run(run_pipeline(live_source(feed, pairs, settings, plan), path, settings, effective_settings(loaded, RUN_SETTINGS)))
