"""Puts one symbol's candles in order, each minute once, and says which minutes to ask the venue for. Pure: times are arguments.

    candle_closed (live) ───┐
                            ├──► next_ms, next_ms + 1 min, … ──► ClosedCandle | MissingMinutes | RevisedCandle
    page_received (REST) ───┘        │
                                     └── a gap, or a minute that is overdue ──► next_request: what to ask the venue for

A live candle behind a gap waits until the venue has answered for the gap, or until the gap's budget is used up: then the gap
becomes a record of its own. Missing minutes become a gap only where a candle waits behind them. All times are the venue's, in
milliseconds.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from volcast.core.types import MINUTE_MS

from .candle import BUILT, CandleEvent, ClosedBy, ClosedCandle, MissingMinutes, RevisedCandle, flat_candle
from .resume import RECALLED_MINUTES, ResumePoint

REMEMBERED_MINUTES = RECALLED_MINUTES
"""So many of the last written minutes are kept in memory: a later candle of one of them is compared with it."""
MAX_WAITING = 1_500
"""So many candles may wait behind a gap; later ones are dropped, and requested again when it is their turn."""
AUDIT_EVERY_MS = 900_000
"""How often all remembered minutes are compared with the venue's: venues correct candles unannounced, and some number nothing."""
OVERLAP_MINUTES = 5
"""So many minutes are requested again when a connection begins: a candle may have been revised while none was open."""


class MinuteRange(NamedTuple):
    """Minutes to ask the venue for: `from_ms` is included, `to_ms` is not."""

    from_ms: int
    to_ms: int


class Deadlines(NamedTuple):
    """How long a sequencer waits, in milliseconds."""

    settle: int
    """After a minute's end, until the venue's candle of it is final."""
    timeout: int
    """After a minute's end, for its live candle; at least `settle`."""
    budget: int
    """For a gap to be filled while candles wait behind it."""
    retry: int
    """Between two requests for the same minutes."""

    def gap_budget(self, minutes: int) -> int:
        """Return the budget of a gap of so many minutes: at least a second for each of them."""
        return max(self.budget, minutes * 1_000)


