"""A download under way: a plain file beside the one that it becomes, whole at any moment, so that it can go on after a crash.

    #volcast-download {"venue":"binance","pair":"BTCUSDT","from_ms":…,"to_ms":…,"source":"rest"}
    2024-01-01 00:00:00,42283.58,…            a candle a line, in the replay's columns
    #covered {"to_ms":…,"rows":1000,…}         the lines above are on the disk, and all minutes before `to_ms` are answered

What stands below the last whole `#covered` line is cut off when the file is opened again. It is locked while it is open.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from producer.feeds.contract import VenueCandle
from producer.live.candle import quote_volume_of
from producer.rest.client import RestClient, history
from volcast.candle_files.reader import parse_open_time_ms
from volcast.candle_files.timestamps import format_open_time
from volcast.candle_files.writer import CandleWriter
from volcast.core.types import MINUTE_MS

_WANTED, _COVERED = b"#volcast-download ", b"#covered "
_NO_VOLUME = Decimal(0)


class DownloadError(Exception):
    """Why a download can't be had or can't go on: one sentence for the user."""


class DownloadRange(Struct, frozen=True):
    """What a download is of."""

    venue: str
    pair: str
    """As the venue's frames spell it."""
    from_ms: int
    to_ms: int
    """The first minute that is not wanted any more."""
    source: Literal["rest", "archive"]


class Covered(Struct, frozen=True):
    """How far a download has come."""

    to_ms: int
    """All minutes before it are answered."""
    rows: int = 0
    """Candles so far, the flat ones included."""
    flat: int = 0
    """Of minutes in which nothing was traded, where the venue has no candle of those."""
    missing: int = 0
    """Minutes behind the first candle that the venue should have a candle of, and hasn't."""
    by_rest: int = 0
    """Minutes that the archive hasn't, asked for over HTTP."""
    files: tuple[str, ...] = ()
    """Of the archive: checksum and name of each file that was used, as `sha256sum` prints them."""


