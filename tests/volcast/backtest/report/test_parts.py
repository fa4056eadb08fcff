"""How numbers are written, and which of them are best."""

from tests.volcast.backtest.streams import DAY, comparison_of
from volcast.backtest.report.parts import Score, best_column, digits, models_table, nearest, p_value


def test_small_p_values() -> None:
    assert [p_value(p) for p in (0.0, 0.0009, 0.001, 0.5, None)] == ["<0.001", "<0.001", "0.001", "0.500", "–"]


def test_the_best_column_is_among_those_that_have_a_value() -> None:
    assert best_column([0.3, None, 0.2], min) == 3
    assert best_column([0.3, None, 0.2], max) == 1
    assert best_column([0.95, 0.89, 0.8], nearest(0.9)) == 2
    assert best_column([None, 0.2], min) is None, "one alone is not the best"
    assert best_column([0.1, 0.2], None) is None
    assert best_column([], min) is None


def test_a_table_of_models_has_the_champion_first() -> None:
    found = comparison_of(20 * DAY)
    table = models_table("T", found, [Score("QLIKE", lambda m: m.qlike, digits(4), min)], "note")
    assert table.headers == ("score", "champion", "ewma", "no_interval")
    assert table.rows == [["QLIKE", *(f"{model.qlike:.4f}" for model in found.models)]]
    assert table.best == [1]
