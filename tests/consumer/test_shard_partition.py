"""Records that the log could not read, and records in a partition that is not that of their key: rejected, with a reason."""

import pytest

from consumer.rules import Rules
from consumer.shard import Shard
from tests.market import record
from volcast.core.codec import Reason, Reject
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import Record
from volcast.log.kafka.client import partition_of

RULES = Rules(EngineConfig(), Decoder(), max_symbols=10, snapshot_records=1)
PARTITIONS = 4
SYMBOLS = [f"S{number}" for number in range(20)]


def murmur2_partition(key: bytes) -> int:
    return partition_of(key, PARTITIONS)


def shard_of(partition: int, symbols: list[str]) -> tuple[Shard, list[Reject]]:
    """Return a shard that has processed two candles of each symbol, all of them in one partition, and its rejects."""
    shard = Shard(RULES, None, murmur2_partition)
    candles = [(symbol.encode(), record(minute, "1.00", symbol=symbol)) for symbol in symbols for minute in range(2)]
    return shard, shard.process([Record(partition, offset, *each) for offset, each in enumerate(candles)]).rejects


@pytest.mark.parametrize("partition", range(PARTITIONS))
def test_a_symbol_has_an_engine_in_its_own_partition_alone(partition: int) -> None:
    own = [symbol for symbol in SYMBOLS if murmur2_partition(symbol.encode()) == partition]
    shard, rejects = shard_of(partition, SYMBOLS)
    assert sorted(shard.engines) == sorted(own)
    assert len(rejects) == 2 * (len(SYMBOLS) - len(own))
    assert {reject.reason for reject in rejects} == {Reason.PARTITION}
    assert "partitioner=murmur2_random" in rejects[0].detail


def test_a_log_without_such_a_rule_accepts_all() -> None:
    shard = Shard(RULES)
    shard.process([Record(7, 0, b"BTCUSDT", record(0, "1.00"))])
    assert sorted(shard.engines) == ["BTCUSDT"]


def test_another_defect_of_the_record_comes_first() -> None:
    shard = Shard(RULES, None, lambda _: 1)
    (reject,) = shard.process([Record(0, 0, b"BTCUSDT", b"{}")]).rejects
    assert reject.reason == Reason.UNREADABLE


def test_records_that_could_not_be_read_are_one_reject_with_their_offsets() -> None:
    shard = Shard(RULES, None, murmur2_partition)
    batch = shard.process([Record(2, 17, b"", b"", "offsets 10 to 17: its checksum is wrong")])
    (reject,) = batch.rejects
    assert (reject.reason, reject.detail, reject.partition, reject.offset) == (
        Reason.UNREADABLE_BATCH,
        "offsets 10 to 17: its checksum is wrong",
        2,
        17,
    )
    assert batch.commit
    assert batch.commit.position == 18
