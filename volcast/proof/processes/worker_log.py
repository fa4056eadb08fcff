"""Reads events from a worker's log while it is being written: a JSON line for each event, perhaps other text in between."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RESTORED, FENCED, UNANSWERED, TAKEN_OVER, DIFFERS = "restored", "fenced", "unanswered", "taken over", "differs"
_EVENTS: Mapping[str, str] = {
    "restored": RESTORED,
    "dropped: fenced": FENCED,
    "not opened": FENCED,
    "dropped: commit failed": UNANSWERED,
    "taken over: ": TAKEN_OVER,
    "the standby has computed another result": DIFFERS,
}
"""How a log message begins, and the event that it means."""


class WorkerLog:
    """The log of one worker, whose output goes to the file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0
        self._partitions: set[int] = set()

    @property
    def has_partition(self) -> bool:
        """Whether the worker holds a partition, as far as its log has been read."""
        return bool(self._partitions)

    def new_events(self) -> list[str]:
        """Return the events that were logged since the last call."""
        return [event for entry in self._new_entries() for event in self._interpret(entry)]

    def _new_entries(self) -> Iterator[Mapping[str, Any]]:
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            text = file.read()
        lines, _, rest = text.rpartition(b"\n")  # the last line may not be complete yet
        self._read_bytes += len(text) - len(rest)
        for line in lines.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and isinstance(entry.get("message"), str):
                yield entry

    def _interpret(self, entry: Mapping[str, Any]) -> Iterator[str]:
        message, partition = entry["message"], entry.get("partition")
        if message == "restored" and isinstance(partition, int):
            self._partitions.add(partition)
        elif message.startswith("dropped") and isinstance(partition, int):
            self._partitions.discard(partition)
        elif message.startswith("consumer:"):  # the connection to the log was lost, and with it all partitions
            self._partitions.clear()
        yield from (event for beginning, event in _EVENTS.items() if message.startswith(beginning))
