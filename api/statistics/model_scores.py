"""The losses of the champion and of the challengers on the same outcomes, by UTC day. Bounded: the last days of each symbol.

Pure. One thread writes it, others may read it: each method holds the lock for some microseconds, and returns copies.

A forecast counts on the day of the candle with which it came due. A challenger's counts only if one of the champion's came due
with the same candle, so that each comparison is of the same minutes. A promotion changes who is the champion; the losses go on.
"""

from collections import deque
from collections.abc import Iterable
from threading import Lock
from typing import NamedTuple

from volcast.core.forecast.results import Outcome
from volcast.core.types import MINUTE_MS, Signal

SCORE_DAYS = 30
"""Days that are kept: the day of the latest candle, and those before it."""
_DAY_MS = 1_440 * MINUTE_MS


class LossSums(NamedTuple):
    """Sums over outcomes; `qlike_ewma` and `qlike_champion` are those of the same outcomes, of whoever was the champion then."""

    outcomes: int = 0
    qlike: float = 0.0
    qlike_ewma: float = 0.0
    qlike_champion: float = 0.0
    covered: int = 0
    price_covered: int = 0
    """Of those outcomes that came due while the model led: a challenger's price range is not known."""
    led: int = 0
    """How many these are."""

    def plus(self, other: "LossSums") -> "LossSums":
        """Return the sums over the outcomes of both."""
        return LossSums(
            self.outcomes + other.outcomes,
            self.qlike + other.qlike,
            self.qlike_ewma + other.qlike_ewma,
            self.qlike_champion + other.qlike_champion,
            self.covered + other.covered,
            self.price_covered + other.price_covered,
            self.led + other.led,
        )


class ModelScore(NamedTuple):
    """What a model has scored."""

    model: str
    is_champion: bool
    horizon_minutes: int
    interval_level: float
    since_ms: int
    """Opening of the first candle whose signal has the model, in milliseconds since 1970, or the beginning of the first day that
    was asked for, if that is later."""
    leads_since_ms: int | None
    """Opening of the first candle whose signal it made, since when it has led without a break; None of a challenger."""
    sums: LossSums


class DailyLosses:
    """The losses of each symbol's models, by day."""

    def __init__(self) -> None:
        self._symbols: dict[str, _SymbolScores] = {}
        self._lock = Lock()

    def take(self, before: Signal | None, signal: Signal, *, is_new: bool) -> None:  # noqa: ARG002  # as the other statistics
        """Take in a symbol's next signal."""
        with self._lock:
            scores = self._symbols.get(signal.symbol)
            if scores is None or scores.made_with != _made_with(signal):
                scores = self._symbols[signal.symbol] = _SymbolScores(signal)
            scores.take(signal)

    def of(self, symbol: str, days: int = SCORE_DAYS) -> list[ModelScore]:
        """Return the scores of a symbol's models over so many days, the latest candle's included: the champion, then challengers.

        Raises KeyError for a symbol without a signal.
        """
        with self._lock:
            return self._symbols[symbol].scores(days)


def _made_with(signal: Signal) -> tuple[int, float]:
    """Return what losses depend on: with another horizon or interval they are not of the same forecasts."""
    return signal.horizon_minutes, signal.interval_level


class _Model:
    """The sums of one model by day."""

    __slots__ = ("days", "since_ms")

    def __init__(self, since_ms: int) -> None:
        self.since_ms = since_ms
        self.days = deque[tuple[int, LossSums]](maxlen=SCORE_DAYS)

    def add(self, day: int, sums: LossSums) -> None:
        if self.days and self.days[-1][0] == day:
            self.days[-1] = day, self.days[-1][1].plus(sums)
        else:
            self.days.append((day, sums))

    def total(self, first_day: int) -> LossSums:
        return _total(sums for day, sums in self.days if day >= first_day)


class _SymbolScores:
    """The models of one symbol; each begins when its name first appears."""

    def __init__(self, signal: Signal) -> None:
        self.made_with = _made_with(signal)
        self._champion, self._leads_since_ms = signal.model, signal.open_time_ms
        self._models: dict[str, _Model] = {}
        self._last_day = 0

    def take(self, signal: Signal) -> None:
        names = (signal.model, *(each.model for each in signal.shadows))
        if tuple(self._models) != names:
            self._models = {name: self._models.get(name) or _Model(signal.open_time_ms) for name in names}
        if self._champion != signal.model:
            self._champion, self._leads_since_ms = signal.model, signal.open_time_ms
        self._last_day = day = signal.open_time_ms // _DAY_MS
        outcome = signal.outcome
        if outcome is None:
            return
        self._models[signal.model].add(day, _champion_sums(outcome))
        for shadow in signal.shadows:
            if shadow.qlike is not None:
                of_both = LossSums(1, shadow.qlike, outcome.qlike_ewma, outcome.qlike, bool(shadow.covered))
                self._models[shadow.model].add(day, of_both)

    def scores(self, days: int) -> list[ModelScore]:
        first_day = self._last_day - days + 1
        return [
            ModelScore(
                name,
                name == self._champion,
                *self.made_with,
                max(each.since_ms, first_day * _DAY_MS),
                self._leads_since_ms if name == self._champion else None,
                each.total(first_day),
            )
            for name, each in self._models.items()
        ]


def _champion_sums(outcome: Outcome) -> LossSums:
    return LossSums(1, outcome.qlike, outcome.qlike_ewma, outcome.qlike, outcome.covered, outcome.price_covered, 1)


def _total(parts: Iterable[LossSums]) -> LossSums:
    total = LossSums()
    for each in parts:
        total = total.plus(each)
    return total
