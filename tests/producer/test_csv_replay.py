"""Files as candles: the rows of one file, and which files of one symbol are joined, cut or refused."""

import gzip
from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec.structs import asdict

from producer.csv_replay import CsvReplay, SymbolReplay, by_symbol, is_jump
from tests.candle_formats import FORMATS, make_rows, own
from tests.market import CSV_HEADER, at, csv_text
from volcast.candle_files.contract import CandleFileError
from volcast.core.codec import ReplayedCandleText

ROWS = csv_text(60).splitlines()[1:]
OTHER_ROWS = csv_text(60, seed=2).splitlines()[1:]


def source(folder: Path, name: str, rows: Iterable[str], symbol: str | None = None) -> CsvReplay:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([CSV_HEADER, *rows]) + "\n")
    return CsvReplay(path, symbol)


def minutes(replay: SymbolReplay) -> list[int]:
    return [(candle.open_time_ms - at(0)) // 60_000 for candle in replay.candles()]


class TestOneFile:
    def test_the_rows_are_candles_of_the_file(self, tmp_path: Path) -> None:
        replay = source(tmp_path, "btcusdt-1m-2024-01.csv", ROWS[:10])
        first, *_, last = replay.candles()
        assert (replay.symbol, replay.name, replay.summary.rows) == ("BTCUSDT", "btcusdt-1m-2024-01.csv", 10)
        price = "42000.0"
        assert first == ReplayedCandleText(
            "BTCUSDT", at(0), price, price, price, price, "1.0", price, replay.name, "file", line=2, content=first.content
        )
        assert (last.open_time_ms, last.line) == (at(9), 11)

    def test_candles_that_are_not_sent_are_the_same_without_the_hash(self, tmp_path: Path) -> None:
        replay = source(tmp_path, "btcusdt.csv", ROWS[:10])
        replay.leave_out(2, at(1))
        unsent = list(replay.unsent_candles())
        assert len(unsent) == 8
        for candle, sent in zip(unsent, replay.candles(), strict=True):
            assert asdict(candle) == {name: value for name, value in asdict(sent).items() if name != "content"}

    def test_the_symbol_may_be_given(self, tmp_path: Path) -> None:
        assert source(tmp_path, "export.csv", ROWS).symbol == "EXPORT"
        assert {candle.symbol for candle in source(tmp_path, "export.csv", ROWS, "ETHUSDT").candles()} == {"ETHUSDT"}

    def test_an_unusable_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(CandleFileError, match=r"line 62, column low: 'one' is not a number"):
            source(tmp_path, "btcusdt.csv", [*ROWS, "2024-01-02 00:00:00,1,1,one,1,1,1"])

    def test_a_bad_row_is_read_as_it_is(self, tmp_path: Path) -> None:
        path = tmp_path / "btcusdt.csv.gz"
        path.write_bytes(gzip.compress(f"{CSV_HEADER}\n2024-01-01 00:00:30,-1,1e400,NaN,0.123456789012345,,-inf\n".encode()))
        (candle,) = CsvReplay(path).candles()
        assert candle.open_time_ms == at(0) + 30_000
        assert (candle.open, candle.high, candle.low, candle.close) == ("-1", "1e400", "NaN", "0.123456789012345")
        assert (candle.volume, candle.quote_volume, candle.line) == ("", "-inf", 2)

    def test_the_content_identifies_all_rows_up_to_a_row_but_not_their_lines(self, tmp_path: Path) -> None:
        contents = [candle.content for candle in source(tmp_path, "btcusdt.csv", ROWS).candles()]
        blanks = source(tmp_path, "other.csv", [line for row in ROWS for line in ("", f" {row} ")])
        assert [candle.content for candle in blanks.candles()] == contents
        changed = [*ROWS[:5], ROWS[5].replace(",1.0,", ",2.0,"), *ROWS[6:]]
        others = [candle.content for candle in source(tmp_path, "btcusdt.csv", changed).candles()]
        assert [one == other for one, other in zip(contents, others, strict=True)] == [i < 5 for i in range(60)]
        assert len(set(contents)) == 60

    def test_a_file_that_begins_with_its_newest_row_is_read_from_the_end(self, tmp_path: Path) -> None:
        forward, backward = source(tmp_path, "btcusdt.csv", ROWS), source(tmp_path, "backward.csv", reversed(ROWS))
        assert [candle.content for candle in backward.candles()] == [candle.content for candle in forward.candles()]
        assert next(backward.candles()).line == 61


class TestSeveralFiles:
    def test_they_are_sorted_by_time(self, tmp_path: Path) -> None:
        parts = [source(tmp_path, f"btcusdt-{name}.csv", rows) for name, rows in (("b", ROWS[20:]), ("a", ROWS[:20]))]
        ((replay),) = by_symbol(parts)
        assert list(replay.leave_out_overlaps()) == []
        assert minutes(replay) == list(range(60))
        whole = SymbolReplay([source(tmp_path, "btcusdt.csv", ROWS)])
        assert [candle.content for candle in replay.candles()] == [candle.content for candle in whole.candles()]

    @pytest.mark.parametrize(
        ("second", "third", "shared"),
        [
            (ROWS[15:60], ROWS[58:60], [5, 2]),
            (ROWS[5:10], ROWS[10:60], [5, 10]),
            (ROWS[:20], ROWS, [20, 20]),
            (list(reversed(ROWS[19:40])), ROWS[40:], [1]),
        ],
    )
    def test_rows_that_two_files_share_are_read_once(
        self, tmp_path: Path, second: list[str], third: list[str], shared: list[int]
    ) -> None:
        names = zip("abc", (ROWS[:20], second, third), strict=True)
        sources = [source(tmp_path, f"btcusdt-{name}.csv", rows) for name, rows in names]
        (replay,) = by_symbol(sources)
        told = list(replay.leave_out_overlaps())
        assert [int(sentence.split(": ")[1].split()[0]) for sentence in told] == shared
        assert minutes(replay) == list(range(60))
        assert sum(each.rows_read for each in sources) == 60

    @pytest.mark.parametrize("rows", [OTHER_ROWS[10:30], ROWS[10:14] + ROWS[15:30], ROWS[:5] + OTHER_ROWS[5:10]])
    def test_files_that_differ_where_they_overlap_are_refused(self, tmp_path: Path, rows: list[str]) -> None:
        (replay,) = by_symbol([source(tmp_path, "a/btcusdt.csv", ROWS[:20]), source(tmp_path, "b/btcusdt.csv", rows)])
        with pytest.raises(CandleFileError, match=r"are both BTCUSDT by their names, but their rows differ at .*give --symbol"):
            list(replay.leave_out_overlaps())

    def test_simulated_candles_are_not_joined_with_those_of_a_market(self, tmp_path: Path) -> None:
        parts = [source(tmp_path, "btcusdt.csv", ROWS[:20]), source(tmp_path, "btcusdt-simulated.csv", ROWS[20:])]
        (replay,) = by_symbol(parts)
        with pytest.raises(CandleFileError, match=r"has simulated candles of BTCUSDT, and .* real ones; give --symbol"):
            list(replay.leave_out_overlaps())

    @pytest.mark.parametrize("gap", [0, 1_440])
    def test_files_between_which_the_price_jumps_are_refused_unless_the_symbol_is_given(self, tmp_path: Path, gap: int) -> None:
        price = 2_200 if gap else 38_000
        other = [f"{at(20 + gap + i)},{price},{price},{price},{price},1,1" for i in range(9)]
        (replay,) = by_symbol([source(tmp_path, "a/btc.csv", ROWS[:20]), source(tmp_path, "b/btc.csv", other)])
        with pytest.raises(CandleFileError, match=r"are both BTC by their names, but the price jumps from .*; .*give --symbol"):
            list(replay.leave_out_overlaps())
        named = [source(tmp_path, "a/btc.csv", ROWS[:20], "BTC"), source(tmp_path, "b/btc.csv", other, "BTC")]
        (replay,) = by_symbol(named)
        assert list(replay.leave_out_overlaps()) == []


class TestFormats:
    @pytest.mark.parametrize("name", FORMATS)
    def test_the_same_rows_in_another_format_are_left_out_where_they_overlap(self, tmp_path: Path, name: str) -> None:
        ending, write, _ = FORMATS[name]
        rows = make_rows(60)
        own(tmp_path / "btcusdt-a.csv", rows[:40])
        write(tmp_path / f"btcusdt-b{ending}", rows[20:])
        ((replay),) = by_symbol([CsvReplay(tmp_path / f"btcusdt-b{ending}"), CsvReplay(tmp_path / "btcusdt-a.csv")])
        assert "20 rows are also in" in next(replay.leave_out_overlaps())
        assert minutes(replay) == list(range(60))

    def test_files_of_which_only_some_have_volumes_are_refused(self, tmp_path: Path) -> None:
        without = [f"{row.rsplit(',', 2)[0]},0,0" for row in ROWS[30:]]
        parts = [source(tmp_path, "btcusdt-1.csv", ROWS[:30]), source(tmp_path, "btcusdt-2.csv", without)]
        ((replay),) = by_symbol(parts)
        with pytest.raises(CandleFileError, match=r"btcusdt-2.csv has no volumes and .*btcusdt-1.csv has"):
            list(replay.leave_out_overlaps())


@pytest.mark.parametrize(("close", "next_open"), [("", "1"), ("0", "1"), ("nan", "1"), ("1", "inf"), ("-1", "1")])
def test_unusable_prices_are_no_jump(close: str, next_open: str) -> None:
    assert not is_jump(close, next_open, 60_000)
