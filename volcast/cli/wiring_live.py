"""From settings to a venue: its feed, where it is, and the live producer."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from time import time
from typing import TYPE_CHECKING

from volcast.log.contract import Log
from volcast.settings.schema import Settings

from .main import UserError

if TYPE_CHECKING:
    from producer.feeds.contract import Feed
    from producer.live.connection import Endpoint
    from producer.live.producer import LiveProducer
    from producer.rest.client import RestClient

PLACE_SETTINGS = ("socket_url", "rest_url", "proxy", "ca_file")
LIVE_SETTINGS = (*PLACE_SETTINGS, "twin", "backfill_minutes", "backfill_budget_s", "append_records")


def symbols_of(feed: "Feed", texts: tuple[str, ...]) -> dict[str, str]:
    """Pairs as a person writes them -> symbol on the log: the venue's spelling. Raises UserError."""
    from producer.symbols import parse_pair, symbol_on_log  # noqa: PLC0415  # as above

    symbols: dict[str, str] = {}
    for text in texts:
        try:
            pair = parse_pair(text)
            symbol, spelled = symbol_on_log(pair, feed.name), feed.spelling(pair)
        except ValueError as error:
            raise UserError(str(error)) from None
        if symbol in symbols:
            raise UserError(f"{symbol} stands there twice; once is enough")
        symbols[symbol] = spelled
    return symbols


def tls_of(settings: Settings) -> ssl.SSLContext:
    """What certificates are checked against: the system's authorities, and those of `ca_file`. Raises UserError."""
    context = ssl.create_default_context()
    if settings.ca_file is not None:
        try:
            context.load_verify_locations(settings.ca_file)
        except OSError as error:
            reason = "it holds no PEM certificates" if isinstance(error, ssl.SSLError) else error.strerror
            raise UserError(f"ca_file {settings.ca_file} can't be used: {reason}") from None
    return context


@asynccontextmanager
async def reach(
    feed: "Feed", settings: Settings, wall: Callable[[], float] = time
) -> "AsyncIterator[tuple[Endpoint, RestClient]]":
    """Where the venue's streams are, and who asks it over HTTP. Raises UserError."""
    from producer.live.connection import Endpoint  # noqa: PLC0415  # as above
    from producer.rest.client import RestClient, http_client  # noqa: PLC0415

    tls, proxy = tls_of(settings), settings.proxy.get_secret_value() if settings.proxy else None
    try:
        client = http_client(feed, settings.rest_url, proxy, tls)
    except ImportError:
        raise UserError("ALL_PROXY names a SOCKS proxy, which volcast can't use: set VOLCAST_PROXY=http://host:port") from None
    async with client:
        rest = RestClient(feed, client, Random(), wall=wall)  # noqa: S311  # no secret: jitter
        yield Endpoint(settings.socket_url or feed.socket_url, tls, proxy), rest


@asynccontextmanager
async def live_of(log: Log, feed: "Feed", symbols: dict[str, str], settings: Settings) -> "AsyncIterator[LiveProducer]":
    """The live producer of these symbols onto `log`, which the caller has entered."""
    from producer.live.producer import LiveConfig, LiveProducer  # noqa: PLC0415  # as above

    wish = LiveConfig(symbols, settings.backfill_minutes, settings.backfill_budget_s, settings.twin)
    async with reach(feed, settings) as (place, rest):
        yield LiveProducer(log, feed, wish, place, rest, append_records=settings.append_records, random=Random())  # noqa: S311  # as above
