"""The doctor's look at the way to a venue, and at what it answers over HTTP: its clock, its candles, its refusals."""

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
_PATIENCE_S = 15.0
_STALE_MS = 3 * MINUTE_MS
"""A venue may show its newest candles late, but not by so much."""
_TO_CHECK = "check the network, and the settings socket_url, rest_url and proxy"


async def resolve(patient: Target, tell: Report) -> bool:
    """Whether both hosts can be found, or are a proxy's business to find."""
    try:
        own = patient.place.proxy
        proxy = own or get_proxy(parse_uri(patient.place.socket_url))
        if proxy:
            at = parse_proxy(proxy)
            whose = "the setting" if own else "the environment"
            finding = _of_proxy(at.scheme, f"{at.scheme}://{at.host}:{at.port}, as {whose} says")
            tell(finding)
            return finding.verdict is CheckStatus.OK
    except InvalidProxy:
        tell(failed("proxy", "it is no URL of a proxy", "write it as http://host:port"))
        return False
    tell(ok("proxy", "none"))
    hosts = {urlsplit(url).hostname or "" for url in (patient.place.socket_url, patient.rest_url)}
    return all([await _resolves(host, tell) for host in sorted(hosts)])


async def ask(patient: Target, tell: Report) -> bool:
    """Whether the venue answers with candles. Raises UnknownPair where it has no such market; that is told then."""
    try:
        await patient.rest.measure_clock(timeout_s=_PATIENCE_S)
    except RestError as refused:
        tell(failed("http", f"{patient.rest_url}: {refused}", _advice(str(refused))))
        return False
    tell(ok("http", f"{patient.rest_url} answers"))
    tell(_of_clock(patient))
    rest, spelled = patient.rest, patient.spelled
    to_ms = rest.clock.now_ms() // MINUTE_MS * MINUTE_MS
    from_ms = to_ms - _MINUTES * MINUTE_MS
    try:
        page = await rest.candles(spelled, from_ms, to_ms, timeout_s=_PATIENCE_S)
    except UnknownPair as unknown:
        tell(
            failed(
                "candles",
                str(unknown),
                "the venue may call the market otherwise; what else there is to see needs one that it has",
            )
        )
        raise
    except RestError as refused:
        tell(failed("candles", str(refused), _advice(str(refused))))
        return False
    tell(_of_page(patient, page, from_ms))
    tell(await _of_stranger(patient, from_ms, to_ms))
    return True


async def _resolves(host: str, tell: Report) -> bool:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no name"
        tell(failed("name", f"{host} can't be resolved: {reason}", _TO_CHECK))
        return False
    addresses = sorted({str(address[4][0]) for address in found})
    tell(ok("name", f"{host} is {addresses[0]}{f' and {len(addresses) - 1} more' if len(addresses) > 1 else ''}"))
    return True


def _of_proxy(scheme: str, seen: str) -> CheckResult:
    if scheme.startswith("socks"):
        return failed("proxy", seen, "SOCKS is not spoken here: name an HTTP proxy with VOLCAST_PROXY, or in HTTPS_PROXY")
    return ok("proxy", seen)


def _of_clock(patient: Target) -> CheckResult:
    clock = patient.rest.clock
    doubt_s = (clock.uncertainty_ms or 0) / 1_000
    way = "behind" if clock.offset_ms < 0 else "ahead of"
    seen = f"the venue's is {abs(clock.offset_ms) / 1_000:.2f} s {way} ours, give or take {doubt_s:.2f} s"
    if abs(clock.offset_ms) / 1_000 > MAX_SKEW_S + doubt_s:
        return warning("clock", seen, "set this machine's clock by NTP; candles are closed by the venue's, but latencies are off")
    return ok("clock", seen)


def _of_page(patient: Target, page: Page, from_ms: int) -> CheckResult:
    """What is there of the last hour."""
    minutes, rows = (page.covered_to_ms - from_ms) // MINUTE_MS, len(page.rows)
    age_ms = patient.rest.clock.now_ms() - page.covered_to_ms
    seen = f"{rows} of the last {minutes} minutes, in order; the newest closed {age_ms / 1_000:.0f} s ago"
    if not rows and (patient.feed.sends_empty_minutes or not minutes):
        return failed("candles", "no closed candle of the last hour", "check whether the market is still open at the venue")
    if not rows:
        return warning("candles", f"nothing was traded in {minutes} minutes", "try a busier market")
    if age_ms > _STALE_MS:
        return warning("candles", seen, "the venue is late with its candles: holes will take longer to be filled")
    if rows < minutes and patient.feed.sends_empty_minutes:
        return warning("candles", seen, "each minute without a candle becomes a gap record")
    return ok("candles", seen)


async def _of_stranger(patient: Target, from_ms: int, to_ms: int) -> CheckResult:
    """A mistyped symbol must end the live producer, so the venue's words for it must be understood."""
    spelled = patient.feed.spelling(Pair(NO_SUCH_COIN, patient.pair.quote))
    advice = "a mistyped symbol would be asked for again and again; please report these words"
    try:
        page = await patient.rest.candles(spelled, from_ms, to_ms, timeout_s=_PATIENCE_S / 3)
    except UnknownPair:
        return ok("no market", f"{spelled} is refused, as it should be")
    except RestError as refused:
        return warning("no market", f"{spelled}: {refused}", advice)
    return warning("no market", f"{spelled} is answered with {len(page.rows)} candles", advice)


def _advice(said: str) -> str:
    if "location" in said:
        return ""  # the sentence says what to do
    if "certificate" in said.lower():
        return "name the certificate of whoever stands in between with ca_file"
    return _TO_CHECK
