"""Which candles a shard admits: dates that the next candle must confirm, and symbols that are allowed."""

from dataclasses import replace

from consumer.shard import Shard
from consumer.stats import records_processed, rejects_by_reason
from tests.consumer.test_shard import RULES, candle_of, commit_of, decoded_signal, gap_of, records, restored_from
from tests.market import at
from volcast.core.codec import Reason, decode_reject
from volcast.core.decoder import Decoder
from volcast.log.contract import Commit


def test_a_wrong_date_is_rejected_with_its_bytes_once_the_next_candle_tells() -> None:
    shard, far = Shard(RULES), candle_of("BTCUSDT", 100_000, "1.00")
    first = shard.process(records(candle_of("BTCUSDT", 0), candle_of("BTCUSDT", 1), far))
    assert (first.rejects, len(commit_of(first).signals), records_processed([shard])) == ([], 2, 3)
    batch = shard.process(records(candle_of("BTCUSDT", 2), first=4))
    (reject,) = batch.rejects
    assert (reject.reason, reject.partition, reject.offset) == (Reason.UNCONFIRMED_DATE, 0, 3)
    assert (reject.key, reject.value, reject.symbol, reject.line) == (b"BTCUSDT", far.value, "BTCUSDT", 100_002)
    assert reject.detail == (
        "its date, 2024-03-10 10:40 UTC, stands alone: it does not follow the symbol's candles, "
        "and the next one, of 2024-01-01 00:02 UTC, not it"
    )
    assert len(commit_of(batch).signals) == 1
    assert (rejects_by_reason([shard]), records_processed([shard])) == ({"unconfirmed_date": 1}, 4)


def test_a_candle_that_waits_is_answered_once_however_often_the_shard_restarts() -> None:
    """The commit before which it waits has its record, so that the snapshot, or the replay, knows it."""
    log = records(*(candle_of("BTCUSDT", minute, "1.00") for minute in (0, 1, 500, 501, 90_000, 502)))
    for snapshot_records in (1, 100):
        rules, commits = replace(RULES, snapshot_records=snapshot_records), list[Commit]()
        for position in range(1, 7):
            shard = Shard(rules, restored_from(*commits) if commits else None)
            assert shard.replay_from == (0 if position == 1 else position if snapshot_records == 1 else 1)
            commits.append(commit_of(shard.process(log[max(shard.replay_from, 1) - 1 : position])))
        answered = [[decoded_signal(each).open_time_ms for each in commit.signals] for commit in commits]
        assert answered == [[], [at(0), at(1)], [], [at(500), at(501)], [], [at(502)]]
        assert [[decode_reject(each.value).offset for each in commit.rejects] for commit in commits] == [[], [], [], [], [], [5]]


def test_what_was_answered_is_not_answered_again_after_a_rebuild_from_less() -> None:
    """The log has lost its first records: the first that is left now waits, but its signal was written long ago."""
    log = records(*(candle_of("BTCUSDT", minute, "1.00") for minute in range(6)))
    state = restored_from(commit_of(Shard(RULES).process(log[:4])))
    cut = replace(state, snapshots={**state.snapshots, b"BTCUSDT": b"damaged"}, earliest=4)
    shard = Shard(RULES, cut)
    assert (shard.is_cut, shard.replay_from) == (True, 4)
    shard.process(log[3:4])
    assert not shard.restoring
    assert [decoded_signal(each).open_time_ms for each in commit_of(shard.process(log[4:])).signals] == [at(4), at(5)]


def test_new_decimals_answer_nothing_again() -> None:
    """The third candle has too many decimals for the new setting, so that the fourth one now lies after a gap, and waits."""
    closes = {0: "1.00", 1: "1.00", 10: "1.001", 20: "1.00", 21: "1.00", 22: "1.00"}
    log = records(*(candle_of("BTCUSDT", minute, close) for minute, close in closes.items()))
    first = commit_of(Shard(RULES).process(log[:4]))
    assert [decoded_signal(each).open_time_ms for each in first.signals] == [at(0), at(1), at(10), at(20)]
    shard = Shard(replace(RULES, decoder=Decoder(2)), restored_from(first))
    shard.process(log[:4])
    assert not shard.restoring
    assert records_processed([shard]) == 3  # the rejected one was answered with a signal
    signals = commit_of(shard.process(log[4:])).signals
    assert [decoded_signal(each).open_time_ms for each in signals] == [at(21), at(22)]


def test_a_symbol_that_is_not_allowed_is_rejected_and_takes_no_room() -> None:
    shard = Shard(replace(RULES, max_symbols=1, allowed_symbols=("A",)))
    batch = shard.process(records(*(candle_of(symbol, minute) for symbol in ("B", "A") for minute in (0, 1)), gap_of("C")))
    assert [reject.reason for reject in batch.rejects] == [Reason.NOT_ALLOWED] * 3
    assert batch.rejects[0].detail == "B is not among the symbols that allowed_symbols names"
    assert (sorted(shard.engines), len(commit_of(batch).signals)) == (["A"], 2)


def test_a_symbol_that_is_no_longer_allowed_keeps_its_state_until_it_is_again() -> None:
    log = records(*(candle_of("A", minute) for minute in range(6)))
    commits = [commit_of(Shard(RULES).process(log[:2]))]
    for offset, rules in ((2, replace(RULES, allowed_symbols=("B",))), (4, RULES)):
        shard = Shard(rules, restored_from(*commits))
        commits.append(commit_of(shard.process(log[offset : offset + 2])))
    assert [len(commit.signals) for commit in commits] == [2, 0, 2]
    assert [len(commit.rejects) for commit in commits] == [0, 2, 0]
    assert decoded_signal(commits[-1].signals[-1]).candles == 4
