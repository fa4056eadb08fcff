"""Pump and Pace: which rows are sent and when; no row is sent twice or left out after any failure."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from math import inf
from pathlib import Path

import msgspec
import pytest

from producer.csv_replay import CsvReplay
from producer.replay import Pace, Pump
from producer.resume import NotContinuedError, Resume
from tests.flaky_log import Fault, FlakyLog
from tests.log_access import fill, records_of
from tests.market import CSV_HEADER, START_MS, csv_text, record
from volcast.core.codec import encode_candle
from volcast.log.contract import Fenced, KeyValue, Log, Topic
from volcast.log.sqlite.log import SqliteLog


class Clock:
    """A clock that moves only by sleeps: by the time that was asked for, plus `late_s`."""

    def __init__(self, late_s: float = 0.0) -> None:
        self.now_s, self.late_s = 0.0, late_s
        self.slept_s: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds + self.late_s
        await asyncio.sleep(0)

    def pace(self, speed: float) -> Pace:
        return Pace(speed, self, self.sleep)


class TimedLog(FlakyLog):
    """A log that records the time and the number of records of each append."""

    def __init__(self, log: Log, clock: Clock) -> None:
        super().__init__(log)
        self.clock, self.seen, self.times = clock, 0, list[float]()

    def next_append(self) -> Fault | None:
        self.times.append(self.clock.now_s)
        return super().next_append()


def source(folder: Path, minutes: int | Iterable[int] = 10, name: str = "btcusdt.csv", seed: int = 1) -> CsvReplay:
    path = folder / name
    path.write_text(csv_text(minutes, seed))
    return CsvReplay(path)


def rows(*sources: CsvReplay) -> list[KeyValue]:
    """Return the records of all rows of these files, in the order of the files."""
    return [KeyValue(candle.symbol.encode(), encode_candle(candle)) for each in sources for candle in each.candles()]


async def sent(log: Log) -> list[KeyValue]:
    return [KeyValue(record.key, record.value) for record in await records_of(log, Topic.CANDLES)]


def minutes_of(records: list[KeyValue]) -> list[int]:
    return [(msgspec.json.decode(value)["open_time_ms"] - START_MS) // 60_000 for _, value in records]


async def test_at_speed_60_candle_k_is_due_at_k_seconds(tmp_path: Path) -> None:
    clock = Clock()
    async with TimedLog(SqliteLog(":memory:"), clock) as log:
        await Pump(log, [source(tmp_path)], clock.pace(60), 500).run()
        assert log.times == [float(k) for k in range(10)]
        assert minutes_of(await sent(log)) == list(range(10))


async def test_late_wakeups_do_not_add_up(tmp_path: Path) -> None:
    clock = Clock(late_s=0.3)
    async with TimedLog(SqliteLog(":memory:"), clock) as log:
        await Pump(log, [source(tmp_path, 100)], clock.pace(60), 500).run()
        assert log.times == pytest.approx([0.0, *(k + 0.3 for k in range(1, 100))])


async def test_candles_that_became_due_meanwhile_are_appended_together(tmp_path: Path) -> None:
    clock = Clock(late_s=2.5)
    async with TimedLog(SqliteLog(":memory:"), clock) as log:
        await Pump(log, [source(tmp_path, 9)], clock.pace(60), 500).run()
        assert log.times == [0.0, 3.5, 6.5, 9.5]  # 0 · 1 2 3 · 4 5 6 · 7 8
        assert await sent(log) == rows(source(tmp_path, 9))


async def test_a_gap_in_time_is_waited_for(tmp_path: Path) -> None:
    clock = Clock()
    async with TimedLog(SqliteLog(":memory:"), clock) as log:
        await Pump(log, [source(tmp_path, [0, 1, 81, 82])], clock.pace(60), 500).run()
        assert log.times == [0.0, 1.0, 81.0, 82.0]
        assert clock.slept_s == [1.0, 80.0, 1.0]


async def test_real_time_is_a_candle_a_minute(tmp_path: Path) -> None:
    clock = Clock()
    async with TimedLog(SqliteLog(":memory:"), clock) as log:
        await Pump(log, [source(tmp_path, 4)], clock.pace(1), 500).run()
        assert log.times == [0.0, 60.0, 120.0, 180.0]


async def test_a_row_of_the_past_is_due_at_once(tmp_path: Path) -> None:
    clock = Clock()
    async with TimedLog(SqliteLog(":memory:"), clock) as log:
        await Pump(log, [source(tmp_path, [0, 5, 2, 5, 6])], clock.pace(60), 500).run()
        assert log.times == [0.0, 5.0, 6.0]
        assert minutes_of(await sent(log)) == [0, 5, 2, 5, 6]


@pytest.mark.parametrize("absurd", [60 * 24 * 365 * 150, -60 * 24 * 400])
async def test_a_row_with_an_absurd_time_does_not_stop_the_replay(tmp_path: Path, absurd: int) -> None:
    clock = Clock()
    async with TimedLog(SqliteLog(":memory:"), clock) as log:
        await Pump(log, [source(tmp_path, [0, 1, absurd, 2, 3])], clock.pace(60), 500).run()
        assert minutes_of(await sent(log)) == [0, 1, absurd, 2, 3]
        assert clock.now_s == 2.0


@pytest.mark.parametrize(("append_records", "appends"), [(1, 10), (3, 4), (10, 1), (500, 1)])
async def test_at_full_speed_it_never_sleeps_and_appends_batches(tmp_path: Path, append_records: int, appends: int) -> None:
    clock = Clock()
    async with FlakyLog(SqliteLog(":memory:")) as log:
        pump = Pump(log, [source(tmp_path)], clock.pace(inf), append_records)
        await pump.run()
        assert (log.appends, clock.slept_s, pump.sent) == (appends, [], 10)
        assert await sent(log) == rows(source(tmp_path))


async def test_a_second_run_sends_nothing(tmp_path: Path) -> None:
    async with SqliteLog(":memory:") as log:
        first, second = (Pump(log, [source(tmp_path)], Pace(inf), 4) for _ in range(2))
        await first.run()
        await second.run()
        assert (first.sent, second.sent) == (10, 0)
        assert (first.resumes, second.resumes) == ({"BTCUSDT": Resume()}, {"BTCUSDT": Resume(rows=10)})
        assert len(await sent(log)) == 10


async def test_two_files_of_one_symbol_are_one_stream(tmp_path: Path) -> None:
    january, february = source(tmp_path, 10, "btcusdt-01.csv"), source(tmp_path, range(10, 20), "btcusdt-02.csv")
    for lost_at in range(7):
        for fault in (Fault.LOST, Fault.UNANSWERED):
            async with FlakyLog(SqliteLog(":memory:"), appends={lost_at: fault}) as log:
                await Pump(log, [february, january], Pace(inf), 3).run()
                assert minutes_of(await sent(log)) == list(range(20))


async def test_nothing_is_sent_if_the_log_has_other_candles_of_one_symbol(tmp_path: Path) -> None:
    async with SqliteLog(":memory:") as log:
        await Pump(log, [source(tmp_path, seed=1)], Pace(inf), 500).run()
        pump = Pump(log, [source(tmp_path, name="ethusdt.csv"), source(tmp_path, 12, seed=2)], Pace(inf), 500)
        with pytest.raises(NotContinuedError, match="already has other candles of BTCUSDT"):
            await pump.run()
        assert len(await sent(log)) == 10


async def test_files_interleave_by_event_time(tmp_path: Path) -> None:
    one, two = source(tmp_path, range(6)), source(tmp_path, range(3, 9), "ethusdt.csv", seed=2)
    async with SqliteLog(":memory:") as log:
        await Pump(log, [one, two], Pace(inf), 4).run()
        records = await sent(log)
    assert minutes_of(records) == sorted([*range(6), *range(3, 9)])
    assert [item for item in records if item.key == b"BTCUSDT"] == rows(one)
    assert [item for item in records if item.key == b"ETHUSDT"] == rows(two)


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNANSWERED])
@pytest.mark.parametrize("at_append", [0, 1, 4])
async def test_an_append_without_an_answer_doubles_and_loses_no_row(tmp_path: Path, fault: Fault, at_append: int) -> None:
    one, two = source(tmp_path, [0, 1, 1, 5, 3, 6, 7, 8]), source(tmp_path, 8, "ethusdt.csv", seed=2)
    async with FlakyLog(SqliteLog(":memory:"), appends={at_append: fault, at_append + 1: fault}) as log:
        await Pump(log, [one, two], Pace(inf), 3).run()
        by_key = defaultdict(list)
        for item in await sent(log):
            by_key[item.key].append(item)
    assert by_key == {b"BTCUSDT": rows(one), b"ETHUSDT": rows(two)}


async def test_a_failure_does_not_change_the_pace(tmp_path: Path) -> None:
    clock = Clock()
    async with FlakyLog(SqliteLog(":memory:"), appends={3: Fault.LOST}) as log:
        await Pump(log, [source(tmp_path)], clock.pace(60), 500).run()
        assert await sent(log) == rows(source(tmp_path))
    assert clock.now_s == 9.0


async def test_a_bad_row_is_sent_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.csv"
    path.write_text(f"{CSV_HEADER}\n2024-01-01 00:00:00,1,1,NaN,-5,,1e999\n2024-01-01 00:01:00,1,1,1,1,1,1\n")
    async with SqliteLog(":memory:") as log:
        await Pump(log, [CsvReplay(path)], Pace(inf), 500).run()
        bad, good = [msgspec.json.decode(value) for _, value in await sent(log)]
    assert (bad["low"], bad["close"], bad["volume"], bad["quote_volume"], bad["line"]) == ("NaN", "-5", "", "1e999", 2)
    assert good["line"] == 3


@pytest.mark.parametrize("value", [b'{"open_time_ms":"\xff', b'{"open_time_ms":0}', b'{"open_time_ms":9999999999960000}'])
async def test_a_strange_last_record_does_not_stop_it(tmp_path: Path, value: bytes) -> None:
    async with SqliteLog(":memory:") as log:
        await fill(log, [KeyValue(b"BTCUSDT", value)])
        await Pump(log, [source(tmp_path)], Pace(inf), 500).run()
        assert (await sent(log))[1:] == rows(source(tmp_path))


async def test_foreign_records_behind_its_rows_do_not_make_it_send_them_again(tmp_path: Path) -> None:
    foreign_values = [b"?", record(0, "1.00", source="foreign", line=None), record(9_999, "1.00", source="foreign", line=1)]
    async with SqliteLog(":memory:") as log:
        for value in foreign_values:
            await Pump(log, [source(tmp_path)], Pace(inf), 500).run()
            await fill(log, [KeyValue(b"BTCUSDT", value)])
        pump = Pump(log, [source(tmp_path)], Pace(inf), 500)
        await pump.run()
        assert (pump.sent, pump.already_sent) == (0, 10)
        assert len(await sent(log)) == 10 + len(foreign_values)


async def test_a_producer_of_the_same_symbols_takes_over(tmp_path: Path) -> None:
    async with SqliteLog(":memory:") as log:

        async def rival(_: float) -> None:
            await Pump(log, [source(tmp_path)], Pace(inf), 500).run()

        with pytest.raises(Fenced, match="another process has started to append BTCUSDT: "):
            await Pump(log, [source(tmp_path)], Pace(60, Clock(), rival), 500).run()
        assert await sent(log) == rows(source(tmp_path))
