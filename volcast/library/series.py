"""The candles of one symbol on their way through the engine, by the same path as in the stream: encoded, decoded, admitted.

Beside the engine it keeps the answers of the last candles: a frame that is run again, with some rows more, gets them again.
"""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from volcast.candle_files.check import ODD_RUN, duration
from volcast.candle_files.contract import CandleRow
from volcast.core.codec import CandleText, Reason, Reject, decode_signal, encode_candle, encode_signal
from volcast.core.decoder import Decoder, refuse_unconfirmed
from volcast.core.engine import Engine
from volcast.core.timeline import Arrival, Skip
from volcast.core.types import MINUTE_MS, Candle, Restoring, Signal

from .columns import CANDLE, ForecastColumns

ACCEPTED, KNOWN, WAITING = "accepted", "known", "waiting"
"""What became of a candle that was not refused: it has a forecast; it had one already, which is given again; it waits."""
_WAITS = "its date waits for the next candle to confirm it: it is the first one, or lies more than 15 minutes after the last"
_DIFFERS = "a candle of this minute was taken in before, and this one is different; the first one counts"
_FORGOTTEN = "a candle of this minute was taken in before, too long ago for its forecast to be remembered"
_CLOSE = CANDLE.index("close")
_LATE = "a later candle was taken in before it"


class CandleAnswer(NamedTuple):
    """What became of a candle."""

    open_time_ms: int
    status: str
    """`accepted`, `known`, `waiting`, or why the candle was refused, in one word."""
    detail: str
    """Why it waits or was refused, in a sentence; else empty."""
    values: bytes = b""
    """Those of `ForecastColumns`, float64; empty without a forecast."""
    signal: Signal | None = None
    """The signal, if the candle was accepted now."""


