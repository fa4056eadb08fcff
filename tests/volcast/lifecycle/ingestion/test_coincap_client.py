"""CoinCap's client at a scripted server, in virtual time: what each failure leads to, and that the key stays secret."""

import logging
from collections.abc import Callable, Iterator
from random import Random

import pytest

from tests.producer.scripted_venue import ReceivedRequest, Reply, Server
from tests.volcast.lifecycle.ingestion.scripted_coincap import HOUR_MS, KEY, START_MS, body, coincap, price_of, row
from volcast.lifecycle.ingestion.coincap import CoinCapMarket
from volcast.lifecycle.ingestion.coincap_client import CoinCapSource, checked_key, open_coincap
from volcast.lifecycle.ingestion.interval import DataInterval
from volcast.lifecycle.ingestion.raw import IngestedHour, IngestionError, UnusableSourceError
from volcast.proof.virtual_time import run_with_sockets

HOUR = DataInterval(START_MS)
LATER_MS = START_MS + HOUR_MS + 180_000
MARKET = CoinCapMarket("binance", "bitcoin", "tether")
Answer = Callable[[ReceivedRequest], Reply]


def fetch(answer: Answer, *, key: str = KEY, market: CoinCapMarket = MARKET) -> tuple[IngestedHour, list[ReceivedRequest]]:
    async def main() -> tuple[IngestedHour, list[ReceivedRequest]]:
        async with Server(answer) as server, open_coincap(server.url, key) as client:
            source = CoinCapSource(client, market, "BTCUSDT.COINCAP", price_decimals=8, random=Random(1))
            return await source.fetch(HOUR), server.requests

    return run_with_sockets(main())


def first(*replies: Reply) -> tuple[Answer, list[ReceivedRequest]]:
    """Return what gives these replies, and then CoinCap's; and the requests."""
    left = iter(replies)
    asked: list[ReceivedRequest] = []

    def answer(request: ReceivedRequest) -> Reply:
        asked.append(request)
        return next(left, None) or coincap(LATER_MS)(request)

    return answer, asked


def test_an_hour_is_fetched_with_its_answer() -> None:
    hour, [request] = fetch(coincap(LATER_MS))
    assert (len(hour.candles), hour.missing, hour.rounded, hour.odd) == (60, 0, 0, 0)
    assert (hour.source, hour.symbol, hour.market) == ("coincap", "BTCUSDT.COINCAP", "bitcoin/tether on binance")
    assert hour.candles[0][1] == f"{price_of(START_MS):.2f}"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    [answer] = hour.answers
    assert answer.request.startswith("/candles?exchange=binance&interval=m1&baseId=bitcoin&quoteId=tether&start=1762347600000")
    assert answer.body.startswith('{"timestamp": ')


@pytest.mark.parametrize(
    "bad",
    [
        Reply(500, b"oops"),
        Reply(503),
        Reply(429, b"{}", {"Retry-After": "7"}),
        Reply(0),
        Reply(-1),
        Reply(200, b'{"timestamp": 1, "data": [{"op'),
        Reply(200, b"<html>maintenance</html>"),
        Reply(200, b"x", {"Content-Encoding": "gzip"}),
    ],
)
def test_what_fails_for_the_moment_is_asked_again(bad: Reply) -> None:
    answer, asked = first(bad)
    hour, _ = fetch(answer)
    assert len(hour.candles) == 60
    assert len(asked) == 2
    if bad.status == 429:
        assert asked[1].at_s - asked[0].at_s >= 7


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (Reply(502, b"bad gateway"), "HTTP 502: bad gateway"),
        (Reply(429, b"", {"Retry-After": "3600"}), "HTTP 429"),
        (Reply(-1), "no answer in time"),
        (Reply(200, b"not json"), "can't be read"),
        (Reply(200, b" " * (8 << 20) + b"x"), "more than 8 MiB"),
    ],
)
def test_a_failure_that_lasts_ends_with_a_sentence(bad: Reply, words: str) -> None:
    with pytest.raises(IngestionError, match=r"does not answer as it should: .*; try again later") as caught:
        fetch(lambda _: bad)
    assert words in str(caught.value)
    assert not isinstance(caught.value, UnusableSourceError)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (Reply(401, b'{"error": "Invalid API key"}'), "refuses the key in COINCAP_API_KEY"),
        (Reply(402), "check what its plan includes"),
        (Reply(403), "check what its plan includes"),
        (Reply(404), "does not know bitcoin/tether on binance"),
        (Reply(400, b'{"error": "bad interval"}'), "does not understand the request (HTTP 400"),
        (Reply(302, b"", {"Location": "https://elsewhere.invalid/"}), "where the key is not sent"),
    ],
)
def test_a_refusal_is_final_and_asked_once(bad: Reply, words: str) -> None:
    asked: list[ReceivedRequest] = []

    def answer(request: ReceivedRequest) -> Reply:
        asked.append(request)
        return bad

    with pytest.raises(UnusableSourceError) as caught:
        fetch(answer)
    assert words in str(caught.value)
    assert len(asked) == 1


