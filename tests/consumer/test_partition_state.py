"""The state of a partition: what is encoded is loaded again, and damage is recognized."""

import msgspec
import pytest

from consumer.partition_state import CONFIG_KEY, REJECTED_KEY, RESTORING_KEY, PartitionState, read_settings, seal, unseal
from tests.consumer.test_shard import RULES
from tests.market import candle
from volcast.core.codec import Reason, decode_signal
from volcast.core.types import Restoring

SEALED = seal(b"counts")


@pytest.mark.parametrize("bit", range(8 * len(SEALED)))
def test_each_flipped_bit_is_recognized(bit: int) -> None:
    damaged = bytearray(SEALED)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(msgspec.DecodeError, match="damaged"):
        unseal(bytes(damaged))


def test_too_few_bytes_are_damaged() -> None:
    with pytest.raises(msgspec.DecodeError):
        unseal(b"abc")


def stored_state() -> dict[bytes, bytes]:
    """The values of a state with one symbol and two rejected records."""
    state = PartitionState(RULES, {})
    state.add_symbol("BTCUSDT").step(candle(0, "42000.00"))
    state.counts["BTCUSDT"]["gap"] += 1
    state.count_rejected(Reason.TIME)
    state.count_rejected(Reason.TIME)
    return dict(state.encode([b"BTCUSDT", REJECTED_KEY], position=7))


def test_what_is_encoded_is_loaded_again() -> None:
    stored = stored_state()
    assert list(stored) == [CONFIG_KEY, b"BTCUSDT", REJECTED_KEY]
    state = PartitionState(RULES, stored)
    assert state.engines["BTCUSDT"].candles == 1
    assert state.counts == {"BTCUSDT": {"gap": 1}}
    assert (state.complete_below, state.rejected, state.rejected_below) == ({"BTCUSDT": 7}, {"bad_time": 2}, 7)
    assert (state.must_rebuild, state.unusable, state.changed_settings) == (False, {}, "")
    assert dict(state.encode([b"BTCUSDT", REJECTED_KEY], position=7)) == {key: stored[key] for key in (b"BTCUSDT", REJECTED_KEY)}
    assert read_settings(stored) == RULES.settings


@pytest.mark.parametrize("value", [b"", b"abc", seal(b""), seal(b"\xc1"), seal(msgspec.msgpack.encode([1, {}]))])
def test_damaged_reject_counts_are_rebuilt(value: bytes) -> None:
    state = PartitionState(RULES, {**stored_state(), REJECTED_KEY: value})
    assert (state.must_rebuild, state.rejected, state.rejected_below) == (True, {}, 0)


@pytest.mark.parametrize("value", [b"", b"abc", seal(b"\xc1"), seal(msgspec.msgpack.encode({"engine": {}}))])
def test_damaged_settings_are_unknown_and_written_again(value: bytes) -> None:
    stored = {**stored_state(), CONFIG_KEY: value}
    state = PartitionState(RULES, stored)
    assert read_settings(stored) is None
    assert (state.must_rebuild, state.changed_settings) == (False, "")
    assert [each.key for each in state.encode([], position=8)] == [CONFIG_KEY]
    assert state.encode([], position=9) == []


def test_a_rebuild_is_announced_when_it_begins_and_when_it_ends() -> None:
    stored = {**stored_state(), b"BTCUSDT": b"no snapshot"}
    begun = PartitionState(RULES, stored).begin_rebuilds()
    assert [decode_signal(each.value) for each in begun.signals] == [Restoring("BTCUSDT", done=False)]
    state = PartitionState(RULES, {**stored, **dict(begun.state)})
    assert state.begin_rebuilds() == ([], [])
    state.add_symbol("BTCUSDT")
    ended = state.end_rebuilds()
    assert [decode_signal(each.value) for each in ended.signals] == [Restoring("BTCUSDT", done=True)]
    assert ended.state == [(RESTORING_KEY, b"")]
