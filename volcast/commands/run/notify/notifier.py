"""Joins the parts of the notifications of a live run: reads the pipeline once a second, and hands over what has to be told.

It is a task beside the pipeline. It never waits for a service, and writes files in another thread.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from api.stream.usual import MIN_HOURS, UsualLevels
from volcast.core.types import MINUTE_MS, Signal
from volcast.log.contract import Log, Topic
from volcast.urls import without_passwords

from .alarms import Alarms
from .drift import drift_conditions
from .events import Condition, Event, NoticeTier, messages_of
from .health import PipelineHealth, Vitals, ended
from .outbox import Outbox
from .rules import Rule
from .senders import Destination, run_sender

if TYPE_CHECKING:
    from api.status import Latest

_LOOK_EVERY_S = 1.0
_AFTER_DEFECT_S = 60.0
_MAX_SKEW_S = 30.0
"""A candle that ends further than this in the future is a sign of a wrong clock: it is not fresh."""
_CLOSE_S = 5.0
"""At the end, so long is waited for messages that are on their way."""
_MAX_REASON = 300
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NotifyPlan:
    """What the settings ask for, checked before anything is written."""

    destinations: Sequence[Destination]
    rules: Sequence[Rule]
    tiers: Sequence[str]
    """Tiers that are told; thresholds of the trader always are."""
    cooldown_s: float
    before_warm: bool
    """Whether thresholds apply to signals that are not warm."""
    fresh_s: float
    """Thresholds and drift alarms are told of signals whose candle closed at most so long ago."""


@dataclass(frozen=True, slots=True)
class LivePipeline:
    """What the notifier reads, as functions."""

    log: Log
    symbols: Sequence[str]
    latest: "Callable[[str], Latest | None]"
    vitals: Callable[[float], Vitals]
    """Takes the seconds since the start."""
    wall: Callable[[], float] = time.time
    """Seconds since 1970, by the clock that the candles' ages are measured by."""
    caught_up: Callable[[], bool] = lambda: True
    """Whether every signal that was on the log at the start has been read."""


