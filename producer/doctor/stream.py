"""The checks of a venue's stream: connect, subscribe, and record what comes until a minute has closed."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from statistics import median

from producer.feeds.contract import Feed, MessageKind
from producer.live.candle import ClosedCandle
from producer.live.connection import ConnectError, Connection
from producer.live.watchdog import FIRST_DATA_S

from .check import CheckResult, Report, Target, failed, ok, warning
from .recorder import Recorder

ACK_S = 10.0
RECORD_S = 30.0
"""How long frames are recorded if no closed candle is waited for."""
CLOSE_S = 130.0
"""How long a closed candle is waited for: at least one whole minute begins and ends within this time."""
MAX_DELAY_MS = 2_000
_PONG_S = 10.0
_REGIONAL = ("http_403", "http_451")
_PLEASE_REPORT = "please report this: the venue may have changed what it sends"


async def check_stream(target: Target, report: Report, *, wait: bool, progress: Callable[[str], None]) -> ClosedCandle | None:
    """Report the checks of the stream. Return its first closed candle, or None if there was none or `wait` is false."""
    feed, market = target.feed, target.market
    recorder = Recorder(market, target.rest.clock)
    connection = Connection(feed, (market,), target.endpoint, recorder.on_message, target.rest.clock)
    began_s = _now_s()
    try:
        await connection.open()
    except ConnectError as error:
        report(failed("connection", str(error), _advice(error.kind)))
        return None
    report(ok("connection", f"{target.endpoint.socket_url}{feed.socket_path((market,))} after {_now_s() - began_s:.2f} s"))
    listening = asyncio.create_task(connection.listen())
    listening.add_done_callback(lambda _: recorder.wake())
    try:
        return await _record(target, connection, recorder, report, wait=wait, progress=progress)
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def _record(
    target: Target,
    connection: Connection,
    recorder: Recorder,
    report: Report,
    *,
    wait: bool,
    progress: Callable[[str], None],
) -> ClosedCandle | None:
    feed = target.feed

    def has_ended() -> bool:
        return connection.end_reason is not None or bool(recorder.refusals)

    progress("waiting for the venue's acknowledgment")
    subscriptions = len(feed.subscriptions((target.market,)))
    await recorder.until(lambda: len(recorder.acks) >= subscriptions or has_ended(), ACK_S)
    report(_acknowledged(recorder))
    if recorder.refusals:
        return None
    progress(f"waiting for data, {FIRST_DATA_S:.0f} s at most")
    began_s = connection.opened_s
    await recorder.until(lambda: recorder.data or has_ended(), FIRST_DATA_S)
    report(_data(target, connection, recorder, _now_s() - began_s))
    if not recorder.data:
        return None
    if wait:
        progress(f"waiting for a minute to close, {CLOSE_S:.0f} s at most")
        await recorder.until(lambda: recorder.closed or has_ended(), CLOSE_S)
    else:
        progress(f"recording for {RECORD_S:.0f} s")
        await recorder.until(has_ended, RECORD_S)
    if feed.ping and feed.limits.ping_every_s:
        left_s = began_s + feed.limits.ping_every_s + _PONG_S - _now_s()
        await recorder.until(lambda: recorder.frames[MessageKind.PONG.value] or has_ended(), max(left_s, 0.0))
    for result in _frames(feed, connection, recorder, _now_s() - began_s):
        report(result)
    if wait:
        report(_closed(feed, recorder))
    return recorder.closed


def _acknowledged(recorder: Recorder) -> CheckResult:
    if recorder.refusals:
        return failed("subscription", f"the venue refuses: {'; '.join(recorder.refusals)}", "check the symbol")
    if recorder.acks:
        return ok("subscription", f"acknowledged: {'; '.join(dict.fromkeys(recorder.acks))}")
    found = f"no acknowledgment within {ACK_S:.0f} s"
    return warning("subscription", found, "none is needed if data comes; otherwise see below")


def _data(target: Target, connection: Connection, recorder: Recorder, after_s: float) -> CheckResult:
    market = target.market
    if recorder.data:
        return ok("data", f"{'candles' if target.feed.sends_candles else 'trades'} of {market} after {after_s:.1f} s")
    if recorder.other_pairs:
        return failed("data", f"it came as {', '.join(sorted(recorder.other_pairs))}, not as {market}", _PLEASE_REPORT)
    if connection.garbage:
        found = f"{connection.garbage} frames could not be read, and none was data of {market}"
        return failed("data", found, _PLEASE_REPORT)
    if connection.end_reason is not None:
        found = f"the connection ended after {after_s:.1f} s: {connection.end_reason}"
        return failed("data", found, "check the symbol, and try again")
    found = f"nothing of {market} came within {FIRST_DATA_S:.0f} s"
    return failed("data", found, "check the symbol; if the market is a quiet one, try another")


def _frames(feed: Feed, connection: Connection, recorder: Recorder, after_s: float) -> list[CheckResult]:
    """Return the results that depend on all frames together."""
    total = recorder.frames.total() + connection.garbage
    kinds = ", ".join(f"{count} {kind}" for kind, count in recorder.frames.most_common())
    results = [ok("frames", f"{total} in {after_s:.0f} s, {total / max(after_s, 0.001):.1f} a second: {kinds}")]
    if connection.garbage:
        results.append(failed("frames", f"{connection.garbage} could not be read", _PLEASE_REPORT))
    if recorder.other_pairs:
        found = f"some were of {', '.join(sorted(recorder.other_pairs))}, which was not subscribed to"
        results.append(warning("frames", found, _PLEASE_REPORT))
    if connection.end_reason is not None:
        found = f"it ended after {after_s:.0f} s: {connection.end_reason}"
        results.append(failed("connection", found, "try again; a proxy may have closed it"))
    if recorder.delays_ms:
        results.append(_delays(recorder))
    if feed.dense_trade_ids and recorder.trades:
        results.append(_numbers(f"{recorder.trades} trades", recorder.trade_ids.missed))
    if recorder.numbered_frames:
        results.append(_numbers(f"{recorder.numbered_frames} frames", connection.missed_frames))
    if feed.ping:
        results.append(_pongs(recorder.frames[MessageKind.PONG.value]))
    elif heartbeats := recorder.frames[MessageKind.HEARTBEAT.value]:
        results.append(ok("heartbeat", f"{heartbeats} came"))
    return results


def _delays(recorder: Recorder) -> CheckResult:
    median_ms, max_ms = median(recorder.delays_ms), max(recorder.delays_ms)
    found = f"frames arrive {median_ms / 1_000:.2f} s after they were sent (median), {max_ms / 1_000:.2f} s at most"
    if abs(median_ms) > MAX_DELAY_MS:
        return warning("delay", found, "the connection is slow, or a clock is wrong")
    return ok("delay", found)


def _numbers(what: str, missed: int) -> CheckResult:
    if missed:
        return warning("numbers", f"{missed} are missing beside {what}", "minutes with a gap wait for the venue's own candle")
    return ok("numbers", f"{what}, without a gap")


def _pongs(pongs: int) -> CheckResult:
    if pongs:
        return ok("heartbeat", f"our pings are answered ({pongs})")
    return failed("heartbeat", "no answer to our pings", _PLEASE_REPORT)


def _closed(feed: Feed, recorder: Recorder) -> CheckResult:
    if recorder.closed is None and feed.sends_candles:
        return failed("closed candle", f"none came within {CLOSE_S:.0f} s", _PLEASE_REPORT)
    if recorder.closed is None:
        found = f"no trade has closed a minute within {CLOSE_S:.0f} s"
        return warning("closed candle", found, "the market is quiet: its candles come over HTTP")
    closed_by = recorder.closed.closed_by.value.replace("_", " ")
    return ok("closed candle", f"by {closed_by}, {recorder.closed_after_ms / 1_000:.2f} s after the end of the minute")


def _advice(kind: str) -> str:
    if kind in _REGIONAL:
        return "the venue refuses this location or address: set socket_url to a regional host, or a proxy"
    if kind == "certificate":
        return "if a proxy inspects TLS, set ca_file to its certificate"
    return "check the network, and the settings socket_url and proxy"


def _now_s() -> float:
    return asyncio.get_running_loop().time()
