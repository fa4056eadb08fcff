"""The notifier on a log in memory: rules apply to fresh, warm signals; what is usual comes from the log; no defect ends it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from api.view import View
from tests.api.signals import alarm
from tests.market import START_MS
from tests.notify import signal, state_file
from volcast.commands.run.notify.health import Vitals
from volcast.commands.run.notify.notifier import LivePipeline, Notifier, NotifyPlan
from volcast.commands.run.notify.outbox import Outbox
from volcast.commands.run.notify.rules import parse_rule
from volcast.core.codec import encode_signal
from volcast.core.drift.alarms import Tier
from volcast.core.types import MINUTE_MS, Signal
from volcast.log.contract import Commit, KeyValue
from volcast.log.sqlite.log import SqliteLog

VITALS = Vitals({"BTCUSDT": None}, connections=0, stuck_s=None, rejected=None)
HOUR = 60


def wall_at(minute: int) -> float:
    """Return a time 5 s after the close of a minute, in seconds since 1970."""
    return (START_MS + (minute + 1) * MINUTE_MS) / 1_000 + 5


class Pipeline:
    """A pipeline of which a test says what it has."""

    def __init__(self, log: SqliteLog) -> None:
        self.log, self.view, self.wall_s, self.looks = log, View(180), wall_at(0), 0
        self.is_broken = False

    def show(self, shown: Signal, wall_s: float) -> None:
        self.view.put(shown, 0.0)
        self.wall_s = wall_s

    def vitals(self, _: float) -> Vitals:
        self.looks += 1
        if self.is_broken:
            raise RuntimeError("a defect")
        return VITALS

    def parts(self) -> LivePipeline:
        wall, view = (lambda: self.wall_s), self.view
        return LivePipeline(self.log, ("BTCUSDT",), view.get, self.vitals, wall, lambda: view.caught_up)

    async def look(self, times: int = 2) -> None:
        """Wait until the notifier has looked so many more times."""
        until = self.looks + times
        while self.looks < until:
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volcast.commands.run.notify.notifier._LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("volcast.commands.run.notify.notifier._AFTER_DEFECT_S", 0.01)


@asynccontextmanager
async def notified(
    folder: Path, *rules: str, history: Sequence[Signal] = (), before_warm: bool = False
) -> AsyncIterator[tuple[Pipeline, Outbox]]:
    """Run a notifier over a log with some signals."""
    async with SqliteLog(":memory:") as log:
        async with log.consumer() as consumer:
            restored = await consumer.open(0)
            values = [KeyValue(each.symbol.encode(), encode_signal(each)) for each in history]
            await consumer.commit(0, Commit(restored.position, signals=values))
        parsed = [parse_rule(rule, ["BTCUSDT"]) for rule in rules]
        plan = NotifyPlan((), parsed, ("page",), cooldown_s=0.0, before_warm=before_warm, fresh_s=180.0)
        outbox, pipeline = Outbox(state_file(folder), ["a"], 0.0), Pipeline(log)
        pipeline.view.caught_up = True
        task = asyncio.create_task(Notifier(plan, outbox, "binance").run(pipeline.parts()))
        try:
            yield pipeline, outbox
            await pipeline.look()
        finally:
            task.cancel()
            await asyncio.wait([task])


def titles(outbox: Outbox) -> Iterator[str]:
    while parcel := outbox.take("a", 0.0):
        yield parcel.message.title


async def test_a_fresh_signal_fires_and_recovers(tmp_path: Path) -> None:
    async with notified(tmp_path, "close > 100") as (pipeline, outbox):
        for minute, close in enumerate((100.0, 101.0, 102.0, 99.0)):
            pipeline.show(signal(minute, close=close), wall_at(minute))
            await pipeline.look()
        assert list(titles(outbox)) == ["[volcast alert] BTCUSDT: close > 100", "[volcast over] BTCUSDT: close > 100"]


@pytest.mark.parametrize(
    ("shown", "wall_s"),
    [
        (signal(0), wall_at(10)),  # a replay, or a backfill
        (signal(10), wall_at(5)),  # a wrong clock
        (signal(0, warm=False), wall_at(0)),
    ],
)
async def test_nothing_fires_on_what_is_old_or_of_the_future_or_not_warm(tmp_path: Path, shown: Signal, wall_s: float) -> None:
    async with notified(tmp_path, "close > 1") as (pipeline, outbox):
        pipeline.show(shown, wall_s)
        await pipeline.look()
        assert list(titles(outbox)) == []


async def test_a_signal_that_is_not_warm_fires_if_that_is_asked_for(tmp_path: Path) -> None:
    async with notified(tmp_path, "close > 1", before_warm=True) as (pipeline, outbox):
        pipeline.show(signal(0, warm=False), wall_at(0))
        await pipeline.look()
        assert len(list(titles(outbox))) == 1


async def test_what_is_usual_comes_from_the_log(tmp_path: Path) -> None:
    history = [signal(HOUR * hour, volatility_annualized_deseasonalized=0.2) for hour in range(30)]
    async with notified(tmp_path, "volatility / usual > 2", history=history) as (pipeline, outbox):
        await pipeline.look(20)
        pipeline.show(signal(HOUR * 30, volatility_annualized_deseasonalized=0.39), wall_at(HOUR * 30))
        await pipeline.look()
        assert list(titles(outbox)) == []
        pipeline.show(signal(HOUR * 30 + 1, volatility_annualized_deseasonalized=0.41), wall_at(HOUR * 30 + 1))
        await pipeline.look()
        (parcel,) = [parcel for parcel in (outbox.take("a", 0.0),) if parcel]
        assert parcel.message.body.startswith("BTCUSDT: volatility / usual is 2.05; close 100, next 60 min 99 to 101.\n")


async def test_a_defect_of_the_notifications_does_not_end_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        async with notified(tmp_path, "close > 1") as (pipeline, outbox):
            pipeline.is_broken = True
            await pipeline.look()
            pipeline.is_broken = False
            pipeline.show(signal(0), wall_at(0))
            await pipeline.look()
            assert len(list(titles(outbox))) == 1
    assert "the notifications do not work" in caplog.text


async def test_the_end_is_told_by_the_first_error_without_passwords(tmp_path: Path) -> None:
    outbox = Outbox(state_file(tmp_path), ["a"], 0.0)
    notifier = Notifier(NotifyPlan((), (), ("page",), 0.0, before_warm=False, fresh_s=180.0), outbox, "binance")
    await notifier.ended(ExceptionGroup("several", [ValueError("ws://me:secret@host is gone"), ValueError("x")]))
    parcel = outbox.take("a", 0.0)
    assert parcel
    assert parcel.message.body.splitlines()[0] == "It ended with an error: ws://********@host is gone"


async def test_a_drift_alarm_is_told_once_and_so_is_its_end_also_across_restarts(tmp_path: Path) -> None:
    on = (alarm("price_frozen", signal(1).open_time_ms), alarm("forecast_biased", signal(1).open_time_ms, Tier.TICKET))
    told = []
    for minutes in (range(3), range(3, 6), range(6, 8)):  # three runs; the second one sees its end
        async with notified(tmp_path) as (pipeline, outbox):
            for minute in minutes:
                pipeline.show(signal(minute, drift_alarms=on if 1 <= minute < 5 else ()), wall_at(minute))
                await pipeline.look()
            told.append(list(titles(outbox)))
    assert told == [["[volcast page] BTCUSDT: price frozen"], ["[volcast over] BTCUSDT: price frozen"], []]


async def test_drift_alarms_of_the_past_are_not_told(tmp_path: Path) -> None:
    async with notified(tmp_path) as (pipeline, outbox):
        pipeline.show(signal(0, drift_alarms=(alarm("price_frozen", signal(0).open_time_ms),)), wall_at(10))
        await pipeline.look()
        assert list(titles(outbox)) == []


async def test_nothing_is_over_before_the_log_has_been_read(tmp_path: Path) -> None:
    """After a quick restart, a signal from before the alarm is fresh."""
    on = (alarm("price_frozen", signal(1).open_time_ms),)
    async with notified(tmp_path) as (pipeline, outbox):
        pipeline.show(signal(1, drift_alarms=on), wall_at(1))
        await pipeline.look()
        assert len(list(titles(outbox))) == 1
    async with notified(tmp_path) as (pipeline, outbox):
        pipeline.view.caught_up = False
        pipeline.show(signal(0), wall_at(1))
        await pipeline.look()
        pipeline.show(signal(1, drift_alarms=on), wall_at(1))
        pipeline.view.caught_up = True
        await pipeline.look()
        assert list(titles(outbox)) == []
