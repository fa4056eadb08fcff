"""State that is missing, damaged or older than the rest: the next signals are those of an undisturbed run, or it is refused."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from consumer.checkpoint import CHECKPOINT_KEY, MANIFEST_KEY, OutputDigest, with_values
from consumer.rules import Rules
from consumer.shard import Shard
from tests.consumer.test_shard import RULES, candle_of, commit_of, gap_of, records, restored_from, state_of
from tests.market import record
from volcast.core.codec import decode_signal
from volcast.core.types import Signal
from volcast.log.contract import Commit, KeyValue, Mismatch, Record, Restored

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def minute_of(minute: int) -> list[KeyValue | bytes]:
    """Return a minute of all symbols, which come one after another; at times with a bad row, a gap and a symbol too many."""
    items: list[KeyValue | bytes] = [candle_of(symbol, minute) for symbol in SYMBOLS[: 1 + minute // 5]]
    if minute % 9 == 8:
        items += [record(minute, "NaN"), gap_of("ETHUSDT"), candle_of("DOGEUSDT", minute)]
    return items


LOG = records(*(item for minute in range(30) for item in minute_of(minute)))
NEXT = records(*(candle_of(symbol, minute) for minute in (30, 31) for symbol in SYMBOLS), first=LOG[-1].offset + 1)
RARE = replace(RULES, snapshot_records=25)


def history(rules: Rules, sizes: list[int]) -> tuple[Shard, list[Commit]]:
    """Return a shard that has processed the first records in batches of these sizes, and its commits."""
    shard, commits, rest = Shard(rules), list[Commit](), LOG
    for size in sizes:
        commits.append(commit_of(shard.process(rest[:size])))
        rest = rest[size:]
    return shard, commits


def answers(shard: Shard) -> list[bytes]:
    """Let the shard read what it asks for, up to the end of all records, and return the signals."""
    announced = shard.announcement()
    commits = [announced] if announced else []
    rest = [each for each in [*LOG, *NEXT] if each.offset >= shard.next_offset]
    while rest:
        batch = shard.process(rest[:9])
        commits += [batch.commit] if batch.commit else []
        rest = rest[9:]
    values = [signal.value for commit in commits for signal in commit.signals]
    return [value for value in values if isinstance(decode_signal(value), Signal)]


def same_as_undisturbed(rules: Rules, undisturbed: Shard, restored: Restored) -> bool:
    """Return True if the state is answered as by an undisturbed run, False if it is refused; anything else fails the test."""
    try:
        shard = Shard(rules, restored)
        found = answers(shard)
    except Mismatch:
        return False
    assert found == answers(undisturbed)
    assert state_of(shard) == state_of(undisturbed)
    return True


SIZES = st.lists(st.integers(1, 20), min_size=1, max_size=4)


@settings(max_examples=150)
@given(data=st.data(), sizes=SIZES, rules=st.sampled_from([RULES, RARE]), position_known=st.booleans())
def test_any_missing_or_damaged_keys_are_rebuilt_or_refused(
    data: st.DataObject, sizes: list[int], rules: Rules, *, position_known: bool
) -> None:
    undisturbed, commits = history(rules, sizes)
    restored = restored_from(*commits)
    kept: dict[bytes, bytes] = {}
    for key, value in restored.snapshots.items():
        match data.draw(st.sampled_from(["keep", "keep", "lose", "damage", "truncate"]), label=key.decode()):
            case "keep":
                kept[key] = value
            case "damage":
                at = data.draw(st.integers(0, len(value) - 1))
                kept[key] = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
            case "truncate":
                kept[key] = value[: len(value) // 2]
    damaged = replace(restored, snapshots=kept)
    if not position_known:
        damaged = replace(damaged, position=0, replay_from=0, position_unknown=True)
    found = same_as_undisturbed(rules, undisturbed, damaged)
    assert found == (position_known or kept.get(CHECKPOINT_KEY) == restored.snapshots[CHECKPOINT_KEY])


@settings(max_examples=100)
@given(data=st.data(), sizes=SIZES, rules=st.sampled_from([RULES, RARE]))
def test_keys_of_an_earlier_commit_are_rebuilt(data: st.DataObject, sizes: list[int], rules: Rules) -> None:
    """As on a compacted topic that has lost the last values of some keys."""
    undisturbed, commits = history(rules, sizes)
    restored = restored_from(*commits)
    earlier = restored_from(*commits[: data.draw(st.integers(1, len(commits)))]).snapshots
    stale: set[bytes] = data.draw(st.sets(st.sampled_from(sorted(restored.snapshots))))
    mixed = {key: earlier.get(key, b"") if key in stale else value for key, value in restored.snapshots.items()}
    mixed = {key: value for key, value in mixed.items() if value}
    assert same_as_undisturbed(rules, undisturbed, replace(restored, snapshots=mixed))


def test_a_key_that_was_removed_and_is_there_again_is_ignored() -> None:
    undisturbed, commits = history(RULES, [20])
    restored = restored_from(*commits)
    extra = {**restored.snapshots, b"OLDUSDT": restored.snapshots[b"BTCUSDT"], b"@restoring": b"?"}
    assert same_as_undisturbed(RULES, undisturbed, replace(restored, snapshots=extra))


def deleted(offset: int) -> list[Record]:
    return [each for each in LOG if each.offset != offset]


@pytest.mark.parametrize("rules", [RULES, RARE])
def test_a_replay_of_other_candles_than_those_that_were_answered_is_refused(rules: Rules) -> None:
    _, commits = history(rules, [20, 20])
    restored = restored_from(*commits)
    lost = replace(restored, snapshots={key: value for key, value in restored.snapshots.items() if key != b"BTCUSDT"})
    changed = [structs.replace(each, value=each.value.replace(b"4", b"5")) if each.offset == 3 else each for each in LOG]
    for log in (deleted(3), deleted(40), changed):
        shard = Shard(rules, lost)
        with pytest.raises(Mismatch, match="the candles from 0 to 41 are not those that were answered: some were deleted or"):
            shard.process(log)
    assert len(commit_of(Shard(rules, lost).process(LOG)).signals) == len(commit_of(Shard(rules, restored).process(LOG)).signals)


def test_a_partial_replay_is_checked_too() -> None:
    _, commits = history(RARE, [30, 20])
    restored = restored_from(*commits)
    assert 1 < restored.replay_from < restored.position
    with pytest.raises(Mismatch, match=f"the candles from {restored.replay_from} to 51 are not those that were answered"):
        Shard(RARE, restored).process([each for each in deleted(45) if each.offset >= restored.replay_from])


def test_candles_below_the_retention_are_not_missed() -> None:
    _, commits = history(RULES, [20, 20])
    restored = restored_from(*commits)
    kept = {key: value for key, value in restored.snapshots.items() if key != b"BTCUSDT"}
    shard = Shard(RULES, replace(restored, snapshots=kept, earliest=30))
    later = commit_of(shard.process([each for each in LOG if each.offset >= 30]))
    assert shard.is_cut
    # What a cut replay left is vouched for like any other state.
    again = Shard(RULES, replace(restored_from(*commits, later), earliest=30))
    assert (again.restoring, again.state.unusable) == (False, {})


def test_a_position_that_the_log_no_longer_reaches_is_refused() -> None:
    restored = restored_from(*history(RULES, [20])[1])
    with pytest.raises(Mismatch, match="the state continues at candle 21, the oldest candle is 25: candles were deleted"):
        Shard(RULES, replace(restored, earliest=25))


def test_a_lower_position_of_the_log_does_not_count() -> None:
    restored = restored_from(*history(RULES, [20])[1])
    shard = Shard(RULES, replace(restored, position=5, replay_from=5))
    assert (shard.position, shard.restoring) == (21, False)


def values_of(restored: Restored) -> Mapping[bytes, bytes]:
    return {key: value for key, value in restored.snapshots.items() if key not in {MANIFEST_KEY, CHECKPOINT_KEY}}


def test_values_from_elsewhere_become_part_of_the_state() -> None:
    source = restored_from(*history(RULES, [20])[1])
    snapshot = KeyValue(b"BTCUSDT", source.snapshots[b"BTCUSDT"])
    target = restored_from(Commit(30, snapshots=with_values(Restored(30, earliest=30), [snapshot])))
    shard = Shard(RULES, replace(target, earliest=30))
    assert (shard.position, list(shard.engines), shard.state.must_rebuild) == (30, ["BTCUSDT"], False)
    again = restored_from(Commit(30, snapshots=[*target.snapshots.items(), *with_values(target, [snapshot])]))  # type: ignore[list-item]  # pairs
    assert again == target


def test_no_values_are_added_to_a_damaged_state() -> None:
    restored = restored_from(*history(RULES, [20])[1])
    for key in restored.snapshots:
        kept = {name: value for name, value in restored.snapshots.items() if name != key}
        with pytest.raises(Mismatch, match="a part of the state is lost: start a consumer once, which rebuilds it"):
            with_values(replace(restored, snapshots=kept), [])


def test_a_commit_without_a_new_snapshot_writes_no_manifest() -> None:
    shard, _ = history(RARE, [20])
    commit = commit_of(shard.process(LOG[20:21]))
    assert [each.key for each in commit.snapshots] == [CHECKPOINT_KEY]


@given(kinds=st.lists(st.sampled_from(("signal", "reject")), max_size=12), cuts=st.sets(st.integers(0, 12)))
def test_the_digest_of_the_output_does_not_depend_on_how_it_is_divided(kinds: list[str], cuts: set[int]) -> None:
    items = [(kind, KeyValue(b"BTCUSDT", b"%d" % number)) for number, kind in enumerate(kinds)]
    edges = [0, *sorted(cut for cut in cuts if cut < len(items)), len(items)]
    divided = OutputDigest()
    for first, last in pairwise(edges):
        divided = divided.after(*(of_kind(items[first:last], kind) for kind in ("signal", "reject")))
    assert divided == OutputDigest().after(*(of_kind(items, kind) for kind in ("signal", "reject")))


def of_kind(items: list[tuple[str, KeyValue]], kind: str) -> list[KeyValue]:
    return [item for name, item in items if name == kind]
