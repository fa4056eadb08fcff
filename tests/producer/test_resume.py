"""Where a replay resumes: only rows that continue what the log has of their symbol are sent, whatever their files are called."""

import asyncio
from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.csv_replay import CsvReplay
from producer.replay import Pace, Pump
from producer.resume import NotContinuedError, Resume
from tests.log_access import fill, records_of
from tests.market import CSV_HEADER, START_MS, at, csv_text, record
from volcast.log.contract import KeyValue, Log, Topic
from volcast.log.sqlite.log import SqliteLog

ROWS = csv_text(60).splitlines()[1:]
OTHER_ROWS = csv_text(60, seed=2).splitlines()[1:]


def write(folder: Path, name: str, rows: Iterable[str]) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([CSV_HEADER, *rows]) + "\n")
    return path


async def replay(log: Log, *paths: Path, symbol: str | None = None) -> Pump:
    pump = Pump(log, [CsvReplay(path, symbol) for path in paths], Pace(inf), 7)
    await pump.run()
    return pump


async def minutes(log: Log) -> list[int]:
    values = [each.value for each in await records_of(log, Topic.CANDLES)]
    return [(msgspec.json.decode(value)["open_time_ms"] - START_MS) // 60_000 for value in values]


async def refusal(log: Log, *paths: Path, symbol: str | None = None) -> str:
    """Replay, which must be refused before anything is sent; return the sentence."""
    before = await minutes(log)
    with pytest.raises(NotContinuedError) as caught:
        await replay(log, *paths, symbol=symbol)
    assert await minutes(log) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_the_same_file_again_sends_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "btcusdt.csv", ROWS[:20])
    async with SqliteLog(":memory:") as log:
        assert (await replay(log, path)).sent == 20
        again = await replay(log, path)
        assert (again.sent, again.already_sent, again.resumes) == (0, 20, {"BTCUSDT": Resume(rows=20)})


async def test_a_file_that_has_grown_is_continued_whatever_it_is_called(tmp_path: Path) -> None:
    async with SqliteLog(":memory:") as log:
        await replay(log, write(tmp_path, "btcusdt.csv", ROWS[:20]))
        assert (await replay(log, write(tmp_path, "btcusdt.csv", ROWS[:25]))).sent == 5
        assert (await replay(log, write(tmp_path, "BTC_USDT-1m.csv", ROWS[:40]))).sent == 15
        assert await minutes(log) == list(range(40))


async def test_another_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    async with SqliteLog(":memory:") as log:
        await replay(log, write(tmp_path, "a/btcusdt.csv", ROWS[:20]))
        sentence = await refusal(log, write(tmp_path, "b/btcusdt.csv", OTHER_ROWS[:20]))
    assert sentence == (
        "btcusdt.csv: the log already has other candles of BTCUSDT, from btcusdt.csv, up to 2024-01-01 00:19, which these rows "
        "do not continue; choose another log or give another --symbol."
    )


@pytest.mark.parametrize("at_row", [0, 1, 10, 18, 19])
@pytest.mark.parametrize("column", range(1, 7))
async def test_a_file_that_was_corrected_in_place_is_refused(tmp_path: Path, at_row: int, column: int) -> None:
    changed = ROWS[:25]
    cells = changed[at_row].split(",")
    cells[column] += "1"
    changed[at_row] = ",".join(cells)
    async with SqliteLog(":memory:") as log:
        await replay(log, write(tmp_path, "btcusdt.csv", ROWS[:20]))
        await refusal(log, write(tmp_path, "btcusdt.csv", changed))


@pytest.mark.parametrize(
    "rows",
    [ROWS[:19], [*ROWS[:7], *ROWS[8:25]], [*ROWS[1:7], *ROWS[8:25]], ROWS[18:3:-1]],
    ids=["shorter", "gap", "later", "back"],
)
async def test_other_rows_before_the_last_one_are_refused(tmp_path: Path, rows: Sequence[str]) -> None:
    async with SqliteLog(":memory:") as log:
        await replay(log, write(tmp_path, "btcusdt.csv", ROWS[:20]))
        await refusal(log, write(tmp_path, "btcusdt.csv", rows))


async def test_a_later_month_continues_and_an_older_one_is_refused(tmp_path: Path) -> None:
    january, february = write(tmp_path, "btcusdt-01.csv", ROWS[:20]), write(tmp_path, "btcusdt-02.csv", ROWS[20:40])
    async with SqliteLog(":memory:") as log:
        await replay(log, january)
        pump = await replay(log, february)
        assert pump.resumes == {"BTCUSDT": Resume(0, "btcusdt-01.csv", at(19))}
        for files in ((february,), (january, february), (write(tmp_path, "btcusdt.csv", ROWS[:40]),)):
            assert (await replay(log, *files)).sent == 0
        assert (await replay(log, write(tmp_path, "btcusdt-02.csv", ROWS[20:50]))).sent == 10
        assert (await replay(log, write(tmp_path, "whole-btcusdt.csv", ROWS))).sent == 10
        assert await minutes(log) == list(range(60))
    async with SqliteLog(":memory:") as log:
        await replay(log, february)
        assert "which these rows do not continue" in await refusal(log, january)
        await refusal(log, january, february)


