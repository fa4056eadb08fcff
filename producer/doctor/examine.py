"""What `volcast doctor --live` looks at, one thing after the other: the way to a venue, its answers, its stream, one candle.

    names ─► over HTTP: clock, page, unknown market ─► connection ─► acknowledgment ─► data ─► a closed candle = the venue's own?

It uses the parts of the live producer itself, so what it finds is what that would meet. It writes nothing anywhere.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from producer.live.candle import ClosedBy, ClosedCandle, closed_candle_of
from producer.rest.client import RestError, UnknownPair

from . import network as doctor_http
from . import stream as doctor_stream
from .check import CheckResult, Report, Target, failed, ok, warning

__all__ = ["Target", "examine"]


async def examine(patient: Target, tell: Report, *, wait: bool = True, say: Callable[[str], None] = lambda _: None) -> None:
    """Tell all findings. `wait` for a minute to close, too; `say` hears what is being waited for. A few minutes at most."""
    if not await doctor_http.resolve(patient, tell):
        return
    try:
        answers = await doctor_http.ask(patient, tell)
    except UnknownPair:
        return
    heard = await doctor_stream.listen(patient, tell, wait=wait, say=say)
    if answers and heard:
        await compare_candle(patient, heard, tell, say)


_PATIENCE_S = 20.0
_ASK_EVERY_S = 3.0
_GIVE_UP_S = 180.0
_PRICES = ("open", "high", "low", "close")


async def compare_candle(patient: Target, heard: ClosedCandle, tell: Report, say: Callable[[str], None]) -> None:
    """Tell whether the venue says the same of the minute that was heard."""
    rest = patient.rest
    wait_s = (heard.end_ms - rest.clock.now_ms()) / 1_000 + patient.feed.limits.settle_s
    say(f"waiting {max(wait_s, 0):.0f} s for the venue's own candle of that minute")
    await asyncio.sleep(max(wait_s, 0.0))
    deadline_s = asyncio.get_running_loop().time() + _GIVE_UP_S
    try:
        while True:
            page = await rest.candles(patient.spelled, heard.open_time_ms, heard.end_ms, timeout_s=_PATIENCE_S)
            if page.covered_to_ms > heard.open_time_ms or asyncio.get_running_loop().time() > deadline_s:
                break
            await asyncio.sleep(_ASK_EVERY_S)
    except (RestError, UnknownPair) as refused:
        tell(failed("compared", str(refused), "try again; holes could not be filled like this"))
        return
    if page.covered_to_ms <= heard.open_time_ms:
        tell(failed("compared", f"no candle of that minute after {_GIVE_UP_S:.0f} s", "holes could not be filled like this"))
        return
    tell(_verdict(heard, closed_candle_of(page.rows[0], ClosedBy.REST) if page.rows else None))


def _verdict(heard: ClosedCandle, own: ClosedCandle | None) -> CheckResult:
    if own is None:
        if not heard.volume:
            return ok("compared", "the venue has no candle of that minute, and nothing was traded in it")
        return failed("compared", "the venue has no candle of that minute, but trades were heard", "please report this")
    prices = [_difference(name, heard, own) for name in _PRICES if getattr(heard, name) != getattr(own, name)]
    if prices:
        return failed(
            "compared", f"stream and HTTP differ: {', '.join(prices)}", "look again; if it happens often, please report it"
        )
    if heard.differs_from(own):
        volume = _difference("volume", heard, own)
        return warning(
            "compared", f"the prices are equal, but {volume}", "such minutes would each be followed by a revision record"
        )
    return ok("compared", f"the venue's own candle is the same: close {_plain(own.close)}, volume {_plain(own.volume)}")


def _difference(name: str, heard: ClosedCandle, own: ClosedCandle) -> str:
    return f"{name} {_plain(getattr(heard, name))} in the stream, {_plain(getattr(own, name))} over HTTP"


def _plain(number: Decimal) -> str:
    return format(number, "f")
