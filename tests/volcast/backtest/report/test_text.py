"""The tables of the terminal, and Markdown."""

import re
from pathlib import Path

from tests.volcast.backtest.streams import DAY, comparison_of
from volcast.backtest.report.parts import Table
from volcast.backtest.report.sections import sections_of
from volcast.backtest.report.sections.accuracy import accuracy
from volcast.backtest.report.text import WIDTH, aligned, markdown, terminal

FOUND = comparison_of(70 * DAY)
GOLDEN = Path(__file__).parents[3] / "golden/report.md"


def test_the_terminals_tables_are_aligned_and_fit_80_columns() -> None:
    lines = terminal(FOUND).splitlines()
    assert max(map(len, lines)) <= WIDTH == 80
    for title, first in (("Accuracy", "QLIKE"), ("90 % intervals", "volatility: coverage")):
        place = lines.index(title)
        rows = lines[place + 1 : lines.index("", place)]
        assert len({len(row) for row in rows}) == 1
        assert rows[0].split() == ["score", "champion", "ewma", "no_interval"]
        assert rows[1].startswith(first)


def test_models_without_room_come_in_a_further_block() -> None:
    names = tuple(f"a_model_with_a_long_name_{place}" for place in range(5))
    lines = terminal(comparison_of(10 * DAY, names)).splitlines()
    assert max(map(len, lines)) <= 80
    assert "".join(lines).count("a_model_with_a_long_name_4") >= 2
    assert sum(line.startswith("QLIKE ") for line in lines) == 3


def test_a_column_wider_than_the_terminal_is_not_lost() -> None:
    table = Table("T", ("", "a" * 90, "b"), [["row", "1", "2"]], "")
    assert [line.split() for line in aligned(table)] == [["a" * 90], ["row", "1"], [], ["b"], ["row", "2"]]


def test_the_terminal_ends_with_a_line_break_and_shows_the_problem() -> None:
    assert terminal(FOUND).endswith(".\n")
    short = comparison_of(600)
    assert short.problem
    assert short.problem[:60] in terminal(short)
    assert short.problem in markdown(short)


def test_markdown_has_all_tables_with_all_columns() -> None:
    text = markdown(FOUND)
    titles = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert titles == [part.title for section in sections_of(FOUND) for part in section.parts if isinstance(part, Table)]
    assert {"Accuracy", "90 % intervals", "Storms warned of", "For a long position", "Data quality"} <= set(titles)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1
    assert f"| QLIKE | {' | '.join(accuracy(FOUND).rows[0][1:])} |" in text


def test_markdown_leaves_out_empty_tables() -> None:
    assert "Skill over time" not in markdown(comparison_of(10 * DAY))
    assert "QLIKE by month" not in markdown(comparison_of(0))


def test_special_characters_of_markdown_are_escaped() -> None:
    text = markdown(comparison_of(10 * DAY, ("a|b", "*c*")))
    assert "| a\\|b | \\*c\\* |" in text


def test_the_whole_report_is_as_it_was() -> None:
    """Words exactly; numbers to a unit of their last digit, as another CPU may round them otherwise.

    After a wanted change `GOLDEN.write_text(markdown(FOUND))` writes the file again.
    """
    number = r"(?<![\w.])[+-]?\d[\d ]*(?:\.\d+)?"
    found, golden = markdown(FOUND), GOLDEN.read_text()
    assert re.sub(number, "0", found) == re.sub(number, "0", golden)
    for one, other in zip(re.findall(number, found), re.findall(number, golden), strict=True):
        digits = len(other.partition(".")[2].strip())
        assert abs(float(one.replace(" ", "")) - float(other.replace(" ", ""))) < 1.5 * 10.0**-digits, (one, other)
