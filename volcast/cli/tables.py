"""What commands have in common that look at a log, or act on it once, and end."""

from collections.abc import Iterable, Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]], console: Console) -> None:
    """A table on a terminal; elsewhere a line for each row as it comes, with tabs between the cells."""
    if console.is_terminal:
        console.print(table_of(columns, rows))
        return
    for row in (columns, *rows):
        click.echo(line_of(row))


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Cells fold where the terminal is narrow; none is cut."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def line_of(cells: Iterable[str]) -> str:
    """Tabs between the cells, and nowhere else."""
    return "\t".join(map(printable, cells))


def printable(text: str) -> str:
    r"""What others wrote may hold anything; a terminal shall show it, not obey it.

    >>> printable("a\tb \x1b[31m µ")
    'a\\tb \\x1b[31m µ'
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
