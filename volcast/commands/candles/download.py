"""`volcast download`: write past candles of a venue as a CSV file that can be replayed."""

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
from volcast.cli.outputs import STANDARD_OUTPUT
from volcast.cli.params import MinuteParam, VenueParam
from volcast.cli.streams import tell
from volcast.cli.tables import counted
from volcast.cli.wiring.live import open_venue, venue_names, venue_symbols
from volcast.core.types import MINUTE_MS
from volcast.settings.sources import Loaded

if TYPE_CHECKING:
    from producer.feeds.contract import Feed
    from producer.history.download import DownloadRange, PartFile
    from volcast.settings.schema import Settings

_DAY_MS = 86_400_000


@click.command("download")
@click.argument("feed", metavar="VENUE", type=VenueParam())
@click.argument("symbol", metavar="SYMBOL")
@click.option("--from", "from_ms", type=MinuteParam(), required=True, help="First day or minute, UTC.")
@click.option(
    "--to",
    "to_ms",
    type=MinuteParam(),
    help="Day or minute of the end, exclusive, UTC.  [default: today, so yesterday is the last day]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.csv.gz",
    help="Output file.  [default: SYMBOL.VENUE-1m-FROM-TO.csv.gz]",
)
@click.option(
    "--source",
    type=click.Choice(["rest", "archive"]),
    default="rest",
    show_default=True,
    help="The venue's REST API, or Binance's public archive, which is faster for months and years.",
)
@loaded_options("rest_url", "archive_url", "proxy", "ca_file", "simulated", "log_level", "log_format")
def command(*, feed: "Feed", symbol: str, from_ms: int, to_ms: int | None, out: Path | None, source: str, loaded: Loaded) -> None:
    """Write the closed one-minute candles of a market, with the venue's own prices, as a CSV file for `run` and `backtest`.

    An interrupted download resumes when the same command is run again: what was fetched so far is in FILE.part. A minute
    without trades, for which the venue has no candle, becomes a flat candle, as in live mode.
    """
    [(name, pair)] = venue_symbols(feed, (symbol,), loaded.settings).items()
    from producer.history.binance_archive import VENUE  # noqa: PLC0415  # not needed by --help
    from producer.history.download import DownloadError, PartFile  # noqa: PLC0415
    from producer.rest.client import RestError, UnknownPair  # noqa: PLC0415
    from volcast.cli.log_format import configure_quietly  # noqa: PLC0415
    from volcast.cli.progress import progress  # noqa: PLC0415
    from volcast.cli.services import run_services  # noqa: PLC0415

    configure_quietly(loaded)
    if out == STANDARD_OUTPUT:
        raise UserError("--out - (standard output) can't be written, because an interrupted download resumes from its file")
    if source == "archive" and feed.name != VENUE:
        raise UserError(f"only {VENUE} has an archive; omit --source")
    wanted = _download_range(feed, pair, from_ms, to_ms, source)
    out = out or Path(f"{name.lower()}-1m-{_time_label(from_ms)}-{_time_label(wanted.to_ms)}.csv.gz")
    part_path = out.with_name(f"{out.name}.part")
    advice = f"run the same command again to resume from {part_path}"
    try:
        with PartFile(part_path, wanted) as part:
            if out.exists() and part.covered.to_ms < wanted.to_ms:
                if part.covered.to_ms == from_ms:
                    part.discard()
                raise UserError(f"{out} already exists; remove it or choose another --out")
            minutes = (wanted.to_ms - from_ms) // MINUTE_MS
            tell(f"downloading {name} from {feed.name}, {_time_label(part.covered.to_ms)} to {_time_label(wanted.to_ms)}")
            with progress(name, minutes, lambda: (part.covered.to_ms - from_ms) // MINUTE_MS):
                stopped = asyncio.run(run_services(until=_fill(part, feed, out, loaded.settings)))
            if stopped:
                click.echo(f"volcast: interrupted; {advice}", err=True)
                raise click.exceptions.Exit(INTERRUPTED)
            _finish(part, out, feed.name, name)
    except (DownloadError, UnknownPair) as error:
        raise UserError(str(error)) from None
    except RestError as error:
        raise UserError(f"{str(error).removesuffix('.')}; {advice}") from None


def _download_range(feed: "Feed", pair: str, from_ms: int, to_ms: int | None, source: str) -> "DownloadRange":
    from producer.history.download import DownloadRange  # noqa: PLC0415  # not needed by --help

    now_ms = int(time() * 1_000)
    end_ms = now_ms // _DAY_MS * _DAY_MS if to_ms is None else to_ms
    if end_ms <= from_ms:
        raise UserError(f"--to {_time_label(end_ms)} must be later than --from {_time_label(from_ms)}")
    if end_ms > now_ms:
        raise UserError(f"--to {_time_label(end_ms)} is in the future; a candle can be downloaded once its minute is over")
    return DownloadRange(feed.name, pair, from_ms, end_ms, "archive" if source == "archive" else "rest")


async def _fill(part: "PartFile", feed: "Feed", out: Path, settings: "Settings") -> None:
    from producer.history.binance_archive import ARCHIVE_URL, BinanceArchive  # noqa: PLC0415  # not needed by --help
    from producer.history.download import download_over_rest  # noqa: PLC0415
    from producer.rest.client import open_client  # noqa: PLC0415

    is_simulated = venue_names(feed, settings).simulated
    async with open_venue(feed, settings, allow_simulated=is_simulated) as (endpoint, rest):
        if part.range.source == "archive":
            async with open_client(settings.archive_url or ARCHIVE_URL, endpoint.proxy, endpoint.tls) as client:
                await BinanceArchive(client, out.with_name(f".{out.name}.zip"), Random()).fill(part, rest)  # noqa: S311  # no secret: jitter
        else:
            await download_over_rest(rest, part)


def _finish(part: "PartFile", out: Path, venue: str, name: str) -> None:
    covered = part.covered
    if not covered.rows:
        part.discard()
        raise UserError(f"{venue} has no candles of {name} between --from and --to; was it traded then?")
    part.finish(out)
    for file in covered.files:
        click.echo(file)
    if covered.files and covered.by_rest:
        click.echo(f"{counted(covered.by_rest, 'minute')} not in the archive yet; downloaded from {venue} over REST")
    flat = f", {covered.flat} of them flat (no trades)" if covered.flat else ""
    missing = f"; {venue} has no data for {counted(covered.missing, 'minute')}" if covered.missing else ""
    if covered.odd:
        click.echo(f"{counted(covered.odd, 'row')} of {venue} left out, as they can't be used: {covered.odd_reason}")
    click.echo(f"{out}: {counted(covered.rows, 'candle')} of {name}{flat}{missing}")


def _time_label(at_ms: int) -> str:
    """Return the time as a day, or with its minute if it is not midnight; fit for the name of a file."""
    if at_ms % _DAY_MS == 0:
        return format_open_time(at_ms)[: len("2024-01-01")]
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%dT%H%M")
