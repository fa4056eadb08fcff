"""The page of the league: what it says, and that text from elsewhere is escaped."""

import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.volcast.lifecycle.track_record.archived import batches, write
from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.track_record.league import League, LeaguePromotion, league
from volcast.lifecycle.track_record.league_page import changes_table, days_table, league_page, totals_table


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> League:
    return league(Archive(write(tmp_path_factory.mktemp("league"), batches()).as_uri()))


def test_the_tables_have_models_days_leaders_and_changes(found: League) -> None:
    assert [row[0] for row in totals_table(found).rows] == list(found.models)
    table = days_table(found)
    assert [(row[0], row[-2], row[-1]) for row in table.rows] == [
        ("2024-01-02", "har 25 %, ewma 75 %", "240"),
        ("2024-01-01", "har", "210"),
    ]
    assert table.best == [1, 1]
    assert changes_table(found).rows[0] == ["2024-01-02 00:30", "BTCUSDT", "ewma", "har"]


def test_the_page_is_one_file_with_a_plot(found: League) -> None:
    page = league_page(found)
    HTMLParser().feed(page)
    assert "<h1>League of models</h1>" in page
    assert page.count("<svg") > len(found.models)
    assert "<script" not in page
    assert "src=" not in page
    assert league_page(found) == page


def test_text_is_escaped(found: League) -> None:
    bad = replace(found, promotions=(LeaguePromotion("<b>1</b>", "x", 0),))
    assert "<b>1</b>" not in league_page(bad)


def test_an_empty_league_says_so() -> None:
    page = league_page(League("", "", None, (), (), (), (), (), 0, "x"))
    assert "there is nothing to compare" in page


def test_without_matplotlib_the_tables_are_there_and_the_page_says_what_is_missing(
    found: League, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [each for each in sys.modules if each.startswith("matplotlib.")]:
        monkeypatch.setitem(sys.modules, name, None)
    page = league_page(found)
    assert "Ratio to the leader" in page
    assert "<figure>" not in page
    assert "Matplotlib" in page or "matplotlib" in page
