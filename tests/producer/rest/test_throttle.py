"""Throttle: the rate of requests and the pauses after each kind of failure, in virtual time."""

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from itertools import pairwise
from random import Random

import pytest

from producer.rest.client import RestClient, RestError, UnknownPair, http_client
from tests.producer.scripted_venue import MINUTE_MS, START_MS, Market, PlainFeed, ReceivedRequest, Reply, Server, minute_rows
from volcast.proof.virtual_time import run_with_sockets

ROWS = minute_rows(5)
TO_MS = START_MS + 5 * MINUTE_MS
NOW_S = START_MS / 1_000 + 3_600


def wall() -> float:
    return NOW_S + asyncio.get_running_loop().time()


def ask(
    replies: list[Reply], *, timeout_s: float = 600, seed: int = 1, per_s: float = 10.0
) -> tuple[RestClient, list[float], BaseException | None]:
    """Request a page from a venue that first sends these replies and then the page.

    Return the client, the times of the requests, and the exception that it raised.
    """

    async def main() -> tuple[RestClient, list[float], BaseException | None]:
        left = list(replies)
        well = Market(wall, ROWS)
        async with (
            Server(lambda asked: left.pop(0) if left else well(asked)) as server,
            http_client(PlainFeed(), server.url) as client,
        ):
            rest = RestClient(PlainFeed(per_s=per_s), client, Random(seed), wall=wall)
            raised = None
            try:
                page = await rest.candles("BTCUSDT", START_MS, TO_MS, timeout_s=timeout_s)
                assert [row.open_time_ms for row in page.rows] == list(ROWS)
            except (RestError, UnknownPair) as error:
                raised = error
            return rest, [asked.at_s for asked in server.requests], raised

    return run_with_sockets(main())


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(500, b"oops"), "5xx"),
        (Reply(502, b"<html>"), "5xx"),
        (Reply(503), "5xx"),
        (Reply(408), "refusal"),
        (Reply(200, b'{"error": "maintenance"}'), "refusal"),
        (Reply(400, b'{"error": "could not read, try again"}'), "refusal"),
        (Reply(400, b"no"), "refusal"),
        (Reply(404, b"[]"), "refusal"),
        (Reply(401, b"<html>"), "refusal"),
        (Reply(200, b"<html>hello</html>"), "garbage"),
        (Reply(200, b"\xff\xfe\x00"), "garbage"),
        (Reply(200, b""), "garbage"),
        (Reply(200, b"[[1604067200001,1,1,1,1,1]]"), "garbage"),
        (Reply(200, b'[["x",1,1,1,1,1]]'), "garbage"),
        (Reply(200, b"no gzip", {"Content-Encoding": "gzip"}), "garbage"),
        (Reply(200, b" " * (8 << 20) + b"[]"), "garbage"),
        (Reply(0), "connection"),
        (Reply(-1), "timeout"),
    ],
)
def test_a_retryable_failure_is_repeated_after_a_pause(reply: Reply, outcome: str) -> None:
    rest, asked_s, raised = ask([reply, reply])
    assert raised is None
    assert rest.stats == {outcome: 2, "ok": 1}
    assert len(asked_s) == 3
    timeouts_s = 20 if outcome == "timeout" else 0
    assert 0.2 <= asked_s[2] - asked_s[0] <= 0.5 + 1.0 + timeouts_s + 0.2


def test_pauses_are_random_and_their_bound_doubles_up_to_a_cap() -> None:
    _, asked_s, raised = ask([Reply(500)] * 400, timeout_s=10_000)
    assert raised is None
    pauses_s = [after - before for before, after in pairwise(asked_s)]
    assert all(pause_s <= min(30, 0.5 * 2**i) + 0.1 for i, pause_s in enumerate(pauses_s))
    late_s = pauses_s[10:]
    assert 13 < sum(late_s) / len(late_s) < 17
    assert max(late_s) > 28
    assert min(late_s) < 2
    assert ask([Reply(500)] * 5)[1] == pytest.approx(ask([Reply(500)] * 5)[1])
    assert ask([Reply(500)] * 5)[1] != pytest.approx(ask([Reply(500)] * 5, seed=2)[1])


