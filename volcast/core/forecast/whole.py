"""Whether a signal has all of its numbers. JSON has no way to say that one is not finite, and a reader would see a null."""

from math import isfinite
from typing import Final, get_type_hints

from msgspec import Struct

from volcast.core.drift.alarms import DriftAlarm
from volcast.core.forecast.results import HorizonForecast, Outcome, Shadow
from volcast.core.types import Signal

from .distribution.quantiles import Quantiles


class NotWholeError(Exception):
    """Raised for a signal that lacks a number, or has one that is not finite. It is a bug, and such a signal is never written."""


def _number_fields(struct: type[Struct], hints: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(name for name, hint in get_type_hints(struct).items() if hint in hints)


_NUMBERS: Final[dict[type[Struct], tuple[str, ...]]] = {
    each: _number_fields(each, (float, int)) for each in (Signal, Outcome, HorizonForecast, Shadow, DriftAlarm)
}
_QUANTILES: Final = Quantiles.__struct_fields__
_NUMBERS_OR_NONE: Final = {each: _number_fields(each, (float | None,)) for each in _NUMBERS}


def check_whole(signal: Signal) -> None:
    """Raise NotWholeError for a signal that is not whole, in place of which JSON would have a null."""
    parts = (signal, *signal.other_horizons, *signal.shadows, *signal.drift_alarms)
    outcomes = (signal.outcome, *(each.outcome for each in signal.other_horizons))
    for part in (*parts, *(outcome for outcome in outcomes if outcome)):
        _check_whole(signal, part)
    for quantiles in (signal.quantiles, *(each.quantiles for each in signal.other_horizons)):
        for name in _QUANTILES:
            values = getattr(quantiles, name)
            if len(values) != len(quantiles.levels) or any(value is None or not isfinite(value) for value in values):
                raise _not_whole(signal, f"quantiles of {name} are {values}")


def _check_whole(signal: Signal, part: Struct) -> None:
    numbers = {name: getattr(part, name) for name in _NUMBERS[type(part)]}
    numbers |= {name: value for name in _NUMBERS_OR_NONE[type(part)] if (value := getattr(part, name)) is not None}
    for name, value in numbers.items():
        if value is None or not isfinite(value):
            raise _not_whole(signal, f"{name} is {value}")


def _not_whole(signal: Signal, what: str) -> NotWholeError:
    where = f"the signal of {signal.symbol} at {signal.open_time_ms}"
    return NotWholeError(f"{where} is not whole: its {what}; nothing was written, please report this bug")
