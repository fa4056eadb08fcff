"""Whether columns hold what their names say, judged by how the rows of a market fit together.

Each row looks sound alone, whichever of two prices is called the open. Together they do not:

| The rows                                          | How that shows                                                             |
|---------------------------------------------------|----------------------------------------------------------------------------|
| have open and close swapped                       | a close lies near the open before, instead of an open near the close before|
| are Heikin-Ashi candles, which are averages       | an open is the mean of the open and the close before                       |
| have the two volumes swapped                      | volume / quote volume is the price, instead of the reverse                 |
| are longer candles, filled up to one a minute     | rows that are new lie minutes apart, and those between repeat them         |

The limits are far from what a market does: a sum of distances must be a small part of another one, or nearly all rows must agree.
"""

from collections import Counter
from math import inf
from typing import NamedTuple

from volcast.candle_files.contract import CandleRow

_MINUTE_MS = 60_000
MAX_ROWS = 100_000
"""The rows that are looked at, from the first on: what a column holds does not change within a file, and this takes time."""
_MIN_ROWS = 30
"""With fewer rows nothing is said."""
_SWAPPED, _AVERAGED = 0.25, 0.1
"""Share of the distances between the opens and the closes before, below which the distances of another explanation must be."""
_VOLUME_TOLERANCE = 1.05
_NEARLY_ALL = 0.9


class _Prices(NamedTuple):
    time_ms: int
    open: float
    high: float
    low: float
    close: float


class ColumnCheck:
    """The rows of a file, added one by one in either order of time, and what is wrong with their columns."""

    def __init__(self) -> None:
        self._rows = 0
        self._before: tuple[CandleRow, _Prices] | None = None
        self._steps = 0
        self._to_close = self._to_open = self._to_mean = 0.0
        """Sums, relative to the price: from each open to the close before, from each close to the open before, and from each open
        to the mean of both."""
        self._with_volumes = self._volumes_fit = self._volumes_swapped = 0
        self._new_at_ms = 0
        self._new_steps: Counter[int] = Counter()

    def add(self, row: CandleRow) -> bool:
        """Take in the next row. Return whether its prices are above 0 and finite, and high is not below low."""
        self._rows += 1
        before, self._before = self._before, None
        prices = _prices(row)
        if prices is not None and self._rows <= MAX_ROWS:
            self._compare(row, prices, before)
        return prices is not None

    def _compare(self, row: CandleRow, prices: _Prices, before: tuple[CandleRow, _Prices] | None) -> None:
        self._before = row, prices
        self._add_volumes(row, prices)
        if before is None:
            self._new_at_ms = row.open_time_ms
            return
        if _is_new(row, before[0]):
            self._new_steps[abs(row.open_time_ms - self._new_at_ms)] += 1
            self._new_at_ms = row.open_time_ms
        if abs(step_ms := row.open_time_ms - before[1].time_ms) == _MINUTE_MS:
            earlier, later = (before[1], prices) if step_ms > 0 else (prices, before[1])
            self._steps += 1
            self._to_close += abs(later.open - earlier.close) / earlier.close
            self._to_open += abs(later.close - earlier.open) / earlier.close
            self._to_mean += abs(later.open - (earlier.open + earlier.close) / 2) / earlier.close

    def _add_volumes(self, row: CandleRow, prices: _Prices) -> None:
        volume, quote = _number(row.volume), _number(row.quote_volume)
        if 0 < volume < inf and 0 < quote < inf:
            low, high = prices.low / _VOLUME_TOLERANCE, prices.high * _VOLUME_TOLERANCE
            self._with_volumes += 1
            self._volumes_fit += low <= quote / volume <= high
            self._volumes_swapped += low <= volume / quote <= high

    def problem(self) -> str | None:
        """Return what is wrong with the columns, and what to do, or None."""
        if self._steps >= _MIN_ROWS:
            if self._to_mean < _AVERAGED * self._to_close:
                return "the rows are Heikin-Ashi candles, which are averages; give the market's own prices"
            if self._to_open < _SWAPPED * self._to_close:
                return "each close is near the open before it, so open and close seem to be swapped; correct their names"
        swapped = self._volumes_swapped > _NEARLY_ALL * self._with_volumes
        if self._with_volumes >= _MIN_ROWS and swapped and 2 * self._volumes_fit < self._with_volumes:
            return "volume / quote volume is the price, so the two volumes seem to be swapped; correct their names"
        steps = self._new_steps.total()
        if steps >= _MIN_ROWS:
            usual_ms, count = self._new_steps.most_common(1)[0]
            if usual_ms > _MINUTE_MS and usual_ms % _MINUTE_MS == 0 and count > _NEARLY_ALL * steps:
                minutes = usual_ms // _MINUTE_MS
                return f"rows lie {minutes} minutes apart, and those between only repeat them; candles of one minute are expected"
        return None


def _is_new(row: CandleRow, before: CandleRow) -> bool:
    """Return whether a row says more than the row above: neither the same candle, nor a minute without a trade."""
    is_flat = row.open == row.high == row.low == row.close
    return row[2:] != before[2:] and not (is_flat and not _number(row.volume))


def _prices(row: CandleRow) -> _Prices | None:
    try:
        open_, high, low, close = float(row.open), float(row.high), float(row.low), float(row.close)
    except ValueError:  # an empty cell
        return None
    if 0 < low <= high < inf and 0 < open_ < inf and 0 < close < inf:
        return _Prices(row.open_time_ms, open_, high, low, close)
    return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # an empty cell
        return 0.0