class Notifier:
    """Tells what happens to a pipeline, until it is cancelled."""

    def __init__(self, plan: NotifyPlan, outbox: Outbox, venue: str) -> None:
        self.outbox, self._plan = outbox, plan
        self.alarms = Alarms(plan.cooldown_s, dict(outbox.told))
        self.alarms.forget(time.time())
        self._health = PipelineHealth(venue)
        self._seen_ms: dict[str, int] = {}
        """By symbol, the open time of the last signal that was looked at."""
        self._unknown: set[tuple[str, str]] = set()
        """Symbols and rules of which it was said that nothing can be said."""
        self._levels = UsualLevels()
        self._levels_known = not any(rule.uses_usual for rule in plan.rules)

    async def run(self, pipeline: LivePipeline) -> None:
        """Look at the pipeline once a second."""
        follow = asyncio.create_task(self._follow_levels(pipeline.log)) if not self._levels_known else None
        try:
            started_s = time.monotonic()
            while True:
                now_s = time.monotonic()
                try:
                    health = self._health.conditions(pipeline.vitals(now_s - started_s), now_s)
                    await self._tell([*health, *self._of_new_signals(pipeline)])
                except Exception:  # noqa: BLE001  # a defect of the notifications must not end the pipeline
                    _log.exception("the notifications do not work; trying again in %.0f s", _AFTER_DEFECT_S)
                    await asyncio.sleep(_AFTER_DEFECT_S)
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            if follow:
                follow.cancel()
                await asyncio.wait([follow])

    async def ended(self, error: BaseException) -> None:
        """Tell that the run ends with an error. A group is told by its first error."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        reason = without_passwords(" ".join(str(error).split())) or type(error).__name__
        await self._tell([ended(reason[:_MAX_REASON])])

    def _of_new_signals(self, pipeline: LivePipeline) -> Iterator[Condition]:
        """Yield the conditions of drift and of the rules for the fresh signals that are new since the last look."""
        if not pipeline.caught_up():
            return  # what was on the log before may say that something is over which began after it
        for symbol in pipeline.symbols:
            latest = pipeline.latest(symbol)
            if latest and self._seen_ms.get(symbol) != latest.signal.open_time_ms:
                self._seen_ms[symbol] = latest.signal.open_time_ms
                age_s = pipeline.wall() - (latest.signal.open_time_ms + MINUTE_MS) / 1_000
                if -_MAX_SKEW_S <= age_s <= self._plan.fresh_s:
                    yield from drift_conditions(latest.signal)
                    for rule in self._plan.rules:
                        if symbol in rule.symbols and self._is_usable(latest.signal, rule):
                            yield from self._threshold(rule, latest.signal)

    def _threshold(self, rule: Rule, signal: Signal) -> Iterator[Condition]:
        known = threshold_condition(rule, signal, self._levels)
        if known:
            yield known
        elif (key := (signal.symbol, rule.condition)) not in self._unknown:
            self._unknown.add(key)
            why = f"; `usual` is known after {MIN_HOURS} hours of warm signals" if rule.uses_usual else ""
            _log.warning("%s: nothing can be said yet of %s%s", *key, why)

    def _is_usable(self, signal: Signal, rule: Rule) -> bool:
        return (signal.warm or self._plan.before_warm) and (self._levels_known or not rule.uses_usual)

    async def _tell(self, conditions: Sequence[Condition]) -> None:
        tiers = {*self._plan.tiers, NoticeTier.ALERT.value}
        now_s = time.time()
        events: list[Event] = self.alarms.step([each for each in conditions if each.tier.value in tiers], now_s)
        if events:
            told, messages = dict(self.alarms.told), messages_of(events, now_s)
            await asyncio.to_thread(self.outbox.put, messages, told, now_s)

    async def _follow_levels(self, log: Log) -> None:
        """Read the signals on the log, for what is usual; nothing is said of it before all that are there have been read."""
        from volcast.core.codec import UNDECODABLE, decode_signal  # noqa: PLC0415  # as in the other commands

        async with log.reader(Topic.SIGNALS) as reader:
            while True:
                for record in await reader.read(500, 0.5):
                    try:
                        signal = decode_signal(record.value)
                    except UNDECODABLE:
                        continue  # the API tells of it
                    if isinstance(signal, Signal):
                        self._levels.take(signal)
                self._levels_known = reader.caught_up
                await asyncio.sleep(0)


def threshold_condition(rule: Rule, signal: Signal, levels: UsualLevels) -> Condition | None:
    """Return the condition of a rule for a signal; None if something that it needs is not known."""
    reading = rule.read(signal, levels)
    if reading is None:
        return None
    left, value = rule.condition.partition(f" {rule.operator} ")[0], rule.shown(reading.value)
    bounds = f"{signal.price_lower:.8g} to {signal.price_upper:.8g}"
    close = "" if left == "close" else f"close {signal.close:.10g}, "
    details = f"{signal.symbol}: {left} is {value}; {close}next {signal.horizon_minutes} min {bounds}."
    key = f"alert/{signal.symbol}/{rule.condition}"
    return Condition(key, NoticeTier.ALERT, rule.condition, reading.holds, signal.symbol, details)


@asynccontextmanager
async def open_notifier(plan: NotifyPlan, path: Path, venue: str) -> AsyncIterator[Notifier]:
    """Yield a notifier whose state is in the file at `path`; an error within the `with` block is told.

    At the end, messages that are on their way get some seconds. What is left then is on the disk, and the next run sends it.
    """
    outbox = Outbox(path, [each.key for each in plan.destinations], time.time())
    stop = threading.Event()
    threads = [
        threading.Thread(target=run_sender, args=(outbox, each, stop), name="notify", daemon=True) for each in plan.destinations
    ]
    for thread in threads:
        thread.start()
    notifier = Notifier(plan, outbox, venue)
    try:
        yield notifier
    except Exception as error:
        await notifier.ended(error)
        raise
    finally:
        left = await asyncio.to_thread(outbox.wait_until_empty, _CLOSE_S)
        stop.set()
        if left:
            _log.warning("%d notifications are not sent; the next run on this log sends them", left)