class PartFile:
    """Use it in a `with` statement. Raises DownloadError where it is another download's, is in use, or can't be written."""

    def __init__(self, path: Path, wanted: DownloadRange) -> None:
        self.path = path
        self.wanted = wanted
        self.covered = Covered(wanted.from_ms)
        self._last_close: Decimal | None = None

    def __enter__(self) -> Self:
        try:
            self._file = self.path.open("a+b")
            try:
                self._take_up()
            except BaseException:
                self._file.close()
                raise
        except OSError as error:
            raise self._failed(error) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def append(self, rows: Sequence[VenueCandle], to_ms: int, *, fills: bool, by_rest: int = 0, file: str | None = None) -> None:
        """The rows of the minutes up to `to_ms`, in order: on the disk when it returns.

        `fills`: a minute without a row had no trade, and gets a flat candle at the last close; else it is missing. Before the
        first row it is neither. `by_rest`, `file`: as in Covered.
        """
        lines: list[bytes] = []
        at_ms, close, flat, missing = self.covered.to_ms, self._last_close, 0, 0
        for row in (*rows, None):
            until_ms = row.open_time_ms if row else to_ms
            if until_ms < at_ms:
                raise ValueError(f"a row of {until_ms} ms behind the minute of {at_ms} ms")
            if close is not None and fills:
                flat += (until_ms - at_ms) // MINUTE_MS
                lines += [_flat_line(each, close) for each in range(at_ms, until_ms, MINUTE_MS)]
            elif close is not None:
                missing += (until_ms - at_ms) // MINUTE_MS
            if row:
                lines.append(_line(row.open_time_ms, row.open, row.high, row.low, row.close, row.volume, quote_volume_of(row)))
                at_ms, close = until_ms + MINUTE_MS, row.close
        before = self.covered
        covered = replace(
            before,
            to_ms=to_ms,
            rows=before.rows + len(lines),
            flat=before.flat + flat,
            missing=before.missing + missing,
            by_rest=before.by_rest + by_rest,
            files=(*before.files, file) if file else before.files,
        )
        self._write(b"".join(lines) + _COVERED + msgspec.json.encode(covered) + b"\n")
        self.covered, self._last_close = covered, close

    def finish(self, out: Path) -> None:
        """Make it the CSV file `out`, which stands there whole or not at all, and remove it. Raises CandleFileError."""
        with CandleWriter(out) as writer:
            for line in self._lines():
                if not line.startswith(b"#"):
                    timestamp, *cells = line.decode().rstrip("\n").split(",")
                    writer.write(parse_open_time_ms(timestamp), *cells)
        self.discard()

    def discard(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)

    def _take_up(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            in_use = os.fstat(self._file.fileno()).st_nlink == 0  # its owner finished just now
        except BlockingIOError:
            in_use = True
        if in_use:
            raise DownloadError(f"{self.path} is being written by another download; wait for it, or choose another --out.")
        first = _WANTED + msgspec.json.encode(self.wanted) + b"\n"
        lines = self._lines()
        found = next(lines, b"")
        if found != first:
            # What is shorter than a whole first line was written when it crashed.
            if found.endswith(b"\n") or not first.startswith(found):
                raise DownloadError(f"{self.path} is of another download; finish that one with its own arguments, or remove it.")
            self._cut(0)
            self._write(first)
            return
        at = whole = len(first)
        last_row = row = b""
        rows = 0
        for line in lines:
            at += len(line)
            if not line.startswith(b"#"):
                row = line
                rows += 1
            elif line.endswith(b"\n"):
                covered = self._decoded(line)
                if covered.rows != rows:  # after a power cut a file may have holes
                    break
                self.covered = covered
                whole, last_row = at, row
        if last_row:
            self._last_close = Decimal(last_row.split(b",")[4].decode())
        self._cut(whole)

    def _decoded(self, line: bytes) -> Covered:
        try:
            return msgspec.json.decode(line.removeprefix(_COVERED), type=Covered)
        except msgspec.MsgspecError:
            raise DownloadError(f"{self.path} is damaged; remove it, and the download begins anew.") from None

    def _lines(self) -> Iterator[bytes]:
        self._file.seek(0)
        return iter(self._file.readline, b"")

    def _cut(self, size: int) -> None:
        self._file.truncate(size)

    def _write(self, text: bytes) -> None:
        try:
            self._file.write(text)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> DownloadError:
        return DownloadError(f"{self.path} can't be written: {error.strerror or error}.")


def _flat_line(open_time_ms: int, close: Decimal) -> bytes:
    return _line(open_time_ms, close, close, close, close, _NO_VOLUME, _NO_VOLUME)


def _line(open_time_ms: int, *numbers: Decimal) -> bytes:
    return f"{format_open_time(open_time_ms)},{','.join(f'{number:f}' for number in numbers)}\n".encode()


__all__ = ["PAGE_TIMEOUT_S", "Covered", "DownloadError", "DownloadRange", "PartFile", "by_rest"]

PAGE_TIMEOUT_S = 90.0
"""With one page."""


async def by_rest(rest: RestClient, part: PartFile, to_ms: int | None = None) -> None:
    """Go on where `part` ends, up to `to_ms` (by default: to its end).

    Raises RestError, UnknownPair; DownloadError where minutes are not closed yet, or can't be asked for any more.
    """
    end_ms = part.wanted.to_ms if to_ms is None else to_ms
    venue = rest.feed.name
    async for page in history(rest, part.wanted.pair, part.covered.to_ms, end_ms, timeout_s=PAGE_TIMEOUT_S):
        if page.reachable_from_ms > part.covered.to_ms:
            minutes = rest.feed.limits.history_minutes
            begun = f", and remove {part.path}" if part.covered.rows else ""
            raise DownloadError(
                f"{venue} tells only its last {minutes} minutes: "
                f"take --from {format_open_time(page.reachable_from_ms).replace(' ', 'T')} or later{begun}."
            )
        by_rest_minutes = (page.covered_to_ms - part.covered.to_ms) // MINUTE_MS if part.wanted.source == "archive" else 0
        part.append(page.rows, page.covered_to_ms, fills=not rest.feed.sends_empty_minutes, by_rest=by_rest_minutes)
    if part.covered.to_ms < end_ms:
        until = format_open_time(part.covered.to_ms)
        raise DownloadError(
            f"{venue} has no closed candles from {until} UTC on yet; call again later, or choose an earlier --to."
        )
