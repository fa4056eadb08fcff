"""A client of the API: `Client`, and `AsyncClient` for programs with an event loop. It needs httpx and msgspec, and of the rest
of this project next to nothing.

`questions.py` says what can be asked, `answers.py` what comes back, `freshness.py` whether that may be used, `wire.py` and
`errors.py` what else an answer may be. All of these are pure. `blocking.py` and `asynchronous.py` carry questions over a
connection and do nothing else. docs/client.md shows how a bot uses it.
"""

from .answers import (
    AlarmOn,
    CheckableAnswer,
    DriftAlarms,
    ForecastOutcome,
    ForecastQuantiles,
    LatestForecast,
    OtherHorizon,
    PriceProbability,
    SymbolSummary,
)
from .asynchronous import AsyncClient, AsyncForecastStream
from .blocking import Client, ForecastStream
from .errors import (
    AuthorizationError,
    BusyError,
    Circumstances,
    RefusedError,
    StaleForecastError,
    UnexpectedAnswerError,
    UnknownSymbolError,
    UnreachableError,
    VolcastError,
)
from .questions import AllForecasts
from .rows import AlarmMark, ForecastRow, MissedRows, RowChallenger, RowHorizonForecast, RowResult

__all__ = [
    "AlarmMark",
    "AlarmOn",
    "AllForecasts",
    "AsyncClient",
    "AsyncForecastStream",
    "AuthorizationError",
    "BusyError",
    "CheckableAnswer",
    "Circumstances",
    "Client",
    "DriftAlarms",
    "ForecastOutcome",
    "ForecastQuantiles",
    "ForecastRow",
    "ForecastStream",
    "LatestForecast",
    "MissedRows",
    "OtherHorizon",
    "PriceProbability",
    "RefusedError",
    "RowChallenger",
    "RowHorizonForecast",
    "RowResult",
    "StaleForecastError",
    "SymbolSummary",
    "UnexpectedAnswerError",
    "UnknownSymbolError",
    "UnreachableError",
    "VolcastError",
]
