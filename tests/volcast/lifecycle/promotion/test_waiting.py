"""Waiting for signals that show a promotion."""

import asyncio

from tests.market import at
from tests.volcast.lifecycle.promotion.signalled import WARM, answer, asked, now_ms, signal
from volcast.lifecycle.promotion.promote import promote
from volcast.lifecycle.promotion.waiting import Shown, idle_symbols, wait_until_shown
from volcast.log.contract import Log


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def test_the_first_signal_by_the_new_model_is_told_also_if_it_came_before_the_wait(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 5, har=WARM), signal("ETHUSDT", 5, har=WARM))
    done = await promote(log, asked(), now_ms)
    await answer(log, signal("BTCUSDT", 6, har=WARM), signal("BTCUSDT", 7, "har", two_stage=WARM))
    waiting = asyncio.create_task(wait_until_shown(log, done, 60.0, now_s))
    await asyncio.sleep(0)
    await answer(log, signal("BTCUSDT", 8, "har"), signal("ETHUSDT", 9, "har"))
    async with asyncio.timeout(60):
        assert await waiting == Shown({"BTCUSDT": at(7), "ETHUSDT": at(9)}, (), ())


async def test_a_wait_in_vain_names_the_symbols(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 5, har=WARM), signal("ETHUSDT", 5, har=WARM))
    done = await promote(log, asked(), now_ms)
    await answer(log, signal("BTCUSDT", 7, "har"), signal("ETHUSDT", 7, "two_stage", har=WARM))
    assert await wait_until_shown(log, done, 0.3, now_s) == Shown({"BTCUSDT": at(7)}, ("ETHUSDT",), ())


async def test_symbols_that_a_later_promotion_concerns_are_not_waited_for(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 5, har=WARM), signal("ETHUSDT", 5, har=WARM))
    done = await promote(log, asked(), now_ms)
    await answer(log, signal("BTCUSDT", 7, "har"))
    async with asyncio.timeout(60):
        assert await wait_until_shown(log, done, 60.0, now_s, later={"ETHUSDT"}) == Shown({"BTCUSDT": at(7)}, (), ())


async def test_idle_and_cold_symbols_are_not_waited_for(log: Log) -> None:
    await answer(log, signal("BTCUSDT", 100, har=WARM), signal("OLDUSDT", 39, har=WARM), signal("NEWUSDT", 100, har=2))
    done = await promote(log, asked(when_warm=True), now_ms)
    assert idle_symbols(done) == ("OLDUSDT",)
    await answer(log, signal("BTCUSDT", 102, "har"))
    async with asyncio.timeout(60):
        assert await wait_until_shown(log, done, 60.0, now_s) == Shown({"BTCUSDT": at(102)}, (), ("OLDUSDT",))
