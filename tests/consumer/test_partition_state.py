"""The state of a partition: what is encoded is loaded again, and damage of a part is recognized."""

from dataclasses import replace

import msgspec
import pytest

from consumer.checkpoint import CHECKPOINT_KEY, MANIFEST_KEY, Mark, OutputDigest
from consumer.loading import load_all
from consumer.partition_state import CONFIG_KEY, REJECTED_KEY, RESTORING_KEY, PartitionState, read_settings
from consumer.sealing import seal
from tests.consumer.test_shard import RULES
from tests.market import candle
from volcast.core.codec import Reason, decode_signal
from volcast.core.types import Restoring
from volcast.log.contract import KeyValue, Restored

PLACE = Mark(7, 99)
KEYS = [b"BTCUSDT", REJECTED_KEY]


def loaded(stored: dict[bytes, bytes]) -> PartitionState:
    return PartitionState(RULES, load_all(RULES, Restored(7, stored, 7)))


def stored_state() -> dict[bytes, bytes]:
    """The values of a state with one symbol and two rejected records."""
    state = loaded({})
    state.add_symbol("BTCUSDT", 0).step(candle(0, "42000.00"))
    state.counts["BTCUSDT"]["gap"] += 1
    state.count_rejected(Reason.TIME)
    state.count_rejected(Reason.TIME)
    changed = state.encode(KEYS, position=7)
    return dict([*changed, *state.vouch(changed, PLACE, PLACE, OutputDigest())])


def vouched(stored: dict[bytes, bytes], key: bytes, value: bytes) -> dict[bytes, bytes]:
    """Return the state with another value that the manifest confirms, as an older version may have written it."""
    state = loaded(stored)
    return {**stored, key: value, **dict(state.vouch([KeyValue(key, value)], PLACE, PLACE, OutputDigest()))}


def test_what_is_encoded_is_loaded_again() -> None:
    stored = stored_state()
    assert list(stored) == [CONFIG_KEY, b"BTCUSDT", REJECTED_KEY, MANIFEST_KEY, CHECKPOINT_KEY]
    state = loaded(stored)
    assert state.engines["BTCUSDT"].candles == 1
    assert state.counts == {"BTCUSDT": {"gap": 1}}
    assert (state.complete_below, state.rejected, state.rejected_below) == ({"BTCUSDT": 7}, {"bad_time": 2}, 7)
    assert (state.must_rebuild, state.unusable, state.changed_settings) == (False, {}, "")
    assert dict(state.encode(KEYS, position=7)) == {key: stored[key] for key in KEYS}
    assert read_settings(stored) == RULES.settings


BAD = [b"abc", seal(b""), seal(b"\xc1"), seal(msgspec.msgpack.encode([1, {}]))]


@pytest.mark.parametrize("value", [None, b"", *BAD])
def test_damaged_or_missing_reject_counts_are_rebuilt(value: bytes | None) -> None:
    stored = {key: each for key, each in stored_state().items() if key != REJECTED_KEY}
    state = loaded(stored if value is None else {**stored, REJECTED_KEY: value})
    assert (state.must_rebuild, state.rejected, state.rejected_below) == (True, {}, 0)


@pytest.mark.parametrize("value", BAD)
def test_reject_counts_of_another_format_are_rebuilt(value: bytes) -> None:
    state = loaded(vouched(stored_state(), REJECTED_KEY, value))
    assert (state.must_rebuild, state.rejected, state.rejected_below) == (True, {}, 0)


@pytest.mark.parametrize("value", [None, b"", *BAD])
def test_damaged_or_missing_settings_are_written_again(value: bytes | None) -> None:
    stored = {key: each for key, each in stored_state().items() if key != CONFIG_KEY}
    stored |= {} if value is None else {CONFIG_KEY: value}
    state = loaded(stored)
    assert read_settings(stored) is None
    assert (state.must_rebuild, state.changed_settings) == (False, "")
    assert [each.key for each in state.encode([], position=8)] == [CONFIG_KEY]
    assert state.encode([], position=9) == []


def test_damaged_settings_that_were_others_are_told() -> None:
    stored = {key: each for key, each in stored_state().items() if key != CONFIG_KEY}
    rules = replace(RULES, max_symbols=2)
    state = PartitionState(rules, load_all(rules, Restored(7, stored, 7)))
    assert state.changed_settings == "those of before are damaged, and other than those of now"


def test_a_rebuild_is_announced_when_it_begins_and_when_it_ends() -> None:
    stored = {**stored_state(), b"BTCUSDT": b"no snapshot"}
    begun = loaded(stored).begin_rebuilds()
    assert [decode_signal(each.value) for each in begun.signals] == [Restoring("BTCUSDT", done=False)]
    state = loaded({**stored, **dict(begun.state)})
    assert (state.begin_rebuilds(), list(state.unusable)) == (([], []), ["BTCUSDT"])
    state.add_symbol("BTCUSDT", 0)
    ended = state.end_rebuilds()
    assert [decode_signal(each.value) for each in ended.signals] == [Restoring("BTCUSDT", done=True)]
    assert ended.state == [(RESTORING_KEY, b"")]


def test_where_the_announcements_are_lost_all_symbols_are_reported_as_complete() -> None:
    stored = {**stored_state(), b"BTCUSDT": b"no snapshot"}
    stored |= dict(loaded(stored).begin_rebuilds().state)
    del stored[RESTORING_KEY]
    state = loaded({**stored, b"BTCUSDT": stored_state()[b"BTCUSDT"]})
    assert [decode_signal(each.value) for each in state.end_rebuilds().signals] == [Restoring("BTCUSDT", done=True)]
    assert state.end_rebuilds() == ([], [])