class SymbolSeries:
    """The engine of one symbol, and what the library remembers beside it.

    Args:
        engine: Its state may have been restored.
        columns: The columns of its forecasts.
        remember: The number of candles whose forecasts are remembered.
    """

    def __init__(self, engine: Engine, columns: ForecastColumns, remember: int) -> None:
        self.engine = engine
        self.has_volume: bool | None = None
        """Whether the frames had a column of volumes; None before the first one."""
        self.last: Signal | None = None
        """The signal of the last candle that was accepted."""
        self._columns, self._remember, self._key = columns, remember, engine.symbol.encode()
        self._decoder = Decoder(engine.price_decimals)
        self._remembered: OrderedDict[int, bytes] = OrderedDict()  # a dict finds its first key slowly after many deletions
        """By open_time_ms: the values of the forecast, which begin with the numbers of the candle."""
        self._last_ms = self._step_ms = self._steps = 0
        """Of single candles: the time of the last one, the last step between two, and how many in a row were as long."""

    def push(self, row: CandleRow, source: str) -> list[CandleAnswer]:
        """Take in a row. Return what became of it, and of candles that waited for it; the row's own answer is the last."""
        engine, time_ms = self.engine, row.open_time_ms
        value = encoded(engine.symbol, row, source)
        item = self._decoder.decode(self._key, value)
        if isinstance(item, Reject):
            return [CandleAnswer(time_ms, item.reason.value, item.detail)]
        if not isinstance(item, Candle):  # no record of another kind was encoded
            raise TypeError(f"a candle was expected; got {item}")
        if found := self._again(item):
            return [found]
        admission = engine.admit(Arrival(item, None, value))
        answers = [_unconfirmed(each, time_ms) for each in admission.refused]
        answers += [self._step(each.candle) for each in admission.accepted]
        if admission.skip:
            detail = _FORGOTTEN if admission.skip is Skip.DUPLICATE else _LATE
            answers.append(CandleAnswer(time_ms, admission.skip.value, detail))
        elif engine.dates.waiting:  # this one, whatever it has confirmed: all others are accepted or refused now
            answers.append(CandleAnswer(time_ms, WAITING, _WAITS))
        return answers

    def _again(self, candle: Candle) -> CandleAnswer | None:
        """Return the answer to a candle that was taken in before, or waits; None if it is new or forgotten."""
        time_ms = candle.open_time_ms
        for each in self.engine.dates.waiting:
            if each.candle.open_time_ms == time_ms:
                same = _numbers(each.candle) == _numbers(candle)
                return CandleAnswer(time_ms, WAITING, _WAITS) if same else CandleAnswer(time_ms, Skip.DUPLICATE.value, _DIFFERS)
        if (values := self._remembered.get(time_ms)) is None:
            return None
        if array("d", values)[: len(CANDLE)] != _numbers(candle):
            return CandleAnswer(time_ms, Skip.DUPLICATE.value, _DIFFERS)
        return CandleAnswer(time_ms, KNOWN, "", values)

    def _step(self, candle: Candle) -> CandleAnswer:
        signal = self.engine.step(candle)
        if not isinstance(signal, Signal):  # it was admitted
            raise TypeError(f"a signal was expected; got {signal}")
        self.last = signal
        values = self._remembered[candle.open_time_ms] = self._columns.values(signal)
        if len(self._remembered) > self._remember:
            self._remembered.popitem(last=False)
        return CandleAnswer(candle.open_time_ms, ACCEPTED, "", values, signal)

    def odd_step(self, time_ms: int) -> str | None:
        """Count the step to the next single candle. Return how far apart the last ones lie, unless it is a minute."""
        step_ms = time_ms - (self._last_ms or time_ms)
        self._last_ms = max(self._last_ms, time_ms)
        if step_ms <= 0:
            return None
        self._steps = self._steps + 1 if step_ms == self._step_ms else 1
        self._step_ms = step_ms
        return duration(step_ms) if step_ms != MINUTE_MS and self._steps >= ODD_RUN else None

    def closes(self, until_ms: int, minutes: int) -> list[tuple[int, float]]:
        """Return the remembered closes of the minutes up to this one: open_time_ms and price, oldest first."""
        from_ms = until_ms - minutes * MINUTE_MS
        recent = takewhile(lambda each: each[0] > from_ms, reversed(self._remembered.items()))
        found = [(time_ms, array("d", values)[_CLOSE]) for time_ms, values in recent if time_ms <= until_ms]
        return found[::-1]

    def knows(self, time_ms: int) -> bool:
        """Return whether the forecast of a minute is remembered."""
        return time_ms in self._remembered

    def forgotten(self, times_ms: Sequence[int]) -> int:
        """Return how many of these minutes were taken in, or passed, and are not remembered."""
        last_ms = self.engine.last_open_time_ms
        return sum(time_ms <= last_ms and time_ms not in self._remembered for time_ms in times_ms)

    def dump(self) -> dict[str, Any]:
        """Return what is remembered beside the engine's own state: plain values."""
        last = None if self.last is None else encode_signal(self.last)
        return {
            "last": last,
            "has_volume": self.has_volume,
            "remembered": dict(self._remembered),
            "step": [self._last_ms, self._step_ms, self._steps],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        width = 8 * (len(CANDLE) + len(self._columns.kinds))
        remembered = {int(time_ms): bytes(kept) for time_ms, kept in state["remembered"].items()}
        if any(len(kept) != width for kept in remembered.values()):
            raise ValueError("the remembered forecasts have other columns")
        last = None if state["last"] is None else decode_signal(state["last"])
        if isinstance(last, Restoring):
            raise TypeError("the last signal is none")
        self.last = last
        self.has_volume = None if state["has_volume"] is None else bool(state["has_volume"])
        self._last_ms, self._step_ms, self._steps = (int(each) for each in state["step"])
        self._remembered = OrderedDict(remembered)


def encoded(symbol: str, row: CandleRow, source: str) -> bytes:
    """Return a row as a record of `candles`, as the producer writes it."""
    return encode_candle(CandleText(symbol, row.open_time_ms, *row[2:], source, "file", line=row.line))


def _unconfirmed(waited: Arrival, next_ms: int) -> CandleAnswer:
    detail = refuse_unconfirmed(waited, next_ms).detail
    return CandleAnswer(waited.candle.open_time_ms, Reason.UNCONFIRMED_DATE.value, detail)


def _numbers(candle: Candle) -> "array[float]":
    return array("d", (candle.open, candle.high, candle.low, candle.close, candle.volume))
