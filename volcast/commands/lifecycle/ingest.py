"""`volcast ingest`: put the candles of past hours into the archive, from CoinCap or a venue, each hour once."""

import asyncio
import os
from contextlib import AsyncExitStack
from random import Random
from time import time
from typing import TYPE_CHECKING

import click

from volcast.cli.main import INTERRUPTED, SKIPPED, UserError
from volcast.cli.options import loaded_options
from volcast.cli.params import VenueParam
from volcast.cli.tables import counted, printable
from volcast.settings.sources import Loaded

from .extra import extra_required

if TYPE_CHECKING:
    from volcast.lifecycle.archive.store import ObjectStore
    from volcast.lifecycle.ingestion.interval import DataInterval
    from volcast.lifecycle.ingestion.raw import IngestedHour
    from volcast.lifecycle.ingestion.run import HourSource
    from volcast.settings.schema import Settings

_COINCAP = "coincap"
_FAILED = 1


class _SourceParam(click.ParamType[str]):
    """CoinCap, or the name of a venue."""

    name = "source"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip().lower()
        if text == _COINCAP:
            return text
        return VenueParam().convert(text, param, ctx).name


@click.command("ingest")
@click.argument("source", metavar="coincap|VENUE", type=_SourceParam())
@click.argument("pair", metavar="SYMBOL")
@click.option("--archive", "root", required=True, metavar="ROOT", help="The archive: file:///path or s3://bucket/prefix.")
@click.option(
    "--interval",
    "interval",
    metavar="TIME",
    help="An hour, as 2026-11-05T13, or a day, which is its 24 hours; UTC.  [default: the last hour that is over]",
)
@click.option("--exchange", metavar="ID", default="binance", show_default=True, help="CoinCap: the exchange of the market.")
@click.option("--base-id", metavar="ID", help="CoinCap: its id of the base currency, as bitcoin.  [default: by the symbol]")
@click.option("--quote-id", metavar="ID", help="CoinCap: its id of the quote currency, as tether.  [default: by the symbol]")
@click.option(
    "--max-missing",
    type=click.IntRange(0, 60),
    default=6,
    show_default=True,
    metavar="MINUTES",
    help="Refuse an hour of which more minutes have no candle.",
)
@loaded_options(
    "rest_url", "proxy", "ca_file", "simulated", "price_decimals", "price_decimals_by_symbol", "log_level", "log_format"
)
def command(
    *,
    source: str,
    pair: str,
    root: str,
    interval: str | None,
    exchange: str,
    base_id: str | None,
    quote_id: str | None,
    max_missing: int,
    loaded: Loaded,
) -> int:
    """Put the one-minute candles of an hour into the archive ROOT, with the answers that they were made of.

    An hour that is there already is not asked for again. CoinCap needs a key in COINCAP_API_KEY; a venue needs none. Exit code 0:
    hours were added; 99: all were there; 1: the source has no useful answer now, try again later; 3: the archive can't be used.
    """
    from volcast.cli.log_format import configure_quietly  # noqa: PLC0415  # not needed by --help
    from volcast.cli.services import run_services  # noqa: PLC0415
    from volcast.lifecycle.ingestion.raw import IngestionError, UnusableSourceError  # noqa: PLC0415
    from volcast.lifecycle.ingestion.run import ingest_hour  # noqa: PLC0415

    configure_quietly(loaded)
    wanted = _wanted(interval, int(time() * 1_000))
    added: list[str] = []
    store = _opened(root)

    async def ingest() -> None:
        async with AsyncExitStack() as stack:
            if source == _COINCAP:
                ids = (exchange, base_id, quote_id)
                chosen: HourSource = await _coincap(stack, pair, ids, loaded.settings)
            else:
                chosen = _venue(source, pair, loaded.settings)
            for hour in wanted:
                stored = await ingest_hour(store, chosen, hour, max_missing)
                if stored.hour is not None:
                    added.append(stored.file)
                    _tell(stored.file, stored.hour)
            if not added:
                click.echo(f"{chosen.symbol}: {counted(len(wanted), 'hour')} already in the archive; nothing to do")

    try:
        stopped = asyncio.run(run_services(until=ingest()))
    except UnusableSourceError as error:
        raise UserError(f"{error}{_so_far(added)}") from None
    except IngestionError as error:
        click.echo(f"volcast: {error}{_so_far(added)}", err=True)
        return _FAILED
    if stopped:
        click.echo(f"volcast: interrupted.{_so_far(added)}", err=True)
        return INTERRUPTED
    return 0 if added else SKIPPED


