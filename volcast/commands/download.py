"""`volcast download`: a venue's candles of the past into a CSV file that can be replayed."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import time
from typing import TYPE_CHECKING

import click

from volcast.candle_files.timestamps import format_open_time
from volcast.cli.main import INTERRUPTED, UserError
from volcast.cli.options import loaded_options
from volcast.cli.params import _MINUTE_MS, MinuteParam, VenueParam
from volcast.cli.wiring_live import reach, symbols_of
from volcast.settings.sources import Loaded

if TYPE_CHECKING:
    from producer.feeds.contract import Feed
    from producer.history.download import DownloadRange, PartFile
    from volcast.settings.schema import Settings
_DAY_MS = 86_400_000


@click.command("download")
@click.argument("feed", metavar="VENUE", type=VenueParam())
@click.argument("symbol", metavar="SYMBOL")
@click.option("--from", "from_ms", type=MinuteParam(), required=True, help="First day, or minute, UTC.")
@click.option(
    "--to",
    "to_ms",
    type=MinuteParam(),
    help="The day, or minute, before which it ends.  [default: today, so yesterday is the last day]",
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE.csv.gz", help="[default: SYMBOL.VENUE-1m-FROM-TO.csv.gz, here]"
)
@click.option(
    "--source",
    type=click.Choice(["rest", "archive"]),
    default="rest",
    show_default=True,
    help="Ask the venue, or fetch the files of Binance's public archive: faster for months and years.",
)
@loaded_options("rest_url", "archive_url", "proxy", "ca_file", "log_level")
def command(*, feed: "Feed", symbol: str, from_ms: int, to_ms: int | None, out: Path | None, source: str, loaded: Loaded) -> None:
    """Write the closed one-minute candles of a market, the venue's own prices, as a CSV file for `volcast run` and `backtest`.

    Interrupted, it goes on where it was when it is called again with the same arguments: what is there stands in FILE.part.
    A minute in which nothing was traded gets a flat candle where the venue has none of it, as in live mode.
    """
    [(name, pair)] = symbols_of(feed, (symbol,)).items()
    from producer.history.binance_archive import VENUE  # noqa: PLC0415  # not needed by --help
    from producer.history.download import DownloadError, PartFile  # noqa: PLC0415
    from producer.rest.client import RestError, UnknownPair  # noqa: PLC0415
    from volcast.cli.log_format import configure  # noqa: PLC0415
    from volcast.cli.progress import progress  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415

    settings = loaded.settings
    quiet = loaded.origins["log_level"] == "default"
    configure("warning" if quiet else settings.log_level, secrets=settings.secrets())
    if source == "archive" and feed.name != VENUE:
        raise UserError(f"only {VENUE} has an archive; leave --source out.")
    wanted = _wanted(feed, pair, from_ms, to_ms, source)
    out = out or Path(f"{name.lower()}-1m-{_short(from_ms)}-{_short(wanted.to_ms)}.csv.gz")
    part_path = out.with_name(f"{out.name}.part")
    stays = f"the same command goes on where this one was, with {part_path}."
    try:
        with PartFile(part_path, wanted) as part:
            if out.exists() and part.covered.to_ms < wanted.to_ms:
                if part.covered.to_ms == from_ms:
                    part.discard()
                raise UserError(f"{out} is there already; remove it, or choose another --out.")
            minutes = (wanted.to_ms - from_ms) // _MINUTE_MS
            with progress(name, minutes, lambda: (part.covered.to_ms - from_ms) // _MINUTE_MS):
                stopped = asyncio.run(run_services(until=_fill(part, feed, out, settings)))
            if stopped:
                click.echo(f"volcast: interrupted; {stays}", err=True)
                raise click.exceptions.Exit(INTERRUPTED)
            _finish(part, out, feed.name, name)
    except (DownloadError, UnknownPair) as error:
        raise UserError(str(error)) from None
    except RestError as error:
        raise UserError(f"{error} {stays[0].upper()}{stays[1:]}") from None


def _wanted(feed: "Feed", pair: str, from_ms: int, to_ms: int | None, source: str) -> "DownloadRange":
    from producer.history.download import DownloadRange  # noqa: PLC0415  # not needed by --help

    now_ms = int(time() * 1_000)
    end_ms = now_ms // _DAY_MS * _DAY_MS if to_ms is None else to_ms
    if end_ms <= from_ms:
        raise UserError(f"there is nothing between --from {_short(from_ms)} and --to {_short(end_ms)}; --to must be later.")
    if end_ms > now_ms:
        raise UserError(f"--to {_short(end_ms)} lies ahead; a candle can be downloaded once its minute is over.")
    return DownloadRange(feed.name, pair, from_ms, end_ms, "archive" if source == "archive" else "rest")


async def _fill(part: "PartFile", feed: "Feed", out: Path, settings: "Settings") -> None:
    from producer.history.binance_archive import ARCHIVE_URL, Archive  # noqa: PLC0415  # not needed by --help
    from producer.history.download import by_rest  # noqa: PLC0415
    from producer.rest.client import client_of  # noqa: PLC0415

    async with reach(feed, settings) as (place, rest):
        if part.wanted.source == "archive":
            async with client_of(settings.archive_url or ARCHIVE_URL, place.proxy, place.tls) as client:
                await Archive(client, out.with_name(f".{out.name}.zip"), Random()).fill(part, rest)  # noqa: S311  # no secret: jitter
        else:
            await by_rest(rest, part)


def _finish(part: "PartFile", out: Path, venue: str, name: str) -> None:
    covered = part.covered
    if not covered.rows:
        part.discard()
        raise UserError(f"{venue} has no candles of {name} between --from and --to: was it traded there then?")
    part.finish(out)
    for file in covered.files:
        click.echo(file)
    if covered.files and covered.by_rest:
        click.echo(f"{covered.by_rest} minutes are not in the archive (yet) and were asked for at {venue}")
    flat = f", {covered.flat} of them flat: nothing was traded" if covered.flat else ""
    missing = f"; {covered.missing} minutes are missing at {venue}" if covered.missing else ""
    click.echo(f"{out}: {covered.rows} candles of {name}{flat}{missing}")


def _short(at_ms: int) -> str:
    """A day as a day, else with its minute, fit for a file's name."""
    if at_ms % _DAY_MS == 0:
        return format_open_time(at_ms)[: len("2024-01-01")]
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%dT%H%M")
