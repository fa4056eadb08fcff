"""The examination of a venue by `volcast doctor --live`: one check after the other, from the network to a closed candle.

    names ─► over HTTP: clock, page, unknown market ─► connection ─► acknowledgment ─► data ─► a closed candle = the venue's own?

It uses the parts of the live producer, so it meets the same problems. It writes nothing.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from producer.live.candle import ClosedBy, ClosedCandle, closed_candle_of
from producer.rest.client import RestError, UnknownPair

from . import network, stream
from .check import CheckResult, Report, Target, failed, ok, warning

__all__ = ["Target", "examine"]


async def examine(target: Target, report: Report, *, wait: bool = True, progress: Callable[[str], None] = lambda _: None) -> None:
    """Report the results of all checks, which takes a few minutes at most.

    With `wait` it waits for a minute to close. `progress` is called with a text for each wait.
    """
    if not await network.check_names(target, report):
        return
    try:
        rest_works = await network.check_rest(target, report)
    except UnknownPair:
        return
    candle = await stream.check_stream(target, report, wait=wait, progress=progress)
    if rest_works and candle:
        await compare_candle(target, candle, report, progress)


_PAGE_TIMEOUT_S = 20.0
_ASK_EVERY_S = 3.0
_GIVE_UP_S = 180.0
_PRICES = ("open", "high", "low", "close")


async def compare_candle(target: Target, received: ClosedCandle, report: Report, progress: Callable[[str], None]) -> None:
    """Report whether the venue's own candle over HTTP equals the one from its stream."""
    rest = target.rest
    wait_s = (received.end_ms - rest.clock.now_ms()) / 1_000 + target.feed.limits.settle_s
    progress(f"waiting {max(wait_s, 0):.0f} s for the venue's own candle of that minute")
    await asyncio.sleep(max(wait_s, 0.0))
    deadline_s = asyncio.get_running_loop().time() + _GIVE_UP_S
    try:
        while True:
            page = await rest.candles(target.market, received.open_time_ms, received.end_ms, timeout_s=_PAGE_TIMEOUT_S)
            if page.covered_to_ms > received.open_time_ms or asyncio.get_running_loop().time() > deadline_s:
                break
            await asyncio.sleep(_ASK_EVERY_S)
    except (RestError, UnknownPair) as error:
        report(failed("compared", str(error), "try again; missing minutes could not be filled like this"))
        return
    if page.covered_to_ms <= received.open_time_ms:
        found = f"no candle of that minute after {_GIVE_UP_S:.0f} s"
        report(failed("compared", found, "missing minutes could not be filled like this"))
        return
    report(_compared(received, closed_candle_of(page.rows[0], ClosedBy.REST) if page.rows else None))


def _compared(received: ClosedCandle, own: ClosedCandle | None) -> CheckResult:
    if own is None:
        if not received.volume:
            return ok("compared", "the venue has no candle of that minute, and nothing was traded in it")
        return failed("compared", "the venue has no candle of that minute, but trades were received", "please report this")
    prices = [_difference(name, received, own) for name in _PRICES if getattr(received, name) != getattr(own, name)]
    if prices:
        found = f"stream and HTTP differ: {', '.join(prices)}"
        return failed("compared", found, "try again; if it happens often, please report it")
    if received.differs_from(own):
        volume = _difference("volume", received, own)
        return warning("compared", f"the prices are equal, but {volume}", "each such minute would get a revision record, too")
    return ok("compared", f"the venue's own candle is the same: close {_plain(own.close)}, volume {_plain(own.volume)}")


def _difference(name: str, received: ClosedCandle, own: ClosedCandle) -> str:
    return f"{name} {_plain(getattr(received, name))} in the stream, {_plain(getattr(own, name))} over HTTP"


def _plain(number: Decimal) -> str:
    return format(number, "f")
