"""Whether the latest signal of a symbol may still answer questions about prices, and the outlook that answers them.

A probability of a past hour looks like one of the next hour, so a forecast that does not hold any more answers only if asked to.
"""

from typing import NamedTuple

from volcast.core.forecast.distribution.questions import PriceOutlook
from volcast.core.forecast.results import HorizonForecast
from volcast.core.types import Signal

from .responses import iso8601
from .status import Latest, Now, Status

USABLE = (Status.OK, Status.WARMING, Status.SPARSE)
"""With these a forecast is of now; with the last two it is less certain than usual."""


class NoOutlookError(Exception):
    """There is no forecast that may answer; the message is a sentence that says why."""


class StaleOutlookError(NoOutlookError):
    """There is a forecast, but it is not of now."""


class Outlook(NamedTuple):
    """A forecast's distribution, and what must be known with each of its answers."""

    prices: PriceOutlook
    horizon_minutes: int
    horizon_end_ms: int
    """Until then it holds, in milliseconds since 1970."""
    is_over: bool
    """Whether that has passed."""
    status: Status
    age_s: float


def current_outlook(
    latest: Latest,
    status: Status,
    now: Now,
    horizon_minutes: int | None = None,
    *,
    stale_ok: bool = False,
) -> Outlook:
    """Return the outlook over a horizon, by default the signal's own.

    Raises NoOutlookError if the signal has no forecast for the horizon, or an untrusted price; and, unless
    `stale_ok`, StaleOutlookError if it is not of now.
    """
    signal = latest.signal
    forecasts: tuple[Signal | HorizonForecast, ...] = (signal, *signal.other_horizons)
    found = {each.horizon_minutes: each for each in forecasts}
    wanted = signal.horizon_minutes if horizon_minutes is None else horizon_minutes
    if wanted not in found:
        known = ", ".join(map(str, found))
        raise NoOutlookError(f"{signal.symbol} has no forecast for {wanted} minutes; its horizons are {known} (setting horizons)")
    if signal.suspect:
        raise NoOutlookError(
            f"the last price of {signal.symbol} is far outside the market's scale; ask again after the next candle"
        )
    end_ms, is_over = latest.horizon_end_ms(wanted), latest.is_horizon_over(wanted, now)
    if not stale_ok and (is_over or status not in USABLE):
        candle = f"the last candle of {signal.symbol} began at {iso8601(signal.open_time_ms)}"
        why = f"its forecast ended at {iso8601(end_ms)}" if is_over else f"the status is {status.value}"
        raise StaleOutlookError(f"{candle}, and {why}")
    prices = PriceOutlook(found[wanted].quantiles, signal.close)
    return Outlook(prices, wanted, end_ms, is_over, status, latest.age_s(now))
