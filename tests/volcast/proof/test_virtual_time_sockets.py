"""Virtual time with real sockets and threads."""

import asyncio
import time

from volcast.proof.virtual_time import run_with_sockets


def test_an_hour_of_waiting_ends_at_once_and_sockets_work() -> None:
    async def main() -> tuple[float, bytes]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(3_600)
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            writer.write(b"hello\n")
            echo = await reader.readline()
            writer.close()
            return asyncio.get_running_loop().time(), echo

    virtual_s, echo = run_with_sockets(main())
    assert echo == b"hello\n"
    assert 3_600 <= virtual_s < 3_601


def test_time_stands_still_while_a_thread_works() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        timer = asyncio.create_task(asyncio.sleep(1_000))
        await loop.run_in_executor(None, time.sleep, 0.1)
        now_s = loop.time()
        timer.cancel()
        return now_s

    assert run_with_sockets(main()) == 0


def test_timers_end_in_order() -> None:
    async def main() -> list[int]:
        ended: list[int] = []
        async with asyncio.TaskGroup() as group:
            for number in (3, 1, 2):
                group.create_task(_wait(number, ended))
        return ended

    assert run_with_sockets(main()) == [1, 2, 3]


async def _wait(number: int, ended: list[int]) -> None:
    await asyncio.sleep(number)
    ended.append(number)
