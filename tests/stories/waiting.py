"""Waiting in tests with processes: for a condition, and for records on a topic."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from volcast.log.contract import Log, Topic
from volcast.proof.processes.processes import START_TIMEOUT_S, Process


async def until(condition: Callable[[], object], what: str, *processes: Process) -> None:
    """Return once the condition holds. Fails if it does not within a timeout, or if a process ended with an error."""
    for _ in range(int(START_TIMEOUT_S / 0.05)):
        if condition():
            return
        for process in processes:
            assert process.exit_code in (None, 0), f"{process.arguments} ended with {process.exit_code}:\n{process.read_output()}"
        await asyncio.sleep(0.05)
    outputs = "\n".join(f"{process.arguments}:\n{process.read_output()}" for process in processes)
    raise AssertionError(f"timeout while waiting for {what}\n{outputs}")


class TopicWatch:
    """The records that have appeared on a topic: values by key, in order, and their number."""

    def __init__(self) -> None:
        self.values: dict[str, list[bytes]] = defaultdict(list)
        self.records = 0

    async def follow(self, log: Log, topic: Topic) -> None:
        """Read the topic as it grows, until cancelled."""
        async with log.reader(topic) as reader:
            while True:
                for record in await reader.read(1_000, 0.05):
                    self.values[record.key.decode()].append(record.value)
                    self.records += 1
