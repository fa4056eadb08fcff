"""volcast: streaming volatility forecasts for crypto markets.

    from volcast import Forecaster          forecasts in a notebook or a strategy: docs/library.md

A candle passes through the packages beside this one: `producer` writes it to the log, `consumer` turns it into a signal, `api`
serves the signal. This package holds what they share, and what stands beside that path:

- `core/` the pure core, `log/` what a log is, `candle_files/` CSV files; `timing/`, `metrics.py`, `atomic_file.py` small tools;
- `settings/`, `cli/` and `commands/` the command line;
- `library/` the same forecasts from Python, for data frames;
- `batch/` the signals of one file, `backtest/` forecasts of files and their scores;
- `simulation/` invented candles and exchanges, `proof/` `volcast prove`.

Start with docs/life-of-a-candle.md, then `core/types.py` and `core/engine.py`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from volcast.library.errors import (
        CandleFrameError,
        CandleRefusedError,
        CandlesRefusedWarning,
        NoForecastError,
        SavedForecasterError,
        SymbolError,
    )
    from volcast.library.forecast import Forecast
    from volcast.library.forecaster import Forecaster

__all__ = [
    "CandleFrameError",
    "CandleRefusedError",
    "CandlesRefusedWarning",
    "Forecast",
    "Forecaster",
    "NoForecastError",
    "SavedForecasterError",
    "SymbolError",
]
_MODULES = {"Forecaster": "volcast.library.forecaster", "Forecast": "volcast.library.forecast"}


def __getattr__(name: str) -> Any:
    """Import what is public when it is first asked for: River and NumPy take a second, which `volcast --help` must not."""
    if name in __all__:
        return getattr(import_module(_MODULES.get(name, "volcast.library.errors")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
