"""Promotions: from which candle on which model leads. The one law, for each candle of a symbol:

    the model that leads is that of the last promotion before it on the log, of those whose named candle it has reached

So a promotion that comes later in the log overrides those before it, from its own named candle on.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

MAX_WAITING: Final = 32
"""Promotions of one symbol that wait for their named candles. The one that names the earliest is forgotten first."""

Name = Annotated[str, Meta(min_length=1, max_length=255)]


class Promotion(Struct, frozen=True):
    """A change of the leading model: from the first candle on that opens at `from_ms` or later, `model` makes the signals."""

    id: Name
    model: Name
    """Its name among the models of the engine."""
    from_ms: int
    """The opening of the named candle, in milliseconds since 1970-01-01 UTC."""
    symbols: tuple[str, ...] = ()
    """The symbols that it concerns; all if it is empty."""

    def concerns(self, symbol: str) -> bool:
        """Return whether it is about this symbol."""
        return not self.symbols or symbol in self.symbols


class Succession:
    """The promotions of one symbol that wait for their named candles.

    >>> succession = Succession()
    >>> succession.add("har", 300), succession.add("ewma", 500), succession.add("last", 400)
    (None, None, None)
    >>> [succession.next(time_ms, lambda model: True) for time_ms in (299, 350, 360, 500)]
    [None, 'har', None, 'last']
    """

    def __init__(self) -> None:
        self.waiting: tuple[tuple[int, str], ...] = ()
        """The time of the named candle and the model, by time; each was promoted after those before it."""

    def add(self, model: str, from_ms: int) -> None:
        """Add a promotion: it takes the place of all that name its candle or a later one."""
        self.waiting = (*(each for each in self.waiting if each[0] < from_ms), (from_ms, model))[-MAX_WAITING:]

    def next(self, open_time_ms: int, may_lead: Callable[[str], bool]) -> str | None:
        """Return the model that is to lead from the candle of this time on; None if none is due. One that may not lead waits."""
        due = [model for from_ms, model in self.waiting if from_ms <= open_time_ms]
        if not due or not may_lead(due[-1]):
            return None
        self.waiting = self.waiting[len(due) :]
        return due[-1]

    def dump(self) -> list[Any]:
        """Return the state as plain values."""
        return [list(each) for each in self.waiting]

    def load(self, state: list[Any]) -> None:
        """Restore what `dump` returned. Raises TypeError or ValueError if it does not fit."""
        self.waiting = tuple((int(from_ms), str(model)) for from_ms, model in state)