class CandleSequencer:
    """The order of one symbol's candles. `next_ms` is the minute to be written next."""

    def __init__(self, resume_point: ResumePoint, deadlines: Deadlines, *, sends_empty_minutes: bool) -> None:
        """`sends_empty_minutes`: the venue has candles of minutes without trades, so a missing candle is no empty minute."""
        self.next_ms = resume_point.next_ms
        self.counts: Counter[str] = Counter()
        """Live candles that were not written, by the reason: `duplicate`, `late` or `dropped`."""
        self._last_close = resume_point.last_close
        self.is_new = resume_point.is_new
        """The log has nothing of the symbol yet."""
        self._deadlines = deadlines
        self._tells_empty_minutes = sends_empty_minutes
        self._waiting: dict[int, ClosedCandle] = {}
        self._written: dict[int, ClosedCandle] = {candle.open_time_ms: candle for candle in resume_point.written}
        self._gap_since_ms: int | None = None
        """When the minute `next_ms` was first missed."""
        self._recheck_from_ms: int | None = None
        """Minutes from here on, written already, are to be compared with the venue's candles; None if there are none."""
        self._not_before_ms = 0
        """The earliest time of the next request."""
        self._audit_ms = 0
        """When all remembered minutes are compared with the venue's candles next; 0 before the first `next_request`."""

    def candle_closed(self, candle: ClosedCandle) -> list[CandleEvent]:
        """Take in a live candle. Return what is to be written now, in order."""
        if candle.open_time_ms < self.next_ms:
            return self._compare(candle)
        if len(self._waiting) >= MAX_WAITING and candle.open_time_ms not in (self.next_ms, *self._waiting):
            self.counts["dropped"] += 1
            return []
        if not self._waiting:
            self._gap_since_ms = None  # the budget begins with the first candle that waits behind the gap
        self._waiting[candle.open_time_ms] = candle
        return list(self._advance({}))

    def recheck(self, from_ms: int, now_ms: int) -> None:
        """Request the written minutes from there on again, once they are final, and compare them with the venue's candles."""
        self._extend_recheck(from_ms)
        self._not_before_ms = max(self._not_before_ms, now_ms + self._deadlines.settle)

    def check_overlap(self, now_ms: int) -> None:
        """Recheck the last minutes: a new connection has brought data, and a candle may have been revised before it."""
        self.recheck(self.next_ms - OVERLAP_MINUTES * MINUTE_MS, now_ms)

    def next_request(self, now_ms: int) -> MinuteRange | None:
        """Return the minutes to ask the venue for now; None if there is nothing to ask."""
        to_ms = self._missing_to(now_ms)
        if to_ms > self.next_ms and self._gap_since_ms is None:
            self._gap_since_ms = now_ms
        if now_ms >= self._audit_ms:
            if self._audit_ms and self._written:
                self._extend_recheck(min(self._written))
            self._audit_ms = now_ms + AUDIT_EVERY_MS
        if now_ms < self._not_before_ms:
            return None
        from_ms, to_ms = self._request_from(), max(to_ms, self.next_ms)
        return MinuteRange(from_ms, to_ms) if from_ms < to_ms else None

    def next_request_in_ms(self, now_ms: int) -> int:
        """Return after how many milliseconds `next_request` may have something new to ask, if no candle comes before."""
        until_ms = self.next_ms + MINUTE_MS + (self._deadlines.settle if self._waiting else self._deadlines.timeout)
        if self._request_from() < self.next_ms:  # a recheck of minutes that were never written asks for nothing
            until_ms = self._not_before_ms
        return min(max(until_ms, self._not_before_ms), self._audit_ms) - now_ms

    def budget_left_ms(self, now_ms: int) -> int:
        """Return what is left of the present gap's budget; zero or less once it is used up."""
        since_ms = now_ms if self._gap_since_ms is None else self._gap_since_ms
        return since_ms + self._deadlines.gap_budget((self._missing_to(now_ms) - self.next_ms) // MINUTE_MS) - now_ms

    def page_received(
        self,
        rows: Sequence[ClosedCandle],
        covered: MinuteRange,
        reachable_from_ms: int,
        now_ms: int,
        unusable: Collection[int] = (),
    ) -> list[CandleEvent]:
        """Take in the venue's candles of `covered`, which begins where `next_request` did. Return what is to be written now.

        The venue has no candle before `reachable_from_ms`. What it has sent of the minutes `unusable` can't be used: without a
        live candle they are missing, and never empty.
        """
        self._not_before_ms = now_ms + self._deadlines.retry
        by_time = {row.open_time_ms: row for row in rows}
        events: list[CandleEvent] = [
            event for row in rows if row.open_time_ms < self.next_ms for event in self._compare(row, counted=False)
        ]
        if self._recheck_from_ms is not None and covered.from_ms <= self._request_from():
            self._recheck_from_ms = covered.to_ms if covered.to_ms < self.next_ms else None
        before_ms = self.next_ms
        if self.next_ms < reachable_from_ms:
            events += self._skip(reachable_from_ms, "older than what the venue keeps")
        events += self._advance(by_time, covered.to_ms, unusable)
        if self.next_ms > before_ms:
            self._not_before_ms = min(self._not_before_ms, now_ms)
        elif covered.to_ms > self.next_ms and self.budget_left_ms(now_ms) <= 0:
            events += self.request_failed("the venue has no candle", now_ms)
        return events

    def request_failed(self, reason: str, now_ms: int) -> list[CandleEvent]:
        """Note that the venue did not answer. Give the gap up if its budget is used up and a candle waits behind it.

        Return what is to be written: nothing, or the gap with this reason and the candles behind it.
        """
        self._not_before_ms = now_ms + self._deadlines.retry
        if not self._waiting or self.budget_left_ms(now_ms) > 0:
            return []
        gap = MissingMinutes(self.next_ms, min(self._waiting), reason)
        self._jump(gap.to_ms)
        return [gap, *self._advance({})]

    @property
    def waiting(self) -> int:
        """How many candles wait behind a gap."""
        return len(self._waiting)

    def _extend_recheck(self, minute_ms: int) -> None:
        self._recheck_from_ms = minute_ms if self._recheck_from_ms is None else min(minute_ms, self._recheck_from_ms)

    def _missing_to(self, now_ms: int) -> int:
        """Return the end of the minutes that are missing although the venue should have them by now."""
        wait_ms = self._deadlines.settle if self._waiting else self._deadlines.timeout
        to_ms = (now_ms - wait_ms) // MINUTE_MS * MINUTE_MS
        return min((to_ms, *self._waiting))

    def _request_from(self) -> int:
        """Return the first minute of the next request: one to be rechecked that is still remembered, else `next_ms`."""
        if self._recheck_from_ms is None or not self._written:
            return self.next_ms
        return min(self.next_ms, max(self._recheck_from_ms, min(self._written)))

    def _compare(self, candle: ClosedCandle, *, counted: bool = True) -> list[CandleEvent]:
        """Compare a second candle of a minute with the one that was written. Return a revision if it differs."""
        written = self._written.get(candle.open_time_ms)
        if written is None or not candle.differs_from(written):
            if counted:
                self.counts["late" if written is None else "duplicate"] += 1
            return []
        if candle.closed_by in BUILT:  # a candle built here does not disprove the written one: the venue is asked
            self._extend_recheck(candle.open_time_ms)
            return []
        self._written[candle.open_time_ms] = candle
        if candle.end_ms == self.next_ms:
            self._last_close = candle.close
        return [RevisedCandle(candle)]

    def _advance(
        self, rows: dict[int, ClosedCandle], covered_to_ms: int = 0, unusable: Collection[int] = ()
    ) -> Iterator[CandleEvent]:
        """Write minute after minute, as far as they are known from live candles and from the venue's rows."""
        while True:
            minute_ms = self.next_ms
            row, live = rows.get(minute_ms), self._waiting.pop(minute_ms, None)
            if live:
                yield self._write(live)
                if row:
                    yield from self._compare(row, counted=False)
            elif row:
                yield self._write(row)
            elif minute_ms >= covered_to_ms:
                return
            elif minute_ms in unusable:
                yield from self._unusable_gap(minute_ms, rows, unusable)
                if self.next_ms == minute_ms:
                    return
            elif not self._tells_empty_minutes and self._last_close is not None:
                yield self._write(flat_candle(minute_ms, self._last_close, ClosedBy.REST))
            elif (after_ms := min((time_ms for time_ms in rows if time_ms > minute_ms), default=None)) is not None:
                yield from self._skip(after_ms, "the venue has no candle")
            else:
                self._skip_unlisted(covered_to_ms)
                return

    def _unusable_gap(self, from_ms: int, rows: Collection[int], unusable: Collection[int]) -> list[MissingMinutes]:
        """Skip minutes of which the venue has sent nothing usable. The newest ones are left: they may be usable the next time."""
        behind_ms = min((time_ms for time_ms in (*rows, *self._waiting) if time_ms > from_ms), default=None)
        if behind_ms is None:
            return []
        to_ms = from_ms + MINUTE_MS
        while to_ms in unusable and to_ms < behind_ms:
            to_ms += MINUTE_MS
        return self._skip(to_ms, "what the venue has sent of it can't be used")

    def _write(self, candle: ClosedCandle) -> ClosedCandle:
        self._written[candle.open_time_ms] = candle
        if len(self._written) > REMEMBERED_MINUTES:
            del self._written[next(iter(self._written))]
        self._last_close, self.is_new = candle.close, False
        self._move(candle.end_ms)
        return candle

    def _skip(self, to_ms: int, reason: str) -> list[MissingMinutes]:
        """Skip minutes that the venue does not have. Before a symbol's first candle that is no gap: it may not be listed yet."""
        gaps = [] if self.is_new else [MissingMinutes(self.next_ms, to_ms, reason)]
        self._jump(to_ms)
        return gaps

    def _skip_unlisted(self, covered_to_ms: int) -> None:
        """Skip minutes of a symbol without any candle so far, but for the last ones, whose candles may still come."""
        to_ms = covered_to_ms - OVERLAP_MINUTES * MINUTE_MS
        if self.is_new and to_ms > self.next_ms:
            self._move(to_ms)

    def _jump(self, to_ms: int) -> None:
        self._last_close = None  # a price from before the gap says nothing of an empty minute behind it
        self._move(to_ms)

    def _move(self, next_ms: int) -> None:
        self.next_ms = next_ms
        self._gap_since_ms = None
