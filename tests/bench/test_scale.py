"""The bench of scale on two symbols: every candle has its signal, and the state that it writes is the one of warm engines."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.engine import WEEK_MINUTES
from bench.scale import Row, Setup, line, measured, problems, setups, summarized
from bench.scale_log import candles, names, rules, simulated_rows, warm_engine, write_state
from bench.scale_worker import Reading, open_log
from consumer.shard import Shard
from volcast.core.codec import decode_signal
from volcast.core.types import Signal
from volcast.log.contract import Record
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog

ROW = Row(Setup("kafka", 10_000, 4), 30_000, 80.4, 12.34, 56.7, 17.86, 16.0, 2_404.9, 2_414.1)


async def test_written_symbols_are_warm_and_go_on_with_the_next_candle(tmp_path: Path) -> None:
    rows = simulated_rows(WEEK_MINUTES + 2)
    async with SqliteLog(tmp_path / "log.db") as log:
        size = await write_state(log, 2, 1, warm_engine(rows))
        restored = (await log.peek())[0]
    assert size > 50_000
    shard = Shard(rules(2), restored)
    assert (sorted(shard.engines), shard.state.unusable, shard.position) == (names(2), {}, 0)
    batch = shard.process([Record(0, offset, *each) for offset, each in enumerate(candles(rows, 2, 2))])
    signals = [decode_signal(each.value) for each in batch.signals]
    assert [(each.symbol, each.candles) for each in signals if isinstance(each, Signal)] == [
        (name, WEEK_MINUTES + minute) for minute in (1, 2) for name in names(2)
    ]


async def test_each_candle_has_a_signal_and_each_figure_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.scale.CANDLES", 60)
    row = await measured(Setup("sqlite", 2), str(tmp_path / "log.db"))
    assert (row.setup, row.candles) == (Setup("sqlite", 2), 60)
    assert 0 < row.commit_ms <= row.commit_p99_ms
    assert 20 < row.resident_mb <= row.peak_mb
    assert row.cpu_us > 1
    assert row.restore_cpu_s > 0.1


def test_readings_of_several_workers_are_summed_and_the_longest_restore_counts() -> None:
    setup = Setup("kafka", 10, 4, 2)
    restored = [Reading(1.0, 2.0, 50, 60), Reading(3.0, 2.5, 50, 60)]
    processed = [Reading(9.0, 0.3, 100.0, 110.0, 1_000, [1.0, 2.0, 3.0]), Reading(9.0, 0.1, 200.0, 220.0, 3_000, [4.0, 100.0])]
    row = summarized(setup, restored, processed)
    assert (row.setup, row.candles, row.commit_ms) == (setup, 4_000, 3.0)
    assert (row.restore_s, row.restore_cpu_s, row.resident_mb, row.peak_mb) == (3.0, 4.5, 300.0, 330.0)
    assert (row.cpu_us, row.commit_p99_ms) == pytest.approx((100.0, 100.0))


def test_workers_without_a_signal_are_an_error() -> None:
    with pytest.raises(ValueError, match="the workers have written no signal"):
        summarized(Setup("sqlite", 1), [Reading(1.0, 2.0, 50, 60)], [Reading(1.0, 2.0, 50, 60)])


def test_partitions_and_workers_are_measured_at_a_thousand_symbols() -> None:
    found = setups(["sqlite", "kafka"], [10, 1_000, 10_000])
    assert found[:6] == [
        *(Setup("sqlite", count) for count in (10, 1_000, 10_000)),
        *(Setup("kafka", count, 4) for count in (10, 1_000, 10_000)),
    ]
    assert found[6:] == [Setup("kafka", 1_000, partitions) for partitions in (1, 16, 64)] + [Setup("kafka", 1_000, 4, 2)]


def test_a_row_has_all_figures() -> None:
    assert line(ROW) == "| kafka | 10,000 | 4 | 1 | 80 | 12.3 | 56.7 | 17.9 | 16.0 | 2,405 | 2,414 |"


@dataclass(frozen=True)
class Case:
    restore_s: float
    peak_mb: float
    expected: list[str]


@pytest.mark.parametrize(
    "case",
    [
        Case(60.0, 4_000.0, []),
        Case(61.0, 3_000.0, ["10000 symbols on kafka: restore 61 s, the limit is 60"]),
        Case(1.0, 4_001.0, ["10000 symbols on kafka: memory 4,001 MB, the limit is 4,000"]),
    ],
)
def test_limits_hold_for_ten_thousand_symbols(case: Case) -> None:
    row = Row(ROW.setup, 1, 1.0, 1.0, 1.0, case.restore_s, 1.0, 1.0, case.peak_mb)
    assert problems([row]) == case.expected
    assert problems([Row(Setup("kafka", 1_000, 4), 1, 1.0, 1.0, 1.0, 99.0, 1.0, 1.0, 9_999.0)]) == []


def test_a_bus_is_a_file_or_a_broker_with_a_prefix(tmp_path: Path) -> None:
    assert isinstance(open_log(str(tmp_path / "log.db"), 1), SqliteLog)
    assert isinstance(open_log("127.0.0.1:9092/bench.", 4), KafkaLog)
