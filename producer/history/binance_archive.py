"""Binance's archive of candles, into a `PartFile`: a zip a month where a whole month is wanted, else a zip a day.

Each zip is compared with the checksum beside it. A month's zip appears some days after its end, a day's zip the next day: what is
not there yet, or never was, is asked for over HTTP.
"""

import csv
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path
from random import Random
from time import time
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

import httpx

from producer.feeds.contract import Request, VenueCandle
from producer.rest.client import RestClient
from producer.rest.response import get, permanent_error, raise_if_retryable, retryable_errors
from producer.rest.throttle import RetryableError, Throttle
from volcast.core.types import MINUTE_MS

from .download import PAGE_TIMEOUT_S, DownloadError, PartFile, by_rest

ARCHIVE_URL = "https://data.binance.vision"
VENUE = "binance"
_WHO = "Binance's archive"
_REQUESTS_PER_S = 5.0
_MAX_ZIP_BYTES = 64 << 20
_ZIP_S = 600.0
"""For one zip."""
_DAY_MS = 1_440 * MINUTE_MS
_TRIES = 2
"""Of a zip that isn't what its checksum says."""


class ArchiveFile(NamedTuple):
    """A zip, and the minutes that it is of."""

    path: str
    from_ms: int
    to_ms: int

    @property
    def name(self) -> str:
        """Without its folders."""
        return self.path.rpartition("/")[2]


class Archive:
    """`client` has the archive's address as its base; `zip_path` is where a zip lies while it is read."""

    def __init__(self, client: httpx.AsyncClient, zip_path: Path, random: Random, *, wall: Callable[[], float] = time) -> None:
        self._client = client
        self._zip_path = zip_path
        self._wall = wall
        self._throttle = Throttle(_WHO, _REQUESTS_PER_S, random)

    async def fill(self, part: PartFile, rest: RestClient) -> None:
        """Go on where `part` ends, to its end; what the archive hasn't comes from `rest`.

        Raises DownloadError, RestError, UnknownPair.
        """
        no_months: set[int] = set()
        try:
            while part.covered.to_ms < part.wanted.to_ms:
                at_ms, end_ms = part.covered.to_ms, part.wanted.to_ms
                month, day = month_of(part.wanted.pair, at_ms), day_of(part.wanted.pair, at_ms)
                if month.from_ms == at_ms and month.to_ms <= end_ms and at_ms not in no_months:
                    if not await self._take(month, part):
                        no_months.add(at_ms)
                elif not await self._take(day, part):
                    await by_rest(rest, part, min(day.to_ms, end_ms))
        finally:
            self._zip_path.unlink(missing_ok=True)

    async def _take(self, file: ArchiveFile, part: PartFile) -> bool:
        """False where the archive hasn't (yet) got it."""
        if file.to_ms > self._wall() * 1_000:
            return False
        sha256 = await self._fetch(file)
        if sha256 is None:
            return False
        to_ms = min(file.to_ms, part.wanted.to_ms)
        candles = candles_of(self._zip_path, file.name, file.from_ms, file.to_ms)
        rows = [candle for candle in candles if part.covered.to_ms <= candle.open_time_ms < to_ms]
        part.append(rows, to_ms, fills=False, file=f"{sha256}  {file.name}")
        return True

    async def _fetch(self, file: ArchiveFile) -> str | None:
        """The zip onto the disk. -> its checksum; None where the archive hasn't got it. Raises DownloadError, RestError."""
        for _ in range(_TRIES):
            told = await self._checksum(file)
            found = told and await self._throttle.ask(
                lambda: self._zip(file), timeout_s=PAGE_TIMEOUT_S + _ZIP_S, request_timeout_s=_ZIP_S
            )
            if told is None or found is None:
                return None
            if told == found:
                return found
        raise DownloadError(
            f"{file.name} of the archive is not what its checksum says, twice; call again later, or take --source rest."
        )

    async def _checksum(self, file: ArchiveFile) -> str | None:
        async def once() -> str | None:
            answer = await get(self._client, Request(f"{file.path}.CHECKSUM", {}), self._wall)
            if not self._is_there(answer.status, answer.headers):
                return None
            line = answer.body[:1_000].decode("ascii", "replace").strip()
            told = re.fullmatch(r"([0-9a-fA-F]{64})[ \t]+\*?(\S+)", line)
            if told is None or told[2].rpartition("/")[2] != file.name:
                raise RetryableError("garbage", f"the checksum of {file.name} can't be read")
            return told[1].lower()

        return await self._throttle.ask(once, timeout_s=PAGE_TIMEOUT_S)

    async def _zip(self, file: ArchiveFile) -> str | None:
        digest = hashlib.sha256()
        size = 0
        async with retryable_errors(), self._client.stream("GET", file.path) as response:
            if not self._is_there(response.status_code, response.headers):
                return None
            self._write(b"", "wb")
            async for block in response.aiter_bytes():
                size += len(block)
                if size > _MAX_ZIP_BYTES:
                    raise DownloadError(f"{file.name} of the archive has over {_MAX_ZIP_BYTES >> 20} MiB; take --source rest.")
                digest.update(block)
                self._write(block, "ab")
        return digest.hexdigest()

    def _is_there(self, status: int, headers: httpx.Headers) -> bool:
        if status == httpx.codes.NOT_FOUND:
            return False
        raise_if_retryable(status, headers, self._wall())
        if refused := permanent_error(_WHO, status, headers, setting="archive_url"):
            raise refused
        return True

    def _write(self, block: bytes, mode: str) -> None:
        """Opened for each block: so no failure of the disk can be taken for one of the line."""
        try:
            with self._zip_path.open(mode) as file:
                file.write(block)
        except OSError as error:
            raise DownloadError(f"{self._zip_path} can't be written: {error.strerror or error}.") from None


def month_of(pair: str, at_ms: int) -> ArchiveFile:
    """The zip of the month that `at_ms` lies in.

    >>> month_of("BTCUSDT", 1_704_067_200_000)
    ArchiveFile(path='/data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01.zip', from_ms=1704067200000, to_ms=1706745600000)
    """
    first = datetime.fromtimestamp(at_ms / 1_000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    next_ = (first + timedelta(days=31)).replace(day=1)
    path = f"/data/spot/monthly/klines/{pair}/1m/{pair}-1m-{first:%Y-%m}.zip"
    return ArchiveFile(path, int(first.timestamp()) * 1_000, int(next_.timestamp()) * 1_000)


def day_of(pair: str, at_ms: int) -> ArchiveFile:
    """The zip of the day that `at_ms` lies in."""
    from_ms = at_ms // _DAY_MS * _DAY_MS
    day = datetime.fromtimestamp(from_ms / 1_000, UTC)
    return ArchiveFile(f"/data/spot/daily/klines/{pair}/1m/{pair}-1m-{day:%Y-%m-%d}.zip", from_ms, from_ms + _DAY_MS)


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
