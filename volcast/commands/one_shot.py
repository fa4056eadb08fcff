"""What commands have in common that look at a log, or act on it once, and end."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from volcast.log.contract import Log
from volcast.setting_values import parse_bus

from .main import UserError
from .settings_sources import Loaded
from .wiring import log_of


def quiet_log_of(loaded: Loaded, *, must_exist: bool = True) -> Log:
    """The log that `bus` names, not entered yet; what is logged beside it begins at warnings, unless asked for otherwise.

    Raises UserError where no log is named, or where its file must exist and doesn't: looking at a log shall not make one.
    """
    from .logs import configure  # noqa: PLC0415  # not needed by --help

    settings = loaded.settings
    quiet = loaded.origins["log_level"] == "default"
    configure("warning" if quiet else settings.log_level, secrets=settings.secrets())
    log = log_of(settings)
    bus = parse_bus(str(settings.bus))
    if must_exist and bus.kind == "sqlite" and not Path(bus.path).exists():
        raise UserError(f"there is no log {bus.path}: check --bus")
    return log


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
