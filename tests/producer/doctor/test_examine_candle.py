from decimal import Decimal

import pytest
from msgspec.structs import replace

from producer.doctor.check import CheckResult
from producer.doctor.examine import _verdict
from producer.live.candle import ClosedBy, ClosedCandle
from tests.market import START_MS
from tests.producer.doctored import findings_at, seen, usual, verdicts, wall
from volcast.proof.virtual_time import run_with_sockets
from volcast.simulation.exchange.faults import ExchangeFault, FaultKind
from volcast.simulation.exchange.server import Exchange

OPEN, HIGH, LOW, CLOSE, VOLUME, QUOTE_VOLUME = map(Decimal, ("2.0", "3.5", "1.5", "2.5", "7.5", "18"))
HEARD = ClosedCandle(START_MS, OPEN, HIGH, LOW, CLOSE, VOLUME, QUOTE_VOLUME, ClosedBy.LATER_TRADE)
NOTHING = replace(HEARD, volume=Decimal(0))


@pytest.mark.parametrize(
    ("heard", "own", "verdict", "words"),
    [
        (HEARD, replace(HEARD, closed_by=ClosedBy.REST), "ok", "is the same: close 2.5, volume 7.5"),
        (HEARD, replace(HEARD, volume=Decimal("7.500000001")), "ok", "is the same"),
        (HEARD, replace(HEARD, volume=Decimal(8)), "warning", "but volume 7.5 in the stream, 8 over HTTP"),
        (HEARD, replace(HEARD, low=Decimal(1), close=Decimal(3)), "FAILED", "low 1.5 in the stream, 1 over HTTP, close 2.5"),
        (HEARD, None, "FAILED", "but trades were heard"),
        (NOTHING, None, "ok", "nothing was traded"),
    ],
)
def test_what_a_comparison_comes_to(heard: ClosedCandle, own: ClosedCandle | None, verdict: str, words: str) -> None:
    finding = _verdict(heard, own)
    assert (finding.verdict.value, words in finding.seen) == (verdict, True)


def at_kraken(*script: ExchangeFault) -> list[CheckResult]:
    async def main() -> list[CheckResult]:
        async with Exchange("kraken", [usual("kraken")], seed=1, start_ms=START_MS, wall=wall, script=script) as at:
            return await findings_at("kraken", at.socket_url, at.rest_url)

    return run_with_sockets(main())


def test_a_venue_that_stops_to_answer_while_it_is_compared() -> None:
    refusing = ExchangeFault(at_s=(START_MS + 7_300_000) / 1_000, kind=FaultKind.HTTP_500, for_s=600.0)
    findings = at_kraken(refusing)
    assert verdicts(findings)["compared"] == "FAILED"
    assert "HTTP 5" in seen(findings, "compared")
