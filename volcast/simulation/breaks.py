"""Breaks that are planted in a simulated market or in its feed, at known times: to see what finds them, and how soon.

A break changes no random number. Until it begins, the candles are those of the same market without it; and where it changes only
the feed, the market behind goes on, so the candles after its end are those without it, too. The kinds and their one number:

| kind              | number    | what happens from its first minute on                                                          |
|-------------------|-----------|------------------------------------------------------------------------------------------------|
| `variance`        | `factor`  | the variance is multiplied, but for random jumps; volume follows, as it always does here       |
| `volume`          | `factor`  | volume alone is multiplied; 0 leaves none                                                      |
| `rhythm`          | `hours`   | the weekly profile of the variance comes so many hours later, or earlier if negative           |
| `jump`            | `percent` | the price moves once, at the beginning of the minute, and stays there                          |
| `frozen_price`    |           | all four prices are the last close that was right; volume goes on                              |
| `repeated_candle` |           | the last candle that was right comes again each minute, under the new time                     |
| `bad_tick`        | `factor`  | the close of one minute is multiplied; high or low reaches as far; the next minute is right |
| `missing_minutes` |           | there are no candles                                                                           |
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from volcast.core.arrays import Floats
from volcast.core.types import MINUTE_MS

_HOUR_MINUTES = 60
_ENDLESS_MS = 2**62
_ROUNDING = 1e-9


class BreakError(ValueError):
    """A break that is not possible. The message says which one, and what is allowed."""


class BreakKind(StrEnum):
    """What a break changes; the table of the module says how."""

    VARIANCE = "variance"
    VOLUME = "volume"
    RHYTHM = "rhythm"
    JUMP = "jump"
    FROZEN_PRICE = "frozen_price"
    REPEATED_CANDLE = "repeated_candle"
    BAD_TICK = "bad_tick"
    MISSING_MINUTES = "missing_minutes"


class BreakRule(NamedTuple):
    """What a break of one kind needs."""

    number: str
    """The name of its number; empty if it has none."""
    lowest: float
    highest: float
    neutral: float
    """The number that would change nothing, which is refused."""
    lasts: bool
    """Whether it lasts; otherwise it is over after one minute."""
    in_feed: bool
    """Whether it changes what the feed reports, not the market."""


_NONE = ("", 0.0, 0.0, np.nan)
BREAK_RULES = {
    BreakKind.VARIANCE: BreakRule("factor", 0.01, 100.0, 1.0, lasts=True, in_feed=False),
    BreakKind.VOLUME: BreakRule("factor", 0.0, 1_000.0, 1.0, lasts=True, in_feed=False),
    BreakKind.RHYTHM: BreakRule("hours", -84.0, 84.0, 0.0, lasts=True, in_feed=False),
    BreakKind.JUMP: BreakRule("percent", -90.0, 900.0, 0.0, lasts=False, in_feed=False),
    BreakKind.FROZEN_PRICE: BreakRule(*_NONE, lasts=True, in_feed=True),
    BreakKind.REPEATED_CANDLE: BreakRule(*_NONE, lasts=True, in_feed=True),
    BreakKind.BAD_TICK: BreakRule("factor", 0.001, 1_000.0, 1.0, lasts=False, in_feed=True),
    BreakKind.MISSING_MINUTES: BreakRule(*_NONE, lasts=True, in_feed=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One planted break. Raises BreakError if a value does not fit its kind."""

    kind: BreakKind
    at_ms: int
    """The open time of the first candle that it changes."""
    minutes: int | None = None
    """How long it lasts; None for a kind that is over after one minute, or if it lasts to the end of the run."""
    number: float | None = None
    """The factor, hours or percent; None for a kind without."""
    symbols: tuple[str, ...] = ()
    """The symbols that it changes; none means all."""

    def __post_init__(self) -> None:
        rule = BREAK_RULES[self.kind]
        if self.at_ms % MINUTE_MS:
            raise BreakError(f"a break begins at a whole minute, not at {self.at_ms} ms")
        if not rule.lasts and self.minutes is not None:
            raise BreakError(f"{self.kind} is over after one minute; leave out minutes")
        if self.minutes is not None and self.minutes < 1:
            raise BreakError(f"minutes must be at least 1, not {self.minutes}")
        if not rule.number:
            if self.number is not None:
                raise BreakError(f"{self.kind} has no number")
        elif self.number is None:
            raise BreakError(f"{self.kind} needs {rule.number}, from {rule.lowest:g} to {rule.highest:g}")
        elif not rule.lowest <= self.number <= rule.highest or self.number == rule.neutral:
            allowed = f"from {rule.lowest:g} to {rule.highest:g}, other than {rule.neutral:g}"
            raise BreakError(f"{rule.number} of {self.kind} must be {allowed}; it is {self.number:g}")
        if self.kind is BreakKind.RHYTHM and abs(_minutes(self.number) - round(_minutes(self.number))) > _ROUNDING:
            raise BreakError(f"hours of {self.kind} must be a whole number of minutes, not {self.number:g} h")

    @property
    def end_ms(self) -> int:
        """The open time of the first candle after it; far in the future if it lasts to the end."""
        if not BREAK_RULES[self.kind].lasts:
            return self.at_ms + MINUTE_MS
        return _ENDLESS_MS if self.minutes is None else self.at_ms + self.minutes * MINUTE_MS

    @property
    def label(self) -> str:
        """The kind and its number in words, as in `variance ×2.25`."""
        name = self.kind.replace("_", " ")
        match self.kind:
            case BreakKind.RHYTHM:
                return f"{name} {abs(self.number or 0.0):g} h {'later' if (self.number or 0.0) > 0 else 'earlier'}"
            case BreakKind.JUMP:
                return f"{name} of {self.number:+g} %"
            case _:
                return name if self.number is None else f"{name} ×{self.number:g}"

    def describe(self, run_end_ms: int) -> str:
        """Return what happens from when until when, for a run that ends at `run_end_ms`."""
        where = f"{self.label}, {','.join(self.symbols) or 'all symbols'}"
        if not BREAK_RULES[self.kind].lasts:
            return f"{where}: at {_time(self.at_ms)} UTC"
        end_ms = min(self.end_ms, run_end_ms)
        count = (end_ms - self.at_ms) // MINUTE_MS
        minutes = f"{count} minute{'s' * (count != 1)}" + (", the end of the run" if end_ms == run_end_ms else "")
        return f"{where}: from {_time(self.at_ms)} until {_time(end_ms)} UTC ({minutes})"


