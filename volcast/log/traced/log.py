"""A log around a log that makes a span for each batch: its append, its processing up to the commit, its arrival in the API.

    append ──traceparent──► candles ──► poll … commit ──traceparent──► signals ──► read
    (span "send candles")               (span "process candles")                   (span "receive signals")

A batch may hold records of several appends. Its span is a child of the first one's, so that a live candle is one trace from its
producer to the API, and has links to the others. There are as many spans as batches, not as candles. Needs the extra `tracing`.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, Self, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from volcast.log.contract import Appender, Commit, Consumer, KeyValue, Log, Reader, Record, Restored, Topic

from .context import INCOMING, OUTGOING, TRACEPARENT, IncomingContext

MAX_LINKS = 32
_MAX_SYMBOLS = 100_000
_MAX_PENDING = 1_000
"""Polls of a partition that no commit has followed, as during a replay."""
_MAX_SPANS_OF_READ = 32
_SHOWN_KEYS = 10
_PROPAGATOR = TraceContextTextMapPropagator()
_Variable = TypeVar("_Variable")


class SignalContexts:
    """The span from which the newest signal of each key came. It is written by the reader and read by the API's requests."""

    def __init__(self) -> None:
        self._of_key: dict[bytes, SpanContext] = {}

    def put(self, key: bytes, context: SpanContext) -> None:
        """Note the span of a key's newest signal."""
        if key in self._of_key or len(self._of_key) < _MAX_SYMBOLS:
            self._of_key[key] = context

    def get(self, key: bytes) -> SpanContext | None:
        """Return the span of a key's newest signal, if it is known."""
        return self._of_key.get(key)


class TracedLog:
    """A `Log` that traces what goes through `log`."""

    def __init__(self, log: Log, tracer: Tracer, signals: SignalContexts, now_ns: Callable[[], int]) -> None:
        """`signals` gets the contexts of the signals that readers of this log read. `now_ns` returns nanoseconds since 1970."""
        self.log, self._tracer, self._signals, self._now_ns = log, tracer, signals, now_ns

    def __repr__(self) -> str:
        return repr(self.log)

    async def __aenter__(self) -> Self:
        await self.log.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.log.__aexit__(*exc_info)

    @asynccontextmanager
    async def appender(self, name: str) -> AsyncIterator[Appender]:
        async with self.log.appender(name) as appender:
            yield _TracedAppender(appender, self._tracer)

    @asynccontextmanager
    async def consumer(self) -> AsyncIterator[Consumer]:
        async with self.log.consumer() as consumer:
            yield _TracedConsumer(consumer, self._tracer, self._now_ns)

    @asynccontextmanager
    async def reader(self, topic: Topic, start: Mapping[int, int] | None = None) -> AsyncIterator[Reader]:
        async with self.log.reader(topic, start) as reader:
            traced = _TracedReader(reader, self._tracer, topic, self._signals)
            try:
                yield traced
            finally:
                traced.end_spans()

    async def peek(self, *, keys_only: bool = False) -> Mapping[int, Restored]:
        return await self.log.peek(keys_only=keys_only)

    async def latest(self, topic: Topic, key: bytes, count: int) -> Sequence[Record]:
        return await self.log.latest(topic, key, count)

    async def keys(self, topic: Topic) -> Sequence[bytes]:
        return await self.log.keys(topic)

    def partition_of(self, key: bytes) -> int:
        return self.log.partition_of(key)


class _TracedAppender:
    def __init__(self, appender: Appender, tracer: Tracer) -> None:
        self._appender, self._tracer = appender, tracer

    async def last(self, key: bytes, matches: Callable[[bytes], bool]) -> Record | None:
        return await self._appender.last(key, matches)

    async def append(self, records: Sequence[KeyValue]) -> None:
        keys = list(dict.fromkeys(record.key for record in records))
        attributes = _attributes("send", Topic.CANDLES, len(records)) | {"volcast.symbols": _symbols(keys)}
        with (
            self._tracer.start_as_current_span("send candles", kind=SpanKind.PRODUCER, attributes=attributes) as span,
            _set(OUTGOING, _traceparent(span)),
        ):
            await self._appender.append(records)

    async def promote(self, record: KeyValue, marker: KeyValue) -> Mapping[int, int]:
        attributes = _attributes("send", Topic.MODELS, 1) | {"volcast.promotion": _symbols([record.key])}
        with (
            self._tracer.start_as_current_span("send promotion", kind=SpanKind.PRODUCER, attributes=attributes) as span,
            _set(OUTGOING, _traceparent(span)),
        ):
            return await self._appender.promote(record, marker)


class _Polled(NamedTuple):
    """The records of one poll of one partition, until they are committed."""

    polled_ns: int
    first: int
    end: int
    """The offset after the last record."""
    records: int
    contexts: Sequence[IncomingContext]


