"""The rows of candle files as candles, file by file and joined into one stream for each symbol.

Files are joined only if they can be of one market: where two of them overlap, their rows must be the same, and the price must not
jump from one to the next.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import zip_longest
from math import inf, log, sqrt
from pathlib import Path

from volcast.candle_files.check import check_candles
from volcast.candle_files.contract import NO_OPTIONS, CandleFileError, CandleRow, FileOptions
from volcast.candle_files.reader import read_candles
from volcast.candle_files.reversal import read_reversed
from volcast.candle_files.timestamps import format_open_time
from volcast.core.codec import CandleText, ReplayedCandleText

from .file_names import is_simulated, symbol_of_file

_JUMP = 0.05
"""Log return between two neighbouring minutes that counts as a jump to another market."""
_JUMP_PER_ROOT_DAY = 0.15
"""What is added for the time between: six times the standard deviation of a day of a coin."""
_VOLUMES = ("volume", "quote_volume")


class CsvReplay:
    """The rows of a candle file, of any format that is recognized, as candles of one symbol, oldest first.

    The whole file is checked first, in constant memory, so that nothing of an unusable file is sent. Raises CandleFileError if
    it is unusable.

    Args:
        path: The file.
        symbol: Its symbol, if the user gave one. Else it follows from the file: see `file_names.py`.
        options: What the user says about the file.
        in_folder: Whether the file's folder was given whole, so that its name may be the market's.
    """

    def __init__(
        self, path: Path, symbol: str | None = None, options: FileOptions = NO_OPTIONS, *, in_folder: bool = False
    ) -> None:
        self.path = path
        self.named = symbol is not None
        """True if the user gave the symbol, False if it comes from the file."""
        self.summary = check_candles(path, options)
        self.symbol = symbol or symbol_of_file(path, self.summary.market, in_folder=in_folder)
        self.name = path.name
        self.rows_read = self.summary.rows
        """Rows that are replayed: all but those that are left out."""
        self._after_open_time_ms: int | None = None

    def leave_out(self, rows: int, until_ms: int) -> None:
        """Leave out the rows up to this time, because another file has them."""
        self.rows_read, self._after_open_time_ms = self.summary.rows - rows, until_ms

    def rows(self) -> Iterator[CandleRow]:
        """Yield the rows, oldest first, without those that are left out."""
        read = read_reversed if self.summary.newest_first else read_candles
        rows = read(self.path, self.summary.file_format)
        after_ms = self._after_open_time_ms
        return rows if after_ms is None else (row for row in rows if row.open_time_ms > after_ms)

    def candles(self, content: str = "") -> Iterator[ReplayedCandleText]:
        """Yield the rows as candles. `content` identifies the rows of the symbol that were replayed before."""
        for row in self.rows():
            content = _content(content, row)
            yield ReplayedCandleText(self.symbol, *row[1:], self.name, "file", line=row.line, content=content)

    def unsent_candles(self) -> Iterator[CandleText]:
        """Yield the rows as candles that no producer sends, such as those of a backtest: without `content`, which costs time."""
        for row in self.rows():
            yield CandleText(self.symbol, *row[1:], self.name, "file", line=row.line)


class SymbolReplay:
    """The files of one symbol as one stream, the oldest file first."""

    def __init__(self, sources: Sequence[CsvReplay]) -> None:
        self.sources = sorted(sources, key=lambda source: source.summary.first_open_time_ms)
        self.symbol = self.sources[0].symbol
        self.names = " and ".join(dict.fromkeys(source.name for source in self.sources))

    def candles(self, content: str = "") -> Iterator[ReplayedCandleText]:
        """Yield the candles of all files; `content` as in `CsvReplay.candles`."""
        for source in self.sources:
            for candle in source.candles(content):
                content = candle.content
                yield candle

    def leave_out_overlaps(self) -> Iterator[str]:
        """Make each row that two files have be sent once, and yield a sentence for each file that is cut.

        Raises CandleFileError if two files differ where they overlap, if the price jumps from one to the next, if only some are
        simulated, or if only some have volumes: the forecaster would take their beginning or end for an event of the market.
        """
        _check_simulated(self.sources)
        _check_volumes(self.sources)
        reached = self.sources[0]
        for source in self.sources[1:]:
            if (until_ms := reached.summary.last_open_time_ms) < source.summary.first_open_time_ms:
                _check_jump(reached, source)
                reached = source
                continue
            shared = _compare(reached, source)
            source.leave_out(shared, until_ms)
            yield f"{source.path}: {shared} rows are also in {reached.path}, up to {format_open_time(until_ms)}; read once"
            if source.summary.last_open_time_ms > until_ms:
                reached = source


def by_symbol(sources: Sequence[CsvReplay]) -> list[SymbolReplay]:
    """Return the replays of the symbols, in the order of their first files."""
    found: defaultdict[str, list[CsvReplay]] = defaultdict(list)
    for source in sources:
        found[source.symbol].append(source)
    return [SymbolReplay(each) for each in found.values()]


def is_jump(close: str, next_open: str, passed_ms: int) -> bool:
    """Return whether a price moves so far in the given time that it is more likely the price of another market.

    >>> is_jump("42000", "43000", 60_000), is_jump("42000", "38000", 60_000), is_jump("42000", "38000", 7 * 86_400_000)
    (False, True, False)
    """
    try:
        before, after = float(close), float(next_open)
    except ValueError:
        return False
    if not (0 < before < inf and 0 < after < inf):
        return False
    return abs(log(after / before)) > _JUMP + _JUMP_PER_ROOT_DAY * sqrt(max(passed_ms, 0) / 86_400_000)


def _content(before: str, row: CandleRow) -> str:
    """Return a hash of a row and all rows before it, in which line numbers and names of files do not count."""
    return blake2b(f"{before} {' '.join(map(str, row[1:]))}".encode(), digest_size=8).hexdigest()


def _check_simulated(sources: Sequence[CsvReplay]) -> None:
    simulated = [source for source in sources if is_simulated(source.name)]
    if simulated and (real := [source for source in sources if source not in simulated]):
        raise CandleFileError(
            f"{simulated[0].path} has simulated candles of {real[0].symbol}, and {real[0].path} real ones; give --symbol for "
            "each file, else leave one of them out."
        )


def _check_volumes(sources: Sequence[CsvReplay]) -> None:
    without = next((source for source in sources if not source.summary.has_volume), None)
    having = next((source for source in sources if source.summary.has_volume), None)
    if without and having:
        raise CandleFileError(
            f"{without.path} has no volumes and {having.path} has, though both are {having.symbol}; a forecast on both together "
            "would be wrong: give only files that have them, or only files without."
        )


def _check_jump(before: CsvReplay, after: CsvReplay) -> None:
    last, first = before.summary, after.summary
    passed_ms = first.first_open_time_ms - last.last_open_time_ms
    if not (before.named and after.named) and is_jump(last.last_close, first.first_open, passed_ms):
        raise CandleFileError(
            f"{before.path} and {after.path} are both {after.symbol} by their names, but the price jumps from {last.last_close} "
            f"to {first.first_open} between them; if these are two markets, give --symbol for each file."
        )


def _compare(one: CsvReplay, other: CsvReplay) -> int:
    """Return how many rows both files have in the time that both cover. Raise CandleFileError if they differ."""
    from_ms = other.summary.first_open_time_ms
    to_ms = min(one.summary.last_open_time_ms, other.summary.last_open_time_ms)
    both = [(row for row in source.rows() if from_ms <= row.open_time_ms <= to_ms) for source in (one, other)]
    shared = 0
    fields = _comparable(one, other)
    for first, second in zip_longest(*both):
        if first is None or second is None or not (first[1:] == second[1:] or _are_equal(first, second, fields)):
            at_ms = min(row.open_time_ms for row in (first, second) if row)
            names = "" if one.named and other.named else " by their names"
            raise CandleFileError(
                f"{one.path} and {other.path} are both {one.symbol}{names}, but their rows differ at {format_open_time(at_ms)}; "
                "if these are two markets, give --symbol for each file, else leave one of them out."
            )
        shared += 1
    return shared


def _comparable(one: CsvReplay, other: CsvReplay) -> tuple[str, ...]:
    """Return the fields of rows that both files have: an estimated volume differs from the venue's."""
    formats = [source.summary.file_format for source in (one, other)]
    lacking = {role for role in _VOLUMES for found in formats if found and getattr(found.columns, role) is None}
    return tuple(field for field in CandleRow._fields[1:] if field not in lacking)


def _are_equal(first: CandleRow, second: CandleRow, fields: Sequence[str]) -> bool:
    """Return whether two rows are equal as numbers: one format writes 42000.00 and another 42000.0."""
    return all(_is_same(getattr(first, field), getattr(second, field)) for field in fields)


def _is_same(one: str | int, other: str | int) -> bool:
    try:
        return one == other or float(one) == float(other)
    except ValueError:  # an empty cell
        return False