def test_the_timeout_ends_with_the_last_reason() -> None:
    rest, asked_s, raised = ask([Reply(500)] * 100, timeout_s=20)
    assert isinstance(raised, RestError)
    assert str(raised) == "plain does not answer as it should: it answers HTTP 500 (internal server error)."
    assert asked_s[-1] <= 20
    assert set(rest.stats) == {"5xx"}


@pytest.mark.parametrize("status", [429, 418, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_obeyed(status: int, *, as_date: bool) -> None:
    after = formatdate(NOW_S + 4_017, usegmt=True) if as_date else "17"
    headers = {"Retry-After": after, "Date": formatdate(NOW_S + 4_000, usegmt=True)}
    rest, asked_s, raised = ask([Reply(status, b"", headers)])
    assert raised is None
    assert asked_s[1] - asked_s[0] == pytest.approx(17, abs=0.01)
    assert rest.stats["ok"] == 1


def test_a_wait_beyond_the_timeout_fails_at_once() -> None:
    _, asked_s, raised = ask([Reply(429, b"", {"Retry-After": "90"})], timeout_s=60)
    assert isinstance(raised, RestError)
    assert "HTTP 429 (too many requests), and asks to wait 90 s" in str(raised)
    assert len(asked_s) == 1


def test_a_ban_without_a_time_lasts_two_minutes() -> None:
    _, asked_s, _ = ask([Reply(418)])
    assert 120 <= asked_s[1] - asked_s[0] <= 132


@pytest.mark.parametrize("after", ["soon", "", "-5", "٣", "1e9", "Mon, 99 Foo"])
def test_a_retry_after_that_can_not_be_read_is_ignored(after: str) -> None:
    _, asked_s, raised = ask([Reply(503, b"", {"Retry-After": after.encode().decode("latin-1")})])
    assert raised is None
    assert asked_s[1] - asked_s[0] <= 0.6


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (
            Reply(302, b"", {"Location": "https://elsewhere.invalid/"}),
            "points to https://elsewhere.invalid/, which is not followed",
        ),
    ],
)
def test_a_permanent_error_fails_at_once(reply: Reply, sentence: str) -> None:
    rest, asked_s, raised = ask([reply])
    assert isinstance(raised, RestError)
    assert sentence in str(raised)
    assert len(asked_s) == 1
    assert rest.stats == {"refused": 1}


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(429, b"{}"), "429"),
        (Reply(429, b'{"error": "unknown"}'), "429"),
        (Reply(200, b'{"error": "too many"}'), "429"),
        (Reply(400, b'{"error": "too many"}'), "429"),
    ],
)
def test_too_many_requests_hold_the_venue_for_a_growing_time(reply: Reply, outcome: str) -> None:
    rest, asked_s, raised = ask([reply] * 6)
    assert raised is None
    assert rest.stats == {outcome: 6, "ok": 1}
    assert [round(after - before) for before, after in pairwise(asked_s)] == [1, 2, 4, 8, 16, 32] or all(
        2**n <= after - before <= 1.1 * 2**n for n, (before, after) in enumerate(pairwise(asked_s))
    )


