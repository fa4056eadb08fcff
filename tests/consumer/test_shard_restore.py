"""A shard that must catch up: with rare snapshots, and where a snapshot can't be used. What was answered is never said again."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.rules import Rules
from consumer.shard import Shard
from consumer.stats import rejects_by_reason, restored_share
from tests.consumer.test_shard import RULES, left_by, of, records, state_of, written
from volcast.core.codec import decode_signal
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig, Restoring
from volcast.log.contract import Commit, KeyValue, Record, Restored

RARE = replace(RULES, snapshot_records=50)
OTHER = replace(RARE, config=EngineConfig(window=4, rate_window=4))
LOG = records(*(of(symbol, minute) for minute in range(60) for symbol in ("BTCUSDT", "ETHUSDT")))
NEXT = records(*(of(symbol, minute) for minute in (60, 61) for symbol in ("BTCUSDT", "ETHUSDT")), first=121)


def after(rules: Rules, *sizes: int) -> tuple[Shard, Restored]:
    """A shard that has processed LOG in batches, and what its commits left."""
    shard, commits, rest = Shard(rules), list[Commit](), LOG
    for size in sizes:
        commits.append(written(shard.process(rest[:size])))
        rest = rest[size:]
    return shard, left_by(*commits)


def replay(shard: Shard, log: list[Record] = LOG, size: int = 7) -> list[Commit]:
    """Feed it what lies before its position; -> what it wrote meanwhile."""
    commits = [commit] if (commit := shard.announcement()) else []
    while shard.restoring:
        batch = shard.process([record for record in log if shard.next_offset <= record.offset < shard.position][:size])
        assert not batch.signals
        assert not batch.rejects
        commits += [batch.commit] if batch.commit else []
    return commits


def notices(*commits: Commit) -> list[Restoring]:
    told = [decode_signal(signal.value) for commit in commits for signal in commit.signals]
    assert all(isinstance(each, Restoring) for each in told)
    return [each for each in told if isinstance(each, Restoring)]


def damaged(restored: Restored, *keys: bytes) -> Restored:
    return replace(restored, snapshots={**restored.snapshots, **dict.fromkeys(keys, b"VCS1 no snapshot")})


def test_snapshots_are_rarer_than_commits() -> None:
    _, early = after(RARE, 20, 20)
    assert (early.position, early.replay_from, list(early.snapshots)) == (41, 1, [b"@config"])
    _, late = after(RARE, 20, 20, 20, 60)
    assert sorted(late.snapshots) == [b"@config", b"BTCUSDT", b"ETHUSDT"]
    assert late.replay_from == late.position == 121


def test_what_the_snapshots_lack_is_replayed_and_nothing_of_it_written_again() -> None:
    whole, state = after(RARE, 60, 60)
    state = replace(state, replay_from=61)  # as if the second commit had written no snapshots
    first = after(RARE, 60)[1]
    shard = Shard(RARE, replace(state, snapshots=first.snapshots))
    assert (shard.restoring, shard.replay_from, restored_share(shard)) == (True, 61, 0.0)
    assert replay(shard) == []
    assert (shard.restoring, restored_share(shard), state_of(shard)) == (False, 1.0, state_of(whole))
    assert written(shard.process(NEXT)).signals == written(whole.process(NEXT)).signals


def test_a_batch_may_lie_on_both_sides_of_the_position() -> None:
    whole, state = after(RARE, 60)
    shard = Shard(RARE, replace(state, snapshots={}, replay_from=1))
    commit = written(shard.process(LOG[:80]))
    assert commit.signals == written(whole.process(LOG[60:80])).signals
    assert (commit.position, commit.replay_from) == (81, 81)


@pytest.mark.parametrize("key", [b"BTCUSDT", b"ETHUSDT", b"@rejected"])
def test_a_damaged_snapshot_is_rebuilt_from_the_first_candle_and_the_others_are_left_alone(key: bytes) -> None:
    whole, state = after(RULES, 60, 60)
    shard = Shard(RULES, damaged(state, key))
    assert shard.replay_from == 0
    commits = replay(shard)
    assert state_of(shard) == state_of(whole)
    symbol = key.decode()
    told = [] if key == b"@rejected" else [Restoring(symbol, done=False), Restoring(symbol, done=True)]
    assert notices(*commits) == told
    assert written(shard.process(NEXT)).signals == written(whole.process(NEXT)).signals


def test_other_settings_rebuild_all_and_go_on_as_if_they_had_always_held() -> None:
    shard = Shard(OTHER, after(RARE, 60, 60)[1])
    assert shard.state.unusable == dict.fromkeys(("BTCUSDT", "ETHUSDT"), "it was made with window 3, and 4 is asked for now")
    commits = replay(shard)
    always, _ = after(OTHER, 120)
    assert written(shard.process(NEXT)).signals == written(always.process(NEXT)).signals
    assert [commit.position for commit in commits] == [121, 121]
    assert commits[0].replay_from == 121


def test_other_decimals_rebuild_the_symbol() -> None:
    rules = replace(RULES, decoder=Decoder(by_symbol={"BTCUSDT": 2}))
    shard = Shard(rules, after(RULES, 120)[1])
    assert list(shard.state.unusable) == ["BTCUSDT"]
    replay(shard)
    assert shard.engines["BTCUSDT"].price_decimals == 2


def test_a_rebuild_that_was_cut_off_begins_again_and_is_announced_once() -> None:
    _, state = after(RULES, 60, 60)
    shard = Shard(RULES, damaged(state, b"BTCUSDT"))
    announced = shard.announcement()
    assert announced is not None
    again = damaged(left_by(Commit(1, snapshots=list(state.snapshots.items())), announced), b"BTCUSDT")  # type: ignore[arg-type]  # pairs
    shard = Shard(RULES, again)
    assert shard.announcement() is None
    assert notices(*replay(shard)) == [Restoring("BTCUSDT", done=True)]


def test_settings_that_come_back_take_the_announcement_back() -> None:
    _, state = after(RULES, 60, 60)
    announced = Shard(replace(OTHER, snapshot_records=1), state).announcement()
    assert announced is not None
    back = Shard(RULES, left_by(Commit(1, snapshots=[KeyValue(*each) for each in state.snapshots.items()]), announced))
    assert not back.restoring
    taken_back = back.announcement()
    assert taken_back is not None
    assert notices(taken_back) == [Restoring("BTCUSDT", done=True), Restoring("ETHUSDT", done=True)]
    assert KeyValue(b"@restoring", b"") in taken_back.snapshots


def test_history_that_retention_has_cut_is_said_and_what_is_left_is_used() -> None:
    _, state = after(RULES, 60, 60)
    shard = Shard(RULES, replace(damaged(state, b"BTCUSDT"), earliest=100))
    assert (shard.is_cut, shard.replay_from) == (True, 100)
    replay(shard)
    assert shard.engines["BTCUSDT"].candles == 10  # the odd offsets from 101 to 119
    assert shard.engines["ETHUSDT"].candles == 60


def test_a_symbol_of_which_nothing_is_left_is_forgotten() -> None:
    _, state = after(RULES, 60, 60)
    shard = Shard(RULES, replace(damaged(state, b"BTCUSDT"), earliest=120))
    *_, last = replay(shard)
    assert notices(last) == [Restoring("BTCUSDT", done=True)]
    assert KeyValue(b"BTCUSDT", b"") in last.snapshots
    assert "BTCUSDT" not in shard.engines
    nothing = Shard(RULES, replace(damaged(state, b"BTCUSDT"), earliest=121))
    assert not nothing.restoring
    forgotten = nothing.announcement()
    assert forgotten is not None
    assert KeyValue(b"BTCUSDT", b"") in forgotten.snapshots


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.sets(st.sampled_from([b"BTCUSDT", b"ETHUSDT", b"@rejected"])))
def test_whatever_is_damaged_the_next_signals_are_the_same(sizes: list[int], keys: set[bytes]) -> None:
    whole, state = after(RARE, *sizes)
    shard = Shard(RARE, damaged(state, *keys & state.snapshots.keys()))
    replay(shard)
    assert state_of(shard) == state_of(whole)
    rest = [record for record in [*LOG, *NEXT] if record.offset >= whole.next_offset]
    assert written(shard.process(rest)).signals == written(whole.process(rest)).signals


FINE = [of("SHIBUSDT", minute, "0.00001") for minute in range(10)]
COARSE = replace(RARE, decoder=Decoder(by_symbol={"SHIBUSDT": 2}))


def test_what_was_rejected_stays_rejected_until_it_is_sent_again() -> None:
    """With more decimals allowed now, a candle that is read again has no signal: taken in silently, it never would."""
    first = written(Shard(COARSE).process(records(*FINE)))
    assert (len(first.rejects), first.replay_from) == (10, 1)
    shard = Shard(RARE, left_by(first))
    assert shard.state.changed_settings == "price_decimals_by_symbol was {'SHIBUSDT': 2} and is {}"
    (whole,) = replay(shard, records(*FINE))
    assert (shard.engines, rejects_by_reason([shard])) == ({}, {"too_many_decimals": 10})
    assert whole.replay_from == whole.position == 11  # judged by the old rules, it must not be read by the new ones
    sent_again = written(shard.process(records(*FINE, first=11)))
    assert len(sent_again.signals) == 10
    assert Shard(RARE, left_by(first, whole, sent_again)).state.changed_settings == ""


def test_what_was_accepted_is_no_reject_when_it_is_read_again() -> None:
    first = written(Shard(RARE).process(records(*FINE)))
    shard = Shard(COARSE, left_by(first))
    replay(shard, records(*FINE))
    assert (shard.engines, rejects_by_reason([shard])) == ({}, {})


def test_fewer_symbols_than_before_lose_none_when_they_are_read_again() -> None:
    items = records(*(of(symbol, minute) for minute in range(5) for symbol in ("A", "B", "C")))
    first = written(Shard(RARE).process(items))
    shard = Shard(replace(RARE, max_symbols=1), left_by(first))
    replay(shard, items)
    assert sorted(shard.engines) == ["A", "B", "C"]
