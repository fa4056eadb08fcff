"""From the settings to a plan of notifications, and from a running pipeline to what its health is judged by."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from volcast.cli.main import UserError
from volcast.settings.schema import Settings

from .health import STUCK_AFTER_S, Vitals
from .notifier import LivePipeline, NotifyPlan
from .rules import RuleError, parse_rule
from .senders import Destination, NotifyError

if TYPE_CHECKING:
    from consumer.worker import Worker
    from producer.live.producer import LiveProducer
    from volcast.commands.run.pipeline import RunPipeline


def create_notify_plan(settings: Settings, symbols: Sequence[str]) -> NotifyPlan | None:
    """Return what the settings ask for in a run of these symbols; None if nothing. Raises UserError."""
    if settings.alert and not settings.notify:
        raise UserError("--alert says of what to notify, not where: add --notify URL, as in --notify ntfy://my-topic")
    try:
        rules = [parse_rule(text, symbols) for text in settings.alert]
        destinations = [Destination(url.get_secret_value(), number) for number, url in enumerate(settings.notify, 1)]
    except (RuleError, NotifyError) as error:
        raise UserError(str(error)) from None
    if not destinations:
        return None
    return NotifyPlan(
        destinations,
        rules,
        settings.notify_tiers,
        settings.notify_cooldown_s,
        settings.alert_before_warm,
        fresh_s=settings.stale_after_s,
    )


def described(plan: NotifyPlan) -> str:
    """Return what will be told, as a line for the user."""
    names = ", ".join(each.name for each in plan.destinations)
    rules = "; ".join(rule.text for rule in plan.rules)
    return f"notifying {names} of {', '.join([*plan.tiers, *([rules] if rules else [])]) or 'nothing'}"


def pipeline_parts(
    pipeline: "RunPipeline", producer: "LiveProducer", symbols: Sequence[str], stale_after_s: float
) -> LivePipeline:
    """Return what a notifier reads of a live run."""
    reader = _VitalsReader(pipeline, producer, symbols, stale_after_s)

    def wall() -> float:
        return producer.rest.clock.now_ms() / 1_000

    return LivePipeline(pipeline.log, symbols, pipeline.view.get, reader.read, wall, lambda: pipeline.view.caught_up)


class _VitalsReader:
    """Reads what the health of a live run is judged by."""

    def __init__(self, pipeline: "RunPipeline", producer: "LiveProducer", symbols: Sequence[str], stale_after_s: float) -> None:
        self._view, self._worker, self._producer = pipeline.view, pipeline.worker, producer
        self._symbols, self._stale_after_s = symbols, stale_after_s

    def read(self, running_s: float) -> Vitals:
        from producer.live.metrics import is_connected  # noqa: PLC0415  # imported by the run already

        live, now_s = self._producer, asyncio.get_running_loop().time()
        connections = [each for reconnector in live.reconnectors for each in reconnector.connections]
        holds = [hold for hold in (live.rest.hold, live.rest.connect_hold) if hold.left_s(now_s)]
        return Vitals(
            {symbol: self._stale_s(symbol, running_s) for symbol in self._symbols},
            sum(map(is_connected, connections)),
            live.last_failures(),
            f"{holds[0].reason}, for another {holds[0].left_s(now_s):.0f} s" if holds else "",
            _stuck_s(self._worker),
            _rejected(self._worker),
            dict(live.stats.missing_minutes),
        )

    def _stale_s(self, symbol: str, running_s: float) -> float | None:
        """Return the age of the last candle if it is too old, 0 if it is not, None while that says nothing."""
        from api.status import Now, Status  # noqa: PLC0415  # as above

        latest = self._view.get(symbol)
        if running_s <= self._stale_after_s or not self._view.caught_up:
            return None
        if latest is None:
            return running_s
        now = Now(self._producer.rest.clock.now_ms() / 1_000, asyncio.get_running_loop().time())
        status = self._view.status(latest, now)
        if status in {Status.RESTORING, Status.UNREADABLE, Status.CLOCK_SKEW, Status.REPLAYING}:
            return None
        return latest.age_s(now) if status in {Status.STALE, Status.FINISHED} else 0.0


def _stuck_s(worker: "Worker") -> float | None:
    """Return how long the consumer stands still; seconds of work on one batch are none."""
    if not worker.shards:
        return None
    stuck_s = max(worker.idle_s, *(stall.stalled_s for stall in worker.stalls.values()), 0.0)
    return stuck_s if stuck_s > STUCK_AFTER_S else 0.0


def _rejected(worker: "Worker") -> int | None:
    from consumer.stats import rejects_by_reason, restored_share  # noqa: PLC0415  # as above

    shards = worker.shards.values()
    is_known = bool(shards) and all(restored_share(shard) >= 1.0 for shard in shards)
    return rejects_by_reason(shards).total() if is_known else None
