"""A consumer of a SQLite file in a process of its own, told line by line what to do: one that can be killed, or paused."""

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
PATIENCE_S = 60.0


async def work(path: str, name: str) -> None:
    """Runs in the process: answers each line of stdin by one line."""
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
                        answer = "went on"
                    case other:
                        raise ValueError(other)
            except Fenced:
                answer = "fenced"
            print(answer, flush=True)  # noqa: T201  # it is how the test hears of it


class ConsumerProcess:
    """The test's end of it. Each answer is awaited; whoever is paused gives none."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def ask(self, command: str) -> str:
        self.tell(command)
        return await self.answer()

    def tell(self, command: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(command.encode() + b"\n")

    async def answer(self) -> str:
        assert self._process.stdout
        async with asyncio.timeout(PATIENCE_S):
            return (await self._process.stdout.readline()).decode().strip()

    async def until_assigned(self) -> str:
        """Asks as a worker does, again and again, until it has the partition."""
        async with asyncio.timeout(PATIENCE_S):
            while (assigned := await self.ask("assignment")) == "{}":
                await asyncio.sleep(0.02)
        return assigned

    async def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        await self.until_paused()

    async def until_paused(self) -> None:
        """As the system says it."""
        status = Path(f"/proc/{self._process.pid}/stat")
        async with asyncio.timeout(PATIENCE_S):
            while " T " not in status.read_text():  # noqa: ASYNC240  # of the kernel's memory
                await asyncio.sleep(0.01)

    def wake(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()


@asynccontextmanager
async def consumers(path: Path, *names: str) -> AsyncIterator[list[ConsumerProcess]]:
    """One for each name, which is what it writes; all are dead at the end."""
    made: list[ConsumerProcess] = []
    try:
        for name in names:
            arguments = (sys.executable, "-m", "tests.volcast.log.consumer_process", str(path), name)
            made.append(ConsumerProcess(await asyncio.create_subprocess_exec(*arguments, stdin=PIPE, stdout=PIPE)))
        yield made
    finally:
        for process in made:
            await process.kill()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))
