"""Recognizing a CSV file: its delimiter, a banner, its header and its columns, found together in its first rows."""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfoNotFoundError

from .archives import Content, text_blocks
from .columns.layouts import columns_by_layout, is_time, share_of_prices
from .columns.names import check_required, columns_by_name, columns_by_options, known_names, plain_name, volumes_are_guessed
from .contract import CANDLE_COLUMNS, OWN_KIND, CandleFileError, Columns, FileFormat, FileOptions
from .timestamps import time_parser

_DELIMITERS = (",", ";", "\t")
_SAMPLE_LINES = 500
_SAMPLE_TIMES = 20
_MAX_BANNER_LINES = 10
_NAMED = 2
"""So many known names make a line a header."""
_HALF = 0.5
_BITSTAMP = frozenset({"volumebtc", "volumecurrency", "weightedprice"})


class _Row(NamedTuple):
    line: int
    cells: list[str]
    quoted: bool


class _Table(NamedTuple):
    """The sample as one delimiter splits it."""

    delimiter: str
    banner: list[_Row]
    header: _Row | None
    rows: list[_Row]
    width: int


def recognize_text(path: Path, content: Content, options: FileOptions, required: Sequence[str]) -> FileFormat:
    """Return the format of a text file; see `formats.recognize`."""
    lines = _first_lines(path)
    if not any(line.strip() for line in lines):
        raise CandleFileError(f"{path} is empty; a first line with the columns {','.join(CANDLE_COLUMNS)} is expected.")
    parse_ms = parser_of(options)
    tables = [_split(lines, delimiter, options) for delimiter in _DELIMITERS]
    found = [(_columns(path, table, options), table) for table in tables if table.width > 1] or [
        (_columns(path, tables[0], options), tables[0])
    ]
    (kind, columns), table = max(found, key=lambda each: _score(each[0][1], required))
    header = tuple(cell.strip() for cell in table.header.cells) if table.header else ()
    first = table.header or next(iter(table.rows), None)
    check_required(path, first.line if first else 1, header, columns, required)
    return FileFormat(
        kind,
        "csv",
        content.packing,
        columns,
        options,
        header=header,
        width=len(header) or table.width,
        delimiter=table.delimiter,
        skipped_lines=first.line - 1 if first else 0,
        quoted_lines=first is not None and first.quoted,
        newest_first=runs_backward([row.cells for row in table.rows], columns.time, parse_ms),
    )


def parser_of(options: FileOptions) -> Callable[[str], int]:
    """Return the function that reads times as the user describes them. Raise CandleFileError for an unknown time zone."""
    try:
        return time_parser(options.timezone, options.time_unit)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CandleFileError(
            f"--timezone {options.timezone}: there is no such time zone; give an IANA name, as in Europe/Berlin."
        ) from None


def _first_lines(path: Path) -> list[str]:
    lines: list[str] = []
    with closing(text_blocks(path)) as blocks:
        for block in blocks:
            lines += block[: _SAMPLE_LINES - len(lines)]
            if len(lines) >= _SAMPLE_LINES:
                break
    return lines


def _split(lines: Sequence[str], delimiter: str, options: FileOptions) -> _Table:
    """Return the lines as a table; what stands above its header or its first row is a banner."""
    rows = [row for at, line in enumerate(lines, start=1) if line.strip() and (row := _cells(at, line, delimiter))]
    width = Counter(len(row.cells) for row in rows).most_common(1)[0][0] if rows else 0
    own = {plain_name(name) for _, name in options.columns}
    start = _first_of_table(rows[: _MAX_BANNER_LINES + 1], own, width)
    first = rows[start] if rows else None
    header = None if first is None or is_data(first.cells) else first
    return _Table(delimiter, rows[:start], header, rows[start + 1 :] if header else rows[start:], width)


def _first_of_table(rows: Sequence[_Row], own: set[str], width: int) -> int:
    """Return the position of the header or of the first row. The line above the first row is the header if it has cells."""
    for at, row in enumerate(rows):
        if known_names(row.cells) >= _NAMED or own.intersection(map(plain_name, row.cells)):
            return at
        if is_data(row.cells):
            above = len(rows[at - 1].cells) if at else 0
            return at - 1 if above > 1 or above == len(row.cells) else at
    return next((at for at, row in enumerate(rows) if len(row.cells) == width), 0)


