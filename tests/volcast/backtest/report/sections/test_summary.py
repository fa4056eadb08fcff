"""What was scored, in a sentence, and the numbers at the top."""

from tests.volcast.backtest.streams import DAY, comparison_of, track_of, truth_of
from volcast.backtest.comparison import Comparison, compare
from volcast.backtest.report.sections.summary import key_figures, overview, scope


def scored() -> Comparison:
    return comparison_of(70 * DAY)


def test_scope_describes_what_was_scored_and_left_out() -> None:
    assert scope(scored()) == (
        "TESTUSDT: 1 679 forecasts of the next 60 minutes, one every hour, made from 2024-01-01 01:00 to 2024-03-10 23:00 UTC."
        " Left out: 1 with an unknown outcome."
    )
    truth, expected = truth_of(30 * DAY, horizon_minutes=240)
    truth.realized_variance[239 + 240 * 100] = 0.0
    late = track_of("late", expected)
    late.variance[239 + 240 * 101] = 0.0
    assert scope(compare(truth, [late], "late", symbol="X")) == (
        "X: 105 forecasts of the next 240 minutes, one every 240 minutes, made from 2024-01-13 04:00 to 2024-01-30 20:00 UTC;"
        " the first 40 % of 43 200 candles were used only for learning."
        " Left out: 1 without a price move, 1 with an unknown outcome, 1 without a forecast of late."
    )
    assert scope(comparison_of(10)) == "TESTUSDT: 0 forecasts of the next 60 minutes."


def test_the_key_figures_are_the_champions() -> None:
    champion, other = scored().models[:2]
    figures = {figure.label: figure.value for figure in key_figures(scored())}
    assert figures["QLIKE"] == f"{champion.qlike:.4f}"
    assert other.qlike_ratio is not None
    assert figures[f"skill over {other.model}"] == f"{100.0 - 100.0 / other.qlike_ratio:.1f} %"
    storms = {each.model: each for each in scored().storms.models}["champion"]
    assert figures["storms warned of"] == f"{100.0 * storms.right / scored().storms.storms:.1f} %"
    assert figures["signal rate"] == "0.5000"


def test_one_model_alone_has_no_skill() -> None:
    labels = [figure.label for figure in key_figures(comparison_of(10 * DAY, ("only",)))]
    assert not any(label.startswith("skill") for label in labels)
    assert key_figures(comparison_of(0))[0].value == "–"


def test_the_overview_has_a_row_for_each_symbol() -> None:
    table = overview([scored(), comparison_of(10)])
    assert [row[:2] for row in table.rows] == [["TESTUSDT", "1 679"], ["TESTUSDT", "0"]]
