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
from volcast.core.forecast.distribution.quantiles import Quantiles
from volcast.core.forecast.learner import Prediction
from volcast.core.types import Candle, EngineConfig, Signal
from volcast.simulation.breaks import Break
from volcast.simulation.market import simulate_candles

START_MS = 1_704_067_200_000
"""2024-01-01, the first minute of each simulated market."""
PRICE_DECIMALS = 8


class ForecastBreak(NamedTuple):
    """A forecast that fails: it is multiplied, stays as it was, sits at a volatility, or its intervals are of the wrong width."""

    label: str
    log_factor: float = 0.0
    """Of the variance."""
    frozen: bool = False
    stuck_at: float | None = None
    """A log variance of the horizon."""
    volatility_width: float = 1.0
    """Of the quantiles of the log volatility around their median, as a multiple of the right one."""
    return_width: float = 1.0
    """Of the quantiles of the log return, likewise."""


FORECAST_BREAKS = (
    ForecastBreak("forecast frozen", frozen=True),
    ForecastBreak("forecast ×2.25", log(2.25)),
    ForecastBreak("forecast ×1.5", log(1.5)),
    ForecastBreak("forecast ×0.44", log(0.44)),
    ForecastBreak("forecast stuck at its lower bound", stuck_at=log(60 * 1e-12)),
    ForecastBreak("interval of volatility ×1.5", volatility_width=1.5),
    ForecastBreak("interval of volatility ×0.67", volatility_width=1 / 1.5),
    ForecastBreak("price bounds ×1.5", return_width=1.5),
    ForecastBreak("price bounds ×0.67", return_width=1 / 1.5),
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
        outcome, hour_end = seen.outcome, seen.hour_end
        if outcome is not None and seen.minute - seen.horizon_minutes >= at_minute:
            shift = _shift(log(outcome.prediction.variance), how, last)
            outcome = outcome._replace(prediction=_broken(outcome.prediction, shift, how))
        shift = _shift(seen.log_variance, how, last)
        if hour_end is not None:
            hour_end = hour_end._replace(quantiles=_broken_quantiles(hour_end.quantiles, shift, how))
        yield replace(
            seen,
            log_variance=how.stuck_at
            if how.stuck_at is not None
            else last.log_variance
            if how.frozen
            else seen.log_variance + shift,
            prediction=_broken(seen.prediction, shift, how),
            outcome=outcome,
            hour_end=hour_end,
        )


def _broken(prediction: Prediction, shift: float, how: ForecastBreak) -> Prediction:
    """Return a prediction with another log variance and intervals of another width."""
    variance, *volatilities, return_lower, return_upper = prediction
    median, lower, upper = _broken_volatility(volatilities, prediction.median, shift, how)
    scale = exp(shift / 2) * how.return_width
    return Prediction(variance * exp(shift), median, lower, upper, return_lower * scale, return_upper * scale)


def _broken_quantiles(quantiles: Quantiles, shift: float, how: ForecastBreak) -> Quantiles:
    volatility, scale = quantiles.realized_volatility, exp(shift / 2) * how.return_width
    return replace(
        quantiles,
        log_return=tuple(each * scale for each in quantiles.log_return),
        realized_volatility=_broken_volatility(volatility, volatility[len(volatility) // 2], shift, how),
    )


def _broken_volatility(volatilities: Sequence[float], median: float, shift: float, how: ForecastBreak) -> tuple[float, ...]:
    return tuple(exp(shift / 2) * median * (each / median) ** how.volatility_width for each in volatilities)


def _shift(log_variance: float, how: ForecastBreak, last: Observation) -> float:
    if how.stuck_at is not None:
        return how.stuck_at - log_variance
    return last.log_variance - log_variance if how.frozen else how.log_factor


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
