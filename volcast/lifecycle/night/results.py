"""Results of steps in the archive: one object for each step and its inputs, created once and never changed.

    night/2026-11-05/gate-1f0a9c3e.json            the result of a step
    night/2026-11-05/outcomes-77ab01c2.parquet     scored outcomes of a backtest
    reports/2026-11-05/comparison.json             what people read; with other inputs later comparison-5d0c2e77.json

A name has the beginning of the hash of the step's inputs. So a second run with the same inputs finds the result, and one with
others, as late candles, gets a result of its own.
"""

from typing import Any

import msgspec
from msgspec import Struct

from volcast.lifecycle.archive.store import ObjectStore

_HASH_DIGITS = 12


class StepResult(Struct, frozen=True):
    """What a step has brought about."""

    step: str
    inputs: str
    """SHA-256 of what it depends on."""
    passed: bool
    summary: str
    """One sentence."""
    details: dict[str, Any] = {}
    model: str | None = None
    """Of a backtest."""


class NightResults:
    """The results of one day."""

    def __init__(self, store: ObjectStore, day: str) -> None:
        self._store, self._day = store, day

    def find(self, step: str, inputs: str) -> StepResult | None:
        """Return the result of a step with these inputs; None if there is none yet."""
        try:
            return msgspec.json.decode(self._store.read(self._name(step, inputs, ".json")), type=StepResult)
        except FileNotFoundError:
            return None

    def failed_days(self, first: str) -> list[str]:
        """Return the days from `first` on up to this one whose gate has failed, and has not passed with other data since."""
        passed: dict[str, bool] = {}
        for stored in self._store.list_after("night", f"night/{first}"):
            _, day, name = stored.name.split("/", 2)
            if day > self._day or not name.startswith("gate-"):
                continue
            result = msgspec.json.decode(self._store.read(stored.name), type=StepResult)
            passed[day] = passed.get(day, False) or result.passed
        return sorted(day for day, is_good in passed.items() if not is_good)

    def keep(self, result: StepResult) -> StepResult:
        """Write a result, and return the one that is there: another run may have been first."""
        content = msgspec.json.format(msgspec.json.encode(result, order="deterministic"), indent=1) + b"\n"
        if self._store.create(self._name(result.step, result.inputs, ".json"), content):
            return result
        return self.find(result.step, result.inputs) or result

    def keep_outcomes(self, inputs: str, content: bytes) -> str:
        """Write scored outcomes, and return the object's name; those that are there already stay."""
        name = self._name("outcomes", inputs, ".parquet")
        self._store.create(name, content)
        return name

    def read(self, name: str) -> bytes:
        """Return the bytes of an object. Raises FileNotFoundError if there is none."""
        return self._store.read(name)

    def publish(self, stem: str, ending: str, inputs: str, content: bytes) -> str:
        """Write a report, and return its name: the plain one, or one with the hash if another content has that."""
        name = f"reports/{self._day}/{stem}{ending}"
        if self._store.create(name, content):
            return name
        name = f"reports/{self._day}/{stem}-{inputs[:_HASH_DIGITS]}{ending}"
        self._store.create(name, content)
        return name

    def _name(self, stem: str, inputs: str, ending: str) -> str:
        return f"night/{self._day}/{stem}-{inputs[:_HASH_DIGITS]}{ending}"
