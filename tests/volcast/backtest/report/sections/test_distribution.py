"""The section on the whole distribution: its numbers are those of the scores, and what is not known is not shown."""

import msgspec

from tests.volcast.backtest.streams import DAY, comparison_of, distribution_of
from volcast.backtest.comparison import Comparison
from volcast.backtest.evaluation.distribution.judged import DistributionScores
from volcast.backtest.report.parts import Chart, Table
from volcast.backtest.report.sections.distribution import (
    best_baseline,
    distribution_section,
    quantiles,
    shares_below_quantiles,
)


def scored() -> Comparison:
    return comparison_of(70 * DAY)


def scores() -> DistributionScores:
    return distribution_of(scored())


def test_the_main_table_has_a_column_for_each_family_and_rows_for_each_model() -> None:
    table = quantiles(scored(), scores())
    assert table.headers == ("score", "return", "highest", "lowest", "volatility")
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["CRPS, bp"] == [f"{1e4 * (family.crps or 0.0):.3f}" for family in scores().families]
    for model in ("champion", "ewma", "no_interval"):
        ratios = [next(each.ratio for each in family.baselines if each.model == model) for family in scores().families]
        assert rows[f"CRPS / {model} × past shape"] == [f"{ratio:.4f}" for ratio in ratios]
    assert "for which that shape was known" in table.note


def test_shares_are_of_outcomes_below_the_level() -> None:
    table = shares_below_quantiles(scores())
    assert [row[0] for row in table.rows][:3] == ["0.5 %", "1 %", "2.5 %"]
    assert table.rows[6][1] == f"{100.0 * (scores().families[0].levels[6].below or 0.0):.2f} %"


def test_pinball_losses_are_compared_with_the_best_other_model() -> None:
    chosen = best_baseline(scored(), scores())
    assert chosen is not None
    assert chosen[1] == "ewma"
    assert scores().families[0].baselines[chosen[0]].model == "ewma"
    tables = {part.title: part for part in distribution_section(scored()).parts if isinstance(part, Table)}
    assert "ewma × past shape" in tables["Pinball loss by level"].note


def test_with_few_outcomes_there_is_no_histogram_and_without_quantiles_no_section() -> None:
    charts = [part.name for part in distribution_section(scored()).parts if isinstance(part, Chart)]
    assert charts == ["distribution-pit"]
    assert not [part for part in distribution_section(comparison_of(10 * DAY)).parts if isinstance(part, Chart)]
    assert not distribution_section(comparison_of(0)).parts
    assert not distribution_section(msgspec.structs.replace(scored(), distribution=None)).parts


def test_quantiles_that_could_not_be_used_are_told() -> None:
    odd = msgspec.structs.replace(scores(), unusable=3)
    assert "3 outcomes have no usable quantiles" in quantiles(scored(), odd).note
    assert "usable quantiles" not in quantiles(scored(), scores()).note


def test_without_a_past_shape_there_are_no_rows_of_it() -> None:
    short = comparison_of(5 * DAY)
    table = quantiles(short, distribution_of(short))
    assert [row[0] for row in table.rows] == ["CRPS, bp", "largest z of a level", "χ² of the PIT, 13 expected"]
    assert "too few candles for a simple distribution" in table.note
    assert "Pinball loss by level" not in [part.title for part in distribution_section(short).parts]
