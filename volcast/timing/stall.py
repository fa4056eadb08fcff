"""How long something that should move has stood still. Pure: times are arguments, in seconds of one monotonic clock."""


class StallDetector:
    """Measures how long a position has not moved although there was work for it, as far as it was looked at.

    >>> detector = StallDetector()  # work waits whenever there is a position: it stalls from the first look on
    >>> detector.look(7, 100.0), detector.look(7, 130.0), detector.look(8, 140.0), detector.look(None, 150.0)
    (0.0, 30.0, 0.0, 0.0)
    >>> detector = StallDetector()  # work waits only once the end has grown: it stalls from the look that sees this
    >>> detector.look(5, 0.0, end=8), detector.look(5, 100.0, end=8)
    (0.0, 0.0)
    >>> detector.look(5, 110.0, end=9), detector.look(5, 130.0, end=9), detector.stalled_s
    (0.0, 20.0, 20.0)
    """

    def __init__(self) -> None:
        self.stalled_s = 0.0
        """The result of the last look."""
        self._position: int | None = None
        self._end: int | None = None
        """The end when the position last moved, or the smallest one seen since."""
        self._since_s: float | None = None

    def look(self, position: int | None, now_s: float, *, end: int | None = None) -> float:
        """Take the present position in and return for how many seconds it has been stalled.

        `position` is None while nothing has to move. With an `end` (of a log that grows), the position is expected to move only
        after the end has grown: a position that stays behind an unchanging end may be as far as it can get.
        """
        has_grown = end is None or (self._end is not None and end > self._end)
        if position is None or position != self._position or not has_grown:
            self._position, self._end = position, end
            self._since_s = now_s if end is None else None
        elif self._since_s is None:
            self._since_s = now_s
        self.stalled_s = 0.0 if self._since_s is None else now_s - self._since_s
        return self.stalled_s