def _opened(root: str) -> "ObjectStore":
    with extra_required("an archive on S3"):
        from volcast.lifecycle.archive.store import open_store  # noqa: PLC0415  # not needed by --help

        return open_store(root)


def _wanted(interval: str | None, now_ms: int) -> "tuple[DataInterval, ...]":
    from volcast.lifecycle.ingestion.interval import intervals_of, last_interval  # noqa: PLC0415  # not needed by --help

    try:
        wanted = (last_interval(now_ms),) if interval is None else intervals_of(interval)
    except ValueError as error:
        raise UserError(f"--interval {error}.") from None
    if wanted[-1].to_ms > now_ms:
        raise UserError(f"--interval: the hour {wanted[-1].name} is not over yet; an hour is ingested once it is over.")
    return wanted


async def _coincap(
    stack: AsyncExitStack, text: str, named: tuple[str, str | None, str | None], settings: "Settings"
) -> "HourSource":
    """Return CoinCap as a source; `named` are the options --exchange, --base-id and --quote-id."""
    from producer.simulated import VenueNames  # noqa: PLC0415  # not needed by --help
    from producer.symbols import parse_pair, symbol_on_log  # noqa: PLC0415
    from volcast.cli.wiring.live import create_tls_context  # noqa: PLC0415
    from volcast.core.decoder import Decoder  # noqa: PLC0415
    from volcast.lifecycle.ingestion.coincap import COINCAP_IDS, COINCAP_URL, CoinCapMarket, is_slug  # noqa: PLC0415
    from volcast.lifecycle.ingestion.coincap_client import CoinCapSource, checked_key, open_coincap  # noqa: PLC0415
    from volcast.urls import is_local  # noqa: PLC0415

    url = settings.rest_url or COINCAP_URL
    is_simulated = is_local(url) if settings.simulated == "auto" else settings.simulated == "yes"
    names = VenueNames(_COINCAP, is_simulated)
    try:
        pair = parse_pair(text)
        symbol = names.symbol(symbol_on_log(pair, _COINCAP))
    except ValueError as error:
        raise UserError(str(error)) from None
    exchange, base_id, quote_id = named
    market = CoinCapMarket(exchange, base_id or COINCAP_IDS.get(pair.base, ""), quote_id or COINCAP_IDS.get(pair.quote, ""))
    options = {
        "--exchange": (exchange, ""),
        "--base-id": (market.base_id, pair.base),
        "--quote-id": (market.quote_id, pair.quote),
    }
    for option, (value, currency) in options.items():
        if not value and currency:
            raise UserError(f"CoinCap's id of {currency} is not known here; give it as {option}, as in --base-id bitcoin")
        if not is_slug(value):
            raise UserError(f"{option} {value!r:.60} is no id of CoinCap; letters a-z, digits and - are expected: bitcoin-cash")
    key = checked_key(os.environ.get("COINCAP_API_KEY"))
    proxy = settings.proxy.get_secret_value() if settings.proxy else None
    client = await stack.enter_async_context(open_coincap(url, key, proxy=proxy, tls=create_tls_context(settings)))
    decimals = Decoder(settings.price_decimals, settings.price_decimals_by_symbol).price_decimals(symbol)
    return CoinCapSource(client, market, symbol, price_decimals=decimals, random=Random())  # noqa: S311  # no secret: jitter


def _venue(name: str, text: str, settings: "Settings") -> "HourSource":
    from producer.feeds import VENUES  # noqa: PLC0415  # not needed by --help
    from volcast.cli.wiring.live import venue_names, venue_symbols  # noqa: PLC0415

    from .ingest_venue import VenueSource  # noqa: PLC0415

    feed = VENUES[name]
    [(symbol, pair)] = venue_symbols(feed, (text,), settings).items()
    return VenueSource(feed, venue_names(feed, settings).source, symbol, pair, settings)


def _tell(file: str, hour: "IngestedHour") -> None:
    missing = f", {counted(hour.missing, 'minute')} missing" if hour.missing else ""
    odd = f"; {counted(hour.odd, 'row')} left out: {hour.odd_reason}" if hour.odd else ""
    rounded = f"; {counted(hour.rounded, 'number')} rounded to what the pipeline accepts" if hour.rounded else ""
    click.echo(printable(f"{file}: {counted(len(hour.candles), 'candle')} of {hour.symbol}{missing}{odd}{rounded}"))


def _so_far(added: list[str]) -> str:
    return f" {counted(len(added), 'hour')} had been added before." if added else ""
