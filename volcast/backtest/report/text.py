"""A comparison as text: for the terminal, and as Markdown with the tables by month and by hour."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from volcast.backtest.comparison import Comparison

from . import tables
from .tables import Table

_NOTE_WIDTH = 100


def terminal(comparison: Comparison) -> str:
    """Aligned tables, the champion first; ends with a line break."""
    lines = [*wrap(tables.scope(comparison), _NOTE_WIDTH), ""]
    if comparison.problem:
        lines += [*wrap(comparison.problem, _NOTE_WIDTH), ""]
    for table in (tables.accuracy(comparison), tables.intervals(comparison)):
        lines += [table.title, *_aligned(table), "", *wrap(table.note, _NOTE_WIDTH), ""]
    return "\n".join(lines)


def markdown(comparison: Comparison) -> str:
    """The same and more, for a document; ends with a line break."""
    lines = [f"# Forecasts of {_escaped(comparison.symbol)} compared", "", _escaped(tables.scope(comparison)), ""]
    if comparison.problem:
        lines += [f"**{_escaped(comparison.problem)}**", ""]
    for make in (
        tables.accuracy,
        tables.intervals,
        tables.skill_by_month,
        tables.qlike_by_month,
        tables.coverage_by_month,
        tables.r2_by_month,
        tables.qlike_by_hour,
        tables.coverage_by_hour,
    ):
        table = make(comparison)
        if table.rows:
            lines += [f"## {table.title}", "", *_piped(table), "", _escaped(table.note), ""]
    return "\n".join(lines)


def _aligned(table: Table) -> Iterator[str]:
    """Names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(table.headers, *table.rows, strict=True)]
    for name, *cells in (table.headers, *table.rows):
        texts = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        yield "  ".join([name.ljust(widths[0]), *texts])


def _piped(table: Table) -> Iterator[str]:
    """As GitHub and most others read tables."""
    yield _piped_row(table.headers)
    yield f"|---|{'---:|' * (len(table.headers) - 1)}"
    yield from map(_piped_row, table.rows)


def _piped_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    """What Markdown would read as its own; an underscore within a name it leaves alone."""
    for sign in r"\|*<":
        text = text.replace(sign, f"\\{sign}")
    return text
