"""A cumulative sum that forgets: evidence against a fixed reference, added up.

River's PageHinkley and ADWIN compare a stream with its own past: they would take a failure that lasts for the new normal, restart
after each alarm, and alarm again when the failure ends. A lost skill is no change, but a level: the loss is above the baseline's.
"""

from typing import Any


class Cusum:
    """Page's one-sided cumulative sum, with exponential forgetting.

        S ← min(max(0, S · (1 - 1/memory) + x), cap),   cap = 1.5 · threshold

    It is on from S > threshold until S < threshold / 4. The cap bounds how long recovery takes after a long failure.

    References: E. S. Page, Continuous Inspection Schemes, Biometrika 41 (1954).

    Args:
        threshold: In the unit of the values; positive.
        memory: In values; infinite for none forgotten.

    >>> cusum = Cusum(threshold=2.0, memory=1_000.0)
    >>> [cusum.push(x) for x in (1.0, 1.0, 1.0, -2.0, -3.0)]
    [False, False, True, True, False]
    """

    def __init__(self, threshold: float, memory: float) -> None:
        if threshold <= 0.0 or memory < 1.0:
            raise ValueError(f"threshold={threshold} must be positive and memory={memory} at least 1")
        self.threshold = threshold
        self.value = 0.0
        self.on = False
        self._keep = 1.0 - 1.0 / memory
        self._cap = 1.5 * threshold

    def push(self, x: float) -> bool:
        """Add a value, which must be finite. Return whether the sum is on."""
        self.value = min(max(0.0, self.value * self._keep + x), self._cap)
        self.on = self.value > (self.threshold / 4 if self.on else self.threshold)
        return self.on

    def reset(self) -> None:
        """Start anew at 0, off."""
        self.value, self.on = 0.0, False

    def dump(self) -> list[float]:
        """Return the state as plain numbers."""
        return [self.value, float(self.on)]

    def load(self, state: list[Any]) -> None:
        """Restore what `dump` returned. Raises TypeError or ValueError if it does not fit."""
        value, on = state
        self.value, self.on = float(value), bool(on)
