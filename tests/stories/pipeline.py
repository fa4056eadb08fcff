"""The pipeline as a user runs it: real processes on real files, watched through the log."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from volcast.log.contract import Log, Topic

VOLCAST = str(Path(sys.executable).with_name("volcast"))
PATIENCE_S = 90.0


class Process:
    """One `volcast …`, its output kept for the message of a failing test."""

    def __init__(self, output: Path, *arguments: str) -> None:
        self.arguments, self.output = arguments, output
        self._file = output.open("ab")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
        self._process = subprocess.Popen(
            [VOLCAST, *arguments], stdout=self._file, stderr=subprocess.STDOUT, cwd=output.parent, env=environment
        )

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def said(self) -> str:
        return self.output.read_text()

    def kill(self) -> None:
        """As a power cut would: no chance to tidy up."""
        assert self.exit_code is None, f"{self.arguments} had ended by itself:\n{self.said()}"
        self._process.kill()
        self._process.wait()

    def end(self) -> int:
        """Politely; -> its exit code."""
        if self.exit_code is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.exit_code is None:
            self._process.kill()
        self._process.wait()
        self._file.close()


class Pipeline:
    """Processes of one story; all are gone when it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[Process] = []

    def start(self, *arguments: str) -> Process:
        process = Process(self.folder / f"{len(self._processes)}-{arguments[0]}.log", *arguments)
        self._processes.append(process)
        return process

    def again(self, process: Process) -> Process:
        """Kill it, and start it anew with the same arguments."""
        process.kill()
        return self.start(*process.arguments)

    def close(self) -> None:
        for process in self._processes:
            process.close()


@contextmanager
def pipeline(folder: Path) -> Iterator[Pipeline]:
    made = Pipeline(folder)
    try:
        yield made
    finally:
        made.close()


async def until(state: Callable[[], object], what: str, *processes: Process) -> None:
    """Return once `state` holds; fails loudly where it never does, or where a process has died of something."""
    for _ in range(int(PATIENCE_S / 0.05)):
        if state():
            return
        for process in processes:
            assert process.exit_code in (None, 0), f"{process.arguments} ended with {process.exit_code}:\n{process.said()}"
        await asyncio.sleep(0.05)
    told = "\n".join(f"{process.arguments}:\n{process.said()}" for process in processes)
    raise AssertionError(f"waited in vain for {what}\n{told}")


class Watch:
    """Reads a topic as it grows: values by key, in order."""

    def __init__(self) -> None:
        self.values: dict[str, list[bytes]] = defaultdict(list)
        self.records = 0

    async def follow(self, log: Log, topic: Topic) -> None:
        async with log.reader(topic) as reader:
            while True:
                for record in await reader.read(1_000, 0.05):
                    self.values[record.key.decode()].append(record.value)
                    self.records += 1
