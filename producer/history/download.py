"""Downloads of past candles: the part file, which survives a crash at any moment, and the download over HTTP.

A part file lies beside the CSV file that it becomes:

    #volcast-download {"venue":"binance","pair":"BTCUSDT","from_ms":…,"to_ms":…,"source":"rest"}
    2024-01-01 00:00:00,42283.58,…            one candle a line, with the columns of a candle file
    #covered {"to_ms":…,"rows":1000,…}         the lines above are on the disk, and all minutes before `to_ms` are answered

When the file is opened again, everything behind its last complete `#covered` line is cut off. It is locked while it is open.
"""

import fcntl
import os
from collections.abc import Collection, Iterator, Sequence
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
from volcast.candle_files.timestamps import format_open_time, parse_open_time_ms
from volcast.candle_files.writer import CandleWriter
from volcast.core.types import MINUTE_MS

_HEADER, _COVERED = b"#volcast-download ", b"#covered "
_NO_VOLUME = Decimal(0)


class DownloadError(Exception):
    """A download is impossible or can't go on: one sentence for the user."""


class DownloadRange(Struct, frozen=True):
    """The market, the minutes and the source of a download."""

    venue: str
    pair: str
    """The pair as the venue's frames spell it."""
    from_ms: int
    to_ms: int
    """The end of the range, exclusive."""
    source: Literal["rest", "archive"]


class Covered(Struct, frozen=True):
    """The progress of a download."""

    to_ms: int
    """All minutes before this are answered."""
    rows: int = 0
    """The number of candles so far, including flat ones."""
    flat: int = 0
    """The number of flat candles, made for minutes without trades of which the venue has no candle."""
    missing: int = 0
    """The number of minutes, after the first candle, without a candle although the venue should have one."""
    by_rest: int = 0
    """The number of minutes that the archive does not have, and that were requested over HTTP."""
    odd: int = 0
    """The number of rows that could not be used; their minutes are missing."""
    odd_reason: str = ""
    """Why the first of them could not be used."""
    price_known: bool = True
    """Whether the last row still says what the price is: false behind a missing minute, where no flat candle can be made."""
    files: tuple[str, ...] = ()
    """Checksum and name of each file of the archive that was used, as `sha256sum` prints them."""


