"""Rows as a table on a terminal, as a list where the terminal is too narrow for one, or as tab-separated lines in a pipe."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

_AT_SPACES: Mapping[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
_TEXT_WIDTH = 16
"""The width from which text is worth wrapping in a column of its own."""


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]], console: Console) -> None:
    """Print a table on a terminal; elsewhere print each row as it arrives, as a line of tab-separated cells."""
    if console.is_terminal:
        print_table(create_table(columns, rows), console)
        return
    for row in (columns, *rows):
        click.echo(tab_separated(row), file=console.file)


def create_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table. Cells with spaces wrap where the terminal is narrow; names and numbers stay on one line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    cells = [[printable(cell) for cell in row] for row in rows]
    for index, column in enumerate(columns):
        is_text = any(" " in row[index] for row in cells)
        table.add_column(column, no_wrap=not is_text, min_width=min(_TEXT_WIDTH, _longest(index, cells)), overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def print_table(table: Table, console: Console) -> None:
    """Print a table; on a terminal that is too narrow for its names and numbers, print each row as lines of title and value."""
    needed = sum(_fixed_width(column) for column in table.columns) + 2 * (len(table.columns) - 1)
    if needed <= console.width:
        console.print(table)
        return
    titles = [str(column.header) for column in table.columns]
    width = max(map(len, titles))
    for row in zip(*(column.cells for column in table.columns), strict=True):
        for title, cell in zip(titles, row, strict=True):
            line = f"{title:<{width}}  {cell}".rstrip()
            wrapped = wrap(line, max(console.width, 2 * width), subsequent_indent=" " * (width + 2), **_AT_SPACES)
            click.echo("\n".join(wrapped), file=console.file)
        click.echo(file=console.file)


def tab_separated(cells: Iterable[str]) -> str:
    """Return the cells as one line; tabs and line breaks inside a cell are escaped."""
    return "\t".join(map(printable, cells))


def printable(text: str) -> str:
    r"""Return text from elsewhere with its control characters escaped, so that a terminal shows them and does not obey them.

    >>> printable("a\tb \x1b[31m µ")
    'a\\tb \\x1b[31m µ'
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def counted(count: int, noun: str) -> str:
    """Return the count with its noun, in the plural where it is not one.

    >>> counted(1, "minute"), counted(2_000, "row")
    ('1 minute', '2000 rows')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _longest(index: int, rows: Sequence[Sequence[str]]) -> int:
    """Return the length of the longest word in a column."""
    return max((cell_len(word) for row in rows for word in row[index].split(" ")), default=0)


def _fixed_width(column: Column) -> int:
    """Return the width that a column needs at the least: all of a cell that does not wrap, a part of one that does."""
    words = str(column.header).split(" ") if not column.no_wrap else [str(column.header)]
    cells = [str(cell) for cell in column.cells]
    widest = max(map(cell_len, cells), default=0)
    return max(widest if column.no_wrap else min(widest, _TEXT_WIDTH), *map(len, words))
