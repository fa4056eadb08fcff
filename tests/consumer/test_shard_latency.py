"""For which signals the time since the end of the minute is measured."""

from dataclasses import replace

from consumer.shard import Shard
from producer.live.candle import ClosedBy
from tests.consumer.test_shard import PRICES, RULES, commit_of, records, restored_from
from tests.market import at, record


def test_latency_is_measured_for_candles_that_arrived_live() -> None:
    def live(minute: int, **fields: object) -> bytes:
        return record(minute, PRICES[minute], **{"live": True, "closed_by": "flag"} | fields)

    log = records(
        live(0),
        live(1, closed_by="later_trade"),
        live(2, closed_by=ClosedBy.REST.value),
        record(3, PRICES[3]),
        live(3),
        live(4, closed_by="watermark"),
        live(5, open="NaN"),
    )
    shard = Shard(RULES)
    assert shard.process(log[:1]).live_ends_ms == []  # its signal comes with the second candle, which says nothing of its latency
    assert shard.process(log[1:]).live_ends_ms == [at(2), at(5)]
    rare = replace(RULES, snapshot_records=100)
    restored = Shard(rare, restored_from(commit_of(Shard(rare).process(log[:2]))))
    assert restored.replay_from == 1
    assert restored.process(log).live_ends_ms == [at(5)]
