"""What is wrong with a live pipeline, as conditions. Pure: what was read from the pipeline, and times, are arguments.

A cause silences what follows from it: while the feed is down, nothing is said about the candles that do not come.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .events import Condition, NoticeTier

FEED_DOWN_AFTER_S = 60.0
"""For so long no connection must be open: a venue that closes one is connected again within seconds."""
STUCK_AFTER_S = 60.0
REJECTS_WITHIN_S = 600.0
ENDED_KEY, ENDED = "pipeline/ended", "volcast run has ended"


class Vitals(NamedTuple):
    """What was read from the pipeline at one moment."""

    symbols: Mapping[str, float | None]
    """By symbol of the run, the age of its last candle in seconds if it is too old, else 0; None while that says nothing."""
    connections: int = 1
    """Connections to the venue that are open."""
    failures: str = ""
    """Why the last connection and the last request failed, as the end of a sentence."""
    held: str = ""
    """Why nothing is sent to the venue, if it has refused this address; else empty."""
    stuck_s: float | None = 0.0
    """For how long the consumer has processed nothing although it should; None before it holds a partition."""
    rejected: int | None = None
    """Records rejected so far; None while a restore makes the number jump."""
    missing: Mapping[str, int] = {}
    """By symbol, the minutes that this process has given up as missing."""


class PipelineHealth:
    """Turns what is read from the pipeline into conditions. It remembers since when something has been so."""

    def __init__(self, venue: str) -> None:
        self._venue = venue
        self._connected_s: float | None = None
        self._rejected: deque[tuple[float, int]] = deque()
        self._missing: dict[str, int] = {}

    def conditions(self, vitals: Vitals, now_s: float) -> Iterator[Condition]:
        """Yield the conditions of this moment. `now_s` is monotonic.

        What this process does not know yet is left out, so that a restart does not tell that something is over.
        """
        is_connected = vitals.connections > 0
        yield from self._feed(vitals, now_s)
        if is_connected:
            yield Condition(ENDED_KEY, NoticeTier.PAGE, ENDED, holds=False, details="volcast run works again.")
        is_stuck = (vitals.stuck_s or 0.0) > STUCK_AFTER_S
        if is_stuck or vitals.stuck_s == 0.0:
            sentence = f"Candles have arrived, but none was processed for {vitals.stuck_s:.0f} s."
            yield _condition(
                "pipeline/stuck", NoticeTier.PAGE, "consumer stands still", sentence if is_stuck else "", "It moves again."
            )
        if is_connected and not is_stuck:
            yield from _stale(vitals.symbols)
        yield from self._rejects(vitals.rejected, now_s)
        yield from self._holes(vitals.missing)

    def _feed(self, vitals: Vitals, now_s: float) -> Iterator[Condition]:
        venue, is_connected = self._venue, vitals.connections > 0
        if is_connected or self._connected_s is None:
            self._connected_s = now_s
        down_s = now_s - self._connected_s
        if is_connected or down_s >= FEED_DOWN_AFTER_S:
            sentence = f"No connection to {venue} for {down_s:.0f} s{vitals.failures}." if not is_connected else ""
            yield _condition(f"feed/{venue}/down", NoticeTier.PAGE, "feed down", sentence, f"Connected to {venue} again.")
        if is_connected or vitals.held:
            sentence = f"{venue} has refused this address, or its rate of requests: {vitals.held}." if vitals.held else ""
            yield _condition(
                f"feed/{venue}/held", NoticeTier.TICKET, "venue refuses us", sentence, f"{venue} accepts requests again."
            )

    def _rejects(self, rejected: int | None, now_s: float) -> Iterator[Condition]:
        if rejected is None or (self._rejected and rejected < self._rejected[-1][1]):
            self._rejected.clear()  # the partition is restored or rebuilt: the count begins anew
        if rejected is None:
            return
        if not self._rejected or rejected != self._rejected[-1][1]:
            self._rejected.append((now_s, rejected))
        while len(self._rejected) > 1 and now_s - self._rejected[1][0] >= REJECTS_WITHIN_S:
            self._rejected.popleft()
        new, minutes = rejected - self._rejected[0][1], f"{REJECTS_WITHIN_S / 60:.0f} minutes"
        if new or now_s - self._rejected[0][0] >= REJECTS_WITHIN_S:
            sentence = f"{new} records were rejected within {minutes}; see `volcast rejects list`." if new else ""
            over = f"No record was rejected within {minutes}."
            yield _condition("pipeline/rejects", NoticeTier.TICKET, "records rejected", sentence, over)

    def _holes(self, missing: Mapping[str, int]) -> Iterator[Condition]:
        """Yield the candles that were given up since the last look: something that happens, and has no end."""
        for symbol, minutes in missing.items():
            new = minutes - self._missing.get(symbol, 0)
            sentence = f"{symbol}: {new} minutes have no candle, and {self._venue} does not deliver them any more."
            yield Condition(f"holes/{symbol}", NoticeTier.TICKET, "candles lost", new > 0, symbol, sentence, recovers=False)
        self._missing = dict(missing)


def ended(reason: str) -> Condition:
    """Return the condition that the process ends with an error; it is over when the next one runs."""
    return Condition(ENDED_KEY, NoticeTier.PAGE, ENDED, holds=True, details=f"It ended with an error: {reason}")


def _stale(ages_s: Mapping[str, float | None]) -> Iterator[Condition]:
    for symbol, age_s in ages_s.items():
        if age_s is not None:
            sentence = f"{symbol}: the last candle closed {age_s:.0f} s ago." if age_s else f"{symbol}: candles arrive again."
            yield Condition(f"stale/{symbol}", NoticeTier.PAGE, "no fresh candle", bool(age_s), symbol, sentence)


def _condition(key: str, tier: NoticeTier, kind: str, problem: str, over: str) -> Condition:
    """Return a condition that holds if `problem` is not empty; `over` is told at its end."""
    return Condition(key, tier, kind, bool(problem), details=problem or over)
