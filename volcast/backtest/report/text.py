"""The report as text: the main tables for the terminal, and all tables as Markdown."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from volcast.backtest.comparison import Comparison

from .parts import Table
from .sections import sections_of
from .sections.accuracy import accuracy
from .sections.calibration import intervals
from .sections.distribution import quantiles
from .sections.summary import scope
from .sections.touch import touches

WIDTH = 80
_GAP = "  "


def terminal(comparison: Comparison) -> str:
    """Return aligned tables of at most 80 columns, the champion first; the text ends with a line break.

    Models that do not fit beside each other go into a further block of the same table.
    """
    lines = [*wrap(scope(comparison), WIDTH), ""]
    if comparison.problem:
        lines += [*wrap(comparison.problem, WIDTH), ""]
    for table in _main_tables(comparison):
        lines += [table.title, *aligned(table), "", *wrap(table.note, WIDTH), ""]
    return "\n".join(lines)


def _main_tables(comparison: Comparison) -> Iterator[Table]:
    """Yield the tables of the terminal."""
    yield accuracy(comparison)
    yield intervals(comparison)
    found = comparison.distribution
    if found is not None and found.outcomes:
        yield quantiles(comparison, found)
        if found.touch:
            yield touches(found.touch)


def markdown(comparison: Comparison) -> str:
    """Return all tables as Markdown; the text ends with a line break."""
    lines = [f"# Backtest of {escaped(comparison.symbol)}", "", escaped(scope(comparison)), ""]
    if comparison.problem:
        lines += [f"**{escaped(comparison.problem)}**", ""]
    for section in sections_of(comparison):
        lines += [f"## {escaped(section.title)}", "", escaped(section.intro), ""]
        for table in (part for part in section.parts if isinstance(part, Table)):
            lines += [f"### {escaped(table.title)}", "", *piped(table), "", escaped(table.note), ""]
    return "\n".join(lines)


def aligned(table: Table) -> Iterator[str]:
    """Yield the lines of a table, names aligned to the left and numbers to the right, in blocks of at most 80 columns."""
    columns = list(zip(table.headers, *table.rows, strict=True))
    names, others = columns[0], columns[1:]
    first = max(map(len, names))
    block: list[tuple[str, ...]] = []
    room = 0
    for column in others:
        width = len(_GAP) + max(map(len, column))
        if block and first + room + width > WIDTH:
            yield from _block(names, block)
            yield ""
            block, room = [], 0
        block.append(column)
        room += width
    yield from _block(names, block)


def _block(names: Sequence[str], block: Sequence[Sequence[str]]) -> Iterator[str]:
    first = max(map(len, names))
    widths = [max(map(len, column)) for column in block]
    for name, *cells in zip(names, *block, strict=True):
        yield _GAP.join([name.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))])


def piped(table: Table) -> Iterator[str]:
    """Yield the lines of a table in Markdown as GitHub reads it."""
    yield _piped_row(table.headers)
    yield f"|---|{('---|' if table.prose else '---:|') * (len(table.headers) - 1)}"
    yield from map(_piped_row, table.rows)


def _piped_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"


def escaped(text: str) -> str:
    """Return text with Markdown's special characters escaped; an underscore within a name is not special."""
    for sign in r"\|*<":
        text = text.replace(sign, f"\\{sign}")
    return text
