"""A venue's past over HTTP into a file: the same one, however often it was interrupted."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from producer.history.download import Covered, DownloadError, DownloadRange, PartFile, by_rest
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


def wanted(to_minute: int = 50, *, pair: str = "BTCUSDT") -> DownloadRange:
    return DownloadRange("plain", pair, START_MS, START_MS + to_minute * MINUTE_MS, "rest")


def download(
    path: Path,
    what: DownloadRange,
    *,
    market: dict[int, tuple[str, ...]] = SPARSE,
    feed: PlainFeed | None = None,
    answers: int = 99,
) -> Covered:
    """As far as it gets where the venue turns us away after so many answers."""

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
                await by_rest(rest, part)
                return part.covered

    return run_with_sockets(main())


def test_it_is_the_same_after_an_interruption_at_every_page(tmp_path: Path) -> None:
    covered = download(tmp_path / "whole", wanted())
    assert covered == Covered(START_MS + 50 * MINUTE_MS, rows=47, flat=42)
    for answers in range(5):
        path = tmp_path / f"part{answers}"
        with pytest.raises(RestError, match="451"):
            download(path, wanted(), answers=answers)
        assert download(path, wanted()) == covered
        assert path.read_bytes() == (tmp_path / "whole").read_bytes()
    path = tmp_path / "each"
    for _ in range(4):
        with pytest.raises(RestError):
            download(path, wanted(), answers=1)
    assert download(path, wanted(), answers=1) == covered
    assert path.read_bytes() == (tmp_path / "whole").read_bytes()


def test_nothing_is_asked_for_once_all_is_there(tmp_path: Path) -> None:
    covered = download(tmp_path / "part", wanted())
    assert download(tmp_path / "part", wanted(), answers=0) == covered


def test_a_venue_that_has_a_candle_for_each_minute_has_holes(tmp_path: Path) -> None:
    covered = download(tmp_path / "part", wanted(), feed=PlainFeed(empty=True))
    assert covered == Covered(START_MS + 50 * MINUTE_MS, rows=5, missing=42)


def test_minutes_that_are_not_closed_are_said(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"plain has no closed candles from 2024-01-01 00:59:00 UTC on yet; call again later"):
        download(tmp_path / "part", wanted(90), market=minute_rows(90))


def test_minutes_out_of_reach_are_said(tmp_path: Path) -> None:
    feed = PlainFeed(history_minutes=30)
    with pytest.raises(
        DownloadError, match=r"^plain tells only its last 30 minutes: take --from 2024-01-01T00:31:00 or later\.$"
    ):
        download(tmp_path / "part", wanted(), feed=feed)


def test_an_unknown_pair_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnknownPair):
        download(tmp_path / "part", wanted(pair="FOOUSDT"))
