"""The tables of the terminal, and Markdown."""

import re

from tests.volcast.backtest.streams import DAY, comparison_of
from volcast.backtest.report import tables
from volcast.backtest.report.text import markdown, terminal

FOUND = comparison_of(70 * DAY)


def test_the_terminals_tables_are_aligned_and_at_most_100_wide() -> None:
    lines = terminal(FOUND).splitlines()
    assert max(map(len, lines)) <= 100
    for title in ("Accuracy", "90 % intervals"):
        place = lines.index(title)
        rows = lines[place + 1 : place + 5]
        assert len({len(row) for row in rows}) == 1
        assert [row.split()[0] for row in rows] == ["model", "champion", "ewma", "no_interval"]


def test_the_terminal_ends_with_a_line_break_and_shows_the_problem() -> None:
    assert terminal(FOUND).endswith(".\n")
    short = comparison_of(600)
    assert short.problem
    assert short.problem[:60] in terminal(short)
    assert short.problem in markdown(short)


def test_markdown_has_all_tables_with_all_columns() -> None:
    text = markdown(FOUND)
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert titles == [
        "Accuracy",
        "90 % intervals",
        "Skill over time",
        "QLIKE by month",
        "Coverage by month",
        "R² of log volatility by month",
        "QLIKE by hour of day",
        "Coverage by hour of day",
    ]
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1
    assert f"| champion | {tables.accuracy(FOUND).rows[0][1]} | 1.000 | – |" in text


def test_markdown_leaves_out_empty_tables() -> None:
    assert "Skill over time" not in markdown(comparison_of(10 * DAY))
    assert "QLIKE by month" not in markdown(comparison_of(0))


def test_special_characters_of_markdown_are_escaped() -> None:
    text = markdown(comparison_of(10 * DAY, ("a|b", "*c*")))
    assert "| a\\|b |" in text
    assert "| \\*c\\* |" in text
