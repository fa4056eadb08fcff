"""Work in a thread is not left half done."""

import asyncio
from threading import Event

import pytest

from volcast.proof.processes.places import to_its_end


async def test_it_gives_what_the_work_gives() -> None:
    assert await to_its_end(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await to_its_end(lambda: 1 // 0)


async def test_whoever_is_cancelled_hears_of_it_when_the_work_is_done() -> None:
    begun, may_end = Event(), Event()

    def work() -> None:
        begun.set()
        may_end.wait()

    waiting = asyncio.create_task(to_its_end(work))
    await asyncio.to_thread(begun.wait)
    waiting.cancel()
    await asyncio.wait([waiting], timeout=0.01)
    assert not waiting.done()
    may_end.set()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
