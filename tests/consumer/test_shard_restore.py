"""A shard that must replay records: with rare snapshots or an unusable one. Records that were answered give no output again."""

from dataclasses import replace

import pytest

from consumer.rules import Rules
from consumer.shard import Shard
from consumer.stats import rejects_by_reason, restored_share
from tests.consumer.test_shard import RULES, candle_of, commit_of, records, restored_from, state_of
from volcast.core.codec import decode_signal
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig, Restoring
from volcast.log.contract import Commit, KeyValue, Record, Restored

RARE = replace(RULES, snapshot_records=50)
OTHER = replace(RARE, config=EngineConfig(window=4, rate_window=4))
LOG = records(*(candle_of(symbol, minute) for minute in range(60) for symbol in ("BTCUSDT", "ETHUSDT")))
NEXT = records(*(candle_of(symbol, minute) for minute in (60, 61) for symbol in ("BTCUSDT", "ETHUSDT")), first=121)


def after(rules: Rules, *sizes: int) -> tuple[Shard, Restored]:
    """Return a shard that has processed LOG in batches of these sizes, and the state that its commits left."""
    shard, commits, rest = Shard(rules), list[Commit](), LOG
    for size in sizes:
        commits.append(commit_of(shard.process(rest[:size])))
        rest = rest[size:]
    return shard, restored_from(*commits)


def replay(shard: Shard, log: list[Record] = LOG, size: int = 7) -> list[Commit]:
    """Let the shard process the records before its position, and return its commits."""
    commits = [commit] if (commit := shard.announcement()) else []
    while shard.restoring:
        batch = shard.process([record for record in log if shard.next_offset <= record.offset < shard.position][:size])
        assert not batch.signals
        assert not batch.rejects
        commits += [batch.commit] if batch.commit else []
    return commits


def notices(*commits: Commit) -> list[Restoring]:
    decoded = [decode_signal(signal.value) for commit in commits for signal in commit.signals]
    assert all(isinstance(each, Restoring) for each in decoded)
    return [each for each in decoded if isinstance(each, Restoring)]


def damaged(restored: Restored, *keys: bytes) -> Restored:
    return replace(restored, snapshots={**restored.snapshots, **dict.fromkeys(keys, b"VCS1 no snapshot")})


def test_snapshots_are_rarer_than_commits() -> None:
    _, early = after(RARE, 20, 20)
    assert (early.position, early.replay_from, list(early.snapshots)) == (41, 1, [b"@config", b"@manifest", b"@checkpoint"])
    _, late = after(RARE, 20, 20, 20, 60)
    assert sorted(late.snapshots) == [b"@checkpoint", b"@config", b"@manifest", b"BTCUSDT", b"ETHUSDT"]
    assert late.replay_from == late.position == 121


def test_records_that_the_snapshots_lack_are_replayed_without_output() -> None:
    uninterrupted, state = after(RARE, 60, 30)
    shard = Shard(RARE, state)
    assert (shard.restoring, shard.replay_from, restored_share(shard)) == (True, 61, 0.0)
    assert replay(shard) == []
    assert (shard.restoring, restored_share(shard), state_of(shard)) == (False, 1.0, state_of(uninterrupted))
    assert commit_of(shard.process(LOG[90:])).signals == commit_of(uninterrupted.process(LOG[90:])).signals


def test_a_batch_may_contain_records_on_both_sides_of_the_position() -> None:
    uninterrupted, state = after(RARE, 40)
    assert (state.position, state.replay_from) == (41, 1)
    shard = Shard(RARE, state)
    commit = commit_of(shard.process(LOG[:80]))
    assert commit.signals == commit_of(uninterrupted.process(LOG[40:80])).signals
    assert (commit.position, commit.replay_from) == (81, 81)


@pytest.mark.parametrize("key", [b"BTCUSDT", b"ETHUSDT"])
def test_a_damaged_snapshot_is_rebuilt_and_the_others_are_kept(key: bytes) -> None:
    uninterrupted, state = after(RULES, 60, 60)
    shard = Shard(RULES, damaged(state, key))
    assert shard.replay_from == 0
    commits = replay(shard)
    assert state_of(shard) == state_of(uninterrupted)
    assert notices(*commits) == [Restoring(key.decode(), done) for done in (False, True)]
    assert commit_of(shard.process(NEXT)).signals == commit_of(uninterrupted.process(NEXT)).signals


def test_after_a_change_of_settings_signals_are_those_of_the_new_settings() -> None:
    shard = Shard(OTHER, after(RARE, 60, 60)[1])
    assert shard.state.unusable == dict.fromkeys(("BTCUSDT", "ETHUSDT"), "it was made with window 3, but 4 is required now")
    commits = replay(shard)
    reference, _ = after(OTHER, 120)
    assert commit_of(shard.process(NEXT)).signals == commit_of(reference.process(NEXT)).signals
    assert [commit.position for commit in commits] == [121, 121]
    assert commits[0].replay_from == 121


