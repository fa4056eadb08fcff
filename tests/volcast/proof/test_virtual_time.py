"""Virtual time in memory: it moves where a real loop would wait, timers end in order, and a wait without a timer is an error."""

import asyncio

import pytest

from volcast.proof.virtual_time import Deadlock, run


def test_an_hour_of_waiting_ends_at_once() -> None:
    async def main() -> float:
        await asyncio.sleep(3_600)
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(3_600)


def test_each_loop_starts_at_zero() -> None:
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


def test_a_timeout_uses_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(30)


def test_waiting_for_ever_raises_deadlock() -> None:
    async def main() -> None:
        await asyncio.sleep(1.5)
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match=r"at 1\.500 s of virtual time all tasks wait"):
        run(main())


def test_tasks_left_running_are_cancelled() -> None:
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
