"""Decides what is told of conditions, and when: on the edge, once, with a cool-down. Pure: the time is an argument.

    false ──► true: told, unless the last message about its beginning is younger than the cool-down; then it is counted, and told
              │     at the end of the cool-down if the condition holds then
              └──► false: its end is told once, if its beginning was told

So a condition that comes and goes makes at most two messages per cool-down.
"""

from collections.abc import Iterable

from msgspec import Struct

from .events import Condition, Event

_FORGET_AFTER_S = 30 * 86_400.0


class Told(Struct):
    """What was told of one condition; it is kept on disk."""

    holds: bool = False
    """Whether the condition held when it was last known."""
    is_told: bool = False
    """Whether its beginning was told, and not yet its end."""
    told_s: float | None = None
    """When its beginning was told last, in seconds since 1970."""


class Alarms:
    """What was told of each condition so far."""

    def __init__(self, cooldown_s: float, told: dict[str, Told] | None = None) -> None:
        self.suppressed = 0
        """Beginnings that were not told because of the cool-down."""
        self.told = told or {}
        self._cooldown_s = cooldown_s

    def step(self, conditions: Iterable[Condition], now_s: float) -> list[Event]:
        """Return what has to be told now. `now_s` is in seconds since 1970."""
        return [event for condition in conditions if (event := self._step(condition, now_s))]

    def forget(self, now_s: float) -> None:
        """Drop what was told long ago of conditions that no longer hold, or are no longer looked at."""
        self.told = {key: told for key, told in self.told.items() if told.told_s and now_s - told.told_s < _FORGET_AFTER_S}

    def _step(self, condition: Condition, now_s: float) -> Event | None:
        told = self.told.get(condition.key)
        if told is None:
            if not condition.holds:
                return None
            told = self.told[condition.key] = Told()
        began, told.holds = condition.holds and not told.holds, condition.holds
        if condition.holds and not told.is_told:
            # A clock that was set back would make the cool-down endless.
            if told.told_s is not None and 0 <= now_s - told.told_s < self._cooldown_s:
                self.suppressed += began
                return None
            told.is_told, told.told_s = True, now_s
            return _event(condition)
        if not condition.holds and told.is_told:
            told.is_told = False
            return _event(condition) if condition.recovers else None
        return None


def _event(condition: Condition) -> Event:
    return Event(condition.tier, condition.key, condition.kind, condition.subject, condition.details, is_over=not condition.holds)
