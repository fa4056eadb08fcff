"""The whole comparison as plain data, and what shows it."""

import re

import pytest

from tests.volcast.lifecycle.comparison.outcome_streams import frames, outcomes_of
from volcast.lifecycle.comparison.charts import charts, png
from volcast.lifecycle.comparison.compared import compared
from volcast.lifecycle.comparison.markdown import comparison_markdown
from volcast.lifecycle.comparison.outcomes import OutcomesError
from volcast.lifecycle.comparison.page import comparison_page
from volcast.lifecycle.comparison.result import BadComparisonError, LifecycleComparison, decode_comparison, encode_comparison
from volcast.lifecycle.comparison.verdict import Standing, VerdictRule


def comparison(**arguments: object) -> LifecycleComparison:
    models = {"champion": 0.8, "better": 0.2, "equal|odd": 0.8, "worse": 2.0}
    outcomes = [outcomes_of(models, seed=seed, symbol=symbol) for seed, symbol in ((1, "BTCUSDT"), (2, "ETHUSDT"))]
    return compared(frames(outcomes), "champion", VerdictRule(), interval="2024-01-30", horizon_minutes=60, **arguments)  # type: ignore[arg-type]


def test_the_better_model_wins_and_the_others_keep_their_reasons() -> None:
    found = comparison()
    assert found.winner == "better"
    assert [each.model for each in found.models] == ["champion", "better", "equal|odd", "worse"]
    assert {each.model: each.decision.standing for each in found.losers if each.decision} == {
        "equal|odd": Standing.NOT_BETTER,
        "worse": Standing.WORSE,
    }
    assert all(each.decision and each.decision.reason for each in found.losers)
    assert re.fullmatch(
        r"better should lead instead of champion: its loss is \d\d\.\d% smaller, by more than chance\.", found.summary
    )
    assert (len(found.days), found.symbols) == (31, ("BTCUSDT", "ETHUSDT"))


def test_of_several_better_models_one_leads_and_the_others_say_so() -> None:
    found = compared(frames([outcomes_of({"champion": 1.0, "good": 0.4, "best": 0.1})]), "champion", VerdictRule())
    good = found.model("good")
    assert (found.winner, found.standing_of(good)) == ("best", "better")
    assert found.reason_of(good).endswith(" But the loss of best is smaller still.")
    assert found.standing_of(found.model("best")) == "leads"
    assert (found.standing_of(found.models[0]), found.reason_of(found.models[0])) == ("champion", "")


def test_failures_of_the_data_keep_the_champion() -> None:
    found = comparison(failures=("2 % of the closes are missing.",))
    assert found.winner is None
    assert "2 % of the closes are missing" in found.summary


def test_days_whose_data_failed_are_left_out() -> None:
    whole, found = comparison(), comparison(left_out_days=("2024-01-02", "2024-01-30"))
    assert set(whole.days) - set(found.days) == {"2024-01-02", "2024-01-30"}
    assert whole.models[1].evidence is not None
    assert found.models[1].evidence is not None
    assert whole.models[1].evidence.outcomes - found.models[1].evidence.outcomes == 48
    assert "Left out, as their data failed the gate: 2024-01-02, 2024-01-30." in comparison_markdown(found)
    assert encode_comparison(decode_comparison(encode_comparison(found))) == encode_comparison(found)


def test_scores_are_on_both_scales() -> None:
    found = comparison().model("better").scores[0]
    assert found.r2_level is not None
    assert found.r2_log is not None
    assert 0.0 < found.r2_level < 1.0
    assert 0.0 < found.r2_log < 1.0
    assert found.rmse_level_bp is not None
    assert found.mae_level_bp is not None
    assert found.rmse_log is not None
    assert found.mae_log is not None
    assert found.rmse_level_bp > found.mae_level_bp > 1.0
    assert found.rmse_log > found.mae_log > 0.1


def test_the_file_is_read_back_and_has_the_same_bytes() -> None:
    content = encode_comparison(comparison())
    assert decode_comparison(content) == comparison()
    assert encode_comparison(comparison()) == content


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"format": 2}'])
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(BadComparisonError, match="this is no comparison of `volcast compare`"):
        decode_comparison(content)


def test_the_hash_is_of_what_happened_not_of_the_models() -> None:
    outcomes = [outcomes_of({"a": 0.5, "b": 0.5, "c": 0.5})]
    whole = frames(outcomes)
    two = {name: whole[name] for name in ("a", "b")}
    assert compared(whole, "a", VerdictRule()).data_hash == compared(two, "b", VerdictRule()).data_hash
    other = compared(frames([outcomes_of({"a": 0.5, "b": 0.5}, seed=9)]), "a", VerdictRule())
    assert other.data_hash != compared(two, "a", VerdictRule()).data_hash


def test_the_champion_must_be_among_the_models() -> None:
    with pytest.raises(OutcomesError, match="the champion two_stage is not among the models a"):
        compared(frames([outcomes_of({"a": 0.5})]), "two_stage", VerdictRule())


def test_a_champion_alone_is_no_error() -> None:
    found = compared(frames([outcomes_of({"a": 0.5})]), "a", VerdictRule())
    assert (found.winner, found.summary) == (None, "a was compared with no other model.")
    assert "Challengers" not in comparison_markdown(found)
    assert "Scores of BTCUSDT" in comparison_page(found)


def test_markdown_has_tables_and_plots_that_need_no_other_file() -> None:
    text = comparison_markdown(comparison(), [("Loss by day", "daily.png")])
    assert "| better | leads | 0." in text
    assert "| equal\\|odd | not better |" in text
    assert text.count("```mermaid") == 2
    assert "![Loss by day](daily.png)" in text
    assert 'x-axis ["champion", "better", "equal|odd", "worse"]' in text
    assert all(len(line.strip("|").split(" | ")) == 5 for line in text.splitlines() if line.startswith("| R²"))


def test_the_page_has_tables_and_plots_and_no_script() -> None:
    page = comparison_page(comparison())
    assert page.count('role="img"') == 4, "two plots, each wide and narrow"
    assert "<script" not in page
    assert "better should lead instead of champion" in page
    assert comparison_page(comparison()) == page


def test_plots_are_pictures() -> None:
    for chart in charts(comparison()):
        assert png(chart).startswith(b"\x89PNG")
