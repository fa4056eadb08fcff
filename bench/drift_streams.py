"""Streams for the drift bench: what the detectors see of simulated or real candles, and forecasts broken afterwards."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from math import exp, log
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from producer.file_names import symbol_of
from volcast.candle_files.reader import read_candles
from volcast.core.codec import CandleText, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.drift.alarms import DriftAlarm
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.drift.observation import Observation
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Signal
from volcast.simulation.breaks import Break
from volcast.simulation.market import simulate_candles

START_MS = 1_704_067_200_000
"""2024-01-01, the first minute of each simulated market."""
PRICE_DECIMALS = 8


class ForecastBreak(NamedTuple):
    """A forecast that fails: its variance is multiplied, or it stays as it was, or it sits at the volatility given."""

    label: str
    log_factor: float = 0.0
    frozen: bool = False
    stuck_at: float | None = None
    """A log variance of the horizon."""


FORECAST_BREAKS = (
    ForecastBreak("forecast frozen", frozen=True),
    ForecastBreak("forecast ×2.25", log(2.25)),
    ForecastBreak("forecast ×1.5", log(1.5)),
    ForecastBreak("forecast ×0.44", log(0.44)),
    ForecastBreak("forecast stuck at its lower bound", stuck_at=log(60 * 1e-12)),
)


def simulated(symbol: str, days: int, seed: int, breaks: Iterable[Break] = ()) -> Iterator[Candle]:
    """Yield the candles of a simulated market from `START_MS` on."""
    rows = simulate_candles(symbol, minutes=days * 1_440, seed=seed, start_ms=START_MS, breaks=tuple(breaks))
    for row in rows:
        yield Candle(
            symbol=symbol,
            open_time_ms=row.open_time_ms,
            open=float(row.open),
            high=float(row.high),
            low=float(row.low),
            close=float(row.close),
            close_units=round(float(row.close) * 10**PRICE_DECIMALS),
            volume=float(row.volume),
            quote_volume=float(row.quote_volume),
            source="simulated",
            live=False,
            closed_by="file",
        )


def new_engine(symbol: str) -> Engine:
    """Return the engine that all streams use: the champion with the bundled prior, and its settings' defaults."""
    return Engine(symbol, EngineConfig(), PRICE_DECIMALS)


class _Recorder(DriftMonitor):
    """Keeps the last observation in place of running the detectors."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: deque[Observation] = deque(maxlen=1)

    def push(self, seen: Observation) -> None:
        self.seen.append(seen)


def observed(engine: Engine, candles: Iterable[Candle], closes: list[float] | None = None) -> Iterator[Observation]:
    """Yield what the detectors see of each candle that the engine accepts, and add its close to `closes`."""
    engine.drift = recorder = _Recorder()
    for candle in candles:
        if isinstance(engine.step(candle), Signal):
            if closes is not None:
                closes.append(candle.close)
            yield recorder.seen[-1]


def break_forecast(stream: Iterable[Observation], at_minute: int, how: ForecastBreak, last: Observation) -> Iterator[Observation]:
    """Yield the stream with a forecast that fails from `at_minute` on; `last` is the observation before the stream.

    The engine itself is sound: only what it says is changed, as by a fault between the model and its reader. Outcomes of broken
    forecasts are broken alike.
    """
    for seen in stream:
        if seen.minute < at_minute:
            last = seen
            yield seen
            continue
        shift = _shift(seen.log_variance, how, last)
        scale = exp(shift / 2)
        outcome = seen.outcome
        if outcome is not None and seen.minute - seen.horizon_minutes >= at_minute:
            outcome = (outcome[0], outcome[1] * exp(_shift(log(outcome[1]), how, last)), outcome[2])
        yield replace(
            seen,
            log_variance=seen.log_variance + shift if how.log_factor else _constant(how, last),
            volatility_median=seen.volatility_median * scale,
            volatility_lower=seen.volatility_lower * scale,
            volatility_upper=seen.volatility_upper * scale,
            outcome=outcome,
        )


def _constant(how: ForecastBreak, last: Observation) -> float:
    return last.log_variance if how.stuck_at is None else how.stuck_at


def _shift(log_variance: float, how: ForecastBreak, last: Observation) -> float:
    return how.log_factor or _constant(how, last) - log_variance


def first_alarms(alarms: Iterable[DriftAlarm]) -> dict[str, DriftAlarm]:
    """Return each detector's first alarm; `alarms` are in order of time."""
    first: dict[str, DriftAlarm] = {}
    for alarm in alarms:
        first.setdefault(alarm.detector, alarm)
    return first


def recorded(paths: Sequence[Path]) -> tuple[str, Iterator[Candle]]:
    """Return the symbol that the file names say, and the candles of the files that the decoder accepts, in order."""
    symbol, decoder = symbol_of(paths[0]), Decoder(PRICE_DECIMALS)

    def candles() -> Iterator[Candle]:
        for path in paths:
            for row in read_candles(path):
                text = CandleText(symbol, *row[1:], source=path.name, closed_by="file", line=row.line)
                item = decoder.decode(symbol.encode(), encode_candle(text))
                if isinstance(item, Candle):
                    yield item

    return symbol, candles()
