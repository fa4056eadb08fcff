"""The workers: how many there are, who waits, and what becomes of one that fails. The processes are real."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from api.routes.predict.pool import PoolBusyError, PoolFailedError, PredictPool
from api.routes.predict.worker import ANSWERED
from tests.api.routes.predict.bodies import body


@asynccontextmanager
async def pool(**options: Any) -> AsyncIterator[PredictPool]:
    made = PredictPool(**{"workers": 1, "max_wait_s": 170.0, "max_compute_s": 170.0, **options})
    try:
        yield made
    finally:
        for worker in tuple(made._running):
            worker.end()
        made._running.clear()


async def until_ended(one: PredictPool) -> None:
    while one.worker_count:
        await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_one_worker_answers_one_after_another_and_is_started_by_the_first() -> None:
    async with pool() as one:
        assert one.worker_count == 0
        answers = await asyncio.gather(*(one.ask(body(count)) for count in (3, 4, 5)))
        assert [msgspec.json.decode(each[1:])["candles"] for each in answers] == [3, 4, 5]
        assert {each[:1] for each in answers} == {ANSWERED}
        assert one.worker_count == 1


@pytest.mark.slow
async def test_who_finds_the_queue_full_is_told_when_to_come_again() -> None:
    async with pool(max_waiting=1) as one:
        first, second = asyncio.create_task(one.ask(body(3))), asyncio.create_task(one.ask(body(3)))
        await asyncio.sleep(0)
        with pytest.raises(PoolBusyError, match=r"try again in 1 s") as raised:
            await one.ask(body(3))
        assert raised.value.retry_after_s == 1
        assert [(await each)[:1] for each in (first, second)] == [ANSWERED, ANSWERED]


@pytest.mark.slow
async def test_a_worker_that_takes_too_long_is_ended_and_another_one_takes_over() -> None:
    async with pool() as one:
        await one.ask(body(3))
        (slow,) = one._running
        one._max_compute_s = 0.01
        with pytest.raises(PoolFailedError, match=r"took longer than 0\.01 s"):
            await one.ask(body(10_000))
        assert one.worker_count == 0
        with pytest.raises(ProcessLookupError):
            os.kill(slow.pid, 0)
        one._max_compute_s = 60.0
        assert (await one.ask(body(3)))[:1] == ANSWERED


@pytest.mark.slow
async def test_a_worker_that_was_killed_fails_one_request_only() -> None:
    async with pool() as one:
        await one.ask(body(3))
        (killed,) = one._running
        os.kill(killed.pid, signal.SIGKILL)
        with pytest.raises(PoolFailedError, match="has ended"):
            await one.ask(body(3))
        assert (await one.ask(body(3)))[:1] == ANSWERED


@pytest.mark.slow
async def test_a_request_that_is_cancelled_takes_its_worker_along() -> None:
    async with pool() as one:
        await one.ask(body(3))
        task = asyncio.create_task(one.ask(body(10_000)))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert (await one.ask(body(3)))[:1] == ANSWERED


@pytest.mark.slow
async def test_a_worker_without_work_ends() -> None:
    async with pool(idle_s=0.05) as one:
        await one.ask(body(3))
        await asyncio.wait_for(until_ended(one), 30)


async def test_for_a_client_that_has_gone_nothing_is_computed() -> None:
    async def gone() -> bool:
        return True

    async with pool() as one:
        assert (await one.ask(body(3), gone), one.worker_count) == (b"", 0)