def test_a_wrong_key_and_an_unknown_market_are_refused_by_the_server() -> None:
    with pytest.raises(UnusableSourceError, match="refuses the key"):
        fetch(coincap(LATER_MS), key="another")
    with pytest.raises(UnusableSourceError, match="does not know nocoin/tether"):
        fetch(coincap(LATER_MS), market=MARKET._replace(base_id="nocoin"))


def test_an_hour_that_coincap_has_not_closed_is_not_taken() -> None:
    """By its clock, not ours: the last candles come late."""
    with pytest.raises(IngestionError, match="has not closed the hour 2025-11-05T13 yet"):
        fetch(coincap(START_MS + HOUR_MS + 60_000))


def test_an_hour_without_candles_is_not_taken() -> None:
    with pytest.raises(IngestionError, match=r"no candles of bitcoin/tether on binance in the hour 2025-11-05T13; was it"):
        fetch(lambda _: Reply(200, body([], LATER_MS)))
    with pytest.raises(IngestionError, match=r"and 1 row of something else \(the minute \d+ has a price that is not above 0"):
        fetch(lambda _: Reply(200, body([row(START_MS, low="-1")], LATER_MS)))


@pytest.fixture
def all_logs(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_the_key_is_in_no_message_no_log_line_and_nothing_that_is_kept(all_logs: pytest.LogCaptureFixture) -> None:
    echo = f'{{"error": "key {KEY} and https://me:{KEY}@example.com"}}'.encode()
    for status in (400, 401, 404, 500, 200):
        with pytest.raises(IngestionError) as caught:
            fetch(lambda _, status=status: Reply(status, echo))  # type: ignore[misc]  # mypy infers no type with a default
        assert KEY not in str(caught.value)
    with_key = body([row(START_MS)], LATER_MS)[:-1] + f', "you": "{KEY}"}}'.encode()
    hour, _ = fetch(lambda _: Reply(200, with_key))
    assert "********" in hour.answers[0].body
    assert KEY not in hour.answers[0].body
    assert KEY not in all_logs.text


@pytest.mark.parametrize("key", [None, "", "   "])
def test_no_key_is_said(key: str | None) -> None:
    with pytest.raises(UnusableSourceError, match="COINCAP_API_KEY is not set"):
        checked_key(key)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "ümlaut", "a\x00b"])
def test_a_key_that_no_header_may_have_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(UnusableSourceError, match="has characters that no key has") as caught:
        checked_key(key)
    assert key not in str(caught.value)


def test_blanks_around_a_key_do_not_count() -> None:
    assert checked_key(f" {KEY}\n") == KEY


def test_the_key_is_not_sent_in_the_clear() -> None:
    with pytest.raises(UnusableSourceError, match=r"http://rest\.example\.com is not https://"):
        open_coincap("http://rest.example.com", KEY)
