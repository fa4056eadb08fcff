"""Promotions: which model leads from which candle on. `succession` says what becomes of several; `codec` has the wire format."""

from typing import Annotated

from msgspec import Meta, Struct

MAX_PROMOTED_SYMBOLS = 100
"""So many may be named; an empty list stands for all."""
Name = Annotated[str, Meta(min_length=1, max_length=255)]


class Promotion(Struct, frozen=True):
    """A change of the leading model: from the first candle on that opens at `from_ms` or later, `model` makes the signals."""

    id: Name
    model: Name
    """Its name among the models of the engine."""
    from_ms: int
    """The opening of the named candle, in milliseconds since 1970-01-01 UTC."""
    symbols: Annotated[tuple[str, ...], Meta(max_length=MAX_PROMOTED_SYMBOLS)] = ()
    """The symbols that it concerns; all if it is empty."""

    def concerns(self, symbol: str) -> bool:
        """Return whether it is about this symbol."""
        return not self.symbols or symbol in self.symbols
