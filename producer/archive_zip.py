"""A zip of Binance's archive -> its candles: one CSV, with or without a header, in milliseconds or (since 2025) microseconds.

Columns: open time, open, high, low, close, volume, close time, quote volume, and four that are not used.
"""

import csv
import re
import zlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from volcast.core.types import MINUTE_MS

from .download_part import DownloadError
from .feeds.contract import VenueCandle

_MAX_CSV_BYTES = 64 << 20
_COLUMNS = 8
_MICROSECONDS_FROM = 10**15
"""A greater number is no time in milliseconds before the year 33658."""
_number = re.compile(r"\d{1,30}(\.\d{1,20})?", re.ASCII)


def candles_of(path: Path, name: str, from_ms: int, to_ms: int) -> Iterator[VenueCandle]:
    """The rows in their order, each of a later minute of [from_ms, to_ms) than the one before. Raises DownloadError.

    `name` is what the zip is called in sentences.
    """
    line = 0
    last_ms = from_ms - MINUTE_MS
    try:
        with ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1 or not members[0].filename.lower().endswith(".csv") or members[0].file_size > _MAX_CSV_BYTES:
                raise _broken(name, "one CSV file is expected in it")
            with archive.open(members[0]) as raw, TextIOWrapper(raw, encoding="utf-8", newline="") as text:
                for line, cells in enumerate(csv.reader(text, strict=True), start=1):
                    if line == 1 and cells and not cells[0].strip().isdecimal():
                        continue
                    candle = _candle(cells, last_ms, to_ms)
                    last_ms = candle.open_time_ms
                    yield candle
    except (csv.Error, UnicodeDecodeError, ValueError) as error:
        raise _broken(name, f"line {line or 1} of its CSV: {error}") from None
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _broken(name, f"it is no zip that can be read, {error}") from None
    except OSError as error:
        raise DownloadError(f"{path} can't be read: {error.strerror or error}.") from None


def _candle(cells: Sequence[str], after_ms: int, to_ms: int) -> VenueCandle:
    if len(cells) < _COLUMNS:
        raise ValueError(f"{len(cells)} cells")
    time, *numbers = (cell.strip() for cell in cells[:_COLUMNS])
    if not (time.isascii() and time.isdecimal() and all(_number.fullmatch(number) for number in numbers)):
        raise ValueError("a cell that is no number")
    stamp = int(time)
    open_time_ms, finer = divmod(stamp, 1_000) if stamp >= _MICROSECONDS_FROM else (stamp, 0)
    if finer or open_time_ms % MINUTE_MS:
        raise ValueError(f"{time} is no whole minute")
    if not after_ms < open_time_ms < to_ms:
        raise ValueError(f"{time} is out of order")
    open_, high, low, close, volume, _, quote_volume = map(Decimal, numbers)
    return VenueCandle("", open_time_ms, open_, high, low, close, volume, quote_volume, closed=True)


def _broken(name: str, why: str) -> DownloadError:
    return DownloadError(f"{name} of the archive is not usable ({why}); take --source rest.")
