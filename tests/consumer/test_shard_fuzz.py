"""A shard fed with broken records, in any batches and with restarts: it never raises, and every record is accounted for.

TEST_FUZZ_INPUTS sets the number of records; `make fuzz` uses a million for each fuzz test.
"""

import os
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.rules import Rules
from consumer.shard import Shard
from consumer.stats import records_processed, rejects_by_reason
from tests.market import at, candle_text, prices, record
from tests.mutations import broken_record, fields_of
from volcast.core.codec import MAX_KEPT_BYTES, decode_reject, decode_signal, encode_gap, encode_revision
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig, Gap, Signal
from volcast.log.contract import Record, Restored

INPUTS = int(os.environ.get("TEST_FUZZ_INPUTS", "60000")) // 20
RECORDS_PER_SEED = 300
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
CLOSES = list(prices(RECORDS_PER_SEED))
RULES = Rules(EngineConfig(window=3, rate_window=4), Decoder(2), max_symbols=2, snapshot_records=25)
OTHERS = [encode_gap(Gap("BTCUSDT", at(3), at(7), "test", "outage")), encode_revision(candle_text(0, "0.07"))]


def stream(random: Random) -> list[Record]:
    """Candles of three symbols in the order of their minutes, two thirds of them sound; the offsets have gaps."""
    records, offset = list[Record](), 1
    for minute in range(RECORDS_PER_SEED):
        symbol = random.choice(SYMBOLS)
        value = record(minute + random.choice((0, 0, 0, 0, -3, 10**6)), CLOSES[minute], symbol=symbol)
        if random.random() < 0.35:
            value = broken_record(random, [fields_of(each) for each in (value, value, *OTHERS)])
        key = random.choice((*[symbol.encode()] * 9, b"", random.randbytes(4)))
        records.append(Record(0, offset, key, value))
        offset += random.choice((1, 1, 1, 2, 50))
    return records


@settings(max_examples=max(1, INPUTS // RECORDS_PER_SEED))
@given(seed=st.integers(0, 2**63))
def test_every_broken_record_is_accounted_for(seed: int) -> None:
    random = Random(seed)
    log = stream(random)
    by_offset = {each.offset: each for each in log}
    shard, state, position, signals, rejects = Shard(RULES), dict[bytes, bytes](), 0, 0, 0
    while shard.position <= log[-1].offset:
        next_records = [each for each in log if each.offset >= shard.next_offset][: random.randint(1, 80)]
        batch = shard.process(next_records)
        if batch.commit is None:  # every record had been answered before
            continue
        assert position < batch.commit.position == shard.position
        position = batch.commit.position
        assert all(isinstance(decode_signal(each.value), Signal) for each in batch.commit.signals)
        for reject in map(decode_reject, (each.value for each in batch.commit.rejects)):
            assert reject.offset is not None
            record = by_offset[reject.offset]
            assert (reject.key, reject.value) == (record.key, record.value[:MAX_KEPT_BYTES])
        signals, rejects = signals + len(batch.commit.signals), rejects + len(batch.commit.rejects)
        state |= dict(batch.commit.snapshots)
        check(shard, sum(each.offset < position for each in log), signals, rejects)
        if random.random() < 0.3:
            kept = {key: value for key, value in state.items() if value}
            shard = Shard(RULES, Restored(position, kept, batch.commit.replay_from or 0))
            assert not shard.state.unusable


def check(shard: Shard, records: int, signals: int, rejects: int) -> None:
    """Check that each record became exactly one signal, reject or count."""
    assert len(shard.engines) <= RULES.max_symbols
    assert sum(engine.candles for engine in shard.engines.values()) == signals
    assert rejects_by_reason([shard]).total() == rejects
    assert records_processed([shard]) == records
