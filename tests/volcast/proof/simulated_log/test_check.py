"""The check finds each kind of difference, and names its place."""

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from volcast.core.codec import Reason, decode_reject, encode_reject, encode_restoring
from volcast.core.types import Restoring
from volcast.log.contract import KeyValue, Record, Topic
from volcast.proof.simulated_log.broker import Partition, Positions, SimulatedBroker
from volcast.proof.simulated_log.check import expected_log_output, first_log_difference
from volcast.proof.simulated_log.stream import input_stream_of
from volcast.proof.verifier import Expected

STREAM = input_stream_of(4)


def correct_partition() -> tuple[Partition, Expected]:
    """A partition that holds exactly the output that its candles require."""
    broker = SimulatedBroker(STREAM.partitions)
    for chunk in STREAM.chunks[0]:
        broker.append(chunk)
    partition = broker.partitions[0]
    expected = expected_log_output(STREAM.config, STREAM.max_symbols, tuple(partition.candles))
    rejects = [KeyValue(reject.key, encode_reject(replace(reject, detail="any sentence"))) for reject in expected.rejects]
    broker.apply(0, [(Topic.SIGNALS, signal) for signal in expected.signals])
    broker.apply(0, [(Topic.REJECTED, reject) for reject in rejects])
    broker.apply(0, [Positions(expected.position, expected.position)])
    return partition, expected


def notice(partition: Partition, *, done: bool) -> None:
    partition.signals.append(Record(0, len(partition.signals), b"BTCUSDT", encode_restoring(Restoring("BTCUSDT", done))))


def other_reason(partition: Partition) -> None:
    value = encode_reject(replace(decode_reject(partition.rejects[0].value), reason=Reason.TOO_LARGE))
    partition.rejects[0] = replace(partition.rejects[0], value=value)


def swap(records: list[Record]) -> None:
    """The first two that differ."""
    at = next(at for at in range(1, len(records)) if records[at].value != records[0].value)
    records[0], records[at] = records[at], records[0]


def test_a_correct_partition_has_no_difference() -> None:
    partition, expected = correct_partition()
    assert len(partition.signals) > 2
    assert len(partition.rejects) > 2
    assert first_log_difference(0, partition, expected, at_end=True) is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda partition: partition.signals.append(partition.signals[-1]),
            "signals, .* expected; the first that differs is number .* expected none",
        ),
        (lambda partition: partition.signals.pop(), ": none, expected {"),
        (lambda partition: swap(partition.signals), "signals, .* the first that differs is number 0"),
        (
            lambda partition: partition.signals.insert(0, replace(partition.signals[0], value=b"{}")),
            "the first that differs is number 0: {},",
        ),
        (
            lambda partition: partition.signals.insert(0, replace(partition.signals[0], key=b"X")),
            "the first that differs is number 0",
        ),
        (lambda partition: partition.rejects.pop(0), "rejects, .* the first that differs is number 0"),
        (lambda partition: swap(partition.rejects), "rejects, .* the first that differs is number 0"),
        (other_reason, "too_large"),
        (lambda partition: setattr(partition, "positions", Positions(1, 1)), "the position: 1, expected"),
    ],
)
def test_each_difference_is_found(change: Callable[[Partition], None], sentence: str) -> None:
    partition, expected = correct_partition()
    change(partition)
    difference = first_log_difference(0, partition, expected)
    assert re.match(rf"partition 0: .*{sentence}", difference or "")


def test_notices_are_ignored_but_every_rebuild_must_be_done_at_the_end() -> None:
    partition, expected = correct_partition()
    notice(partition, done=False)
    assert first_log_difference(0, partition, expected) is None
    assert (
        first_log_difference(0, partition, expected, at_end=True)
        == "partition 0: the rebuild of BTCUSDT was never reported as done"
    )
    notice(partition, done=True)
    assert first_log_difference(0, partition, expected, at_end=True) is None
