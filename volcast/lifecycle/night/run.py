"""The order of a night's steps, and what its exit code says: 0 something was done, 1 it failed, 99 there was nothing to do."""

import json
from collections.abc import Callable
from typing import Literal, get_args

from .after import Aftermath
from .results import StepResult
from .steps import Done, Night

NightStep = Literal["wait", "gate", "models", "backtest", "compare", "register", "promote", "league", "notify"]
STEPS: tuple[NightStep, ...] = get_args(NightStep)
_DONE, _FAILED, _NOTHING_TO_DO = 0, 1, 99
Tell = Callable[[str], None]


def run_step(step: NightStep, night: Night, after: Aftermath, tell: Tell, model: str | None = None) -> int:
    """Run one step and return the exit code. `model` is that of a backtest; without one all are run."""
    if step == "wait":
        return _wait(night, tell)
    if step == "models":
        tell(json.dumps(night.models))
        return _DONE
    if step == "backtest":
        return _all(night.backtests([model] if model else night.models), tell)
    steps: dict[str, Callable[[], Done | None]] = {
        "gate": night.gate,
        "compare": night.compare,
        "register": after.register,
        "promote": after.promote,
        "league": after.league,
        "notify": after.notify,
    }
    return _code(steps[step](), tell)


def run_night(night: Night, after: Aftermath, tell: Tell, *, is_promoting: bool, is_repeat_ok: bool = False) -> int:
    """Run the whole night and return the exit code. A failed gate ends it, and is told, too.

    With `is_repeat_ok` the code is 0 if all was done before, and 99 only if the archive does not have the day yet.
    """
    if (code := _wait(night, tell)) != _DONE:
        return code
    gate = night.gate()
    codes = [_code(gate, tell)]
    if gate.result.passed:
        codes.append(_all(night.backtests(night.models), tell))
        codes += [_code(night.compare(), tell), _code(after.register(), tell)]
        if is_promoting:
            codes.append(_code(after.promote(), tell))
    codes += [_code(after.league(), tell), _code(after.notify(), tell)]
    if _FAILED in codes:
        return _FAILED
    return _DONE if is_repeat_ok or _DONE in codes else _NOTHING_TO_DO


def _wait(night: Night, tell: Tell) -> int:
    if night.is_archived():
        return _DONE
    tell(f"The archive does not have the whole of {night.plan.day} yet.")
    return _NOTHING_TO_DO


def _all(found: list[Done], tell: Tell) -> int:
    codes = [_code(done, tell) for done in found]
    return _DONE if _DONE in codes else _NOTHING_TO_DO


def _code(done: Done | None, tell: Tell) -> int:
    """Return the exit code of a step, and tell what became of it."""
    if done is None:
        return _NOTHING_TO_DO
    tell(_line(done.result, is_new=done.is_new))
    if not done.result.passed:
        return _FAILED
    return _DONE if done.is_new else _NOTHING_TO_DO


def _line(result: StepResult, *, is_new: bool) -> str:
    return f"{result.step}: {'' if is_new else 'was done before. '}{result.summary}"
