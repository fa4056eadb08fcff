"""Rows as a table on a terminal, or as tab-separated lines in a pipe."""

from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]], console: Console) -> None:
    """Print a table on a terminal; elsewhere print each row as it arrives, as a line of tab-separated cells."""
    if console.is_terminal:
        console.print(create_table(columns, rows))
        return
    for row in (columns, *rows):
        click.echo(tab_separated(row))


def create_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table whose cells wrap on a narrow terminal; none is truncated."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


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
