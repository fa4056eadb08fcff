"""Signals for the API's tests: real ones, of a random walk."""

from functools import cache

import msgspec

from tests.market import walk
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig, Signal

FULL = EngineConfig(horizons=(60, 15, 240), shadows=("ewma", "har"))
"""What a signal can hold, it holds: further horizons, challengers."""


@cache
def signals(count: int, symbol: str = "BTCUSDT", config: EngineConfig = FULL) -> tuple[Signal, ...]:
    """Of so many minutes, without a gap."""
    engine = Engine(symbol, config, 2)
    made = [engine.step(msgspec.structs.replace(candle, symbol=symbol)) for candle in walk(count)]
    return tuple(signal for signal in made if isinstance(signal, Signal))
