"""Computes the outcomes of published forecasts again, from published closes, and compares them with the published outcomes. Pure.

For an outcome that came due with a candle, over a horizon of H minutes:

    realized volatility   the root of the sum of the squared log returns of the H closes up to it
    volatility            what was published H minutes before, as the forecast of the same model
    QLIKE                 RV/f - log(RV/f) - 1 of both variances
    covered               whether the realized volatility was within the published bounds

The closes are those of the signals, which are sealed; `audit.py` compares them with the archived candles. Nothing is computed
where the pipeline did not take a close as it is (a suspect price), where a minute or the forecast is not there, and where the
state was rebuilt between forecast and outcome: the new state's forecast is the one that was scored, and it was never published.
"""

from collections.abc import Iterator
from math import isclose, log, sqrt
from typing import NamedTuple

from volcast.core.forecast.losses import qlike
from volcast.core.forecast.results import Outcome
from volcast.core.types import MINUTE_MS, Signal
from volcast.lifecycle.wording import with_noun

from .findings import CheckedScores

_TOLERANCE = 1e-9
"""Relative. Sums of at most some thousand floats in another order differ by less than a thousandth of it."""
_TINY = 1e-15
"""Absolute, for volatilities that are zero."""


class _Forecast(NamedTuple):
    """A published forecast of one model and horizon. A challenger's bounds are not published."""

    volatility: float
    lower: float | None = None
    upper: float | None = None
    price_lower: float | None = None
    price_upper: float | None = None


class _Published(NamedTuple):
    offset: int
    close: float
    suspect: bool
    square: float | None
    """Of the log return from the close of the minute before; None without that minute."""
    forecasts: dict[tuple[str, int], _Forecast]
    """By model and horizon in minutes."""


