"""The rows of a zip of Binance's archive: its CSV has no header in most files, and times in milliseconds or microseconds.

A row that is no candle of a minute is set aside, as in a page over HTTP: the rows of 10 February 2018 open at 14.789 seconds.
"""

import csv
import re
import zlib
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from operator import attrgetter
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from producer.feeds import parsing
from producer.feeds.contract import FrameError, OddRow, VenueCandle, VenuePage

from .download import DownloadError

_MAX_CSV_BYTES = 64 << 20
_COLUMNS = 8
_number = re.compile(parsing.NUMBER)


def read_zip(path: Path, name: str, from_ms: int, to_ms: int) -> VenuePage:
    """Return the candles of a zip in order, all within [from_ms, to_ms), and the rows that are none. `name` is used in errors.

    Raises DownloadError if the zip can't be read, or has rows and not a single candle.
    """
    page = VenuePage([], [])
    try:
        with ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1 or not members[0].filename.lower().endswith(".csv") or members[0].file_size > _MAX_CSV_BYTES:
                raise _broken(name, "it must contain one CSV file")
            with (
                archive.open(members[0]) as raw,
                TextIOWrapper(raw, encoding="utf-8", errors="replace", newline="") as text,
            ):
                for line, cells in enumerate(_rows(text), start=1):
                    if cells and (line > 1 or cells[0].strip().isdecimal()):
                        _add(page, line, cells, from_ms, to_ms)
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _broken(name, f"it is not a readable zip, {error}") from None
    except OSError as error:
        raise DownloadError(f"{path} can't be read: {error.strerror or error}.") from None
    candles, odd = parsing.without_conflicts(page)
    if odd and not candles:
        raise _broken(name, f"none of its rows can be used, {odd[0].reason}")
    return VenuePage(sorted(candles, key=attrgetter("open_time_ms")), odd)


def _rows(text: TextIOWrapper) -> Iterator[list[str]]:
    """Yield the cells of each line: one empty cell if it is no CSV. An open quote must not swallow the lines behind it."""
    for line in text:
        try:
            yield next(csv.reader([line]), [])
        except csv.Error:
            yield [""]


def _add(page: VenuePage, line: int, cells: Sequence[str], from_ms: int, to_ms: int) -> None:
    """Add a row to the candles of the page, or else to its odd rows."""
    open_ms = None
    try:
        open_ms = parsing.time_ms(_stamp(cells))
        candle = _candle(_stamp(cells), cells)
    except FrameError as error:
        page.odd.append(OddRow(open_ms, f"line {line}: {error}"))
    else:
        if from_ms <= open_ms < to_ms:
            page.candles.append(candle)
        else:
            page.odd.append(OddRow(open_ms, f"line {line}: it is of another month or day"))


def _stamp(cells: Sequence[str]) -> int:
    time = cells[0].strip()
    if not parsing.is_integer(time):
        raise FrameError("its time is not a number")
    return int(time)


def _candle(stamp: int, cells: Sequence[str]) -> VenueCandle:
    if len(cells) < _COLUMNS:
        raise FrameError(f"it has only {len(cells)} cells")
    numbers = [cell.strip() for cell in cells[1:_COLUMNS]]
    if not all(_number.fullmatch(number) for number in numbers):
        raise FrameError("a cell is not a number")
    open_, high, low, close, volume, _, quote_volume = numbers
    return parsing.candle("", parsing.time_us(stamp), (open_, high, low, close, volume, quote_volume))


def _broken(name: str, why: str) -> DownloadError:
    return DownloadError(f"{name} of the archive is not usable ({why}); use --source rest.")