def check_breaks(breaks: Iterable[Break], symbols: Sequence[str], start_ms: int, minutes: int) -> None:
    """Raise BreakError if a break lies outside the run, names a symbol that is not generated, or contradicts another one.

    Two breaks of one kind must not overlap on a symbol, nor two breaks of the feed: it can be broken in one way at a time.
    """
    breaks = list(breaks)
    run_end_ms = start_ms + minutes * MINUTE_MS
    for each in breaks:
        name = f"{each.label} at {_time(each.at_ms)}"
        if unknown := [symbol for symbol in each.symbols if symbol not in symbols]:
            raise BreakError(f"{name}: {unknown[0]} is not generated; the symbols are {','.join(symbols)}")
        if not start_ms < each.at_ms < run_end_ms:
            allowed = f"later than the first candle, {_time(start_ms)}, and before the end, {_time(run_end_ms)}"
            raise BreakError(f"{name}: a break must begin {allowed}")
        if each.minutes is not None and each.end_ms > run_end_ms:
            raise BreakError(f"{name}: it ends after the run, {_time(run_end_ms)}; leave out minutes to let it last to the end")
    for one, other in combinations(breaks, 2):
        together = not one.symbols or not other.symbols or set(one.symbols) & set(other.symbols)
        alike = one.kind is other.kind or (BREAK_RULES[one.kind].in_feed and BREAK_RULES[other.kind].in_feed)
        if together and alike and one.at_ms < other.end_ms and other.at_ms < one.end_ms:
            what = "two breaks of one kind" if one.kind is other.kind else "two breaks of the feed"
            first, second = sorted((one, other), key=lambda each: each.at_ms)
            names = f"{first.label} from {_time(first.at_ms)} and {second.label} from {_time(second.at_ms)}"
            raise BreakError(f"{names} overlap; {what} must not")


class MarketBreaks:
    """The breaks of one symbol's market, as arrays over its minutes. The times are the open times, (n,), in milliseconds."""

    def __init__(self, breaks: Iterable[Break]) -> None:
        self._breaks = [each for each in breaks if not BREAK_RULES[each.kind].in_feed]

    def log_variance(self, times_ms: NDArray[np.int64]) -> Floats:
        """Return (n,): what to add to the log variance."""
        return np.log(self._numbers(BreakKind.VARIANCE, times_ms, 1.0))

    def volume_factor(self, times_ms: NDArray[np.int64]) -> Floats:
        """Return (n,): what to multiply the volume by."""
        return self._numbers(BreakKind.VOLUME, times_ms, 1.0)

    def rhythm_minutes(self, times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return (n,): how many minutes later than usual the weekly profile comes."""
        return np.rint(self._numbers(BreakKind.RHYTHM, times_ms, 0.0) * _HOUR_MINUTES).astype(np.int64)

    def log_jumps(self, times_ms: NDArray[np.int64]) -> Floats:
        """Return (n,): the log return at the beginning of each minute."""
        return np.log1p(self._numbers(BreakKind.JUMP, times_ms, 0.0) / 100.0)

    def _numbers(self, kind: BreakKind, times_ms: NDArray[np.int64], otherwise: float) -> Floats:
        numbers = np.full(times_ms.shape, otherwise)
        for each in self._breaks:
            if each.kind is kind and each.number is not None:
                numbers[(each.at_ms <= times_ms) & (times_ms < each.end_ms)] = each.number
        return numbers


def _minutes(hours: float | None) -> float:
    return (hours or 0.0) * _HOUR_MINUTES


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
