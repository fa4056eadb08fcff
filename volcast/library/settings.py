"""The arguments of a `Forecaster`, checked: what they become for the engine, and for all that stands beside it."""

from collections.abc import Sequence
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from volcast.core.decoder import MAX_PRICE_DECIMALS
from volcast.core.engine import Engine
from volcast.core.forecast.forecaster import MAX_HORIZON_MINUTES, MIN_HORIZON_MINUTES
from volcast.core.forecast.prior import BUNDLED, NONE, Prior, PriorError, decode_prior, fingerprint
from volcast.core.types import EngineConfig

_MAX_WINDOW, _MAX_RATE_WINDOW = 10_080, 10_080
_MIN_INTERVAL, _MAX_INTERVAL = 0.5, 0.99
_MAX_STALE_S = 86_400
_MAX_REMEMBERED = 1_000_000
_MIN_LEVELS, _MAX_LEVELS, _LOWEST = 3, 99, 0.001
_Value = TypeVar("_Value", int, str)
PriorLike = Prior | PathLike[str] | Literal["bundled", "none"]


class ForecasterSettings(NamedTuple):
    """What determines the numbers of a forecaster, and what it remembers."""

    config: EngineConfig
    prior: Prior | None
    """The prior that the config names by its fingerprint."""
    price_decimals: int
    stale_after_s: float
    remember: int

    @property
    def stale_after_ms(self) -> int:
        """How long after its candle a forecast may be used."""
        return int(self.stale_after_s * 1_000)

    def new_engine(self, symbol: str) -> Engine:
        """Return the engine of a symbol that has seen no candle."""
        return Engine(symbol, self.config, self.price_decimals, self.prior)


def check_settings(found: ForecasterSettings) -> ForecasterSettings:
    """Return the settings. Raise ValueError, with what is expected, if one is out of range."""
    config = found.config
    _check("window", config.window, 1, _MAX_WINDOW)
    _check("rate_window", config.rate_window, 1, _MAX_RATE_WINDOW)
    _check("interval_level", config.interval_level, _MIN_INTERVAL, _MAX_INTERVAL, float)
    _check("price_decimals", found.price_decimals, 0, MAX_PRICE_DECIMALS)
    _check("stale_after_s", found.stale_after_s, 1, _MAX_STALE_S, float)
    for horizon in config.horizons:
        _check("horizons", horizon, MIN_HORIZON_MINUTES, MAX_HORIZON_MINUTES)
    _check("remember", found.remember, 0, _MAX_REMEMBERED)
    if config.warmup not in {"zero", "exclude"}:
        raise ValueError(f"warmup is {config.warmup!r}; 'zero' or 'exclude' is expected")
    levels = config.quantile_levels
    is_ascending = list(levels) == sorted(set(levels)) and all(_LOWEST <= level <= 1.0 - _LOWEST for level in levels)
    if not (is_ascending and _MIN_LEVELS <= len(levels) <= _MAX_LEVELS):
        limits = f"{_MIN_LEVELS} to {_MAX_LEVELS} from {_LOWEST:g} to {1.0 - _LOWEST:g} are expected, ascending"
        raise ValueError(f"quantile_levels are {levels}; {limits}")
    found.new_engine("CHECK")  # it checks horizons and models
    return found


def chosen_prior(prior: PriorLike) -> tuple[str, Prior | None]:
    """Return how the config names a prior, and the prior if it must be given to the engine. Raise ValueError if it is none."""
    if isinstance(prior, Prior):
        return fingerprint(prior), prior
    if prior in {BUNDLED, NONE}:
        return str(prior), None
    path = Path(prior)
    try:
        found = decode_prior(path.read_bytes())
    except OSError as error:
        expected = "'bundled', 'none', a Prior or the path of one is expected"
        raise ValueError(f"prior: {path} can't be read ({error.strerror or error}); {expected}") from None
    except PriorError as error:
        raise ValueError(f"prior: {path}: {error}") from None
    return fingerprint(found), found


def as_tuple(values: Sequence[_Value] | _Value) -> tuple[_Value, ...]:
    """Return horizons or names as a tuple; a single one may be given as it is."""
    return (values,) if isinstance(values, int | str) else tuple(values)


def _check(name: str, value: float, least: float, most: float, kind: type[int] | type[float] = int) -> None:
    """Raise ValueError if the value is out of range, or no whole number where `kind` is int."""
    is_number = isinstance(value, int | kind) and not isinstance(value, bool)
    if not (is_number and isfinite(value) and least <= value <= most):
        whole = "a whole number from " if kind is int else ""
        raise ValueError(f"{name} is {value!r}; {whole}{least:g} to {most:g} is expected")
