"""Which files are refused because of what their rows are together, and in which order the rows of the others are replayed."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.market import CSV_HEADER, at, minutes_with_gaps
from volcast.candle_files.check import FileSummary, check_candles
from volcast.candle_files.contract import CandleFileError
from volcast.candle_files.formats import recognize


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "btcusdt.csv"


def write(path: Path, seconds: Iterable[float], prices: str = "1,2,0.5,1.5") -> Path:
    """Write a row for each of these times, in seconds after the beginning of 2024."""
    rows = [f"{at(0) + round(second * 1_000)},{prices},10,15" for second in seconds]
    path.write_text("\n".join([CSV_HEADER, *rows]) + "\n")
    return path


def write_minutes(path: Path, minutes: Iterable[float]) -> Path:
    return write(path, (60 * minute for minute in minutes))


def refusal(path: Path) -> str:
    with pytest.raises(CandleFileError) as caught:
        check_candles(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_the_summary_has_the_first_and_the_last_row(path: Path) -> None:
    path.write_text(f"{CSV_HEADER}\n{at(5)},1.10,2,1,1.5,10,15\n{at(6)},1.5,2,1,1.60,10,15\n")
    expected = FileSummary(2, at(5), at(6), newest_first=False, first_open="1.10", last_close="1.60", file_format=recognize(path))
    assert check_candles(path) == expected


class TestSpacing:
    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (300, "5 minutes"),
            (180, "3 minutes"),
            (3_600, "60 minutes"),
            (14_400, "240 minutes"),
            (86_400, "1 day"),
            (7 * 86_400, "7 days"),
        ],
    )
    @pytest.mark.parametrize("rows", [3, 25, 400])
    def test_candles_that_are_longer_than_a_minute_are_refused(self, path: Path, seconds: int, words: str, rows: int) -> None:
        assert f"the rows lie {words} apart; candles of one minute are expected" in refusal(
            write(path, (seconds * i for i in range(rows)))
        )

    def test_seconds_are_refused(self, path: Path) -> None:
        assert "the rows lie 1 second apart" in refusal(write(path, range(500)))

    def test_trades_are_refused(self, path: Path) -> None:
        random = Random(1)  # the same times each time
        times = sorted(random.uniform(0, 5_000) for _ in range(2_000))
        assert "most rows lie less than a minute apart" in refusal(write(path, times))

    def test_months_are_refused(self, path: Path) -> None:
        days = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335]
        assert "apart" in refusal(write(path, (86_400 * day for day in days)))

    def test_five_minutes_with_gaps_and_a_few_odd_rows_are_refused(self, path: Path) -> None:
        minutes = [5 * i for i in minutes_with_gaps(300, share=0.1)]
        assert "the rows lie 5 minutes apart" in refusal(write_minutes(path, sorted({*minutes, 7, 8, 33})))

    @pytest.mark.parametrize("first", [range(0, 6_000, 60), range(6_000)])
    def test_an_hourly_part_of_a_file_is_refused(self, path: Path, first: range) -> None:
        second = range(6_000, 12_000, 60) if first.step == 1 else range(6_000, 12_000)
        assert "21 rows up to line" in refusal(write_minutes(path, [*first, *second]))

    def test_irregular_rows_of_which_none_are_a_minute_apart_are_refused(self, path: Path) -> None:
        random = Random(2)  # the same times each time
        minutes, minute = [], 0
        for _ in range(40):
            minute += random.randint(2, 30)
            minutes.append(minute)
        assert "no two rows lie one minute apart" in refusal(write_minutes(path, minutes))

    @pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.9])
    def test_minutes_with_many_gaps_pass(self, path: Path, share: float) -> None:
        random = Random(3)  # the same minutes each time
        minutes = [minute for minute in range(5_000) if random.random() > share]
        assert check_candles(write_minutes(path, minutes)).rows == len(minutes)

    @pytest.mark.parametrize("minutes", [[0], [0, 5], [0, 1440], [0, 1, 6, 7], [0, 1, 81, 82], [0, 1, 6, 11], [3, 4, 5]])
    def test_a_few_rows_with_a_gap_pass(self, path: Path, minutes: list[int]) -> None:
        assert check_candles(write_minutes(path, minutes)).rows == len(minutes)

    @given(st.sampled_from([2, 3, 5, 15, 30, 60, 240, 1_440]), st.integers(10, 200), st.floats(0, 0.3), st.integers(0, 9))
    def test_longer_candles_never_pass_whatever_is_missing(
        self, tmp_path_factory: pytest.TempPathFactory, step: int, count: int, missing: float, seed: int
    ) -> None:
        random = Random(seed)  # a seed must repeat its rows
        minutes = [step * i for i in range(count) if random.random() >= missing]
        steps = [(after - before) // step for before, after in pairwise(minutes)]
        assume(2 * steps.count(1) > len(steps) > 1)
        assert "apart" in refusal(write_minutes(tmp_path_factory.mktemp("any") / "a.csv", minutes))


class TestTimesAndPrices:
    def test_closing_times_are_refused(self, path: Path) -> None:
        assert "200 of 200 rows have a time that is not on the minute" in refusal(
            write(path, (60 * i + 59.999 for i in range(200)))
        )

    def test_a_few_times_off_the_minute_are_left_to_the_consumer(self, path: Path) -> None:
        assert check_candles(write_minutes(path, [0, 1, 2.5, 3, 4, 5])).rows == 6

    @pytest.mark.parametrize("prices", ["1,2,0.5,", "0,0,0,0", "-1,-1,-1,-1", "nan,nan,nan,nan", "1,1,2,1", "1,inf,1,1"])
    def test_a_file_without_usable_prices_is_refused(self, path: Path, prices: str) -> None:
        assert "9 of 9 rows have no usable prices" in refusal(write(path, range(0, 540, 60), prices))


class TestOrder:
    def test_the_newest_row_may_come_first(self, path: Path) -> None:
        assert check_candles(write_minutes(path, range(29, -1, -1)))[:4] == (30, at(0), at(29), True)
        assert check_candles(write_minutes(path, range(30)))[:4] == (30, at(0), at(29), False)

    def test_the_newest_row_may_come_first_with_gaps_and_repeated_rows(self, path: Path) -> None:
        minutes = sorted([*minutes_with_gaps(200, share=0.2), 3, 50], reverse=True)
        assert check_candles(write_minutes(path, minutes)).newest_first

    @pytest.mark.parametrize("later", [(0, 100), (0, 1_440)])
    def test_an_older_part_below_a_newer_one_is_refused(self, path: Path, later: tuple[int, int]) -> None:
        assert "rows are out of order (the first is in line 202); sort the file by time" in refusal(
            write_minutes(path, [*range(5_000, 5_200), *range(*later)])
        )

    def test_newest_first_parts_in_the_wrong_order_are_refused(self, path: Path) -> None:
        assert "out of order" in refusal(write_minutes(path, [*range(99, -1, -1), *range(299, 199, -1)]))

    @pytest.mark.parametrize("seed", range(20))
    @pytest.mark.parametrize("rows", [20, 300])
    def test_a_shuffled_file_is_refused(self, path: Path, rows: int, seed: int) -> None:
        minutes = list(range(rows))
        Random(seed).shuffle(minutes)  # a seed must repeat its rows
        refusal(write_minutes(path, minutes))

    def test_rows_that_are_swapped_in_pairs_are_refused(self, path: Path) -> None:
        assert "50 of 100 rows are out of order (the first is in line 3); sort the file by time" in refusal(
            write_minutes(path, [minute ^ 1 for minute in range(100)])
        )

    @pytest.mark.parametrize("newest_first", [False, True])
    def test_a_small_part_in_the_wrong_place_is_refused(self, path: Path, *, newest_first: bool) -> None:
        minutes = [*range(1_000), *range(1_040, 1_080), *range(1_000, 1_040), *range(1_080, 3_000)]
        assert "40 of 3000 rows are out of order (the first is in line 1042)" in refusal(
            write_minutes(path, [2_999 - minute for minute in minutes] if newest_first else minutes)
        )

    def test_the_hour_that_local_time_has_twice_is_refused(self, path: Path) -> None:
        assert "58 of 3000 rows are out of order (the first is in line 1502)" in refusal(
            write_minutes(path, [*range(1_500), *range(1_440, 2_940)])
        )

    def test_several_markets_in_one_file_are_refused(self, path: Path) -> None:
        assert "15 of 30 rows have the time of the row above (the first is in line 3); give one market per file" in refusal(
            write_minutes(path, [minute for minute in range(15) for _ in range(2)])
        )

    def test_a_few_late_and_repeated_rows_are_left_to_the_consumer(self, path: Path) -> None:
        assert check_candles(write_minutes(path, [*range(50), 3, 49, 49, *range(50, 100), 7])).rows == 104

    @pytest.mark.parametrize("at_row", [0, 1, 50, 99])
    @pytest.mark.parametrize("minute", [60 * 24 * 365 * 150, 60 * 24 * 365, -60 * 24 * 400])
    def test_one_wrong_date_is_left_to_the_consumer(self, path: Path, minute: int, at_row: int) -> None:
        minutes = list(range(100))
        minutes[at_row] = minute
        assert check_candles(write_minutes(path, minutes)).rows == 100
