"""Candles of one symbol through production's own engine: signals out, and what else the engine knows. No I/O, no clock.

A backtest that took another path than production would judge something else: rows go through the codec, the decoder and
`Engine.step`, so bad rows, late ones and gaps are treated alike, and each forecast is the one that production would have made.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from volcast.core.codec import CandleText, Reason, Reject, encode_candle
from volcast.core.decoder import Decoder, refuse_jump
from volcast.core.engine import Engine
from volcast.core.types import Candle, Signal, Skip


def features_of(engine: Engine) -> dict[str, float]:
    """After the last candle: what the model looks at for its first horizon, and what is shown to people, by name."""
    model, market = engine.forecaster.main.model, engine.forecaster.market
    vector = dict(zip(model.names, model.row(market).tolist(), strict=True))
    shown = {**market.indicators.values(), "noise_ratio": market.noise.value}
    return vector | {name: value for name, value in shown.items() if name not in vector}


class BacktestReplay:
    """Rows of one symbol through its engine. What is not taken in is counted."""

    def __init__(self, engine: Engine, decoder: Decoder) -> None:
        self.rows = 0
        """Seen so far."""
        self.taken = 0
        self.not_taken: Counter[str] = Counter()
        """By why: a reject's reason, or what the engine says of a candle out of time."""
        self.first_refusals: dict[str, str] = {}
        """By reason, where the first one stands and what is wrong with it."""
        self._engine = engine
        self._decoder = decoder

    @property
    def symbol(self) -> str:
        """Whose rows they are."""
        return self._engine.symbol

    def signals(self, rows: Iterable[CandleText]) -> Iterator[Signal]:
        """One for each row that the engine takes in, as it is taken in."""
        key = self._engine.symbol.encode()
        step, decode = self._engine.step, self._decoder.decode
        for row in rows:
            self.rows += 1
            value = encode_candle(row)
            item = decode(key, value)
            answer = step(item) if isinstance(item, Candle) else item
            if isinstance(answer, Signal):
                self.taken += 1
                yield answer
            elif isinstance(answer, Reject):
                self._count(row, answer.reason, answer.detail)
            elif answer is Skip.TOO_FAR_AHEAD:
                self._count(row, answer, refuse_jump(row.open_time_ms, self._engine.last_open_time_ms, key, value).detail)
            elif isinstance(answer, Skip):
                self._count(row, answer, "")

    def _count(self, row: CandleText, why: Reason | Skip, detail: str) -> None:
        self.not_taken[why.value] += 1
        where = f"{row.source}, line {row.line}"
        self.first_refusals.setdefault(why.value, f"{where}: {detail}" if detail else where)
