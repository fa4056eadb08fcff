"""What the signals tell about the quality of a symbol's candles, beyond the counts that each signal has. Bounded, and pure.

One thread writes it, others may read it: what is returned is never changed.
"""

from typing import NamedTuple

from volcast.core.types import MINUTE_MS, Signal

GAPS_OF_A_SYMBOL = 20


class SeenGap(NamedTuple):
    """Minutes without a candle, between two signals that were read one after the other."""

    from_ms: int
    """Start of the first missing minute, in milliseconds since 1970."""
    to_ms: int
    """Start of the candle that ended the gap."""

    @property
    def missing_minutes(self) -> int:
        """Number of missing minutes."""
        return (self.to_ms - self.from_ms) // MINUTE_MS


class SeenCandles(NamedTuple):
    """What was seen of a symbol's candles since its first signal was read."""

    first_ms: int
    """Start of the first candle whose signal was read, in milliseconds since 1970."""
    first_count: int
    """`candles` of that signal: 1 if it was the first of all, so that the counts of the signals began with it."""
    candles: int = 0
    """Candles whose signals were read."""
    flat: int = 0
    """Of these, candles whose four prices are the close before."""
    repeated: int = 0
    """Candles with the prices and the volume of the one before, and a volume above 0."""
    without_volume: int = 0
    """Candles with volume 0."""
    gaps: tuple[SeenGap, ...] = ()
    """The last gaps, the newest first."""


class CandleQuality:
    """What was seen of each symbol."""

    def __init__(self) -> None:
        self._symbols: dict[str, SeenCandles] = {}

    def take(self, before: Signal | None, signal: Signal, *, is_new: bool) -> None:  # noqa: ARG002  # as the other statistics
        """Take in a symbol's next signal, and the one before it."""
        seen = self._symbols.get(signal.symbol) or SeenCandles(signal.open_time_ms, signal.candles)
        prices, gaps = _prices(signal), seen.gaps
        if before and signal.open_time_ms - before.open_time_ms > MINUTE_MS:
            gaps = (SeenGap(before.open_time_ms + MINUTE_MS, signal.open_time_ms), *gaps)[:GAPS_OF_A_SYMBOL]
        self._symbols[signal.symbol] = SeenCandles(
            seen.first_ms,
            seen.first_count,
            seen.candles + 1,
            seen.flat + (before is not None and set(prices) == {before.close}),
            seen.repeated + (before is not None and signal.volume > 0 and _same(signal, before)),
            seen.without_volume + (signal.volume == 0),
            gaps,
        )

    def of(self, symbol: str) -> SeenCandles:
        """Return what was seen of a symbol. Raises KeyError before its first signal."""
        return self._symbols[symbol]


def _prices(signal: Signal) -> tuple[float, float, float, float]:
    return signal.open, signal.high, signal.low, signal.close


def _same(signal: Signal, before: Signal) -> bool:
    return signal.volume == before.volume and _prices(signal) == _prices(before)
