"""Runs the candles of one symbol through the production engine, and gives signals and features. No I/O, no clock.

A backtest on another path than production would judge something else. So rows go through the codec, the decoder and
`Engine.step`: bad rows, late ones and gaps are handled alike, and each forecast is the one that production would have made.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from volcast.core.codec import CandleText, Reason, Reject, encode_candle
from volcast.core.decoder import Decoder, refuse_unconfirmed
from volcast.core.engine import Engine
from volcast.core.timeline import Arrival, Skip
from volcast.core.types import Candle, Signal


def features_of(engine: Engine) -> dict[str, float]:
    """Return by name the features after the last candle: the model's inputs for its first horizon, and the shown indicators."""
    model, market = engine.forecaster.main.model, engine.forecaster.market
    vector = dict(zip(model.names, model.row(market).tolist(), strict=True))
    shown = {**market.indicators.values(), "noise_ratio": market.noise.value}
    return vector | {name: value for name, value in shown.items() if name not in vector}


_ALONE = "its date was not confirmed by a next candle: it lies far after the one before, or is the only one"


class BacktestReplay:
    """Runs the rows of one symbol through its engine, and counts the rows that are skipped."""

    def __init__(self, engine: Engine, decoder: Decoder) -> None:
        self.rows = 0
        """Rows read so far."""
        self.accepted = 0
        """Rows that the engine accepted."""
        self.skipped: Counter[str] = Counter()
        """Rows that were skipped, by the reject's reason or the engine's `Skip`."""
        self.first_skipped: dict[str, str] = {}
        """By reason: the place of the first skipped row, and what is wrong with it."""
        self.candle: Candle | None = None
        """The candle of the last signal; None before the first."""
        self._engine = engine
        self._decoder = decoder
        self._waiting: dict[int, str] = {}
        """By open_time_ms: the place of each row whose date waits for a next one to confirm it."""

    @property
    def symbol(self) -> str:
        """The symbol of the rows."""
        return self._engine.symbol

    def signals(self, rows: Iterable[CandleText]) -> Iterator[Signal]:
        """Yield a signal for each row that the engine accepts. A row is read only when its signal is requested."""
        for row in rows:
            yield from self.push(row)
        self.finish()

    def push(self, row: CandleText) -> Iterator[Signal]:
        """Yield the signals that the next row brings about: none or one; two if it confirms the date of the row before."""
        self.rows += 1
        engine, value = self._engine, encode_candle(row)
        item = self._decoder.decode(engine.symbol.encode(), value)
        if not isinstance(item, Candle):
            if isinstance(item, Reject):
                self._skip(_place(row), item.reason, item.detail)
            return
        admission = engine.admit(Arrival(item, self.rows, value))
        if admission.skip:
            self._skip(_place(row), admission.skip, "")
        for each in admission.refused:
            detail = refuse_unconfirmed(each, item.open_time_ms).detail
            self._skip(self._waiting[each.candle.open_time_ms], Reason.UNCONFIRMED_DATE, detail)
        if self._waiting or engine.dates.waiting:
            times = [each.candle.open_time_ms for each in engine.dates.waiting]
            self._waiting = {time_ms: self._waiting.get(time_ms) or _place(row) for time_ms in times}
        for each in admission.accepted:
            signal = engine.step(each.candle)
            if isinstance(signal, Signal):
                self.accepted += 1
                self.candle = each.candle
                yield signal

    def finish(self) -> None:
        """Count the rows that still wait after the last one: nothing confirms their dates."""
        for place in self._waiting.values():
            self._skip(place, Reason.UNCONFIRMED_DATE, _ALONE)
        self._waiting = {}

    def _skip(self, place: str, reason: Reason | Skip, detail: str) -> None:
        self.skipped[reason.value] += 1
        self.first_skipped.setdefault(reason.value, f"{place}: {detail}" if detail else place)

    def dump(self) -> dict[str, Any]:
        """Return the counts and places, without the engine's state."""
        return {
            "rows": self.rows,
            "accepted": self.accepted,
            "skipped": dict(self.skipped),
            "first_skipped": dict(self.first_skipped),
            "waiting": dict(self._waiting),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned; the engine is restored from its snapshot."""
        self.rows, self.accepted = state["rows"], state["accepted"]
        self.skipped = Counter(state["skipped"])
        self.first_skipped, self._waiting = dict(state["first_skipped"]), dict(state["waiting"])


def _place(row: CandleText) -> str:
    return f"{row.source}, line {row.line}"
