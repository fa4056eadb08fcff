"""One symbol's candles on their way to the log: in order, each once, and what is missing asked for. Pure: times are arguments.

    heard (live) ──┐
                   ├──► next_ms, next_ms + 1 min, … ──► Bar | Hole | Revised
    answered (REST)┘        │
                            └── a hole, or a minute that is overdue ──► wanted: what to ask the venue for

A live candle behind a hole waits until the venue has answered for the hole, or until its budget is used up: then the hole becomes
a record of its own. A hole is only called one where something stands behind it. All times are the venue's, in milliseconds.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from volcast.core.types import MINUTE_MS

from .candle import BUILT, CandleEvent, ClosedBy, ClosedCandle, MissingMinutes, RevisedCandle, flat_candle
from .resume import RECALLED_MINUTES, ResumePoint

REMEMBERED_MINUTES = RECALLED_MINUTES
"""Of what was written last: a later word on it is told from the same once more."""
MAX_WAITING = 1_500
"""Candles behind a hole; what comes beyond is asked for again later."""
AUDIT_EVERY_MS = 900_000
"""Venues correct candles without a word, and not each numbers what it sends."""
OVERLAP_MINUTES = 5
"""Asked for once more when a line begins: a candle may have been revised while nobody listened."""


class MinuteRange(NamedTuple):
    """Minutes to ask the venue for: from the first up to, but without, the last."""

    from_ms: int
    to_ms: int


class Deadlines(NamedTuple):
    """How long a series waits, in milliseconds."""

    settle: int
    """After a minute's end, until the venue's candle of it is final."""
    patience: int
    """After a minute's end, for its live candle; at least `settle`."""
    budget: int
    """For a hole to be filled, while candles wait behind it."""
    retry: int
    """Between two questions for the same minutes."""

    def for_hole(self, minutes: int) -> int:
        """A long hole is worth a longer wait: a second for each minute."""
        return max(self.budget, minutes * 1_000)


