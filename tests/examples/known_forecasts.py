"""What was known when: the forecasts that a bot in a backtest should have used, made one candle after another."""

from datetime import UTC, datetime, timedelta
from math import exp
from pathlib import Path

from examples.sizing import Rules
from volcast import Forecast, Forecaster
from volcast.candle_files.reader import read_candles

NEVER = datetime.max.replace(tzinfo=UTC)


def forecasts(file: Path, without: tuple[datetime, datetime] = (NEVER, NEVER)) -> dict[datetime, Forecast]:
    """Return the forecasts by the end of their candle. None can know the future: its candle was not there yet.

    Args:
        file: Candles of one minute.
        without: Beginning and end of what is left out.
    """
    made, forecaster = {}, Forecaster()
    for row in read_candles(file):
        begin = datetime.fromtimestamp(row.open_time_ms / 1_000, UTC)
        if not without[0] <= begin < without[1]:
            answer = forecaster.update(
                open_time=begin, open=row.open, high=row.high, low=row.low, close=row.close, volume=row.volume
            )
            if not answer.waiting:
                made[begin + timedelta(minutes=1)] = answer
    return made


def stop_distance(forecast: Forecast) -> float:
    """Return how far below the price the stop has to be, as a share of it."""
    quantiles = forecast.record.quantiles
    return max(1 - exp(quantiles.log_low[quantiles.levels.index(0.05)]), Rules().min_stop)
