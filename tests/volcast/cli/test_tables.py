"""Tables at every width: no number or name is cut, broken or lost."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from volcast.cli.tables import print_rows

COLUMNS = ("partition", "symbol", "candles", "last candle", "made with")
ROW = (
    "0",
    "BTCUSDT.BINANCE",
    "18720",
    "2024-01-13T23:59:00Z",
    "window=5 warmup=zero rate_window=1440 horizons=60 model=two_stage",
)


def printed(width: int, *rows: tuple[str, ...], terminal: bool = True) -> str:
    console = Console(file=io.StringIO(), width=width, height=25, force_terminal=terminal, color_system=None)
    print_rows(COLUMNS, rows, console)
    return str(console.file.getvalue())  # type: ignore[attr-defined]  # it is a StringIO


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_each_word_stays_in_one_piece(width: int) -> None:
    text = printed(width, ROW, ROW)
    words = text.split()
    assert [words.count(word) for cell in ROW for word in cell.split()] == [2] * sum(len(cell.split()) for cell in ROW)


def test_a_wide_terminal_gets_a_table_and_a_narrow_one_a_list() -> None:
    assert printed(100, ROW).splitlines()[0].split() == ["partition", "symbol", "candles", "last", "candle", "made", "with"]
    assert printed(40, ROW).splitlines()[:3] == ["partition    0", "symbol       BTCUSDT.BINANCE", "candles      18720"]


def test_no_line_of_a_table_is_wider_than_the_terminal() -> None:
    assert max(map(len, printed(80, ROW, ROW).splitlines())) <= 80


@given(st.integers(1, 150), st.lists(st.text(st.characters(categories=["L", "N", "P"]), max_size=30), min_size=5, max_size=5))
def test_no_character_is_lost(width: int, cells: list[str]) -> None:
    text = printed(width, tuple(cells))
    assert all(cell in text for cell in cells)


def test_markup_in_a_cell_is_text() -> None:
    for width in (10, 200):
        assert "[red]x[/red]" in printed(width, ("[red]x[/red]", "", "", "", "a b"))