class ScoreCheck:
    """The signals of one symbol, in the order of the log."""

    def __init__(self, counts: CheckedScores) -> None:
        self._counts = counts
        self._by_time: dict[int, _Published] = {}
        self._last_ms: int | None = None
        self._restored_at: list[int] = []
        """The offsets of notices that the state of the symbol is being rebuilt."""

    def restoring(self, offset: int) -> None:
        """Note that the state is being rebuilt from this place on."""
        self._restored_at.append(offset)

    def check(self, offset: int, signal: Signal, *, counts: bool = True) -> list[str]:
        """Take in a signal; return what is wrong with its outcomes. Without `counts` it only serves those behind it."""
        if self._last_ms is not None and signal.open_time_ms <= self._last_ms:
            when = "twice" if signal.open_time_ms in self._by_time else "behind a later one"
            return [f"the candle of {signal.open_time_ms} ms was answered {when}; one signal a candle, in order, is published"]
        self._last_ms = signal.open_time_ms
        before = self._by_time.get(signal.open_time_ms - MINUTE_MS)
        square = log(signal.close / before.close) ** 2 if before else None
        self._by_time[signal.open_time_ms] = _Published(offset, signal.close, signal.suspect, square, _forecasts(signal))
        self._forget(signal)
        return list(self._wrong(offset, signal)) if counts else []

    def _forget(self, signal: Signal) -> None:
        """Keep twice the longest horizon, and clean up once that many minutes are too many."""
        longest = max([signal.horizon_minutes, *(each.horizon_minutes for each in signal.other_horizons)])
        if len(self._by_time) > 4 * longest + 1_000:
            oldest_ms = signal.open_time_ms - 2 * longest * MINUTE_MS
            self._by_time = {at: each for at, each in self._by_time.items() if at >= oldest_ms}

    def _wrong(self, offset: int, signal: Signal) -> Iterator[str]:
        if signal.outcome:
            yield from self._outcome(offset, signal, signal.horizon_minutes, signal.outcome)
        for other in signal.other_horizons:
            if other.outcome:
                yield from self._outcome(offset, signal, other.horizon_minutes, other.outcome)
        for shadow in signal.shadows:
            if shadow.qlike is not None:
                yield from self._challenger(offset, signal, shadow.model, shadow.qlike)

    def _outcome(self, offset: int, signal: Signal, horizon: int, outcome: Outcome) -> Iterator[str]:
        name = f"the outcome of {signal.model} over {with_noun(horizon, 'minute')}"
        if outcome.open_time_ms != signal.open_time_ms - horizon * MINUTE_MS:
            yield f"{name} is of the forecast of {outcome.open_time_ms} ms, which does not come due with this candle"
            return
        if not self._same(outcome.qlike, qlike(outcome.realized_volatility**2, outcome.volatility**2, horizon)):
            yield f"{name} has QLIKE {outcome.qlike}, which does not follow from its own volatilities"
            return
        forecast = self._forecast(offset, signal, horizon, signal.model)
        if forecast is None:
            return
        realized = self._realized(signal.open_time_ms, horizon)
        if realized is None:
            return
        wrong = list(_differences(outcome, forecast, realized, signal.close))
        self._counts.confirmed += not wrong
        yield from (f"{name} {each}" for each in wrong)

    def _challenger(self, offset: int, signal: Signal, model: str, loss: float) -> Iterator[str]:
        horizon = signal.horizon_minutes
        forecast = self._forecast(offset, signal, horizon, model)
        if forecast is None:
            return
        realized = self._realized(signal.open_time_ms, horizon)
        if realized is None:
            return
        expected = qlike(realized**2, forecast.volatility**2, horizon)
        if self._same(loss, expected):
            self._counts.confirmed += 1
        else:
            name = f"the outcome of {model} over {with_noun(horizon, 'minute')}"
            yield f"{name} has QLIKE {loss}, and closes and forecast give {expected}"

    def _forecast(self, offset: int, signal: Signal, horizon: int, model: str) -> _Forecast | None:
        """Return the published forecast; None, and count why, if it cannot be the one that was scored, or is not there."""
        made = self._by_time.get(signal.open_time_ms - horizon * MINUTE_MS)
        forecast = made.forecasts.get((model, horizon)) if made else None
        if made is None or forecast is None:
            self._counts.incomplete += 1
            return None
        if any(made.offset < each < offset for each in self._restored_at):
            self._counts.rebuilt += 1
            return None
        return forecast

    def _realized(self, open_time_ms: int, horizon: int) -> float | None:
        """Return the realized volatility; None, and count why, if it cannot be computed from the closes."""
        minutes = [self._by_time.get(open_time_ms - i * MINUTE_MS) for i in range(horizon + 1)]
        known = [each for each in minutes if each is not None]
        if any(each.suspect for each in known):
            self._counts.suspect += 1
            return None
        squares = [each.square for each in known[:horizon] if each.square is not None]
        if len(known) <= horizon or len(squares) < horizon:
            self._counts.incomplete += 1
            return None
        return sqrt(sum(squares))

    @staticmethod
    def _same(found: float, expected: float) -> bool:
        # QLIKE is a difference of numbers around 1 where a forecast was nearly right.
        return isclose(found, expected, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


def _differences(outcome: Outcome, forecast: _Forecast, realized: float, close: float) -> Iterator[str]:
    """Yield what does not agree, each as the end of a sentence."""
    if not isclose(outcome.realized_volatility, realized, rel_tol=_TOLERANCE, abs_tol=_TINY):
        yield f"says that the realized volatility was {outcome.realized_volatility}, and the closes give {realized}"
    if not isclose(outcome.volatility, forecast.volatility, rel_tol=_TOLERANCE):
        yield f"scores the forecast {outcome.volatility}, and {forecast.volatility} was published"
    if forecast.lower is not None and forecast.upper is not None:
        yield from _wrong_flag("covered", outcome.covered, realized, (forecast.lower, forecast.upper))
    if forecast.price_lower is not None and forecast.price_upper is not None:
        bounds = (forecast.price_lower, forecast.price_upper)
        yield from _wrong_flag("price_covered", outcome.price_covered, close, bounds)


def _wrong_flag(name: str, flag: bool, value: float, bounds: tuple[float, float]) -> Iterator[str]:  # noqa: FBT001
    """Yield a difference, unless the value is so near to a bound that rounding decides."""
    if any(isclose(value, bound, rel_tol=_TOLERANCE, abs_tol=_TINY) for bound in bounds):
        return
    if (bounds[0] < value < bounds[1]) != flag:
        yield f"says {name}={flag}, with {value} and the published bounds {bounds[0]} and {bounds[1]}"


def _forecasts(signal: Signal) -> dict[tuple[str, int], _Forecast]:
    found = {
        (signal.model, signal.horizon_minutes): _Forecast(
            signal.volatility, signal.volatility_lower, signal.volatility_upper, signal.price_lower, signal.price_upper
        )
    }
    for each in signal.other_horizons:
        found[signal.model, each.horizon_minutes] = _Forecast(
            each.volatility, each.volatility_lower, each.volatility_upper, each.price_lower, each.price_upper
        )
    for shadow in signal.shadows:
        found[shadow.model, signal.horizon_minutes] = _Forecast(shadow.volatility)
    return found
