"""How a story watches its processes: what has come onto the log, and a state that must come about."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from volcast.log.contract import Log, Topic
from volcast.proof.processes.processes import START_TIMEOUT_S, Process


async def until(state: Callable[[], object], what: str, *processes: Process) -> None:
    """Return once `state` holds; fails loudly where it never does, or where a process has died of something."""
    for _ in range(int(START_TIMEOUT_S / 0.05)):
        if state():
            return
        for process in processes:
            assert process.exit_code in (None, 0), f"{process.arguments} ended with {process.exit_code}:\n{process.read_output()}"
        await asyncio.sleep(0.05)
    told = "\n".join(f"{process.arguments}:\n{process.read_output()}" for process in processes)
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
