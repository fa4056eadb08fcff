"""Reads all signals and promotions from the log into the view, from the first one on and for as long as the API runs."""

import asyncio
import logging
import time
from collections.abc import Callable
from math import inf
from random import Random

from volcast.core.codec import MAX_TIME_MS, UNDECODABLE, decode_signal
from volcast.core.decoder import is_symbol
from volcast.core.forecast.results import HorizonForecast
from volcast.core.types import Restoring, Signal
from volcast.log.contract import Log, Record, Topic
from volcast.log.retry import while_unavailable

from .view import View

_READ_RECORDS = 1_000
_IDLE_READ_S = 0.25
_PROMOTIONS_S = 1.0
"""How often promotions are looked for while signals come."""
_MAX_HORIZON_MINUTES = 10_000_000
"""Far above any setting: with a longer horizon its end has no date."""
_log = logging.getLogger(__name__)


class Follower:
    """Keeps one view up to date, without a consumer group. A signal may be read twice: the view does not change by it."""

    def __init__(self, log: Log, view: View, now: Callable[[], float] = time.monotonic) -> None:
        self._log, self._view, self._now = log, view, now
        self._empty_read = asyncio.Condition()
        self._unreadable_below: dict[int, int] = {}
        """By partition: the offset below which the unreadable records have been counted."""

    async def run(self) -> None:
        """Run until cancelled; while the log is unavailable, wait for it. Raises LogError if only a person can help."""
        await while_unavailable("api", self._attempt, Random())  # noqa: S311  # no secret: jitter

    async def drained(self) -> None:
        """Return once every signal that was on the log at the time of the call is in the view."""
        async with self._empty_read:
            for _ in range(2):  # the first empty read may have begun before the call
                await self._empty_read.wait()

    async def _attempt(self) -> None:
        async with self._log.reader(Topic.SIGNALS) as reader, self._log.reader(Topic.MODELS) as promotions:
            read_at_s = -inf
            while True:
                records = await reader.read(_READ_RECORDS, _IDLE_READ_S)
                arrived_s = self._now()
                if not records or arrived_s - read_at_s >= _PROMOTIONS_S:
                    read_at_s = arrived_s
                    for record in await promotions.read(_READ_RECORDS, 0.0):
                        if not self._view.promotions.take(record):
                            _log.error("a record of the topic models is no promotion and is skipped", extra=_place(record))
                for record in records:
                    self._take(record, arrived_s)
                self._view.caught_up = reader.caught_up
                if not records:
                    async with self._empty_read:
                        self._empty_read.notify_all()

    def _take(self, record: Record, arrived_s: float) -> None:
        try:
            self._view.put(signal_of(record), arrived_s)
        except (*UNDECODABLE, ImplausibleError) as error:
            _log.error("a record of the topic signals cannot be read and is skipped: %s", error, extra=_place(record))
            is_new = record.offset >= self._unreadable_below.get(record.partition, 0)
            self._view.put_unreadable(_symbol_of(record.key), is_new=is_new)
            if is_new:
                self._unreadable_below[record.partition] = record.offset + 1


class ImplausibleError(Exception):
    """A record is a signal by its form, but it cannot be one that a consumer has written; or the log could not read it."""


def signal_of(record: Record) -> Signal | Restoring:
    """Return what a record of `signals` contains. Raises one of `UNDECODABLE` or ImplausibleError if it cannot be served."""
    if record.unreadable:
        raise ImplausibleError(record.unreadable)
    signal = decode_signal(record.value)
    if signal.symbol.encode() != record.key:
        raise ImplausibleError(f"its key is {record.key!r:.60}, its symbol is {signal.symbol!r:.60}")
    if isinstance(signal, Signal):
        forecasts: tuple[Signal | HorizonForecast, ...] = (signal, *signal.other_horizons)
        for time_ms in (signal.open_time_ms, *(each.outcome.open_time_ms for each in forecasts if each.outcome)):
            if not 0 <= time_ms < MAX_TIME_MS:
                raise ImplausibleError(f"it has an open_time_ms of {time_ms}")
        for each in forecasts:
            if not 0 < each.horizon_minutes <= _MAX_HORIZON_MINUTES:
                raise ImplausibleError(f"it has a horizon of {each.horizon_minutes} minutes")
    return signal


def _place(record: Record) -> dict[str, int]:
    return {"partition": record.partition, "offset": record.offset}


def _symbol_of(key: bytes) -> str | None:
    text = key.decode(errors="replace")
    return text if is_symbol(text) else None
