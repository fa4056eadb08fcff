"""The follower reads signals from the log into the view."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from api.follower import Follower
from api.status import Status
from api.view import View
from tests.api.signals import now_at, signals
from tests.log_access import fill
from volcast.core.codec import encode_restoring, encode_signal
from volcast.core.types import Restoring
from volcast.log.contract import Commit, KeyValue, Log
from volcast.log.sqlite.log import SqliteLog


def records(count: int) -> list[KeyValue]:
    return [KeyValue(signal.symbol.encode(), encode_signal(signal)) for signal in signals(count)]


async def commit(log: Log, *values: KeyValue) -> None:
    async with log.consumer() as consumer:
        await consumer.open(0)
        await consumer.commit(0, Commit(1, signals=values))


@asynccontextmanager
async def following(log: Log, view: View) -> AsyncIterator[Follower]:
    follower = Follower(log, view)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(follower.run())
        yield follower
        running.cancel()


async def test_signals_are_read_from_the_first_one_on_and_followed() -> None:
    view, made = View(180), records(30)
    async with SqliteLog(":memory:") as log:
        await commit(log, *made[:20])
        async with following(log, view) as follower:
            await follower.drained()
            assert (view.signals, view.caught_up) == (20, True)
            await commit(log, *made[20:])
            await follower.drained()
    latest = view.get("BTCUSDT")
    assert latest
    assert (view.signals, latest.signal.candles) == (30, 30)


async def test_an_empty_log_is_caught_up_at_once() -> None:
    view = View(180)
    async with SqliteLog(":memory:") as log:
        await fill(log, [])
        async with following(log, view) as follower:
            await follower.drained()
    assert (view.signals, view.caught_up) == (0, True)


class RecordingView(View):
    """Records each value of `caught_up`, with the number of signals at that time."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "caught_up":
            self.__dict__.setdefault("values", []).append((self.signals, value))
        super().__setattr__(name, value)


async def test_it_is_caught_up_only_once_all_earlier_signals_are_in_the_view() -> None:
    view, (one,) = RecordingView(180), records(1)
    async with SqliteLog(":memory:") as log:
        await commit(log, *[one] * 1_500)
        async with following(log, view) as follower:
            await follower.drained()
    assert view.__dict__["values"][:3] == [(0, False), (1_000, False), (1_500, True)]


GARBAGE = (b"", b"null", b'{"v":1}', b'{"symbol":"\xff"}', b'{"deep":' + b"[" * 100_000, b'{"open_time_ms":1e999}')


async def test_a_record_that_is_no_signal_is_logged_and_skipped(caplog: pytest.LogCaptureFixture) -> None:
    view, (one, two) = View(180), records(2)
    async with SqliteLog(":memory:") as log:
        await commit(log, one, *(KeyValue(b"BTCUSDT", garbage) for garbage in GARBAGE), two)
        async with following(log, view) as follower:
            await follower.drained()
    assert (view.signals, view.caught_up) == (2, True)
    errors = [entry for entry in caplog.records if entry.levelname == "ERROR"]
    assert [vars(entry)["offset"] for entry in errors] == list(range(2, 2 + len(GARBAGE)))
    assert all(entry.getMessage().startswith("a record of the topic signals cannot be read and is skipped: ") for entry in errors)


def altered(**fields: object) -> bytes:
    """Return a record of a signal with some fields replaced, which no consumer would write."""
    return encode_signal(msgspec.structs.replace(signals(1)[0], **fields))


OUTCOME = signals(61)[-1].outcome
IMPLAUSIBLE = (
    altered(open_time_ms=10**17),
    altered(open_time_ms=-1),
    altered(horizon_minutes=10**15),
    altered(symbol="ETHUSDT"),
    altered(outcome=OUTCOME and msgspec.structs.replace(OUTCOME, open_time_ms=10**17)),
    re.sub(rb'"volatility":[^,]+', b'"volatility":null', altered(), count=1),
)


@pytest.mark.parametrize("value", [*GARBAGE, *IMPLAUSIBLE])
async def test_a_symbol_whose_newest_record_cannot_be_read_says_so(value: bytes) -> None:
    view, (one, two) = View(180), records(2)
    async with SqliteLog(":memory:") as log, following(log, view) as follower:
        await commit(log, one, KeyValue(b"BTCUSDT", value), KeyValue(b"no symbol", value))
        await follower.drained()
        latest = view.get("BTCUSDT")
        assert latest
        assert view.status(latest, now_at(latest.signal, 1.0, latest.arrived_s)) is Status.UNREADABLE
        assert (view.signals, view.unreadable, view.unreadable_symbols) == (1, 2, ["BTCUSDT"])
        await commit(log, two)
        await follower.drained()
    assert view.unreadable_symbols == []


async def test_a_record_that_cannot_be_read_is_counted_once_though_it_is_read_again() -> None:
    view, (one,) = View(180), records(1)
    async with SqliteLog(":memory:") as log:
        await commit(log, one, KeyValue(b"BTCUSDT", b"null"))
        follower = Follower(log, view)
        for _ in range(2):
            running = asyncio.create_task(follower.run())
            await follower.drained()
            running.cancel()
            await asyncio.wait([running])
    assert (view.signals, view.unreadable) == (2, 1)


async def test_a_rebuild_of_a_symbol_is_visible_in_its_status() -> None:
    view, (one, two) = View(180), records(2)
    notices = [KeyValue(b"BTCUSDT", encode_restoring(Restoring("BTCUSDT", done))) for done in (False, True)]
    async with SqliteLog(":memory:") as log, following(log, view) as follower:
        for value, status in (
            (one, Status.WARMING),
            (notices[0], Status.RESTORING),
            (two, Status.RESTORING),
            (notices[1], Status.WARMING),
        ):
            await commit(log, value)
            await follower.drained()
            latest = view.get("BTCUSDT")
            assert latest
            assert view.status(latest, now_at(latest.signal, 1.0, latest.arrived_s)) is status
    assert view.signals == 2
