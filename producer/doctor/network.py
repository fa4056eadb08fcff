"""The checks of the network and of a venue's HTTP interface: proxy, names, clock, candles, refusal of an unknown market."""

import asyncio
import socket
from urllib.parse import urlsplit

from websockets.exceptions import InvalidProxy
from websockets.proxy import get_proxy, parse_proxy
from websockets.uri import parse_uri

from producer.feeds.contract import Pair
from producer.rest.client import Page, RestError, UnknownPair
from volcast.core.types import MINUTE_MS

from .check import CheckResult, CheckStatus, Report, Target, failed, ok, warning

NO_SUCH_COIN = "NOSUCHCOIN"
MAX_SKEW_S = 1.0
_MINUTES = 60
_TIMEOUT_S = 15.0
_STALE_MS = 3 * MINUTE_MS
"""A newest candle that closed longer ago than this is reported as late."""
_CHECK_NETWORK = "check the network, and the settings socket_url, rest_url and proxy"


async def check_names(target: Target, report: Report) -> bool:
    """Report proxy and names. Return whether both hosts resolve, or are reached through a proxy, which resolves them itself."""
    try:
        own = target.endpoint.proxy
        proxy = own or get_proxy(parse_uri(target.endpoint.socket_url))
        if proxy:
            at = parse_proxy(proxy)
            source = "the setting proxy" if own else "the environment"
            result = _proxy_result(at.scheme, f"{at.scheme}://{at.host}:{at.port}, from {source}")
            report(result)
            return result.status is CheckStatus.OK
    except InvalidProxy:
        report(failed("proxy", "it is not the URL of a proxy", "write it as http://host:port"))
        return False
    report(ok("proxy", "none"))
    hosts = {urlsplit(url).hostname or "" for url in (target.endpoint.socket_url, target.rest_url)}
    return all([await _resolves(host, report) for host in sorted(hosts)])


async def check_rest(target: Target, report: Report) -> bool:
    """Report the checks of the HTTP interface. Return whether it serves candles.

    Raises UnknownPair, after the report, if the venue has no such market.
    """
    try:
        await target.rest.measure_clock(timeout_s=_TIMEOUT_S)
    except RestError as error:
        report(failed("http", f"{target.rest_url}: {error}", _advice(str(error))))
        return False
    report(ok("http", f"{target.rest_url} answers"))
    report(_clock_result(target))
    rest, market = target.rest, target.market
    to_ms = rest.clock.now_ms() // MINUTE_MS * MINUTE_MS
    from_ms = to_ms - _MINUTES * MINUTE_MS
    try:
        page = await rest.candles(market, from_ms, to_ms, timeout_s=_TIMEOUT_S)
    except UnknownPair as error:
        report(
            failed(
                "candles",
                str(error),
                "the venue may have another name for the market; the other checks need one that exists",
            )
        )
        raise
    except RestError as error:
        report(failed("candles", str(error), _advice(str(error))))
        return False
    report(_page_result(target, page, from_ms))
    report(await _unknown_market_result(target, from_ms, to_ms))
    return True


async def _resolves(host: str, report: Report) -> bool:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a valid name"
        report(failed("name", f"{host} can't be resolved: {reason}", _CHECK_NETWORK))
        return False
    addresses = sorted({str(address[4][0]) for address in found})
    report(ok("name", f"{host} is {addresses[0]}{f' and {len(addresses) - 1} more' if len(addresses) > 1 else ''}"))
    return True


def _proxy_result(scheme: str, found: str) -> CheckResult:
    if scheme.startswith("socks"):
        return failed("proxy", found, "SOCKS is not supported: set VOLCAST_PROXY or HTTPS_PROXY to an HTTP proxy")
    return ok("proxy", found)


def _clock_result(target: Target) -> CheckResult:
    clock = target.rest.clock
    uncertainty_s = (clock.uncertainty_ms or 0) / 1_000
    direction = "behind" if clock.offset_ms < 0 else "ahead of"
    found = f"the venue's clock is {abs(clock.offset_ms) / 1_000:.2f} s {direction} ours, ± {uncertainty_s:.2f} s"
    if abs(clock.offset_ms) / 1_000 > MAX_SKEW_S + uncertainty_s:
        return warning(
            "clock", found, "set this machine's clock by NTP: candles follow the venue's clock, but latencies will be wrong"
        )
    return ok("clock", found)


def _page_result(target: Target, page: Page, from_ms: int) -> CheckResult:
    """Return the result for a page of the last hour."""
    minutes, rows = (page.covered_to_ms - from_ms) // MINUTE_MS, len(page.rows)
    age_ms = target.rest.clock.now_ms() - page.covered_to_ms
    found = f"{rows} of the last {minutes} minutes, in order; the newest closed {age_ms / 1_000:.0f} s ago"
    if not rows and (target.feed.sends_empty_minutes or not minutes):
        return failed("candles", "no closed candle of the last hour", "check whether the venue still trades this market")
    if not rows:
        return warning("candles", f"nothing was traded in {minutes} minutes", "try a busier market")
    if age_ms > _STALE_MS:
        return warning("candles", found, "the venue's candles come late, so missing minutes will be filled late")
    if rows < minutes and target.feed.sends_empty_minutes:
        return warning("candles", found, "each minute without a candle will become a gap record")
    return ok("candles", found)


async def _unknown_market_result(target: Target, from_ms: int, to_ms: int) -> CheckResult:
    """Return whether an unknown market is recognized: a mistyped symbol must end the live producer."""
    market = target.feed.spelling(Pair(NO_SUCH_COIN, target.pair.quote))
    advice = "a mistyped symbol would be requested again and again; please report this answer"
    try:
        page = await target.rest.candles(market, from_ms, to_ms, timeout_s=_TIMEOUT_S / 3)
    except UnknownPair:
        return ok("no market", f"{market} is refused, as it should be")
    except RestError as error:
        return warning("no market", f"{market}: {error}", advice)
    return warning("no market", f"{market} is answered with {len(page.rows)} candles", advice)


def _advice(error: str) -> str:
    if "location" in error:
        return ""  # the error itself says what to do
    if "certificate" in error.lower():
        return "if a proxy inspects TLS, set ca_file to its certificate"
    return _CHECK_NETWORK
