"""The check finds each kind of difference, and says where it is."""

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from volcast.core.codec import Reason, decode_reject, encode_reject, encode_restoring
from volcast.core.types import Restoring
from volcast.log.contract import KeyValue, Record, Topic
from volcast.proof.simulated_log.broker import Partition, Positions, SimulatedBroker
from volcast.proof.simulated_log.check import first_log_difference, undisturbed_log
from volcast.proof.simulated_log.stream import input_stream_of
from volcast.proof.verifier import Expected

STREAM = input_stream_of(4)


def as_it_must_be() -> tuple[Partition, Expected]:
    """A partition that holds exactly what one undisturbed reader makes of its candles."""
    broker = SimulatedBroker(STREAM.partitions)
    for chunk in STREAM.chunks[0]:
        broker.append(chunk)
    held = broker.partitions[0]
    expected = undisturbed_log(STREAM.config, STREAM.max_symbols, tuple(held.candles))
    rejects = [KeyValue(reject.key, encode_reject(replace(reject, detail="any sentence"))) for reject in expected.rejects]
    broker.show(0, [(Topic.SIGNALS, signal) for signal in expected.signals])
    broker.show(0, [(Topic.REJECTED, reject) for reject in rejects])
    broker.show(0, [Positions(expected.position, expected.position)])
    return held, expected


def notice(held: Partition, *, done: bool) -> None:
    held.signals.append(Record(0, len(held.signals), b"BTCUSDT", encode_restoring(Restoring("BTCUSDT", done))))


def other_reason(held: Partition) -> None:
    value = encode_reject(replace(decode_reject(held.rejects[0].value), reason=Reason.TOO_LARGE))
    held.rejects[0] = held.rejects[0]._replace(value=value)


def swap(records: list[Record]) -> None:
    """The first two that differ."""
    at = next(at for at in range(1, len(records)) if records[at].value != records[0].value)
    records[0], records[at] = records[at], records[0]


def test_what_is_as_it_must_be_has_no_difference() -> None:
    held, expected = as_it_must_be()
    assert len(held.signals) > 2
    assert len(held.rejects) > 2
    assert first_log_difference(0, held, expected, finally_=True) is None


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda held: held.signals.append(held.signals[-1]),
            "signals, .* expected; the first that differs is number .* expected none",
        ),
        (lambda held: held.signals.pop(), ": none, expected {"),
        (lambda held: swap(held.signals), "signals, .* the first that differs is number 0"),
        (lambda held: held.signals.insert(0, held.signals[0]._replace(value=b"{}")), "the first that differs is number 0: {},"),
        (lambda held: held.signals.insert(0, held.signals[0]._replace(key=b"X")), "the first that differs is number 0"),
        (lambda held: held.rejects.pop(0), "rejects, .* the first that differs is number 0"),
        (lambda held: swap(held.rejects), "rejects, .* the first that differs is number 0"),
        (other_reason, "too_large"),
        (lambda held: setattr(held, "positions", Positions(1, 1)), "the position: 1, expected"),
    ],
)
def test_each_difference_is_found(spoil: Callable[[Partition], None], says: str) -> None:
    held, expected = as_it_must_be()
    spoil(held)
    difference = first_log_difference(0, held, expected)
    assert re.match(rf"partition 0: .*{says}", difference or "")


def test_notices_are_passed_over_but_each_must_be_taken_back_in_the_end() -> None:
    held, expected = as_it_must_be()
    notice(held, done=False)
    assert first_log_difference(0, held, expected) is None
    assert first_log_difference(0, held, expected, finally_=True) == "partition 0: BTCUSDT never called whole again"
    notice(held, done=True)
    assert first_log_difference(0, held, expected, finally_=True) is None
