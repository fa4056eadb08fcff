"""Runs the candles of one symbol through the production engine, and gives signals and features. No I/O, no clock.

A backtest on another path than production would judge something else. So rows go through the codec, the decoder and
`Engine.step`: bad rows, late ones and gaps are handled alike, and each forecast is the one that production would have made.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from volcast.core.codec import CandleText, Reason, Reject, encode_candle
from volcast.core.decoder import Decoder, refuse_unconfirmed
from volcast.core.engine import Engine
from volcast.core.timeline import Arrival
from volcast.core.types import Candle, Signal, Skip


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
        self._engine = engine
        self._decoder = decoder

    @property
    def symbol(self) -> str:
        """The symbol of the rows."""
        return self._engine.symbol

    def signals(self, rows: Iterable[CandleText]) -> Iterator[Signal]:
        """Yield a signal for each row that the engine accepts. A row is read only when its signal is requested."""
        key = self._engine.symbol.encode()
        engine, decode, waiting = self._engine, self._decoder.decode, dict[int, CandleText]()
        for row in rows:
            self.rows += 1
            value = encode_candle(row)
            item = decode(key, value)
            if isinstance(item, Reject):
                self._skip(row, item.reason, item.detail)
            if not isinstance(item, Candle):
                continue
            admission = engine.admit(Arrival(item, self.rows, value))
            if admission.skip:
                self._skip(row, admission.skip, "")
            for each in admission.refused:
                detail = refuse_unconfirmed(each, item.open_time_ms).detail
                self._skip(waiting[each.candle.open_time_ms], Reason.UNCONFIRMED_DATE, detail)
            waiting = {each.candle.open_time_ms: waiting.get(each.candle.open_time_ms, row) for each in engine.dates.waiting}
            for each in admission.accepted:
                signal = engine.step(each.candle)
                if isinstance(signal, Signal):
                    self.accepted += 1
                    yield signal
        for each in engine.dates.waiting:
            self._skip(waiting[each.candle.open_time_ms], Reason.UNCONFIRMED_DATE, _ALONE)

    def _skip(self, row: CandleText, reason: Reason | Skip, detail: str) -> None:
        self.skipped[reason.value] += 1
        where = f"{row.source}, line {row.line}"
        self.first_skipped.setdefault(reason.value, f"{where}: {detail}" if detail else where)
