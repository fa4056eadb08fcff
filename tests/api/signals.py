"""Signals for the tests of the API, computed from a random walk."""

from functools import cache

import msgspec

from api.status import Now
from tests.market import walk
from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.core.engine import Engine
from volcast.core.types import MINUTE_MS, EngineConfig, Signal

FULL = EngineConfig(horizons=(60, 15, 240), shadows=("ewma", "har"))
"""With other horizons and challengers, so that no field of a signal is empty."""


@cache
def signals(count: int, symbol: str = "BTCUSDT", config: EngineConfig = FULL) -> tuple[Signal, ...]:
    """Return the signals of `count` consecutive minutes."""
    engine = Engine(symbol, config, 2)
    made = [engine.step(msgspec.structs.replace(candle, symbol=symbol)) for candle in walk(count)]
    return tuple(signal for signal in made if isinstance(signal, Signal))


def now_at(signal: Signal, age_s: float, monotonic_s: float) -> Now:
    """Return the moment at which the candle of `signal` is `age_s` old by the wall clock."""
    return Now((signal.open_time_ms + MINUTE_MS) / 1_000 + age_s, monotonic_s)


def alarm(detector: str, open_time_ms: int, tier: Tier = Tier.PAGE) -> DriftAlarm:
    """Return a drift alarm that began with this minute."""
    return DriftAlarm(
        detector=detector, tier=tier, open_time_ms=open_time_ms, what="The price is frozen.", quantity="share of flat minutes",
        before=0.01, after=1.0, statistic=31.0, threshold=30.0, false_alarms_per_month=0.184,
    )  # fmt: skip
