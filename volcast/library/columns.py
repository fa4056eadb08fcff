"""The columns that `Forecaster.run` adds to a data frame, and the values of a signal in them.

Each value is a float: a count or a flag is exact in it, and NaN stands for null. `output.py` gives the columns their types.
"""

import struct
from collections.abc import Callable
from enum import Enum
from math import nan
from operator import attrgetter
from typing import Any

from volcast.core.forecast.results import Outcome
from volcast.core.types import MINUTE_MS, EngineConfig, Signal


class Kind(Enum):
    """The type of a column."""

    FLOAT = "float"
    INT = "int"
    BOOL = "bool"
    TIME = "time"
    """A time in UTC; its values are milliseconds since 1970."""


_SIGNAL = {
    "rolling_mean": Kind.FLOAT,
    "signal": Kind.INT,
    "signal_rate": Kind.FLOAT,
    "signal_rate_window": Kind.FLOAT,
    "volatility": Kind.FLOAT,
    "volatility_median": Kind.FLOAT,
    "volatility_lower": Kind.FLOAT,
    "volatility_upper": Kind.FLOAT,
    "volatility_annualized": Kind.FLOAT,
    "volatility_annualized_deseasonalized": Kind.FLOAT,
    "price_lower": Kind.FLOAT,
    "price_upper": Kind.FLOAT,
    "noise_ratio": Kind.FLOAT,
    "warm": Kind.BOOL,
    "suspect": Kind.BOOL,
    "outcomes": Kind.INT,
    "gaps": Kind.INT,
    "missing_minutes": Kind.INT,
    "missing_share": Kind.FLOAT,
    "data_drift_ratio": Kind.FLOAT,
}
_OTHER_HORIZON = tuple(
    name for name in _SIGNAL if name.startswith(("volatility", "price")) and not name.endswith("deseasonalized")
)
_OUTCOME = {
    "realized_volatility": Kind.FLOAT,
    "volatility": Kind.FLOAT,
    "qlike": Kind.FLOAT,
    "qlike_ewma": Kind.FLOAT,
    "covered": Kind.BOOL,
    "price_covered": Kind.BOOL,
}
_ALARMS, _VALID = "drift_alarms", "valid_until"
STATUS, DETAIL = "candle_status", "candle_detail"
"""The last two columns: what became of the row's candle, and why."""

CANDLE = ("open", "high", "low", "close", "volume")
"""The numbers of the candle, which stand before the values of `kinds`."""
_of_signal: Callable[[Signal], tuple[float | None, ...]] = attrgetter(*CANDLE, *_SIGNAL)
_of_horizon = attrgetter(*_OTHER_HORIZON)
_of_outcome = attrgetter(*_OUTCOME)
_NO_OUTCOME = (nan,) * len(_OUTCOME)


class ForecastColumns:
    """The columns that follow from an engine's settings.

    The first horizon's have no suffix, those of other horizons `_240`, those of a challenger its name, as in a backtest's files.
    """

    def __init__(self, config: EngineConfig, stale_after_ms: int) -> None:
        _, *others = config.horizons
        self._valid_ms = MINUTE_MS + min(stale_after_ms, config.horizons[0] * MINUTE_MS)
        self.kinds: dict[str, Kind] = {**_SIGNAL, _ALARMS: Kind.INT, _VALID: Kind.TIME}
        self.kinds |= {f"outcome_{name}": kind for name, kind in _OUTCOME.items()}
        for horizon in others:
            self.kinds |= {f"{name}_{horizon}": Kind.FLOAT for name in _OTHER_HORIZON}
            self.kinds |= {f"outcome_{name}_{horizon}": kind for name, kind in _OUTCOME.items()}
        self.kinds |= {f"volatility_{name}": Kind.FLOAT for name in config.shadows}
        self._format = f"{len(CANDLE) + len(self.kinds)}d"

    @property
    def names(self) -> list[str]:
        """The names of all columns, in order."""
        return [*self.kinds, STATUS, DETAIL]

    def valid_until_ms(self, signal: Signal) -> float:
        """Return from when on the forecast must not be used, in milliseconds since 1970; NaN if not at all."""
        return nan if signal.suspect else signal.open_time_ms + self._valid_ms

    def values(self, signal: Signal) -> bytes:
        """Return the numbers of `CANDLE`, and the values of a signal, one for each of `kinds`, as float64."""
        found: list[Any] = [*_of_signal(signal), len(signal.drift_alarms), self.valid_until_ms(signal), *_outcome(signal.outcome)]
        for other in signal.other_horizons:
            found += _of_horizon(other)
            found += _outcome(other.outcome)
        found += [shadow.volatility for shadow in signal.shadows]
        try:
            return struct.pack(self._format, *found)  # half the time of an array
        except struct.error:  # one is None
            return struct.pack(self._format, *(nan if value is None else value for value in found))


def _outcome(outcome: Outcome | None) -> tuple[float, ...]:
    return _NO_OUTCOME if outcome is None else _of_outcome(outcome)
