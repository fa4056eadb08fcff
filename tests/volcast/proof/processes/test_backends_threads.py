"""Work in a thread is always finished, even if its caller is cancelled."""

import asyncio
from threading import Event

import pytest

from volcast.proof.processes.backends import finish_in_thread


async def test_the_result_or_error_of_the_work_is_passed_on() -> None:
    assert await finish_in_thread(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await finish_in_thread(lambda: 1 // 0)


async def test_a_cancellation_takes_effect_when_the_work_is_done() -> None:
    begun, may_end = Event(), Event()

    def work() -> None:
        begun.set()
        may_end.wait()

    waiting = asyncio.create_task(finish_in_thread(work))
    await asyncio.to_thread(begun.wait)
    waiting.cancel()
    await asyncio.wait([waiting], timeout=0.01)
    assert not waiting.done()
    may_end.set()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