def test_a_change_of_decimals_rebuilds_the_symbol() -> None:
    rules = replace(RULES, decoder=Decoder(by_symbol={"BTCUSDT": 2}))
    shard = Shard(rules, after(RULES, 120)[1])
    assert list(shard.state.unusable) == ["BTCUSDT"]
    replay(shard)
    assert shard.engines["BTCUSDT"].price_decimals == 2


def test_an_interrupted_rebuild_begins_again_and_is_announced_once() -> None:
    _, state = after(RULES, 60, 60)
    shard = Shard(RULES, damaged(state, b"BTCUSDT"))
    announced = shard.announcement()
    assert announced is not None
    again = damaged(restored_from(Commit(1, snapshots=list(state.snapshots.items())), announced), b"BTCUSDT")  # type: ignore[arg-type]  # pairs
    shard = Shard(RULES, again)
    assert shard.announcement() is None
    assert notices(*replay(shard)) == [Restoring("BTCUSDT", done=True)]


def test_the_return_of_the_old_settings_withdraws_the_announcement() -> None:
    _, state = after(RULES, 60, 60)
    announced = Shard(replace(OTHER, snapshot_records=1), state).announcement()
    assert announced is not None
    returned = Shard(RULES, restored_from(Commit(1, snapshots=[KeyValue(*each) for each in state.snapshots.items()]), announced))
    assert not returned.restoring
    withdrawal = returned.announcement()
    assert withdrawal is not None
    assert notices(withdrawal) == [Restoring("BTCUSDT", done=True), Restoring("ETHUSDT", done=True)]
    assert KeyValue(b"@restoring", b"") in withdrawal.snapshots


def test_history_cut_by_retention_is_reported_and_the_remaining_candles_are_used() -> None:
    _, state = after(RULES, 60, 60)
    shard = Shard(RULES, replace(damaged(state, b"BTCUSDT"), earliest=100))
    assert (shard.is_cut, shard.replay_from) == (True, 100)
    replay(shard)
    assert shard.engines["BTCUSDT"].candles == 10  # the odd offsets from 101 to 119
    assert shard.engines["ETHUSDT"].candles == 60


def test_a_symbol_without_any_record_left_is_removed_from_the_state() -> None:
    _, state = after(RULES, 60, 60)
    shard = Shard(RULES, replace(damaged(state, b"BTCUSDT"), earliest=120))
    *_, last = replay(shard)
    assert notices(last) == [Restoring("BTCUSDT", done=True)]
    assert KeyValue(b"BTCUSDT", b"") in last.snapshots
    assert "BTCUSDT" not in shard.engines
    empty = Shard(RULES, replace(damaged(state, b"BTCUSDT"), earliest=121))
    assert not empty.restoring
    removal = empty.announcement()
    assert removal is not None
    assert KeyValue(b"BTCUSDT", b"") in removal.snapshots


FINE = [candle_of("SHIBUSDT", minute, "0.00001") for minute in range(10)]
COARSE = replace(RARE, decoder=Decoder(by_symbol={"SHIBUSDT": 2}))


def test_a_rejected_candle_stays_rejected_until_it_is_sent_again() -> None:
    """Even if more decimals are allowed now: a candle accepted in a replay would never get a signal."""
    first = commit_of(Shard(COARSE).process(records(*FINE)))
    assert (len(first.rejects), first.replay_from) == (10, 1)
    shard = Shard(RARE, restored_from(first))
    assert shard.state.changed_settings == "price_decimals_by_symbol was {'SHIBUSDT': 2} and is {}"
    (restored,) = replay(shard, records(*FINE))
    assert (shard.engines, rejects_by_reason([shard])) == ({}, {"too_many_decimals": 10})
    # Records that were judged by the old rules must not be replayed by the new ones.
    assert restored.replay_from == restored.position == 11
    sent_again = commit_of(shard.process(records(*FINE, first=11)))
    assert len(sent_again.signals) == 10
    assert Shard(RARE, restored_from(first, restored, sent_again)).state.changed_settings == ""


def test_an_accepted_candle_is_not_rejected_when_it_is_read_again() -> None:
    first = commit_of(Shard(RARE).process(records(*FINE)))
    shard = Shard(COARSE, restored_from(first))
    replay(shard, records(*FINE))
    assert (shard.engines, rejects_by_reason([shard])) == ({}, {})


def test_a_lower_max_symbols_loses_no_symbol_in_a_replay() -> None:
    items = records(*(candle_of(symbol, minute) for minute in range(5) for symbol in ("A", "B", "C")))
    first = commit_of(Shard(RARE).process(items))
    shard = Shard(replace(RARE, max_symbols=1), restored_from(first))
    replay(shard, items)
    assert sorted(shard.engines) == ["A", "B", "C"]
