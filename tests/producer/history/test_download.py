"""Downloads over HTTP: the same file, however often the download was interrupted."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from producer.history.download import Covered, DownloadError, DownloadRange, PartFile, download_over_rest
from producer.rest.client import RestClient, RestError, UnknownPair, http_client
from tests.producer.scripted_venue import (
    MINUTE_MS,
    START_MS,
    Market,
    PlainFeed,
    ReceivedRequest,
    Reply,
    Server,
    flat_row,
    minute_rows,
)
from volcast.proof.virtual_time import run_with_sockets

NOW_S = START_MS / 1_000 + 3_600
SPARSE = {START_MS + minute * MINUTE_MS: flat_row(minute) for minute in (3, 4, 17, 38, 39)}


def range_of(to_minute: int = 50, *, pair: str = "BTCUSDT") -> DownloadRange:
    return DownloadRange("plain", pair, START_MS, START_MS + to_minute * MINUTE_MS, "rest")


def download(
    path: Path,
    what: DownloadRange,
    *,
    market: dict[int, tuple[str, ...]] = SPARSE,
    feed: PlainFeed | None = None,
    answers: int = 99,
) -> Covered:
    """Download until the venue refuses, after this many responses, or to the end."""

    async def main() -> Covered:
        left = answers
        well = Market(lambda: NOW_S + asyncio.get_running_loop().time(), market)

        def answer(asked: ReceivedRequest) -> Reply:
            nonlocal left
            left -= 1
            return well(asked) if left >= 0 else Reply(451)

        venue = feed or PlainFeed()
        async with Server(answer) as server, http_client(venue, server.url) as client:
            rest = RestClient(venue, client, Random(1), wall=lambda: NOW_S + asyncio.get_running_loop().time())
            with PartFile(path, what) as part:
                await download_over_rest(rest, part)
                return part.covered

    return run_with_sockets(main())


def test_the_file_is_the_same_after_an_interruption_at_every_page(tmp_path: Path) -> None:
    covered = download(tmp_path / "whole", range_of())
    assert covered == Covered(START_MS + 50 * MINUTE_MS, rows=47, flat=42)
    for answers in range(5):
        path = tmp_path / f"part{answers}"
        with pytest.raises(RestError, match="451"):
            download(path, range_of(), answers=answers)
        assert download(path, range_of()) == covered
        assert path.read_bytes() == (tmp_path / "whole").read_bytes()
    path = tmp_path / "each"
    for _ in range(4):
        with pytest.raises(RestError):
            download(path, range_of(), answers=1)
    assert download(path, range_of(), answers=1) == covered
    assert path.read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_complete_download_requests_nothing(tmp_path: Path) -> None:
    covered = download(tmp_path / "part", range_of())
    assert download(tmp_path / "part", range_of(), answers=0) == covered


def test_gaps_of_a_venue_with_a_candle_for_each_minute_count_as_missing(tmp_path: Path) -> None:
    covered = download(tmp_path / "part", range_of(), feed=PlainFeed(empty=True))
    assert covered == Covered(START_MS + 50 * MINUTE_MS, rows=5, missing=42)


def test_minutes_that_are_not_closed_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"plain has no closed candles from 2024-01-01 00:59:00 UTC on yet; try again later"):
        download(tmp_path / "part", range_of(90), market=minute_rows(90))


def test_minutes_that_the_venue_no_longer_serves_are_an_error(tmp_path: Path) -> None:
    feed = PlainFeed(history_minutes=30)
    with pytest.raises(
        DownloadError, match=r"^plain serves only its last 30 minutes: use --from 2024-01-01T00:31:00 or later\.$"
    ):
        download(tmp_path / "part", range_of(), feed=feed)


def test_an_unknown_pair_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnknownPair):
        download(tmp_path / "part", range_of(pair="FOOUSDT"))
