"""The comparison of a candle from the stream with the venue's own over HTTP."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from producer.doctor.check import CheckResult
from producer.doctor.examine import _compared
from producer.live.candle import ClosedBy, ClosedCandle
from tests.market import START_MS
from tests.producer.doctor.examining import default_pair, found_by, results_at, statuses, wall
from volcast.proof.virtual_time import run_with_sockets
from volcast.simulation.exchange.faults import ExchangeFault, FaultKind
from volcast.simulation.exchange.server import Exchange

OPEN, HIGH, LOW, CLOSE, VOLUME, QUOTE_VOLUME = map(Decimal, ("2.0", "3.5", "1.5", "2.5", "7.5", "18"))
RECEIVED = ClosedCandle(START_MS, OPEN, HIGH, LOW, CLOSE, VOLUME, QUOTE_VOLUME, ClosedBy.LATER_TRADE)
WITHOUT_TRADES = replace(RECEIVED, volume=Decimal(0))


@pytest.mark.parametrize(
    ("received", "own", "status", "words"),
    [
        (RECEIVED, replace(RECEIVED, closed_by=ClosedBy.REST), "ok", "is the same: close 2.5, volume 7.5"),
        (RECEIVED, replace(RECEIVED, volume=Decimal("7.500000001")), "ok", "is the same"),
        (RECEIVED, replace(RECEIVED, volume=Decimal(8)), "warning", "but volume 7.5 in the stream, 8 over HTTP"),
        (
            RECEIVED,
            replace(RECEIVED, low=Decimal(1), close=Decimal(3)),
            "FAILED",
            "low 1.5 in the stream, 1 over HTTP, close 2.5",
        ),
        (RECEIVED, None, "FAILED", "but trades were received"),
        (WITHOUT_TRADES, None, "ok", "nothing was traded"),
    ],
)
def test_the_result_of_a_comparison(received: ClosedCandle, own: ClosedCandle | None, status: str, words: str) -> None:
    result = _compared(received, own)
    assert (result.status.value, words in result.found) == (status, True)


def at_kraken(*script: ExchangeFault) -> list[CheckResult]:
    async def main() -> list[CheckResult]:
        async with Exchange("kraken", [default_pair("kraken")], seed=1, start_ms=START_MS, wall=wall, script=script) as at:
            return await results_at("kraken", at.socket_url, at.rest_url)

    return run_with_sockets(main())


def test_a_venue_that_stops_answering_before_the_comparison() -> None:
    refusing = ExchangeFault(at_s=(START_MS + 7_300_000) / 1_000, kind=FaultKind.HTTP_500, for_s=600.0)
    results = at_kraken(refusing)
    assert statuses(results)["compared"] == "FAILED"
    assert "HTTP 5" in found_by(results, "compared")
