"""The input of a proof: determined by the seed, with every kind of bad row, and with symbols in each partition."""

from itertools import islice
from pathlib import Path
from zlib import crc32

import pytest

from producer.csv_replay import CsvReplay
from volcast.core.codec import Reason, Reject, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.timeline import Skip
from volcast.core.types import Candle, EngineConfig, Signal
from volcast.proof.processes.input import HEADER, garbage, rows, symbols


@pytest.mark.parametrize("partitions", [1, 3, 8])
def test_each_partition_has_symbols(partitions: int) -> None:
    names = symbols(4, partitions, lambda key: crc32(key) % partitions)
    held = [crc32(name.encode()) % partitions for name in names]
    assert len(set(names)) == len(names) >= 4
    assert all(held.count(partition) >= 2 for partition in range(partitions))


def test_rows_depend_on_symbol_and_seed() -> None:
    assert rows("COIN0", 500, 1) == rows("COIN0", 500, 1)
    assert rows("COIN0", 500, 1) != rows("COIN0", 500, 2)
    assert rows("COIN0", 500, 1) != rows("COIN1", 500, 1)


def test_a_file_of_rows_has_every_kind_of_bad_row(tmp_path: Path) -> None:
    file = tmp_path / "coin0.csv"
    file.write_text("\n".join([HEADER, *rows("COIN0", 5_000, 1)]) + "\n")
    source, decoder, engine = CsvReplay(file), Decoder(), Engine("COIN0", EngineConfig(window=5), 8)
    results = set()
    for text in source.candles():
        item = decoder.decode(b"COIN0", encode_candle(text))
        result = item.reason if isinstance(item, Reject) else engine.step(item) if isinstance(item, Candle) else None
        results.add("signal" if isinstance(result, Signal) else result)
    assert {Skip.DUPLICATE, Skip.LATE, Reason.NOT_A_NUMBER, Reason.NOT_POSITIVE, Reason.TOO_FINE, "signal"} <= results
    assert engine.timeline.gaps > 10
    assert engine.candles > 4_500


def test_garbage_is_rejected_for_many_reasons() -> None:
    decoder = Decoder()
    items = [decoder.decode(*record) for record in islice(garbage(1, ["COIN0", "COIN1"]), 300)]
    reasons = {item.reason for item in items if isinstance(item, Reject)}
    assert len(items) == sum(isinstance(item, Reject) for item in items)
    assert reasons >= {Reason.UNREADABLE, Reason.KEY, Reason.VERSION, Reason.INTERVAL, Reason.TOO_LARGE}
    assert list(islice(garbage(1, ["A"]), 50)) == list(islice(garbage(1, ["A"]), 50))
