"""Calls a user's model, and turns everything that can go wrong in it into one sentence that names file, line and method.

What it returns is checked: a number that is not finite, or that has the wrong sign, ends the run. No other number replaces it.
"""

from collections.abc import Callable, Mapping
from inspect import unwrap
from math import isfinite
from traceback import extract_tb
from typing import Any, NamedTuple

import msgspec
import numpy as np

from volcast.core.arrays import Floats
from volcast.core.market.state import Market
from volcast.core.models.contract import Estimate


class OwnModelError(Exception):
    """A user's model that cannot be used; the message is a sentence for the user."""


class CodePlace(NamedTuple):
    """Where the code of a model is."""

    shown: str
    """The path of its file as the user gave it, or that of an installed module."""
    filename: str
    """The path by which Python knows the file, in tracebacks."""
    label: str
    """Its class or function, or the name of its entry point."""

    def failed(self, method: str, error: BaseException) -> OwnModelError:
        """Return what to raise for an exception in the user's code; it names the last line of the user's file."""
        frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename == self.filename]
        where = f"{self.shown}, line {frames[-1].lineno}" if frames else self.shown
        what = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
        return OwnModelError(f"{where}{f', in {self.label}.{method}' if method else ''}: {what}")

    def wrong(self, owner: object, method: str, what: str) -> OwnModelError:
        """Return what to raise for a result that cannot be used; it names the line at which the method begins."""
        code = getattr(unwrap(getattr(type(owner), method, None) or _nothing), "__code__", None)
        line = f", line {code.co_firstlineno}" if code is not None and code.co_filename == self.filename else ""
        return OwnModelError(f"{self.shown}{line}: {self.label}.{method} {what}")


def _nothing() -> None:
    """Stand in for a method that has no code in Python."""


class _Guarded:
    def __init__(self, inner: Any, place: CodePlace) -> None:
        self._inner, self.place = inner, place

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._inner, method)(*arguments)
        except Exception as error:
            raise self.place.failed(method, error) from error

    def _number(self, method: str, *arguments: Any) -> float:
        """Call a method that returns a finite number."""
        value = self._call(method, *arguments)
        return self._finite(method, value, "")

    def _finite(self, method: str, value: Any, of: str) -> float:
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
            raise self.place.wrong(self._inner, method, f"returned {_shown(value)}{of}, where a number is needed")
        if not isfinite(value):
            raise self.place.wrong(self._inner, method, f"returned {float(value)}{of}, where a finite number is needed")
        return float(value)

    def dump(self) -> dict[str, Any]:
        """Return the state, which holds only what a snapshot can store."""
        if not hasattr(self._inner, "dump"):
            raise OwnModelError(f"{self.place.shown}: {self.place.label} has no method dump, so its state cannot be stored")
        state = self._call("dump")
        if not isinstance(state, dict):
            raise self.place.wrong(self._inner, "dump", f"returned {_shown(state)}, where a dict is needed")
        if odd := _not_plain(state):
            what = f"returned a state with {odd}; it may hold numbers, texts, bytes, lists and dicts with texts as keys"
            raise self.place.wrong(self._inner, "dump", what)
        # A copy, as it will be read back: the model may go on changing what it returned.
        copy: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(state))
        return copy

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state. KeyError, TypeError and ValueError say that it does not fit, as for all models."""
        try:
            self._inner.load(state)
        except (KeyError, TypeError, ValueError):
            raise
        except Exception as error:
            raise self.place.failed("load", error) from error


class GuardedRegression(_Guarded):
    """A River regressor of a user."""

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        """Learn from one sample: features by name and their target."""
        self._call("learn_one", x, y)

    def predict_one(self, x: dict[Any, Any]) -> float:
        """Return the expected target, a finite number."""
        return self._number("predict_one", x)


class GuardedModel(_Guarded):
    """A user's model that meets the contract `Model`. Raises OwnModelError if its `names` are not texts."""

    def __init__(self, inner: Any, place: CodePlace) -> None:
        super().__init__(inner, place)
        names = inner.names
        if not isinstance(names, tuple | list) or not all(isinstance(name, str) for name in names):
            raise OwnModelError(f"{place.shown}: {place.label}.names is {_shown(names)}, where a tuple of texts is needed")
        self.names = tuple(names)

    def row(self, market: Market) -> Floats:
        """Return a new array (len(names),) of finite numbers."""
        found = self._call("row", market)
        shape = (len(self.names),)
        if not isinstance(found, np.ndarray) or found.shape != shape or found.dtype != np.float64:
            what = f"an array of {found.dtype} {found.shape}" if isinstance(found, np.ndarray) else _shown(found)
            raise self.place.wrong(self._inner, "row", f"returned {what}, where an array of float64 {shape} is needed")
        if not np.isfinite(found).all():
            odd = ", ".join(name for name, value in zip(self.names, found, strict=True) if not isfinite(value))
            raise self.place.wrong(self._inner, "row", f"returned a number that is not finite, for {odd}")
        return found

    def estimate(self, row: Floats) -> Estimate:
        """Return the forecast for a row; its numbers are finite, scale and spread positive."""
        found = self._call("estimate", row)
        if not isinstance(found, tuple) or len(found) != len(Estimate._fields):
            raise self.place.wrong(self._inner, "estimate", f"returned {_shown(found)}, where an Estimate is needed")
        numbers = [self._finite("estimate", value, f" as {name}") for name, value in zip(Estimate._fields, found, strict=True)]
        estimate = Estimate(*numbers)
        for name in ("scale", "spread"):
            if (value := getattr(estimate, name)) <= 0:
                raise self.place.wrong(self._inner, "estimate", f"returned {value} as {name}, which must be positive")
        return estimate

    def learn(self, row: Floats, estimate: Estimate, log_volatility: float, log_return: float) -> None:
        """Learn from the outcome of a forecast."""
        self._call("learn", row, estimate, log_volatility, log_return)

    def learn_profile(self, minute: int, deviation: float) -> None:
        """Learn the effect of a minute."""
        self._call("learn_profile", minute, deviation)

    def seasonal_effect(self, minute: int) -> float:
        """Return the effect of a minute, a finite number."""
        return self._number("seasonal_effect", minute)

    def learned(self) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
        """Return coefficients and profiles."""
        coefficients, profiles = self._call("learned")
        return coefficients, profiles


def _shown(value: object) -> str:
    """Return a value as text that fits into a sentence."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  # what is long is cut


_PLAIN: Mapping[type, Callable[[Any], str]] = {
    dict: lambda value: next(filter(None, (_key(key) or _not_plain(each) for key, each in value.items())), ""),
    list: lambda value: next(filter(None, map(_not_plain, value)), ""),
    tuple: lambda value: next(filter(None, map(_not_plain, value)), ""),
    **dict.fromkeys((int, float, bool, str, bytes, type(None)), lambda _: ""),
}


def _not_plain(value: object) -> str:
    """Return what in a state a snapshot cannot store; an empty text if it is plain."""
    check = _PLAIN.get(type(value))
    return check(value) if check else f"{_shown(value)}, of type {type(value).__name__}"


def _key(key: object) -> str:
    return "" if type(key) is str else f"the key {_shown(key)}"
