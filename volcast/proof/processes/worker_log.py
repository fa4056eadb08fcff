"""What a worker says in its log, as it says it: a JSON line for each event, anything else in between."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RESTORED, FENCED, UNANSWERED = "restored", "fenced", "unanswered"
_BEGINS: Mapping[str, str] = {
    "restored": RESTORED,
    "dropped: fenced": FENCED,
    "not opened": FENCED,
    "dropped: commit failed": UNANSWERED,
}
"""How an event's message begins, and the word for it."""


class WorkerLog:
    """Of the process whose output goes to the file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0
        self._held: set[int] = set()

    @property
    def holds(self) -> bool:
        """It has a partition, as far as it has said."""
        return bool(self._held)

    def news(self) -> list[str]:
        """The words for what it has said since the last call."""
        return [word for event in self._events() for word in self._take(event)]

    def _events(self) -> Iterator[Mapping[str, Any]]:
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            text = file.read()
        lines, _, rest = text.rpartition(b"\n")  # the last line may still be in the writing
        self._read_bytes += len(text) - len(rest)
        for line in lines.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and isinstance(event.get("message"), str):
                yield event

    def _take(self, event: Mapping[str, Any]) -> Iterator[str]:
        message, partition = event["message"], event.get("partition")
        if message == "restored" and isinstance(partition, int):
            self._held.add(partition)
        elif message.startswith("dropped") and isinstance(partition, int):
            self._held.discard(partition)
        elif message.startswith("consumer:"):  # the log was lost, and all that was held
            self._held.clear()
        yield from (word for begin, word in _BEGINS.items() if message.startswith(begin))
