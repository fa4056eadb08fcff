"""The results of many days add up, and a day has the same result in any process."""

from collections import Counter

from volcast.proof.simulated_venue.day import VenueProofConfig, VenueProofResult, simulate_day
from volcast.proof.simulated_venue.run import VenueProofTotals, run_days
from volcast.proof.virtual_time import run_with_sockets


def result(seed: int, difference: str = "", **counts: int) -> VenueProofResult:
    return VenueProofResult(seed, difference, 100, Counter(counts), Counter(cut=1, restart=seed))


def test_days_add_up() -> None:
    totals = VenueProofTotals()
    totals.add(result(1, flag=90, rest=10, gap=1, missing_minutes=4))
    totals.add(result(2, "minute 7 was expected", flag=80, watermark=20, synthetic=3))
    assert list(totals.lines()) == [
        "days       2",
        "candles    200, closed by 170 × flag, 10 × rest, 20 × watermark",
        "besides    3 × synthetic, 1 × gap, 4 × missing_minutes",
        "events     2 × cut, 3 × restart",
    ]
    assert [each.seed for each in totals.failed] == [2]


def test_the_totals_of_no_days() -> None:
    assert list(VenueProofTotals().lines()) == [
        "days       0",
        "candles    0, closed by nothing",
        "besides    nothing",
        "events     nothing",
    ]


def test_a_day_has_the_same_result_in_any_process() -> None:
    """On the second day the first minute has no trade, so that the log cannot begin with it."""
    configs = [VenueProofConfig("coinbase", 8, hours=0.75), VenueProofConfig("kraken", 11, hours=0.75)]
    days: list[int] = []
    totals = run_days(configs, lambda so_far: days.append(so_far.days))
    assert days == [1, 2]
    expected = VenueProofTotals()
    for config in configs:
        expected.add(run_with_sockets(simulate_day(config)))
    assert totals == expected
    assert totals.failed == []
