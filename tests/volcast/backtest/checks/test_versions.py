from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market import SYMBOL, at, walk
from volcast.backtest.checks.versions import ELSEWHERE, VersionComparison, VersionTrack, compare_versions
from volcast.core.codec import encode_signal
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig, Signal

ALL = (0, at(10_000))


def signals(count: int = 300, first: int = 0, **config: Any) -> list[Signal]:
    engine = Engine(SYMBOL, EngineConfig(**{"window": 3, "horizons": (15,), **config}), 2)
    made = [engine.step(candle) for candle in walk(range(first, count))]
    return [each for each in made if isinstance(each, Signal)]


def track(said: list[Signal], from_ms: int = ALL[0], to_ms: int = ALL[1]) -> VersionTrack:
    found = VersionTrack(from_ms, to_ms)
    for each in said:
        found.add(each, encode_signal(each))
    return found


def compared(live: list[Signal], replayed: list[Signal], *span: int) -> VersionComparison:
    found = compare_versions(SYMBOL, track(live, *span), track(replayed, *span))
    assert found
    return found


LIVE = signals()
OTHER = signals(model="har")


def test_the_same_signals_do_not_differ() -> None:
    found = compared(LIVE, LIVE)
    assert (found.compared, found.identical, found.equal_numbers, found.equal_signals) == (300, 300, 300, 300)
    assert (found.only_live, found.only_replayed, found.repeated, found.missing_candles) == (0, 0, 0, 0)
    assert (found.first_difference, found.from_ms, found.to_ms) == (None, at(0), at(299))
    assert found.volatility
    assert found.scores
    assert (found.volatility.median_ratio, found.volatility.within_percent) == (1.0, 1.0)
    assert found.scores.qlike_live == found.scores.qlike_replayed
    assert (found.scores.outcomes, found.scores.diebold_mariano) == (285, None)


def test_another_model_changes_forecasts_and_no_signal() -> None:
    found = compared(LIVE, OTHER)
    assert (found.identical, found.equal_numbers, found.equal_signals) == (0, 0, 300)
    assert found.ones_live == found.ones_replayed == sum(each.signal for each in LIVE)
    first = found.first_difference
    assert first
    assert (first.open_time_ms, first.field) == (at(0), "volatility")
    assert (first.live, first.replayed) == (LIVE[0].volatility, OTHER[0].volatility)
    ratios = [two.volatility / one.volatility for one, two in zip(LIVE, OTHER, strict=True)]
    assert found.volatility
    assert found.volatility.median_ratio == pytest.approx(float(np.median(ratios)))
    assert (found.volatility.smallest_ratio, found.volatility.largest_ratio) == pytest.approx((min(ratios), max(ratios)))
    assert found.scores
    for losses, said in ((found.scores.qlike_live, LIVE), (found.scores.qlike_replayed, OTHER)):
        assert losses == pytest.approx(np.mean([each.outcome.qlike for each in said if each.outcome]))


def test_outcomes_count_by_when_the_forecast_was_made() -> None:
    """Those made before `to` count although they come due after it; those made before `from` do not although they come due."""
    found = compared(LIVE, OTHER, at(100), at(200))
    assert (found.compared, found.from_ms, found.to_ms) == (100, at(100), at(199))
    assert found.scores
    assert found.scores.outcomes == 100


def test_another_window_changes_signals() -> None:
    wide = signals(window=20)
    found = compared(LIVE, wide)
    assert found.equal_signals == sum(one.signal == two.signal for one, two in zip(LIVE, wide, strict=True)) < 300
    assert found.first_difference
    first = next(i for i, each in enumerate(LIVE) if each.rolling_mean is not None)
    assert found.first_difference.open_time_ms == at(first)
    assert found.first_difference.field == ("signal" if LIVE[first].signal else "rolling_mean")
    assert found.equal_numbers == first == 2


def test_shadows_alone_change_records_and_no_number() -> None:
    found = compared(LIVE, signals(shadows=("last",)))
    assert (found.identical, found.equal_numbers) == (0, 300)
    assert found.first_difference
    assert (found.first_difference.field, found.first_difference.live) == (ELSEWHERE, None)


def test_other_horizons_are_not_compared() -> None:
    found = compared(LIVE, signals(horizons=(30,)))
    assert (found.volatility, found.scores, found.horizon_live, found.horizon_replayed) == (None, None, 15, 30)
    assert found.equal_signals == 300


def test_candles_that_the_log_no_longer_has() -> None:
    found = compared(LIVE, signals(first=40))
    assert (found.compared, found.only_live, found.missing_candles) == (260, 40, 40)
    assert found.first_difference
    assert found.first_difference.open_time_ms == at(40)
    assert compared(signals(first=40), LIVE).missing_candles == -40


def test_the_last_signal_of_a_candle_counts() -> None:
    wrong = [msgspec.structs.replace(each, signal=1 - each.signal) for each in LIVE[:10]]
    found = compared([*wrong, *LIVE], LIVE)
    assert (found.repeated, found.compared, found.identical) == (10, 300, 300)
    assert compared([*LIVE, *wrong], LIVE).equal_signals == 290


def test_nothing_in_common() -> None:
    assert compare_versions(SYMBOL, track(LIVE[:100]), track(LIVE[100:])) is None
    assert compare_versions(SYMBOL, track([]), track(LIVE)) is None


@given(here=st.lists(st.booleans(), min_size=60, max_size=60), there=st.lists(st.integers(0, 2), min_size=60, max_size=60))
def test_counts_are_those_of_a_plain_comparison(here: list[bool], there: list[int]) -> None:
    """Of each candle both, one or none has a signal, and that of the replay is the same or another one."""
    live = [signal for signal, there_is in zip(LIVE, here, strict=False) if there_is]
    replayed = [(LIVE, OTHER)[kind - 1][i] for i, kind in enumerate(there) if kind]
    found = compare_versions(SYMBOL, track(live), track(replayed))
    both = [kind for there_is, kind in zip(here, there, strict=True) if there_is and kind]
    if not both:
        assert found is None
        return
    assert found
    assert (found.compared, found.identical) == (len(both), both.count(1))
    assert found.only_live == sum(here) - len(both)
    assert found.only_replayed == len(replayed) - len(both)
    assert (found.first_difference is None) == (2 not in both)
