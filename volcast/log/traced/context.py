"""The trace context that travels with records: the W3C `traceparent`, in a header of the first record of each batch.

A header is no part of key or value: what is computed, committed and compared never depends on it. A log that has no headers
carries no context. The variables are of the task that appends or reads, so that concurrent batches do not mix.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

TRACEPARENT = "traceparent"
MAX_CONTEXTS = 1_000
"""Contexts that are kept of one read; those of further batches are left out."""

OUTGOING: ContextVar[bytes | None] = ContextVar("OUTGOING", default=None)
"""The context of the batch that this task writes; None while nothing is traced."""
INCOMING: "ContextVar[list[IncomingContext] | None]" = ContextVar("INCOMING", default=None)
"""Where the contexts of the records that this task reads are put; None while nothing is traced."""


class IncomingContext(NamedTuple):
    """A context that was found at a record. It is that of the records behind it, too, up to the next one."""

    partition: int
    offset: int
    traceparent: bytes


def outgoing_headers() -> list[tuple[str, bytes]]:
    """Return the headers for the first record of a batch; empty while nothing is traced."""
    context = OUTGOING.get()
    return [] if context is None else [(TRACEPARENT, context)]


def note_contexts(batches: Mapping[Any, Sequence[Any]]) -> None:
    """Note the contexts of records, by the topic's partition, as aiokafka returns them; does nothing while nothing is traced."""
    found = INCOMING.get()
    if found is None:
        return
    for tp, records in batches.items():
        for record in records:
            for name, value in record.headers:
                if name == TRACEPARENT and isinstance(value, bytes) and len(found) < MAX_CONTEXTS:
                    found.append(IncomingContext(tp.partition, record.offset, value))
