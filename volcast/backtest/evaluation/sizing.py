"""Positions whose size follows the forecast, against positions of constant size on the same candles: an illustration.

It is no strategy: the position is always long, and says nothing of where the price goes.
"""

from msgspec import Struct


class SizingRules(Struct, frozen=True, kw_only=True):
    """How large positions are, and what it costs to change them. Raises ValueError if a number is out of its range."""

    target_volatility: float = 0.4
    """The annualized volatility of the result that the size aims at; above 0."""
    max_size: float = 2.0
    """The largest size, as a multiple of the equity; above 0. Above 1 the position is partly borrowed."""
    cost_bp: float = 5.0
    """What it costs to trade a value equal to the equity, in 1e-4 of it; at least 0."""

    def __post_init__(self) -> None:
        if not (0.0 < self.target_volatility < float("inf")):
            raise ValueError(f"target_volatility={self.target_volatility} must be above 0: 0.4 is 40 % a year")
        if not (0.0 < self.max_size < float("inf")):
            raise ValueError(f"max_size={self.max_size} must be above 0: 2 is twice the equity")
        if not (0.0 <= self.cost_bp < float("inf")):
            raise ValueError(f"cost_bp={self.cost_bp} must be at least 0")
