"""Downloads from Binance's public archive into a `PartFile`: one zip for each whole month of the range, else one for each day.

Each zip is checked against the checksum file beside it. A month's zip appears some days after its end, a day's zip on the next
day; minutes that are not in the archive are requested over HTTP.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import time
from typing import NamedTuple

import httpx

from producer.feeds.contract import Request
from producer.rest.client import RestClient
from producer.rest.response import get, raise_for_status, retryable_errors
from producer.rest.throttle import RetryableError, Throttle
from volcast.core.types import MINUTE_MS

from .binance_zip import read_zip
from .download import PAGE_TIMEOUT_S, DownloadError, PartFile, download_over_rest

ARCHIVE_URL = "https://data.binance.vision"
VENUE = "binance"
_WHO = "Binance's archive"
_REQUESTS_PER_S = 5.0
_MAX_ZIP_BYTES = 64 << 20
_ZIP_S = 600.0
"""The longest time that the download of a single zip may take."""
_DAY_MS = 1_440 * MINUTE_MS
_TRIES = 2
"""How often a zip is downloaded if its checksum is wrong."""


class ArchiveFile(NamedTuple):
    """A zip of the archive, and the range of its minutes, [from_ms, to_ms)."""

    path: str
    from_ms: int
    to_ms: int

    @property
    def name(self) -> str:
        """The name of the file, without its folders."""
        return self.path.rpartition("/")[2]


class BinanceArchive:
    """Binance's archive. `client` has its address as base URL; `zip_path` is where a zip is kept while it is read."""

    def __init__(self, client: httpx.AsyncClient, zip_path: Path, random: Random, *, wall: Callable[[], float] = time) -> None:
        self._client = client
        self._zip_path = zip_path
        self._wall = wall
        self._throttle = Throttle(_WHO, _REQUESTS_PER_S, random)

    async def fill(self, part: PartFile, rest: RestClient) -> None:
        """Download from where `part` ends to the end of its range. Minutes that are not in the archive come from `rest`.

        Raises DownloadError, RestError, UnknownPair.
        """
        missing_months: set[int] = set()
        try:
            while part.covered.to_ms < part.range.to_ms:
                at_ms, end_ms = part.covered.to_ms, part.range.to_ms
                month, day = month_of(part.range.pair, at_ms), day_of(part.range.pair, at_ms)
                if month.from_ms == at_ms and month.to_ms <= end_ms and at_ms not in missing_months:
                    if not await self._append(month, part):
                        missing_months.add(at_ms)
                elif not await self._append(day, part):
                    await download_over_rest(rest, part, min(day.to_ms, end_ms))
        finally:
            self._zip_path.unlink(missing_ok=True)

    async def _append(self, file: ArchiveFile, part: PartFile) -> bool:
        """Append the candles of a zip. Return False if the archive does not have it (yet)."""
        if file.to_ms > self._wall() * 1_000:
            return False
        sha256 = await self._fetch(file)
        if sha256 is None:
            return False
        to_ms = min(file.to_ms, part.range.to_ms)
        found = read_zip(self._zip_path, file.name, file.from_ms, file.to_ms)
        rows = [candle for candle in found.candles if part.covered.to_ms <= candle.open_time_ms < to_ms]
        odd = [row for row in found.odd if row.open_ms is None or part.covered.to_ms - MINUTE_MS < row.open_ms < to_ms]
        reason = odd[0].reason if odd else ""
        part.append(rows, to_ms, fills=False, odd=len(odd), odd_reason=reason, file=f"{sha256}  {file.name}")
        return True

    async def _fetch(self, file: ArchiveFile) -> str | None:
        """Download a zip to the disk and return its checksum; None if the archive does not have it.

        Raises DownloadError, RestError.
        """
        for _ in range(_TRIES):
            expected = await self._checksum(file)
            found = expected and await self._throttle.ask(
                lambda: self._zip(file), timeout_s=PAGE_TIMEOUT_S + _ZIP_S, request_timeout_s=_ZIP_S
            )
            if expected is None or found is None:
                return None
            if expected == found:
                return found
        raise DownloadError(
            f"{file.name} of the archive does not match its checksum, twice; try again later, or use --source rest."
        )

    async def _checksum(self, file: ArchiveFile) -> str | None:
        async def send() -> str | None:
            response = await get(self._client, Request(f"{file.path}.CHECKSUM", {}), self._wall)
            if not self._exists(response.status, response.headers):
                return None
            line = response.body[:1_000].decode("ascii", "replace").strip()
            parts = re.fullmatch(r"([0-9a-fA-F]{64})[ \t]+\*?(\S+)", line)
            if parts is None or parts[2].rpartition("/")[2] != file.name:
                raise RetryableError("garbage", f"the checksum of {file.name} can't be read")
            return parts[1].lower()

        return await self._throttle.ask(send, timeout_s=PAGE_TIMEOUT_S)

    async def _zip(self, file: ArchiveFile) -> str | None:
        digest = hashlib.sha256()
        size = 0
        async with retryable_errors(), self._client.stream("GET", file.path) as response:
            if not self._exists(response.status_code, response.headers):
                return None
            self._write(b"", "wb")
            async for block in response.aiter_bytes():
                size += len(block)
                if size > _MAX_ZIP_BYTES:
                    raise DownloadError(f"{file.name} of the archive has over {_MAX_ZIP_BYTES >> 20} MiB; use --source rest.")
                digest.update(block)
                self._write(block, "ab")
        return digest.hexdigest()

    def _exists(self, status: int, headers: httpx.Headers) -> bool:
        if status == httpx.codes.NOT_FOUND:
            return False
        raise_for_status(_WHO, status, headers, self._wall(), setting="archive_url")
        return True

    def _write(self, block: bytes, mode: str) -> None:
        """Write a block. The file is opened for each block, so that no disk error is mistaken for one of the connection."""
        try:
            with self._zip_path.open(mode) as file:
                file.write(block)
        except OSError as error:
            raise DownloadError(f"{self._zip_path} can't be written: {error.strerror or error}.") from None


def month_of(pair: str, at_ms: int) -> ArchiveFile:
    """Return the zip of the month that `at_ms` lies in.

    >>> month_of("BTCUSDT", 1_704_067_200_000)
    ArchiveFile(path='/data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01.zip', from_ms=1704067200000, to_ms=1706745600000)
    """
    first = datetime.fromtimestamp(at_ms / 1_000, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    next_ = (first + timedelta(days=31)).replace(day=1)
    path = f"/data/spot/monthly/klines/{pair}/1m/{pair}-1m-{first:%Y-%m}.zip"
    return ArchiveFile(path, int(first.timestamp()) * 1_000, int(next_.timestamp()) * 1_000)


def day_of(pair: str, at_ms: int) -> ArchiveFile:
    """Return the zip of the day that `at_ms` lies in."""
    from_ms = at_ms // _DAY_MS * _DAY_MS
    day = datetime.fromtimestamp(from_ms / 1_000, UTC)
    return ArchiveFile(f"/data/spot/daily/klines/{pair}/1m/{pair}-1m-{day:%Y-%m-%d}.zip", from_ms, from_ms + _DAY_MS)
