"""The doctor's look at a venue's stream: connect, subscribe, and listen until a minute has closed."""

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
LISTEN_S = 30.0
"""Without waiting for a closed candle."""
CLOSE_S = 130.0
"""In it at least one whole minute begins and ends."""
MAX_DELAY_MS = 2_000
_PONG_S = 10.0
_REGIONAL = ("http_403", "http_451")
_TO_REPORT = "please report this: the venue may have changed what it sends"


async def listen(patient: Target, tell: Report, *, wait: bool, say: Callable[[str], None]) -> ClosedCandle | None:
    """-> the first closed candle; None where there was none, or it was not to be waited for."""
    feed, spelled = patient.feed, patient.spelled
    ear = Recorder(spelled, patient.rest.clock)
    line = Connection(feed, (spelled,), patient.place, ear.hear, patient.rest.clock)
    began_s = _now_s()
    try:
        await line.open()
    except ConnectError as error:
        tell(failed("connection", str(error), _advice(error.kind)))
        return None
    tell(ok("connection", f"{patient.place.socket_url}{feed.socket_path((spelled,))} after {_now_s() - began_s:.2f} s"))
    listening = asyncio.create_task(line.listen())
    listening.add_done_callback(lambda _: ear.wake())
    try:
        return await _listen(patient, line, ear, tell, wait=wait, say=say)
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def _listen(
    patient: Target, line: Connection, ear: Recorder, tell: Report, *, wait: bool, say: Callable[[str], None]
) -> ClosedCandle | None:
    feed = patient.feed

    def is_over() -> bool:
        return line.end_reason is not None or bool(ear.refusals)

    say("waiting for the venue's acknowledgment")
    wanted = len(feed.subscriptions((patient.spelled,)))
    await ear.until(lambda: len(ear.acks) >= wanted or is_over(), ACK_S)
    tell(_of_ack(ear))
    if ear.refusals:
        return None
    say(f"waiting for data, {FIRST_DATA_S:.0f} s at most")
    began_s = line.opened_s
    await ear.until(lambda: ear.data or is_over(), FIRST_DATA_S)
    tell(_of_data(patient, line, ear, _now_s() - began_s))
    if not ear.data:
        return None
    if wait:
        say(f"waiting for a minute to close, {CLOSE_S:.0f} s at most")
        await ear.until(lambda: ear.closed or is_over(), CLOSE_S)
    else:
        say(f"listening for {LISTEN_S:.0f} s")
        await ear.until(is_over, LISTEN_S)
    if feed.ping and feed.limits.ping_every_s:
        left_s = began_s + feed.limits.ping_every_s + _PONG_S - _now_s()
        await ear.until(lambda: ear.frames[MessageKind.PONG.value] or is_over(), max(left_s, 0.0))
    for finding in _of_frames(feed, line, ear, _now_s() - began_s):
        tell(finding)
    if wait:
        tell(_of_close(feed, ear))
    return ear.closed


def _of_ack(ear: Recorder) -> CheckResult:
    if ear.refusals:
        return failed("subscription", f"the venue refuses: {'; '.join(ear.refusals)}", "check the symbol")
    if ear.acks:
        return ok("subscription", f"acknowledged: {'; '.join(dict.fromkeys(ear.acks))}")
    return warning("subscription", f"no acknowledgment within {ACK_S:.0f} s", "none is needed where data comes; else see below")


def _of_data(patient: Target, line: Connection, ear: Recorder, after_s: float) -> CheckResult:
    spelled = patient.spelled
    if ear.data:
        return ok("data", f"{'candles' if patient.feed.sends_candles else 'trades'} of {spelled} after {after_s:.1f} s")
    if ear.strangers:
        return failed("data", f"it came as {', '.join(sorted(ear.strangers))}, not as {spelled}", _TO_REPORT)
    if line.garbage:
        return failed("data", f"{line.garbage} frames could not be read, and none was data of {spelled}", _TO_REPORT)
    if line.end_reason is not None:
        return failed("data", f"the connection ended after {after_s:.1f} s: {line.end_reason}", "check the symbol, and try again")
    return failed(
        "data", f"nothing of {spelled} came within {FIRST_DATA_S:.0f} s", "check the symbol; if the market is a quiet one, try another"
    )


def _of_frames(feed: Feed, line: Connection, ear: Recorder, after_s: float) -> list[CheckResult]:
    """What all the frames together tell."""
    total = ear.frames.total() + line.garbage
    kinds = ", ".join(f"{count} {kind}" for kind, count in ear.frames.most_common())
    findings = [ok("frames", f"{total} in {after_s:.0f} s, {total / max(after_s, 0.001):.1f} a second: {kinds}")]
    if line.garbage:
        findings.append(failed("frames", f"{line.garbage} could not be read", _TO_REPORT))
    if ear.strangers:
        findings.append(warning("frames", f"some were of {', '.join(sorted(ear.strangers))}, not asked for", _TO_REPORT))
    if line.end_reason is not None:
        findings.append(
            failed("connection", f"it ended after {after_s:.0f} s: {line.end_reason}", "try again; a proxy may cut it")
        )
    if ear.delays_ms:
        findings.append(_of_delays(ear))
    if feed.dense_trade_ids and ear.trades:
        findings.append(_of_numbers(f"{ear.trades} trades", ear.ids.missed))
    if ear.numbered:
        findings.append(_of_numbers(f"{ear.numbered} frames", line.missed_frames))
    if feed.ping:
        findings.append(_of_pongs(ear.frames[MessageKind.PONG.value]))
    elif beats := ear.frames[MessageKind.HEARTBEAT.value]:
        findings.append(ok("heartbeat", f"{beats} came"))
    return findings


def _of_delays(ear: Recorder) -> CheckResult:
    usual_ms = median(ear.delays_ms)
    seen = f"frames come {usual_ms / 1_000:.2f} s after they were sent, usually; at most {max(ear.delays_ms) / 1_000:.2f} s"
    if abs(usual_ms) > MAX_DELAY_MS:
        return warning("delay", seen, "a slow line, or a clock that is off")
    return ok("delay", seen)


def _of_numbers(what: str, missed: int) -> CheckResult:
    if missed:
        return warning("numbers", f"{missed} are missing beside {what}", "minutes with a hole wait for the venue's own candle")
    return ok("numbers", f"{what}, without a hole")


def _of_pongs(pongs: int) -> CheckResult:
    if pongs:
        return ok("heartbeat", f"our pings are answered ({pongs})")
    return failed("heartbeat", "no answer to our pings", _TO_REPORT)


def _of_close(feed: Feed, ear: Recorder) -> CheckResult:
    if ear.closed is None and feed.sends_candles:
        return failed("closed candle", f"none came within {CLOSE_S:.0f} s", _TO_REPORT)
    if ear.closed is None:
        return warning(
            "closed candle", f"no trade has closed a minute within {CLOSE_S:.0f} s", "a quiet market: candles come by HTTP"
        )
    how = ear.closed.closed_by.value.replace("_", " ")
    return ok("closed candle", f"by {how}, {ear.closed_after_ms / 1_000:.2f} s after the minute's end")


def _advice(kind: str) -> str:
    if kind in _REGIONAL:
        return "the venue refuses this location or address: set socket_url to a regional host, or a proxy"
    if kind == "certificate":
        return "name the certificate of whoever stands in between with ca_file"
    return "check the network, and the settings socket_url and proxy"


def _now_s() -> float:
    return asyncio.get_running_loop().time()