@pytest.mark.parametrize(
    ("reply", "first_s", "cause"),
    [
        (
            Reply(403, b"<html>"),
            600,
            "; possible causes: too many requests from this address, or a location or address that it ref",
        ),
        (Reply(403, b'{"error": "banned"}'), 600, ": banned; possible causes: too many requests from this address"),
        (Reply(403, b'{"error": "unknown"}'), 600, ": unknown; possible causes: "),
        (
            Reply(451, b"{}"),
            600,
            "HTTP 451 (unavailable for legal reasons): nothing; possible cause: a location or address that it refuses; ",
        ),
        (Reply(418, b"{}"), 120, "HTTP 418"),
        (Reply(200, b'{"error": "banned"}'), 600, "it says banned"),
    ],
)
def test_a_refusal_of_this_address_holds_the_whole_venue(reply: Reply, first_s: int, cause: str) -> None:
    """Five callers ask every five seconds for six hours: the venue is asked a handful of times, and less and less often."""
    loop_time = asyncio.get_running_loop
    asked_s: list[float] = []
    errors: set[str] = set()

    def answer(_: ReceivedRequest) -> Reply:
        asked_s.append(loop_time().time())
        return reply

    async def caller(rest: RestClient, number: int) -> None:
        while loop_time().time() < 6 * 3_600:
            try:
                await rest.candles("BTCUSDT", START_MS + number * MINUTE_MS, TO_MS + number * MINUTE_MS, timeout_s=20)
            except RestError as error:
                errors.add(str(error))
            await asyncio.sleep(5)

    async def main() -> None:
        async with Server(answer) as server, http_client(PlainFeed(), server.url) as client:
            rest = RestClient(PlainFeed(), client, Random(1), wall=wall)
            await asyncio.gather(*(caller(rest, number) for number in range(5)))

    run_with_sockets(main())
    pauses_s = [after - before for before, after in pairwise(asked_s)]
    assert first_s <= pauses_s[0] <= 1.1 * first_s + 5
    assert all(after >= 1.8 * before or after >= 3_600 for before, after in pairwise(pauses_s))
    assert len(asked_s) <= 12
    assert any(cause in error for error in errors)


def test_a_hold_begins_with_its_first_length_again_after_good_times() -> None:
    _, asked_s, raised = ask([Reply(429), Reply(429)])
    assert raised is None
    assert asked_s[-1] < 4


def test_an_unknown_pair_raises_unknown_pair() -> None:
    rest, asked_s, raised = ask([Reply(400, b'{"error": "unknown"}')])
    assert isinstance(raised, UnknownPair)
    assert str(raised) == "plain has no such market: it says unknown; check the symbol."
    assert len(asked_s) == 1
    assert rest.stats == {"unknown_pair": 1}


def many(
    answer: Callable[[ReceivedRequest], Reply], count: int, *, per_s: float, timeout_s: float
) -> tuple[list[ReceivedRequest], list[object]]:
    """Send `count` requests at once, each for a minute of its own, so that their order shows."""

    async def main() -> tuple[list[ReceivedRequest], list[object]]:
        async with Server(answer) as server, http_client(PlainFeed(), server.url) as client:
            rest = RestClient(PlainFeed(per_s=per_s, rows=1), client, Random(1), wall=wall)
            pages = (
                rest.candles("BTCUSDT", START_MS + i * MINUTE_MS, TO_MS + i * MINUTE_MS, timeout_s=timeout_s)
                for i in range(count)
            )
            outcomes = await asyncio.gather(*pages, return_exceptions=True)
            return server.requests, list(outcomes)

    return run_with_sockets(main())


def test_all_callers_share_one_rate_in_the_order_of_arrival() -> None:
    asked, _ = many(Market(wall, ROWS), 12, per_s=4, timeout_s=60)
    assert [int(each.params["from"]) for each in asked] == [START_MS + i * MINUTE_MS for i in range(12)]
    assert [each.at_s for each in asked] == pytest.approx([i / 4 for i in range(12)])


def test_one_answer_of_429_delays_all_callers() -> None:
    first = iter([Reply(429, b"", {"Retry-After": "30"})])
    asked, outcomes = many(lambda asked: next(first, None) or Market(wall, ROWS)(asked), 8, per_s=4, timeout_s=60)
    assert len(asked) == 9
    assert [each.at_s for each in asked[1:]] == pytest.approx([30 + i / 4 for i in range(8)])
    assert not any(isinstance(outcome, BaseException) for outcome in outcomes)


def test_a_request_during_a_ban_longer_than_its_timeout_fails_at_once() -> None:
    asked, outcomes = many(lambda _: Reply(418, b"", {"Retry-After": "3600"}), 5, per_s=4, timeout_s=60)
    assert len(asked) == 1
    assert all(isinstance(outcome, RestError) and "asks to wait 3600 s" in str(outcome) for outcome in outcomes)
