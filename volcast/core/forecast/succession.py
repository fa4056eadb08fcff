"""Which of several promotions counts. For each candle of a symbol:

    the model that leads is that of the last promotion before it on the log, of those whose named candle it has reached

So a promotion that comes later on the log overrides those before it, from its own named candle on.
"""

from typing import Any, Final

MAX_WAITING_PROMOTIONS: Final = 100
"""Promotions of one symbol that wait for their named candles. Of more, those of the earliest candles are forgotten."""


class Succession:
    """The promotions of one symbol that wait for their named candles.

    >>> succession = Succession()
    >>> succession.add("har", 300), succession.add("ewma", 500), succession.add("last", 400)
    (None, None, None)
    >>> [succession.due(time_ms) for time_ms in (299, 300, 500)]
    [None, 'har', 'last']
    >>> succession.settle(300), succession.waiting
    (None, ((400, 'last'),))
    """

    def __init__(self) -> None:
        self.waiting: tuple[tuple[int, str], ...] = ()
        """The time of the named candle and the model, by time; each was promoted after those before it."""

    def add(self, model: str, from_ms: int) -> None:
        """Add a promotion: it takes the place of all that name its candle or a later one."""
        self.waiting = (*(each for each in self.waiting if each[0] < from_ms), (from_ms, model))[-MAX_WAITING_PROMOTIONS:]

    def due(self, open_time_ms: int) -> str | None:
        """Return the model that is to lead from the candle of this time on; None if none is due."""
        return next((model for from_ms, model in reversed(self.waiting) if from_ms <= open_time_ms), None)

    def settle(self, open_time_ms: int) -> None:
        """Forget the promotions that name a candle up to this time."""
        self.waiting = tuple(each for each in self.waiting if each[0] > open_time_ms)

    def dump(self) -> list[Any]:
        """Return the state as plain values."""
        return [list(each) for each in self.waiting]

    def load(self, state: list[Any]) -> None:
        """Restore what `dump` returned. Raises TypeError or ValueError if it does not fit."""
        self.waiting = tuple((int(from_ms), str(model)) for from_ms, model in state)
