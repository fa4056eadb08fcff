"""Virtual time: it moves where others wait, in order, and stands still where nothing is to come."""

import asyncio

import pytest

from volcast.proof.virtual_time import Deadlock, run


def test_an_hour_passes_at_once_and_to_the_second() -> None:
    async def main() -> float:
        await asyncio.sleep(3_600)
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(3_600)


def test_each_loop_begins_at_zero() -> None:
    async def now_s() -> float:
        return asyncio.get_running_loop().time()

    assert [run(now_s()), run(now_s())] == [0.0, 0.0]


def test_timers_end_in_the_order_of_their_times() -> None:
    ended: list[float] = []

    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds)
        ended.append(seconds)

    async def main() -> None:
        await asyncio.gather(*map(wait, (3.0, 1.0, 0.0, 2.0)))

    run(main())
    assert ended == [0.0, 1.0, 2.0, 3.0]


def test_time_stands_still_while_there_is_work() -> None:
    async def main() -> float:
        for _ in range(1_000):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run(main()) == 0.0


def test_a_timeout_is_virtual_too() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(30)


def test_waiting_for_ever_is_an_error_that_says_so() -> None:
    async def main() -> None:
        await asyncio.sleep(1.5)
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match=r"at 1\.500 s of virtual time all tasks wait"):
        run(main())


def test_what_is_left_running_is_cancelled() -> None:
    ended: list[str] = []

    async def serve() -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            ended.append("cancelled")

    async def main() -> "asyncio.Task[None]":
        task = asyncio.create_task(serve())
        await asyncio.sleep(1)
        return task

    assert run(main()).cancelled()
    assert ended == ["cancelled"]