def _cells(line: int, text: str, delimiter: str) -> _Row | None:
    """Return the cells of a line; None for what is no CSV, which the reader reports."""
    try:
        cells = next(csv.reader([text], delimiter=delimiter, skipinitialspace=True), [])
        if quoted := len(cells) == 1 and delimiter in cells[0]:
            cells = next(csv.reader([cells[0]], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return None
    return _Row(line, cells, quoted)


def is_data(cells: Sequence[str]) -> bool:
    """Return whether at least half of the cells that are not empty are numbers or times: a row, and no names."""
    found = [cell for cell in cells if cell.strip()]
    return bool(found) and 2 * sum(_is_number(cell) or is_time(cell, time_parser()) for cell in found) >= len(found)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _columns(path: Path, table: _Table, options: FileOptions) -> tuple[str, Columns]:
    """Return what the table is, in words, and its columns."""
    cells = [row.cells for row in table.rows]
    line = table.header.line if table.header else 0
    kind, columns = columns_of(path, table.header and table.header.cells, cells, options, line=line)
    if any("cryptodatadownload" in cell.lower() for row in table.banner for cell in row.cells):
        kind = "CryptoDataDownload"
    return kind, columns


def columns_of(
    path: Path,
    header: Sequence[str] | None,
    rows: Sequence[Sequence[str]],
    options: FileOptions,
    *,
    line: int = 0,
) -> tuple[str, Columns]:
    """Return what rows of cells are, in words, and their columns: by the names in `header`, or by their layout if it is None.

    `line` is the header's line, for sentences; 0 if the file has no lines. Raises CandleFileError for a column that is doubled,
    or that the user names and that is not there.
    """
    # Which column is the time does not depend on a zone that the user gives: `unix` is refused then, not left for `date`.
    parse_ms = parser_of(options._replace(timezone=""))
    if header is None:
        kind, columns = columns_by_layout(rows, parse_ms) or ("", Columns())
    else:
        sample = [row for row in rows if len(row) == len(header)]
        where = f"{path}, line {line}" if line else f"{path}"
        columns = columns_by_name(where, header, lambda at: _has_times([row[at] for row in sample[:_SAMPLE_TIMES]], parse_ms))
        columns = _swapped_if_needed(sample, header, columns)
        kind = _kind(header)
    if options.columns:
        width = len(header) if header else max(map(len, rows), default=0)
        columns = columns_by_options(path, header or (), width, options, columns)
        kind = kind or "columns as given"
    return kind, columns


def _has_times(cells: Sequence[str], parse_ms: Callable[[str], int]) -> bool:
    return sum(is_time(cell, parse_ms) for cell in cells) > _HALF * len(cells)


def _swapped_if_needed(rows: Sequence[Sequence[str]], header: Sequence[str], columns: Columns) -> Columns:
    """Exchange `Volume ETH` and `Volume BTC` if their ratio is a price only then: nothing in their names says which is which."""
    if not volumes_are_guessed(header, columns):
        return columns
    swapped = columns._replace(volume=columns.quote_volume, quote_volume=columns.volume)
    return swapped if share_of_prices(rows, swapped) > _HALF > share_of_prices(rows, columns) else columns


_OWN = frozenset(map(plain_name, CANDLE_COLUMNS))


def _kind(header: Sequence[str]) -> str:
    names = {plain_name(name) for name in header}
    if names >= _OWN:
        return OWN_KIND
    if names >= _BITSTAMP:
        return "Kaggle's Bitstamp data"
    if any(name.startswith("takerbuy") for name in names):
        return "Binance's columns"
    return "columns by name"


def _score(columns: Columns, required: Sequence[str]) -> tuple[int, int]:
    return sum(getattr(columns, role) is not None for role in required), sum(at is not None for at in columns)


def runs_backward(rows: Sequence[Sequence[str]], at: int | None, parse_ms: Callable[[str], int]) -> bool | None:
    """Return whether most steps of the times in this column lead back; None if there are no steps."""
    if at is None:
        return None
    times = [parse_ms(row[at]) for row in rows if at < len(row) and is_time(row[at], parse_ms)]
    steps = [after - before for before, after in pairwise(times) if after != before]
    return 2 * sum(step < 0 for step in steps) > len(steps) if steps else None
