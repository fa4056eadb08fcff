"""Many days: what they add up to, and that a day is the same whichever process lives through it."""

from collections import Counter

from volcast.proof.simulated_venue.day import VenueProofConfig, VenueProofResult, live_day
from volcast.proof.simulated_venue.run import VenueProofTotals, run_days
from volcast.proof.virtual_time import run_with_sockets


def verdict(seed: int, difference: str = "", **counts: int) -> VenueProofResult:
    return VenueProofResult(seed, difference, 100, Counter(counts), Counter(cut=1, restart=seed))


def test_days_add_up() -> None:
    summary = VenueProofTotals()
    summary.add(verdict(1, flag=90, rest=10, gap=1, missing_minutes=4))
    summary.add(verdict(2, "minute 7 was expected", flag=80, watermark=20, synthetic=3))
    assert list(summary.lines()) == [
        "days       2",
        "candles    200, closed by 170 × flag, 10 × rest, 20 × watermark",
        "beside     3 × synthetic, 1 × gap, 4 × missing_minutes",
        "happened   2 × cut, 3 × restart",
    ]
    assert [each.seed for each in summary.failed] == [2]


def test_before_the_first_day_there_is_nothing() -> None:
    assert list(VenueProofTotals().lines()) == [
        "days       0",
        "candles    0, closed by nothing",
        "beside     nothing",
        "happened   nothing",
    ]


def test_a_day_is_told_by_its_seed_whichever_process_lives_through_it() -> None:
    """In the second one nothing is traded in the first minute: before its first candle nobody knows a symbol's price."""
    wanted = [VenueProofConfig("coinbase", 8, hours=0.75), VenueProofConfig("kraken", 11, hours=0.75)]
    told: list[int] = []
    summary = run_days(wanted, lambda so_far: told.append(so_far.days))
    assert told == [1, 2]
    expected = VenueProofTotals()
    for each in wanted:
        expected.add(run_with_sockets(live_day(each)))
    assert summary == expected
    assert summary.failed == []
