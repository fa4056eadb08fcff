"""Simulated exchanges have symbols of their own, and a log has either them or real venues."""

from collections.abc import Sequence
from contextlib import nullcontext

import pytest

from producer.feeds import VENUES
from producer.simulated import Rivals, VenueNames
from volcast.core.decoder import is_symbol
from volcast.log.contract import Commit, KeyValue, Mismatch
from volcast.log.sqlite.log import SqliteLog


@pytest.mark.parametrize("venue", VENUES)
def test_the_names_of_a_simulation_differ_from_those_of_the_venue_and_are_valid(venue: str) -> None:
    real, simulated = VenueNames(venue, simulated=False), VenueNames(venue, simulated=True)
    symbol = f"BTCUSD.{venue.upper()}"
    assert (real.symbol(symbol), real.source) == (symbol, venue)
    assert simulated.symbol(symbol) != symbol
    assert simulated.source != venue
    assert is_symbol(simulated.symbol(symbol))


def test_a_symbol_that_becomes_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="40 at most"):
        VenueNames("bitstamp", simulated=True).symbol(f"{'A' * 15}{'B' * 15}.BITSTAMP")


REAL, SIMULATED, OTHER_REAL, OTHER_SIMULATED = "BTCUSDT.BINANCE", "BTCUSDT.BINANCESIM", "ETHUSD.KRAKEN", "ETHUSD.KRAKENSIM"


@pytest.mark.parametrize(
    ("symbol", "on_log", "states", "rival"),
    [
        (REAL, [], [], ""),
        (REAL, [OTHER_REAL, "BTCUSDT", "MYSIM"], [OTHER_REAL, "BTCUSDT", "X.OTHERSIM"], ""),
        (REAL, [SIMULATED], [], SIMULATED),
        (REAL, [OTHER_SIMULATED], [OTHER_SIMULATED], OTHER_SIMULATED),
        (SIMULATED, [REAL], [], REAL),
        (SIMULATED, [OTHER_REAL], [OTHER_REAL, "BTCUSDT"], OTHER_REAL),
        (SIMULATED, [OTHER_SIMULATED, "BTCUSDT"], [OTHER_SIMULATED, "BTCUSDT"], ""),
    ],
)
async def test_real_and_simulated_symbols_are_not_mixed_on_a_log(
    symbol: str, on_log: Sequence[str], states: Sequence[str], rival: str
) -> None:
    async with SqliteLog(":memory:") as log:
        async with log.appender("other") as appender:
            await appender.append([KeyValue(name.encode(), b"{}") for name in on_log])
        async with log.consumer() as consumer:
            await consumer.assignment()
            await consumer.open(0)
            await consumer.commit(0, Commit(len(on_log), snapshots=[KeyValue(name.encode(), b"x") for name in states]))
        async with log.appender("mine") as appender:
            expected = (
                pytest.raises(Mismatch, match=f"{rival}.*must not be mixed.*mix_simulated=true") if rival else nullcontext()
            )
            with expected:
                await Rivals(symbol == SIMULATED, reads_state=True).check(symbol, log, appender)
