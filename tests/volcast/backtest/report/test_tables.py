"""The text and numbers of the tables."""

import pytest

from tests.volcast.backtest.streams import DAY, comparison_of, track_of, truth_of
from volcast.backtest.comparison import compare
from volcast.backtest.report import tables

FOUND = comparison_of(70 * DAY)


def test_scope_describes_what_was_scored_and_left_out() -> None:
    assert tables.scope(FOUND) == (
        "TESTUSDT: 1 679 forecasts of the next 60 minutes, one every hour, made from 2024-01-01 01:00 to 2024-03-10 23:00 UTC."
        " Left out: 1 with an unknown outcome."
    )
    truth, expected = truth_of(30 * DAY, horizon_minutes=240)
    truth.realized_variance[239 + 240 * 100] = 0.0
    late = track_of("late", expected)
    late.variance[239 + 240 * 101] = 0.0
    assert tables.scope(compare(truth, [late], "late", symbol="X")) == (
        "X: 105 forecasts of the next 240 minutes, one every 240 minutes, made from 2024-01-13 04:00 to 2024-01-30 20:00 UTC;"
        " the first 40 % of 43 200 candles were used only for learning."
        " Left out: 1 without a price move, 1 with an unknown outcome, 1 without a forecast of late."
    )
    assert tables.scope(comparison_of(10)) == "TESTUSDT: 0 forecasts of the next 60 minutes."


@pytest.mark.parametrize(
    "make_table",
    [
        tables.accuracy,
        tables.intervals,
        tables.skill_by_month,
        tables.qlike_by_month,
        tables.coverage_by_month,
        tables.r2_by_month,
        tables.qlike_by_hour,
        tables.coverage_by_hour,
    ],
)
def test_each_row_has_a_cell_for_each_header(make_table: tables.MakeTable) -> None:
    for minutes in (0, 130, 70 * DAY):
        table = make_table(comparison_of(minutes))
        assert all(len(row) == len(table.headers) for row in table.rows)


def test_skill_is_shown_for_the_last_day_of_each_month() -> None:
    assert [row[0] for row in tables.skill_by_month(FOUND).rows] == ["2024-01-31", "2024-02-29", "2024-03-11"]


def test_small_p_values() -> None:
    assert [tables.p_value(p) for p in (0.0, 0.0009, 0.001, 0.5, None)] == ["<0.001", "<0.001", "0.001", "0.500", "–"]
