"""A comparison as text: for the terminal, and as Markdown with further tables by month and by hour."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from volcast.backtest.comparison import Comparison

from . import tables
from .tables import Table

_NOTE_WIDTH = 100


def terminal(comparison: Comparison) -> str:
    """Return aligned tables, the champion first; the text ends with a line break."""
    lines = [*wrap(tables.scope(comparison), _NOTE_WIDTH), ""]
    if comparison.problem:
        lines += [*wrap(comparison.problem, _NOTE_WIDTH), ""]
    for table in (tables.accuracy(comparison), tables.intervals(comparison)):
        lines += [table.title, *_aligned(table), "", *wrap(table.note, _NOTE_WIDTH), ""]
    return "\n".join(lines)


def markdown(comparison: Comparison) -> str:
    """Return all tables as Markdown; the text ends with a line break."""
    lines = [f"# Forecasts of {_escaped(comparison.symbol)} compared", "", _escaped(tables.scope(comparison)), ""]
    if comparison.problem:
        lines += [f"**{_escaped(comparison.problem)}**", ""]
    for make_table in (
        tables.accuracy,
        tables.intervals,
        tables.skill_by_month,
        tables.qlike_by_month,
        tables.coverage_by_month,
        tables.r2_by_month,
        tables.qlike_by_hour,
        tables.coverage_by_hour,
    ):
        table = make_table(comparison)
        if table.rows:
            lines += [f"## {table.title}", "", *_piped(table), "", _escaped(table.note), ""]
    return "\n".join(lines)


def _aligned(table: Table) -> Iterator[str]:
    """Yield the lines of a table, names aligned to the left and numbers to the right."""
    widths = [max(map(len, column)) for column in zip(table.headers, *table.rows, strict=True)]
    for name, *cells in (table.headers, *table.rows):
        texts = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        yield "  ".join([name.ljust(widths[0]), *texts])


def _piped(table: Table) -> Iterator[str]:
    """Yield the lines of a table in Markdown as GitHub reads it."""
    yield _piped_row(table.headers)
    yield f"|---|{'---:|' * (len(table.headers) - 1)}"
    yield from map(_piped_row, table.rows)


def _piped_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    """Return text with Markdown's special characters escaped; an underscore within a name is not special."""
    for sign in r"\|*<":
        text = text.replace(sign, f"\\{sign}")
    return text