class _TracedConsumer:
    def __init__(self, consumer: Consumer, tracer: Tracer, now_ns: Callable[[], int]) -> None:
        self._consumer, self._tracer, self._now_ns = consumer, tracer, now_ns
        self._pending: dict[int, deque[_Polled]] = {}

    def __getattr__(self, name: str) -> Any:
        """Return what this consumer has beside the contract, as that of a standby."""
        return getattr(self._consumer, name)

    async def assignment(self) -> Mapping[int, int]:
        return await self._consumer.assignment()

    async def open(self, partition: int) -> Restored:
        self._pending.pop(partition, None)
        return await self._consumer.open(partition)

    async def seek(self, partition: int, offset: int) -> None:
        self._pending.pop(partition, None)
        await self._consumer.seek(partition, offset)

    async def end(self, partition: int) -> int:
        return await self._consumer.end(partition)

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        found: list[IncomingContext] = []
        with _set(INCOMING, found):
            batches = await self._consumer.poll(max_records, timeout_s)
        polled_ns = self._now_ns()
        for partition, records in batches.items():
            contexts = [each for each in found if each.partition == partition][: MAX_LINKS + 1]
            polled = _Polled(polled_ns, records[0].offset, records[-1].offset + 1, len(records), contexts)
            self._pending.setdefault(partition, deque(maxlen=_MAX_PENDING)).append(polled)
        return batches

    async def commit(self, partition: int, commit: Commit) -> None:
        polled = self._take(partition, commit.position)
        if not polled:  # snapshots alone
            await self._consumer.commit(partition, commit)
            return
        found = (_span_context(each.traceparent) for batch in polled for each in batch.contexts)
        contexts = [each for each in found if each]
        count = sum(batch.records for batch in polled)
        span = self._tracer.start_span(
            "process candles",
            context=trace.set_span_in_context(trace.NonRecordingSpan(contexts[0])) if contexts else None,
            kind=SpanKind.CONSUMER,
            attributes={
                **_attributes("process", Topic.CANDLES, count),
                "messaging.destination.partition.id": str(partition),
                "volcast.first_offset": polled[0].first,
                "volcast.end_offset": polled[-1].end,
                "volcast.signals": len(commit.signals),
                "volcast.rejects": len(commit.rejects),
            },
            links=[Link(each) for each in contexts[1 : MAX_LINKS + 1]],
            start_time=polled[0].polled_ns,
        )
        with trace.use_span(span, end_on_exit=True), _set(OUTGOING, _traceparent(span)):
            await self._consumer.commit(partition, commit)

    async def close(self, partition: int) -> None:
        self._pending.pop(partition, None)
        await self._consumer.close(partition)

    def _take(self, partition: int, position: int) -> list[_Polled]:
        """Return the polls whose records are all below the position, and forget them."""
        pending, taken = self._pending.get(partition, deque()), list[_Polled]()
        while pending and pending[0].end <= position:
            taken.append(pending.popleft())
        return taken


class _TracedReader:
    """A reader whose spans last until the next read: by then the records have been taken in. Those read to catch up make none."""

    def __init__(self, reader: Reader, tracer: Tracer, topic: Topic, signals: SignalContexts) -> None:
        self._reader, self._tracer, self._topic, self._signals = reader, tracer, topic, signals
        self._spans: list[Span] = []
        self.begins, self.ends = reader.begins, reader.ends

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        self.end_spans()
        was_caught_up, found = self._reader.caught_up, list[IncomingContext]()
        with _set(INCOMING, found):
            records = await self._reader.read(max_records, timeout_s)
        if found and was_caught_up:
            self._begin_spans(records, found)
        return records

    @property
    def caught_up(self) -> bool:
        return self._reader.caught_up

    @property
    def positions(self) -> Mapping[int, int]:
        return self._reader.positions

    def end_spans(self) -> None:
        """End the spans of the last read."""
        for span in self._spans:
            span.end()
        self._spans.clear()

    def _begin_spans(self, records: Sequence[Record], found: list[IncomingContext]) -> None:
        for each, own in _groups(records, found):
            if len(self._spans) == _MAX_SPANS_OF_READ or not (parent := _span_context(each.traceparent)):
                continue
            keys = list(dict.fromkeys(record.key for record in own))
            attributes = _attributes("receive", self._topic, len(own)) | {
                "messaging.destination.partition.id": str(each.partition),
                "volcast.first_offset": each.offset,
                "volcast.symbols": _symbols(keys),
            }
            context = trace.set_span_in_context(trace.NonRecordingSpan(parent))
            span = self._tracer.start_span(f"receive {self._topic}", context, SpanKind.CONSUMER, attributes)
            self._spans.append(span)
            for key in keys:
                self._signals.put(key, span.get_span_context())


def _groups(records: Sequence[Record], found: list[IncomingContext]) -> Iterator[tuple[IncomingContext, list[Record]]]:
    """Yield each context with the records that it belongs to: those from it on to the next one of the partition."""
    contexts = {(each.partition, each.offset): each for each in found}
    groups: dict[IncomingContext, list[Record]] = {}
    current: dict[int, IncomingContext] = {}
    for record in records:
        if (own := contexts.get((record.partition, record.offset))) is not None:
            current[record.partition] = own
        if (context := current.get(record.partition)) is not None:
            groups.setdefault(context, []).append(record)
    yield from groups.items()


def _attributes(operation: str, topic: Topic, count: int) -> dict[str, str | int | Sequence[str]]:
    return {
        "messaging.operation.type": operation,
        "messaging.destination.name": topic.value,
        "messaging.batch.message_count": count,
    }


def _symbols(keys: list[bytes]) -> list[str]:
    return [key.decode(errors="replace")[:100] for key in keys[:_SHOWN_KEYS]]


def _traceparent(span: Span) -> bytes | None:
    """Return what a child of the span needs, also if the span is not sampled; None if it is no real span."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
    return carrier[TRACEPARENT].encode() if TRACEPARENT in carrier else None


def _span_context(traceparent: bytes) -> SpanContext | None:
    """Return the span that a header names; None if it is not well-formed: other writers may write anything."""
    extracted = _PROPAGATOR.extract({TRACEPARENT: traceparent.decode("latin-1")})
    found = trace.get_current_span(extracted).get_span_context()
    return found if found.is_valid else None


@contextmanager
def _set(variable: ContextVar[_Variable], value: _Variable) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
