"""The section on storms."""

from tests.volcast.backtest.streams import DAY, comparison_of
from volcast.backtest.comparison import Comparison
from volcast.backtest.report.sections.storms import storms_section, warnings


def scored() -> Comparison:
    return comparison_of(70 * DAY)


def test_shares_are_of_storms_and_of_warnings() -> None:
    table = warnings(scored())
    rows = {row[0]: row[1:] for row in table.rows}
    by_name = {each.model: each for each in scored().storms.models}
    for place, name in enumerate(table.headers[1:]):
        found = by_name[name]
        assert rows["warnings"][place] == str(found.warnings)
        assert rows["storms warned of"][place] == f"{100.0 * found.right / scored().storms.storms:.1f} %"
        if found.warnings:
            assert rows["warnings that were right"][place] == f"{100.0 * found.right / found.warnings:.1f} %"


def test_it_says_what_is_known_when() -> None:
    intro = storms_section(scored()).intro
    assert "in hindsight only" in intro
    assert "uses nothing of its future" in intro


def test_a_short_stream_has_no_storms() -> None:
    assert not storms_section(comparison_of(5 * DAY)).parts
