"""Signals for the tests of the API, computed from a random walk."""

from functools import cache

import msgspec

from tests.market import walk
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig, Signal

FULL = EngineConfig(horizons=(60, 15, 240), shadows=("ewma", "har"))
"""With other horizons and challengers, so that no field of a signal is empty."""


@cache
def signals(count: int, symbol: str = "BTCUSDT", config: EngineConfig = FULL) -> tuple[Signal, ...]:
    """Return the signals of `count` consecutive minutes."""
    engine = Engine(symbol, config, 2)
    made = [engine.step(msgspec.structs.replace(candle, symbol=symbol)) for candle in walk(count)]
    return tuple(signal for signal in made if isinstance(signal, Signal))
