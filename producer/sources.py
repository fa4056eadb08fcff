"""Where candles come from: a CSV file that is replayed. A source knows its symbol and where to go on; it does not judge."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from volcast.core.codec import CandleText, Origin

from . import candle_csv


class Resume(NamedTuple):
    """Where a replay goes on: after a line of the file, or, where the log's last candle is another file's, after its time."""

    after_line: int = 0
    after_open_time_ms: int | None = None
    other_source: str | None = None


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

    def resume(self, last: Origin | None) -> Resume:
        """`last` is the log's last record of the symbol. Of this file: after its line; of another: after its time."""
        if last is None or not isinstance(last.open_time_ms, int):
            return Resume()
        if last.source == self.name and isinstance(last.line, int):
            row = next(candle_csv.read(self.path, after_line=last.line - 1), None)
            if row and (row.line, row.open_time_ms) == (last.line, last.open_time_ms):
                return Resume(after_line=last.line)
        return Resume(after_open_time_ms=last.open_time_ms, other_source=str(last.source))

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