@pytest.mark.parametrize("names", [("btcusdt.csv", "btcusdt-simulated.csv"), ("btcusdt_simulated.csv", "btcusdt.csv")])
async def test_simulated_candles_do_not_continue_those_of_a_market(tmp_path: Path, names: tuple[str, str]) -> None:
    async with SqliteLog(":memory:") as log:
        await replay(log, write(tmp_path, names[0], ROWS[:20]))
        assert "must not be mixed with them; choose another log" in await refusal(log, write(tmp_path, names[1], ROWS[20:]))
        assert (await replay(log, write(tmp_path, names[1], ROWS[20:]), symbol="BTCUSDT.SIM")).sent == 40


async def test_a_later_file_may_overlap_if_its_rows_are_those_of_the_log(tmp_path: Path) -> None:
    async with SqliteLog(":memory:") as log:
        await replay(log, write(tmp_path, "btcusdt.csv", ROWS[:20]))
        pump = await replay(log, write(tmp_path, "btcusdt-b.csv", ROWS[15:30]))
        assert (pump.sent, pump.already_sent) == (10, 5)
        assert pump.resumes["BTCUSDT"] == Resume(5, "btcusdt.csv", at(14))  # so that the summary says of what more it is
        assert await minutes(log) == list(range(30))
        await refusal(log, write(tmp_path, "btcusdt-b.csv", OTHER_ROWS[15:40]))


async def test_a_jump_in_price_is_refused_unless_the_symbol_is_given(tmp_path: Path) -> None:
    cheap = [f"{at(minute)},22,22,22,22,1,1" for minute in range(20, 30)]
    async with SqliteLog(":memory:") as log:
        await replay(log, write(tmp_path, "a/btc.csv", ROWS[:20]))
        path = write(tmp_path, "b/btc.csv", cheap)
        assert "if these are two markets, give --symbol or choose another log" in await refusal(log, path)
        await replay(log, path, symbol="BTC")
        assert await minutes(log) == list(range(30))


async def test_candles_of_a_venue_can_be_continued_but_not_repeated(tmp_path: Path) -> None:
    async with SqliteLog(":memory:") as log:
        await fill(log, [KeyValue(b"BTCUSDT", record(6, "1.00", source="binance", live=True, line=None))])
        assert "from binance, up to 2024-01-01 00:06" in await refusal(log, write(tmp_path, "btcusdt.csv", ROWS[:20]))
        await replay(log, write(tmp_path, "btcusdt.csv", ROWS[7:20]))
        assert await minutes(log) == list(range(6, 20))


@pytest.mark.parametrize(
    "value", [b"", b"\xff", b"{}", b'{"open_time_ms":"soon","content":"1"}', b'{"kind":"gap","v":1,"content":7}']
)
async def test_garbage_on_the_log_is_ignored(tmp_path: Path, value: bytes) -> None:
    path = write(tmp_path, "btcusdt.csv", ROWS[:20])
    async with SqliteLog(":memory:") as log:
        await fill(log, [KeyValue(b"BTCUSDT", value)])
        assert (await replay(log, path)).sent == 20
        await fill(log, [KeyValue(b"BTCUSDT", value)])
        assert (await replay(log, path)).sent == 0


async def test_a_file_that_begins_with_its_newest_row_is_resumed(tmp_path: Path) -> None:
    async with SqliteLog(":memory:") as log:
        await replay(log, write(tmp_path, "btcusdt.csv", reversed(ROWS[:20])))
        assert (await replay(log, write(tmp_path, "btcusdt.csv", reversed(ROWS[:30])))).sent == 10
        assert (await replay(log, write(tmp_path, "btcusdt.csv", ROWS[:35]))).sent == 5
        assert await minutes(log) == list(range(35))


@given(st.lists(st.integers(0, 60), max_size=5), st.integers(0, 59))
def test_any_series_of_growing_files_sends_each_row_once_and_a_changed_one_nothing(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], changed: int
) -> None:
    folder = tmp_path_factory.mktemp("any")

    async def check() -> None:
        async with SqliteLog(":memory:") as log:
            sent = 0
            for length in sorted({3, *lengths}):
                if length:
                    sent += (await replay(log, write(folder, f"btcusdt-{length}.csv", ROWS[:length]))).sent
                    assert await minutes(log) == list(range(max(length, 3) if length >= 3 else length))
            rows = [*ROWS[:changed], OTHER_ROWS[changed].replace(",", ",9", 1), *ROWS[changed + 1 :]]
            if changed < sent:
                await refusal(log, write(folder, "btcusdt.csv", rows))

    asyncio.run(check())


@pytest.mark.parametrize(("first", "words"), [(True, "have volumes, but these rows do not"), (False, "have no volumes, but")])
async def test_rows_without_volumes_do_not_continue_rows_with_volumes(tmp_path: Path, first: bool, words: str) -> None:  # noqa: FBT001  # a case
    halves = [ROWS[:20], ROWS[20:]]
    halves[first] = [f"{row.rsplit(',', 2)[0]},0,0" for row in halves[first]]
    async with SqliteLog(":memory:") as log:
        await replay(log, write(tmp_path, "btcusdt-1.csv", halves[0]))
        assert words in await refusal(log, write(tmp_path, "btcusdt-2.csv", halves[1]))