class CandleSequencer:
    """Where one symbol stands. `next_ms` is the minute to be written next."""

    def __init__(self, position: ResumePoint, waits: Deadlines, *, tells_empty_minutes: bool) -> None:
        self.next_ms = position.next_ms
        self.counts: Counter[str] = Counter()
        """duplicate, late, dropped: live candles that were not written, and why."""
        self._last_close = position.last_close
        self._is_new = position.is_new
        """The log has nothing of it yet."""
        self._waits = waits
        self._tells_empty_minutes = tells_empty_minutes
        self._waiting: dict[int, ClosedCandle] = {}
        self._written: dict[int, ClosedCandle] = {bar.open_time_ms: bar for bar in position.written}
        self._hole_since_ms: int | None = None
        """When the minute `next_ms` was first missed."""
        self._doubted_ms: int | None = None
        self._ask_not_before_ms = 0
        self._audit_ms = 0
        """When all that is remembered is compared with the venue's own candles next; 0 before the first look at the clock."""

    def heard(self, bar: ClosedCandle) -> list[CandleEvent]:
        """A live candle that is closed."""
        if bar.open_time_ms < self.next_ms:
            return self._heard_again(bar)
        if len(self._waiting) >= MAX_WAITING and bar.open_time_ms not in (self.next_ms, *self._waiting):
            self.counts["dropped"] += 1
            return []
        if not self._waiting:
            self._hole_since_ms = None  # the budget begins with the first candle that waits behind the hole
        self._waiting[bar.open_time_ms] = bar
        return list(self._on({}))

    def doubt(self, from_ms: int, now_ms: int) -> None:
        """What was written from there on may be wrong: to be compared with the venue's own candles, once those are final."""
        self._doubt_from(from_ms)
        self._ask_not_before_ms = max(self._ask_not_before_ms, now_ms + self._waits.settle)

    def look_back(self, now_ms: int) -> None:
        """A new line has begun to speak: what was written last may have been revised while nobody listened."""
        self.doubt(self.next_ms - OVERLAP_MINUTES * MINUTE_MS, now_ms)

    def wanted(self, now_ms: int) -> MinuteRange | None:
        """What to ask the venue for now."""
        to_ms = self._missing_to(now_ms)
        if to_ms > self.next_ms and self._hole_since_ms is None:
            self._hole_since_ms = now_ms
        if now_ms >= self._audit_ms:
            if self._audit_ms and self._written:
                self._doubt_from(min(self._written))
            self._audit_ms = now_ms + AUDIT_EVERY_MS
        if now_ms < self._ask_not_before_ms:
            return None
        from_ms, to_ms = self._doubted_from(), max(to_ms, self.next_ms)
        return MinuteRange(from_ms, to_ms) if from_ms < to_ms else None

    def due_in_ms(self, now_ms: int) -> int:
        """How long `wanted` will have nothing new to say, if nothing is heard."""
        until_ms = self.next_ms + MINUTE_MS + (self._waits.settle if self._waiting else self._waits.patience)
        if self._doubted_from() < self.next_ms:  # a doubt of what was not written wants nothing
            until_ms = self._ask_not_before_ms
        return min(max(until_ms, self._ask_not_before_ms), self._audit_ms) - now_ms

    def patience_ms(self, now_ms: int) -> int:
        """What is left of the budget for the present hole."""
        since_ms = now_ms if self._hole_since_ms is None else self._hole_since_ms
        return since_ms + self._waits.for_hole((self._missing_to(now_ms) - self.next_ms) // MINUTE_MS) - now_ms

    def answered(
        self, rows: Sequence[ClosedCandle], covered: MinuteRange, reachable_from_ms: int, now_ms: int
    ) -> list[CandleEvent]:
        """The venue's candles of `covered`, which begins where `wanted` did; it has none before `reachable_from_ms`."""
        self._ask_not_before_ms = now_ms + self._waits.retry
        by_time = {row.open_time_ms: row for row in rows}
        outs: list[CandleEvent] = [
            out for row in rows if row.open_time_ms < self.next_ms for out in self._heard_again(row, counted=False)
        ]
        if self._doubted_ms is not None and covered.from_ms <= self._doubted_from():
            self._doubted_ms = covered.to_ms if covered.to_ms < self.next_ms else None
        before_ms = self.next_ms
        if self.next_ms < reachable_from_ms:
            outs += self._pass_over(reachable_from_ms, "older than what the venue keeps")
        outs += self._on(by_time, covered.to_ms)
        if self.next_ms > before_ms:
            self._ask_not_before_ms = min(self._ask_not_before_ms, now_ms)
        elif covered.to_ms > self.next_ms and self.patience_ms(now_ms) <= 0:
            outs += self.refused("the venue has no candle", now_ms)
        return outs

    def refused(self, reason: str, now_ms: int) -> list[CandleEvent]:
        """The venue did not answer: give the hole up if its budget is used up and a candle waits behind it."""
        self._ask_not_before_ms = now_ms + self._waits.retry
        if not self._waiting or self.patience_ms(now_ms) > 0:
            return []
        hole = MissingMinutes(self.next_ms, min(self._waiting), reason)
        self._give_up(hole.to_ms)
        return [hole, *self._on({})]

    @property
    def waiting(self) -> int:
        """Candles behind a hole."""
        return len(self._waiting)

    def _doubt_from(self, minute_ms: int) -> None:
        self._doubted_ms = minute_ms if self._doubted_ms is None else min(minute_ms, self._doubted_ms)

    def _missing_to(self, now_ms: int) -> int:
        """Up to where minutes are missing that the venue should have by now."""
        wait_ms = self._waits.settle if self._waiting else self._waits.patience
        to_ms = (now_ms - wait_ms) // MINUTE_MS * MINUTE_MS
        return min((to_ms, *self._waiting))

    def _doubted_from(self) -> int:
        if self._doubted_ms is None or not self._written:
            return self.next_ms
        return min(self.next_ms, max(self._doubted_ms, min(self._written)))

    def _heard_again(self, bar: ClosedCandle, *, counted: bool = True) -> list[CandleEvent]:
        """A second word on a minute that is dealt with."""
        written = self._written.get(bar.open_time_ms)
        if written is None or not bar.differs(written):
            if counted:
                self.counts["late" if written is None else "duplicate"] += 1
            return []
        if bar.closed_by in BUILT:  # sums of ours prove nothing against a candle that is written: the venue shall tell
            self._doubt_from(bar.open_time_ms)
            return []
        self._written[bar.open_time_ms] = bar
        if bar.end_ms == self.next_ms:
            self._last_close = bar.close
        return [RevisedCandle(bar)]

    def _on(self, rows: dict[int, ClosedCandle], covered_to_ms: int = 0) -> Iterator[CandleEvent]:
        """Write on, minute by minute, as far as they are known."""
        while True:
            minute_ms = self.next_ms
            row, heard = rows.get(minute_ms), self._waiting.pop(minute_ms, None)
            if heard:
                yield self._write(heard)
                if row:
                    yield from self._heard_again(row, counted=False)
            elif row:
                yield self._write(row)
            elif minute_ms >= covered_to_ms:
                return
            elif not self._tells_empty_minutes and self._last_close is not None:
                yield self._write(flat_candle(minute_ms, self._last_close, ClosedBy.REST))
            elif (after_ms := min((time_ms for time_ms in rows if time_ms > minute_ms), default=None)) is not None:
                yield from self._pass_over(after_ms, "the venue has no candle")
            else:
                self._skip_what_never_was(covered_to_ms)
                return

    def _write(self, bar: ClosedCandle) -> ClosedCandle:
        self._written[bar.open_time_ms] = bar
        if len(self._written) > REMEMBERED_MINUTES:
            del self._written[next(iter(self._written))]
        self._last_close, self._is_new = bar.close, False
        self._move(bar.end_ms)
        return bar

    def _pass_over(self, to_ms: int, reason: str) -> list[MissingMinutes]:
        """What the venue has not. Before the first candle of all that is no hole: the market may not have been there yet."""
        holes = [] if self._is_new else [MissingMinutes(self.next_ms, to_ms, reason)]
        self._give_up(to_ms)
        return holes

    def _give_up(self, to_ms: int) -> None:
        self._last_close = None  # a price from before the hole says nothing of an empty minute behind it
        self._move(to_ms)

    def _skip_what_never_was(self, covered_to_ms: int) -> None:
        """Of a market without any candle so far; the last minutes may yet come."""
        to_ms = covered_to_ms - OVERLAP_MINUTES * MINUTE_MS
        if self._is_new and to_ms > self.next_ms:
            self._move(to_ms)

    def _move(self, next_ms: int) -> None:
        self.next_ms = next_ms
        self._hole_since_ms = None
