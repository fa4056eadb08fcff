"""A consumer of a SQLite log in a process of its own, controlled by lines on stdin: it can be killed or paused."""

import asyncio
import signal
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from volcast.log.contract import Commit, Fenced, KeyValue
from volcast.log.sqlite.log import SqliteLog

SESSION_TIMEOUT_S = 0.5
TIMEOUT_S = 60.0


async def work(path: str, name: str) -> None:
    """The main loop of the process: each command on stdin is answered by one line on stdout."""
    async with SqliteLog(path, session_timeout_s=SESSION_TIMEOUT_S) as log, log.consumer() as consumer:
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                match line.split():
                    case ["assignment"]:
                        answer = str(dict(await consumer.assignment()))
                    case ["open"]:
                        answer = str((await consumer.open(0)).position)
                    case ["commit", position]:
                        record = [KeyValue(b"A", name.encode())]
                        await consumer.commit(0, Commit(int(position), record, record, record))
                        answer = "committed"
                    case ["pause-in-a-write"]:
                        await log.database.write(lambda _: signal.pthread_kill(threading.get_ident(), signal.SIGSTOP))
                        answer = "resumed"
                    case other:
                        raise ValueError(other)
            except Fenced:
                answer = "fenced"
            print(answer, flush=True)  # noqa: T201  # the test reads it


class ConsumerProcess:
    """A consumer process as the test controls it. A paused process does not answer."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def ask(self, command: str) -> str:
        self.send(command)
        return await self.answer()

    def send(self, command: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(command.encode() + b"\n")

    async def answer(self) -> str:
        assert self._process.stdout
        async with asyncio.timeout(TIMEOUT_S):
            return (await self._process.stdout.readline()).decode().strip()

    async def until_assigned(self) -> str:
        """Poll the assignment as a worker does, until the process has the partition; return the assignment."""
        async with asyncio.timeout(TIMEOUT_S):
            while (assigned := await self.ask("assignment")) == "{}":
                await asyncio.sleep(0.02)
        return assigned

    async def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        await self.until_paused()

    async def until_paused(self) -> None:
        """Wait until the operating system reports the process as stopped."""
        status = Path(f"/proc/{self._process.pid}/stat")
        async with asyncio.timeout(TIMEOUT_S):
            while " T " not in status.read_text():  # noqa: ASYNC240  # /proc is in memory
                await asyncio.sleep(0.01)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()


@asynccontextmanager
async def consumers(path: Path, *names: str) -> AsyncIterator[list[ConsumerProcess]]:
    """Start a consumer process for each name; the name is the value that it writes. All are killed at the end.

    The log gets three candles, so that positions up to 4 are possible.
    """
    async with SqliteLog(path) as log, log.appender("test") as appender:
        await appender.append([KeyValue(b"A", b"candle")] * 3)
    started: list[ConsumerProcess] = []
    try:
        for name in names:
            arguments = (sys.executable, "-m", "tests.volcast.log.consumer_process", str(path), name)
            started.append(ConsumerProcess(await asyncio.create_subprocess_exec(*arguments, stdin=PIPE, stdout=PIPE)))
        yield started
    finally:
        for process in started:
            await process.kill()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))
