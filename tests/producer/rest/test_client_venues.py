"""Each venue against its simulated exchange: the pages hold exactly the closed candles that the exchange made."""

import asyncio
from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from producer.feeds import VENUES
from producer.feeds.contract import Pair
from producer.history.download import DownloadRange, PartFile, download_over_rest
from producer.rest.client import Page, RestClient, UnknownPair, history, http_client
from volcast.proof.virtual_time import run_with_sockets
from volcast.simulation.exchange.faults import ExchangeFault, FaultKind
from volcast.simulation.exchange.server import Exchange

MINUTE_MS = 60_000
START_MS = 1_704_067_200_000
NOW_S = START_MS / 1_000 + 700 * 60 + 2.5
"""A minute has just closed, and its candle is not final yet."""


def wall() -> float:
    return NOW_S + asyncio.get_running_loop().time()


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("skew_ms", [0, 600_000, -600_000])
@pytest.mark.parametrize("tls", [False, True])
def test_pages_hold_all_closed_candles(venue: str, skew_ms: int, *, tls: bool) -> None:
    """The exchange's clock is ours plus the skew."""
    feed = VENUES[venue]
    pair = feed.spelling(Pair("BTC", "USD"))

    async def main() -> tuple[list[Page], dict[int, tuple[Decimal, ...]], float]:
        async with (
            Exchange(venue, [("BTC", "USD")], seed=1, start_ms=START_MS, wall=wall, skew_ms=skew_ms, tls=tls) as exchange,
            http_client(feed, exchange.rest_url, None, exchange.client_tls) as client,
        ):
            rest = RestClient(feed, client, Random(1), wall=wall)
            await rest.measure_clock()
            offset_ms = rest.clock.offset_ms
            pages = [page async for page in history(rest, pair, START_MS, START_MS + 2_000 * MINUTE_MS, timeout_s=60)]
            made = {at: tuple(map(Decimal, versions[0][:5])) for at, versions in exchange.history(pair).items()}
            return pages, made, offset_ms

    pages, made, offset_ms = run_with_sockets(main())
    assert offset_ms == pytest.approx(skew_ms, abs=600)
    covered_ms = pages[-1].covered_to_ms
    last_ms = START_MS + (700 * 60 + 3) * 1_000 + skew_ms
    assert last_ms - 2 * MINUTE_MS < covered_ms <= last_ms
    assert pages[0].reachable_from_ms <= START_MS
    returned = {row.open_time_ms: (row.open, row.high, row.low, row.close, row.volume) for page in pages for row in page.rows}
    assert returned == {at: candle for at, candle in made.items() if at < covered_ms}
    assert len(returned) > 600


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    "fault",
    [
        ExchangeFault(NOW_S, FaultKind.HTTP_429, 20.0, retry_after_s=13),
        ExchangeFault(NOW_S, FaultKind.HTTP_418, 20.0, retry_after_s=20),
        ExchangeFault(NOW_S, FaultKind.HTTP_500, 20.0, status=502),
        ExchangeFault(NOW_S, FaultKind.HTML_PAGE, 20.0, status=200),
        ExchangeFault(NOW_S, FaultKind.HTML_PAGE, 20.0, status=503),
        ExchangeFault(NOW_S, FaultKind.REFUSE, 300.0),
        ExchangeFault(NOW_S, FaultKind.MICROSECONDS, 20.0),
        ExchangeFault(NOW_S, FaultKind.GARBAGE, 20.0),
        ExchangeFault(NOW_S, FaultKind.WRONG_CERTIFICATE, 20.0),
    ],
    ids=lambda fault: fault.kind,
)
def test_faults_that_pass_change_no_candle(venue: str, fault: ExchangeFault) -> None:
    feed = VENUES[venue]
    pair = feed.spelling(Pair("BTC", "USD"))

    async def main() -> tuple[list[Page], dict[int, Decimal], Counter[str]]:
        async with (
            Exchange(venue, [("BTC", "USD")], seed=1, start_ms=START_MS, wall=wall, script=[fault], tls=True) as exchange,
            http_client(feed, exchange.rest_url, None, exchange.client_tls) as client,
        ):
            await asyncio.sleep(0.1)
            rest = RestClient(feed, client, Random(1), wall=wall)
            first_ms, last_ms = START_MS + 100 * MINUTE_MS, START_MS + 690 * MINUTE_MS
            pages = [page async for page in history(rest, pair, first_ms, last_ms, timeout_s=1_000)]
            made = {at: Decimal(each[0].close) for at, each in exchange.history(pair).items() if first_ms <= at < last_ms}
            return pages, made, rest.stats

    pages, made, stats = run_with_sockets(main())
    assert {row.open_time_ms: row.close for page in pages for row in page.rows} == made
    harmless = (FaultKind.MICROSECONDS, FaultKind.GARBAGE)
    assert (set(stats) == {"ok"}) == (fault.kind in harmless)


@pytest.mark.parametrize("venue", VENUES)
def test_an_unknown_market_is_returned_from_trouble(venue: str) -> None:
    feed = VENUES[venue]

    async def main() -> None:
        async with (
            Exchange(venue, [("BTC", "USD")], seed=1, start_ms=START_MS, wall=wall) as exchange,
            http_client(feed, exchange.rest_url) as client,
        ):
            rest = RestClient(feed, client, Random(1), wall=wall)
            pair = feed.spelling(Pair("NONE", "USD"))
            await rest.candles(pair, START_MS + 600 * MINUTE_MS, START_MS + 610 * MINUTE_MS, timeout_s=60)

    with pytest.raises(UnknownPair):
        run_with_sockets(main())


@pytest.mark.parametrize("venue", VENUES)
def test_a_download_has_no_holes(venue: str, tmp_path: Path) -> None:
    feed = VENUES[venue]
    first_ms, last_ms = START_MS + 50 * MINUTE_MS, START_MS + 650 * MINUTE_MS

    async def main() -> None:
        async with (
            Exchange(venue, [("BTC", "USD")], seed=1, start_ms=START_MS, wall=wall) as exchange,
            http_client(feed, exchange.rest_url) as client,
        ):
            rest = RestClient(feed, client, Random(1), wall=wall)
            with PartFile(
                tmp_path / "part", DownloadRange(venue, feed.spelling(Pair("BTC", "USD")), first_ms, last_ms, "rest")
            ) as part:
                await download_over_rest(rest, part)
                assert part.covered.rows in range(598, 601)  # the first minutes may be empty
                assert part.covered.missing == 0
                assert (part.covered.flat > 0) != feed.sends_empty_minutes

    run_with_sockets(main())
