"""Build what the live mode needs from the settings: symbols, certificates, the venue's endpoints and the live producer."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

from volcast.cli.main import UserError
from volcast.log.contract import Log
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from producer.feeds.contract import Feed, Request
    from producer.live.connection import Endpoint
    from producer.live.producer import LiveProducer
    from producer.rest.client import RestClient
    from producer.rest.response import Response
    from producer.simulated import VenueNames

ENDPOINT_SETTINGS = ("socket_url", "rest_url", "proxy", "ca_file")
LIVE_SETTINGS = (
    *ENDPOINT_SETTINGS,
    "simulated",
    "mix_simulated",
    "twin",
    "backfill_minutes",
    "backfill_budget_s",
    "append_records",
)


def venue_names(feed: "Feed", settings: Settings) -> "VenueNames":
    """Return the names of the venue's candles, which are those of a simulation if a setting or the venue's address says so."""
    from producer.simulated import VenueNames  # noqa: PLC0415  # not needed by --help
    from volcast.urls import is_local  # noqa: PLC0415

    urls = (settings.socket_url or feed.socket_url, settings.rest_url or feed.rest_url)
    is_simulated = any(map(is_local, urls)) if settings.simulated == "auto" else settings.simulated == "yes"
    return VenueNames(feed.name, is_simulated)


def venue_symbols(feed: "Feed", texts: tuple[str, ...], settings: Settings) -> dict[str, str]:
    """Parse pairs as users write them; return the venue's spelling of each by its symbol on the log. Raises UserError."""
    from producer.symbols import parse_pair, symbol_on_log  # noqa: PLC0415  # not needed by --help

    names = venue_names(feed, settings)
    symbols: dict[str, str] = {}
    for text in texts:
        try:
            pair = parse_pair(text)
            symbol, spelled = names.symbol(symbol_on_log(pair, feed.name)), feed.spelling(pair)
        except ValueError as error:
            raise UserError(str(error)) from None
        if symbol in symbols:
            raise UserError(f"{symbol} is given twice")
        symbols[symbol] = spelled
    return symbols


def create_tls_context(settings: Settings) -> ssl.SSLContext:
    """Return a TLS context that trusts the system's certificate authorities and those in `ca_file`. Raises UserError."""
    context = ssl.create_default_context()
    if settings.ca_file is not None:
        try:
            context.load_verify_locations(settings.ca_file)
        except OSError as error:
            reason = "it contains no PEM certificates" if isinstance(error, ssl.SSLError) else error.strerror
            raise UserError(f"cannot use ca_file {settings.ca_file}: {reason}") from None
    return context


@asynccontextmanager
async def open_venue(
    feed: "Feed",
    settings: Settings,
    wall: Callable[[], float] | None = None,
    *,
    allow_simulated: bool = True,
    keep: "Callable[[Request, Response], None] | None" = None,
) -> "AsyncIterator[tuple[Endpoint, RestClient]]":
    """Yield the endpoint of the venue's streams and a REST client of the venue. Raises UserError.

    `wall` returns seconds since 1970 and must not jump; None for the machine's clock without its steps. Without
    `allow_simulated`, both refuse a venue that says that it is simulated. `keep` is called with each understood response.
    """
    from producer.live.connection import Endpoint  # noqa: PLC0415  # as above
    from producer.rest.client import RestClient, http_client  # noqa: PLC0415

    tls, proxy = create_tls_context(settings), settings.proxy.get_secret_value() if settings.proxy else None
    try:
        client = http_client(feed, settings.rest_url, proxy, tls)
    except ImportError:
        raise UserError("ALL_PROXY is a SOCKS proxy, which is not supported: set VOLCAST_PROXY=http://host:port") from None
    async with client:
        random = Random()  # noqa: S311  # no secret: jitter
        rest = RestClient(feed, client, random, wall=wall, allow_simulated=allow_simulated, keep=keep)
        yield Endpoint(settings.socket_url or feed.socket_url, tls, proxy, allow_simulated), rest


@asynccontextmanager
async def open_live_producer(
    log: Log, feed: "Feed", symbols: dict[str, str], settings: Settings, traced: Callable[[Log], Log] = lambda log: log
) -> "AsyncIterator[LiveProducer]":
    """Yield a live producer that appends the candles of these symbols to `log`, which the caller has entered.

    `traced` makes the log one that traces what is appended.
    """
    from producer.live.producer import LiveConfig, LiveProducer  # noqa: PLC0415  # as above
    from producer.simulated import Rivals  # noqa: PLC0415
    from volcast.log.sqlite.log import SqliteLog  # noqa: PLC0415

    names = venue_names(feed, settings)
    rivals = None if settings.mix_simulated else Rivals(names.simulated, reads_state=isinstance(log, SqliteLog))
    config = LiveConfig(
        symbols, settings.backfill_minutes, settings.backfill_budget_s, settings.twin, source=names.source, rivals=rivals
    )
    async with open_venue(feed, settings, allow_simulated=names.simulated) as (endpoint, rest):
        records = settings.append_records
        yield LiveProducer(traced(log), feed, config, endpoint, rest, append_records=records, random=Random())  # noqa: S311  # as above
