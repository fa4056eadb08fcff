"""Where candles come from: a CSV file that is replayed. A source knows its symbol and where to go on; it does not judge."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from volcast.core.codec import CandleText, read_origin

from . import candle_csv


class Resume(NamedTuple):
    """Where a replay goes on: after a line of the file, or, where the log's last candle is another file's, after its time."""

    after_line: int = 0
    after_open_time_ms: int | None = None
    other_source: str | None = None


def has_time(value: bytes) -> bool:
    """Whether a record of `candles` tells when its candle opened; garbage that others wrote doesn't."""
    return isinstance(read_origin(value).open_time_ms, int)


def resume_behind(last: bytes) -> Resume:
    """After the time of a record that `has_time`, whoever wrote it."""
    origin = read_origin(last)
    return Resume(after_open_time_ms=origin.open_time_ms, other_source=str(origin.source))


class CsvReplay:
    """A file's rows as candles of one symbol.

    The whole file is looked through first (`check`, constant memory), so that a file that is no good is refused before
    anything of it is sent. Raises CandleFileError then.
    """

    def __init__(self, path: Path, symbol: str | None = None) -> None:
        self.path = path
        self.symbol = symbol or candle_csv.symbol_of(path)
        self.summary = candle_csv.check(path)
        self.name = path.name

    def wrote(self, value: bytes) -> bool:
        """Whether a record of `candles` says that it is a row of this file."""
        origin = read_origin(value)
        return origin.source == self.name and isinstance(origin.line, int)

    def resume(self, own: bytes) -> Resume | None:
        """After the line of a record that this file `wrote`; None where the line isn't there or tells of another minute, so that
        another file had this name.
        """
        last = read_origin(own)
        row = next(candle_csv.read(self.path, after_line=last.line - 1), None)
        return Resume(after_line=row.line) if row and (row.line, row.open_time_ms) == (last.line, last.open_time_ms) else None

    def candles(self, resume: Resume) -> Iterator[CandleText]:
        """The rows from there on."""
        for row in candle_csv.read(self.path, after_line=resume.after_line):
            if resume.after_open_time_ms is None or row.open_time_ms > resume.after_open_time_ms:
                yield CandleText(
                    self.symbol,
                    row.open_time_ms,
                    row.open,
                    row.high,
                    row.low,
                    row.close,
                    row.volume,
                    row.quote_volume,
                    self.name,
                    "file",
                    line=row.line,
                )
