"""Candles for the accuracy benches: simulated ones, whose true volatility is known, or those of a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from producer.csv_replay import CsvReplay
from volcast.core.arrays import Floats
from volcast.core.codec import CandleText
from volcast.core.types import MINUTE_MS, Candle
from volcast.simulation.market import simulate_candles

START_MS = 1_704_067_200_000
DAY_MINUTES = 1_440
_UNITS = 10**8


@dataclass(frozen=True, slots=True)
class Simulated:
    """A seeded simulated market."""

    symbol: str
    days: int
    seed: int

    @property
    def minutes(self) -> int:
        return self.days * DAY_MINUTES

    def rows(self) -> Iterator[CandleText]:
        for line, candle in enumerate(
            simulate_candles(self.symbol, minutes=self.minutes, seed=self.seed, start_ms=START_MS), start=2
        ):
            yield CandleText(self.symbol, *candle[:7], source="simulated", closed_by="file", line=line)

    def true_variance(self) -> Floats:
        """Return (minutes,): the true variance of each minute's log return."""
        made = simulate_candles(self.symbol, minutes=self.minutes, seed=self.seed, start_ms=START_MS)
        return np.fromiter((candle.true_volatility**2 for candle in made), np.float64, self.minutes)


class Recorded:
    """The candles of a file, which is checked as a whole first."""

    def __init__(self, path: Path) -> None:
        self._source = CsvReplay(path)
        self.symbol = self._source.symbol
        self.minutes = self._source.summary.rows

    def rows(self) -> Iterator[CandleText]:
        return self._source.candles()


@dataclass(frozen=True, slots=True, eq=False)
class Minutes:
    """Candles as arrays, to start anywhere: rising times (n,), and open, high, low, close, quote volume (n, 5)."""

    symbol: str
    open_time_ms: NDArray[np.int64]
    numbers: Floats

    @property
    def close(self) -> Floats:
        return self.numbers[:, 3]

    def squares(self) -> Floats:
        """Return (n,): squared log returns, 0 after a gap."""
        follows = np.diff(self.open_time_ms) == MINUTE_MS
        return np.concatenate(([0.0], np.where(follows, np.diff(np.log(self.close)) ** 2, 0.0)))

    def candles(self, begin: int, end: int) -> Iterator[Candle]:
        for time_ms, (open_, high, low, close, quote) in zip(
            self.open_time_ms[begin:end].tolist(), self.numbers[begin:end].tolist(), strict=True
        ):
            units = round(close * _UNITS)
            yield Candle(
                self.symbol, time_ms, open_, high, low, close, units, quote / close, quote, "bench", live=False, closed_by="file"
            )


def as_arrays(stream: Simulated | Recorded) -> Minutes:
    """Return the candles as arrays, without rows whose time does not rise."""
    times, numbers = np.empty(stream.minutes, np.int64), np.empty((stream.minutes, 5))
    count, last_ms = 0, -1
    for row in stream.rows():
        if row.open_time_ms > last_ms:
            times[count] = last_ms = row.open_time_ms
            numbers[count] = [float(text) for text in (row.open, row.high, row.low, row.close, row.quote_volume)]
            count += 1
    return Minutes(stream.symbol, times[:count], numbers[:count])