class PartFile:
    """The file of a download in progress; use it in a `with` statement.

    Raises DownloadError if it belongs to another download, is in use, or can't be written.
    """

    def __init__(self, path: Path, range_: DownloadRange) -> None:
        self.path = path
        self.range = range_
        self.covered = Covered(range_.from_ms)
        self._last_close: Decimal | None = None

    def __enter__(self) -> Self:
        try:
            self._file = self.path.open("a+b")
            try:
                self._resume()
            except BaseException:
                self._file.close()
                raise
        except OSError as error:
            raise self._failed(error) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def append(
        self,
        rows: Sequence[VenueCandle],
        to_ms: int,
        *,
        fills: bool,
        unusable: Collection[int] = (),
        odd: int = 0,
        odd_reason: str = "",
        by_rest: int = 0,
        file: str | None = None,
    ) -> None:
        """Append the rows of the minutes up to `to_ms`, in order. They are on the disk when it returns.

        With `fills`, a minute without a row had no trades and gets a flat candle at the last close, unless it is one of
        `unusable`; without, it counts as missing. So do the minutes between an unusable one and the next row, because the price
        is not known there. Minutes before the first row are none of this. `odd`, `by_rest` and `file` are added to those of
        Covered. Raises ValueError if the rows are not in order.
        """
        lines: list[bytes] = []
        at_ms, close, flat, missing = self.covered.to_ms, self._last_close, 0, 0
        price_known = self.covered.price_known
        for row in (*rows, None):
            until_ms = row.open_time_ms if row else to_ms
            if until_ms < at_ms:
                raise ValueError(f"a row of {until_ms} ms where {at_ms} ms or later is expected")
            if close is not None and fills:
                first_bad_ms = min((ms for ms in unusable if at_ms <= ms < until_ms), default=until_ms) if price_known else at_ms
                flat += (first_bad_ms - at_ms) // MINUTE_MS
                lines += [_flat_line(each, close) for each in range(at_ms, first_bad_ms, MINUTE_MS)]
                missing += (until_ms - first_bad_ms) // MINUTE_MS
                price_known = first_bad_ms == until_ms
            elif close is not None:
                missing += (until_ms - at_ms) // MINUTE_MS
            if row:
                price_known = True
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
            odd=before.odd + odd,
            odd_reason=before.odd_reason or odd_reason,
            price_known=price_known,
            files=(*before.files, file) if file else before.files,
        )
        self._write(b"".join(lines) + _COVERED + msgspec.json.encode(covered) + b"\n")
        self.covered, self._last_close = covered, close

    def finish(self, out: Path) -> None:
        """Write the candles into the CSV file `out` and remove the part file. Raise CandleFileError if `out` can't be written.

        `out` is complete or not there.
        """
        with CandleWriter(out) as writer:
            for line in self._lines():
                if not line.startswith(b"#"):
                    timestamp, *cells = line.decode().rstrip("\n").split(",")
                    writer.write(parse_open_time_ms(timestamp), *cells)
        self.discard()

    def discard(self) -> None:
        """Remove the part file."""
        self.path.unlink(missing_ok=True)

    def _resume(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            in_use = os.fstat(self._file.fileno()).st_nlink == 0  # the other process has just finished and removed it
        except BlockingIOError:
            in_use = True
        if in_use:
            raise DownloadError(f"{self.path} is being written by another download; wait for it, or choose another --out.")
        first = _HEADER + msgspec.json.encode(self.range) + b"\n"
        lines = self._lines()
        found = next(lines, b"")
        if found != first:
            # A shorter first line is what a crash left of the right one.
            if found.endswith(b"\n") or not first.startswith(found):
                raise DownloadError(
                    f"{self.path} belongs to another download; finish that one with its own arguments, or remove the file."
                )
            self._cut(0)
            self._write(first)
            return
        at = complete = len(first)
        last_row = row = b""
        rows = 0
        for line in lines:
            at += len(line)
            if not line.startswith(b"#"):
                row = line
                rows += 1
            elif line.endswith(b"\n"):
                covered = self._decoded(line)
                if covered.rows != rows:  # after a power cut, blocks within a file may be missing
                    break
                self.covered = covered
                complete, last_row = at, row
        if last_row:
            self._last_close = Decimal(last_row.split(b",")[4].decode())
        self._cut(complete)

    def _decoded(self, line: bytes) -> Covered:
        try:
            return msgspec.json.decode(line.removeprefix(_COVERED), type=Covered)
        except msgspec.MsgspecError:
            raise DownloadError(f"{self.path} is damaged; remove it to start the download again.") from None

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


__all__ = ["PAGE_TIMEOUT_S", "Covered", "DownloadError", "DownloadRange", "PartFile", "download_over_rest"]

PAGE_TIMEOUT_S = 90.0
"""The longest time that a single page may take, retries included."""


async def download_over_rest(rest: RestClient, part: PartFile, to_ms: int | None = None) -> None:
    """Download over HTTP from where `part` ends to `to_ms`, by default to the end of its range.

    Raises RestError and UnknownPair, and DownloadError if minutes are not closed yet or are no longer served by the venue.
    """
    end_ms = part.range.to_ms if to_ms is None else to_ms
    venue = rest.feed.name
    async for page in history(rest, part.range.pair, part.covered.to_ms, end_ms, timeout_s=PAGE_TIMEOUT_S):
        if page.reachable_from_ms > part.covered.to_ms:
            minutes = rest.feed.limits.history_minutes
            advice = f", and remove {part.path}" if part.covered.rows else ""
            raise DownloadError(
                f"{venue} serves only its last {minutes} minutes: "
                f"use --from {format_open_time(page.reachable_from_ms).replace(' ', 'T')} or later{advice}."
            )
        by_rest_minutes = (page.covered_to_ms - part.covered.to_ms) // MINUTE_MS if part.range.source == "archive" else 0
        part.append(
            page.rows,
            page.covered_to_ms,
            fills=not rest.feed.sends_empty_minutes,
            unusable=page.unusable,
            odd=page.odd_rows,
            odd_reason=page.odd_reason,
            by_rest=by_rest_minutes,
        )
    if part.covered.to_ms < end_ms:
        until = format_open_time(part.covered.to_ms)
        raise DownloadError(f"{venue} has no closed candles from {until} UTC on yet; try again later, or choose an earlier --to.")
