"""Spans of batches: few, linked within bounds, and never in the way of the log, whatever other writers put into headers."""

from collections.abc import AsyncIterator, Mapping, Sequence
from time import time_ns
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from tests.log_access import fill, opened, polled, records_of
from volcast.log.contract import Commit, KeyValue, Record, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.traced.context import INCOMING, OUTGOING, TRACEPARENT, IncomingContext, note_contexts, outgoing_headers
from volcast.log.traced.log import MAX_LINKS, SignalContexts, TracedLog, _groups, _span_context

VALID = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Spans:
    """A tracer whose ended spans can be looked at."""

    def __init__(self, **options: Any) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False, **options)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("test")

    def named(self, name: str) -> Sequence[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]


@pytest.fixture
async def kafka(kafka_bootstrap: str, kafka_prefix: str) -> AsyncIterator[KafkaLog]:
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000) as log:
        yield log


def pairs(*values: str) -> list[KeyValue]:
    return [KeyValue(b"BTCUSDT", value.encode()) for value in values]


async def consume(log: TracedLog, count: int) -> None:
    """Answer each candle with a signal of the same value, in one commit."""
    async with log.consumer() as consumer:
        while not await consumer.assignment():
            await consumer.poll(1, 0.05)
        await opened(consumer)
        records = await polled(consumer, count)
        signals = [KeyValue(each.key, each.value) for each in records]
        await consumer.commit(0, Commit(records[-1].offset + 1, signals))


async def test_a_batch_is_a_child_of_one_append_and_links_to_the_others(kafka: KafkaLog) -> None:
    spans, signals = Spans(), SignalContexts()
    log = TracedLog(kafka, spans.tracer, signals, time_ns)
    appends = MAX_LINKS + 10
    async with log.reader(Topic.SIGNALS) as reader:
        while not reader.caught_up:
            await reader.read(10, 0.05)
        for number in range(appends):
            await fill(log, pairs(f"{number}a", f"{number}b"))
        await consume(log, 2 * appends)
        read: list[Record] = []
        while len(read) < 2 * appends:
            read += await reader.read(1_000, 0.1)
    sends, batches = spans.named("send candles"), spans.named("process candles")
    assert len(sends) == appends
    assert len(batches) == 1
    assert batches[0].parent is not None
    assert batches[0].parent.span_id == sends[0].context.span_id
    assert [link.context.span_id for link in batches[0].links] == [span.context.span_id for span in sends[1 : MAX_LINKS + 1]]
    received = spans.named("receive signals")
    assert {span.parent.span_id for span in received if span.parent} == {batches[0].context.span_id}
    assert signals.get(b"BTCUSDT") in [span.context for span in received]


async def test_what_is_written_is_the_same_with_and_without_traces(kafka: KafkaLog) -> None:
    values = [f"{number}" for number in range(300)]
    await fill(kafka, pairs(*values))
    await fill(TracedLog(kafka, Spans().tracer, SignalContexts(), time_ns), pairs(*values))
    plain = [(each.key, each.value) for each in await records_of(kafka, Topic.CANDLES)]
    assert plain == 2 * pairs(*values)


async def test_old_records_make_no_spans_while_a_reader_catches_up(kafka: KafkaLog) -> None:
    spans = Spans()
    log = TracedLog(kafka, spans.tracer, SignalContexts(), time_ns)
    await fill(log, pairs("a", "b"))
    await consume(log, 2)
    assert len(await records_of(log, Topic.SIGNALS)) == 2
    assert spans.named("receive signals") == []


async def test_headers_of_other_writers_do_no_harm(kafka: KafkaLog, kafka_bootstrap: str, kafka_prefix: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    await producer.start()
    garbage = [b"", b"\xff\x00", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01", VALID * 1_000]
    for value in garbage:
        headers = [(TRACEPARENT, value), ("other", b"x"), (TRACEPARENT, value)]
        await producer.send_and_wait(f"{kafka_prefix}candles", b"v", b"BTCUSDT", 0, headers=headers)
    await producer.stop()
    spans = Spans()
    await consume(TracedLog(kafka, spans.tracer, SignalContexts(), time_ns), len(garbage))
    (batch,) = spans.named("process candles")
    assert (batch.parent, list(batch.links)) == (None, [])


async def test_spans_that_are_not_sampled_cost_no_trace_and_nothing_is_lost(kafka: KafkaLog) -> None:
    spans = Spans(sampler=ALWAYS_OFF)
    log = TracedLog(kafka, spans.tracer, SignalContexts(), time_ns)
    await fill(log, pairs("a"))
    await consume(log, 1)
    assert [each.value for each in await records_of(log, Topic.SIGNALS)] == [b"a"]
    assert spans.named("send candles") == []


def test_without_traces_nothing_is_noted_and_no_header_is_written() -> None:
    class Unreadable:
        @property
        def headers(self) -> object:
            raise AssertionError("nobody should look")

    note_contexts({TopicPartition("candles", 0): [Unreadable()]})
    assert (outgoing_headers(), OUTGOING.get(), INCOMING.get()) == ([], None, None)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=30))
def test_each_record_belongs_to_the_last_context_before_it(drawn: list[tuple[int, bool]]) -> None:
    records, found, expected = [], [], dict[tuple[int, int], tuple[int, int]]()
    latest: dict[int, tuple[int, int]] = {}
    for offset, (partition, has_context) in enumerate(drawn):
        records.append(Record(partition, offset, b"k", b"v"))
        if has_context:
            found.append(IncomingContext(partition, offset, VALID))
            latest[partition] = (partition, offset)
        if partition in latest:
            expected[partition, offset] = latest[partition]
    groups: Mapping[IncomingContext, list[Record]] = dict(_groups(records, found))
    assert expected == {
        (each.partition, each.offset): (context.partition, context.offset) for context, own in groups.items() for each in own
    }


@given(st.binary(max_size=80))
def test_any_header_is_a_span_or_none(value: bytes) -> None:
    context = _span_context(value)
    assert context is None or context.is_valid
    assert (_span_context(VALID) or context) is not None
