"""Each feature against a plain definition over random series with gaps; independence of the scale of price and volume."""

from itertools import pairwise
from math import exp, log, pi, sqrt

import numpy as np
import pytest

from tests.minutes import Minute, minutes
from volcast.core.market.clock import is_weekend, new_york_minute
from volcast.core.market.features import FEATURE_NAMES, FEATURES, HALF_LIVES, PRIOR_VARIANCE, SHAPES, Features, State

PRIOR_SIZE = sqrt(PRIOR_VARIANCE * 2 / pi)
GAPS = ((700, 701), (1_500, 2_100))


def ewma(values: list[float], half_life: float, start: float, prior_minutes: float) -> float:
    mean = start
    for n, value in enumerate(values, start=1):
        mean += max(1 - 0.5 ** (1 / half_life), 1 / (prior_minutes + n)) * (value - mean)
    return mean


def garman_klass(row: Minute) -> float:
    """Of a candle that opens at the close before it, so that a jump between two candles is part of the range."""
    _, high, low, close, _ = row.candle
    before = close / exp(row.log_return or 0.0)
    return max(0.5 * log(max(high, before) / min(low, before)) ** 2 - (2 * log(2) - 1) * log(close / before) ** 2, 0.0)


def state_after(rows: list[Minute]) -> State:
    features = Features()
    for row in rows:
        features.push(*row)
    return features.state()


def usual_sizes(counted: list[Minute]) -> list[float]:
    """Return the usual log |return| relative to its level at each minute: means by ten minutes of New York's day so far."""
    seen: dict[tuple[int, bool], list[float]] = {}
    usual, level = [], PRIOR_SIZE
    for n, row in enumerate(counted, start=1):
        size = abs(row.log_return or 0.0)
        local = new_york_minute(row.minute)
        before = seen.setdefault((local % 1_440 // 10, is_weekend(local)), [])
        mean = (-0.8 * 100 + sum(before)) / (100 + len(before)) if before else -0.8
        usual.append(min(max(mean + 0.8, -2.0), 2.0))
        seen_size = size * exp(-usual[-1]) if n <= 1_440 else size
        level += max(1 - 0.5 ** (1 / 1_440), 1 / (10 + n)) * (seen_size - level)
        before.append(min(max(log(max(size, 1e-6)) - log(level * sqrt(pi / 2)), -4.0), 4.0))
    return usual


def levels(rows: list[Minute]) -> dict[tuple[str, int], float]:
    """Return v(series, half-life) by its definition."""
    counted = [row for row in rows if row.log_return is not None]
    returns = [row.log_return or 0.0 for row in counted]
    usual = usual_sizes(counted)
    v = {}
    for h in HALF_LIVES:
        out = [exp(-u) if n < 1_440 and h >= 600 else 1.0 for n, u in enumerate(usual)]
        squares = [(r * o) ** 2 for r, o in zip(returns, out, strict=True)]
        v["rv", h] = 0.5 * log(ewma(squares, h, PRIOR_VARIANCE, 10))
        ranges = [garman_klass(row) * o * o for row, o in zip(counted, out, strict=True)]
        v["gk", h] = 0.5 * log(ewma(ranges, h, PRIOR_VARIANCE, 10))
        sizes = [abs(r) * o for r, o in zip(returns, out, strict=True)]
        v["abs", h] = log(ewma(sizes, h, PRIOR_SIZE, 10) * sqrt(pi / 2))
        flat = [abs(r) * exp(-u) for r, u in zip(returns, usual, strict=True)]
        v["flat", h] = log(ewma(flat, h, PRIOR_SIZE, 10) * sqrt(pi / 2))
        volumes = [row.candle[4] * o for row, o in zip(counted, out, strict=True)]
        v["vol", h] = 0.5 * log(ewma(volumes, h, rows[0].candle[4], 0))
    return v


def mean_log_price(rows: list[Minute], half_life: float) -> float:
    """Return the mean of the log price; after a gap it moves as if the price had been there for all of the missing minutes."""
    mean, n, minute = log(rows[0].candle[3]), 0, rows[0].minute
    for row in rows[1:]:
        gain = 1 - 0.5 ** ((row.minute - minute - 1) / half_life)
        if row.log_return is not None:
            n += 1
            gain = max(1 - 0.5 ** (1 / half_life), 1 / (10 + n))
        mean += gain * (log(row.candle[3]) - mean)
        minute = row.minute
    return mean


def by_definition(rows: list[Minute]) -> dict[str, float]:
    """Return all features by their definitions from v(series, half-life)."""
    v = levels(rows)
    values = {"one": 1.0, "level": v["rv", 1440] - 0.5 * log(PRIOR_VARIANCE)}
    values |= {f"rv_{a}": v["rv", a] - v["rv", b] for a, b in pairwise(HALF_LIVES)}
    values |= {f"{s}_{h}": 2 * (v[s, h] - v["rv", h]) for s, h in v if s in ("gk", "abs", "flat")}
    steps = ((3, 30), (30, 240), (240, 1_440), (1_440, 10_080), (10_080, 43_200))
    values |= {f"vol_{a}": 2 * (v["vol", a] - v["vol", b]) for a, b in steps}
    last = log(rows[-1].candle[3])
    for h in HALF_LIVES:
        mean = mean_log_price(rows, h)
        span = min(h, 0.5 * (rows[-1].minute - rows[0].minute) + 1)
        values[f"trend_{h}"] = min(abs(last - mean) / exp(v["rv", h]) / sqrt(span), 4.0)
    return values


@pytest.mark.parametrize("count", [2, 11, 700, 3_000])
@pytest.mark.parametrize("seed", [1, 2])
def test_each_feature_matches_its_definition(count: int, seed: int) -> None:
    rows = minutes(count, seed=seed, gaps=GAPS)
    actual = dict(zip(FEATURE_NAMES, state_after(rows).vector, strict=True))
    plain = by_definition(rows)
    for name, value in actual.items():
        assert value == pytest.approx(plain[name], rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize("count", [2, 700, 3_000])
def test_shapes_are_log_ratios_of_the_same_levels(count: int) -> None:
    rows = minutes(count, gaps=GAPS)
    state, v = state_after(rows), levels(rows)
    pairs = {
        "s3": (("rv", 3), ("rv", 30)),
        "s30": (("rv", 30), ("rv", 600)),
        "s600": (("rv", 600), ("rv", 10_080)),
        "s10080": (("rv", 10_080), ("rv", 43_200)),
        "v30": (("vol", 30), ("vol", 1_440)),
    }
    actual = dict(zip(SHAPES, state.shapes, strict=True))
    assert actual == pytest.approx({name: v[top] - v[bottom] for name, (top, bottom) in pairs.items()}, abs=1e-9)
    assert state.level == pytest.approx(v["rv", 1_440])


def test_features_do_not_depend_on_the_scale_of_price_and_volume() -> None:
    first = state_after(minutes(500, price=1e-6))
    other = []
    for minute, (open_, high, low, close, volume), log_return in minutes(500, price=1e-6):
        candle = (open_ * 1e12, high * 1e12, low * 1e12, close * 1e12, volume * 1e3)
        other.append(Minute(minute, candle, log_return))
    np.testing.assert_allclose(state_after(other).vector, first.vector, rtol=1e-6, atol=1e-8)


def test_a_gap_changes_nothing_but_the_price() -> None:
    rows = minutes(200)
    features = Features()
    for row in rows[:100]:
        features.push(*row)
    before = features.state()
    features.push(rows[160].minute, rows[160].candle, None)
    after = features.state()
    trends = len(HALF_LIVES)
    assert after.vector[:-trends] == before.vector[:-trends]
    assert after.vector[-trends:] != before.vector[-trends:]


@pytest.mark.parametrize("price", [1e-6, 1.0, 1e6])
def test_a_constant_price_without_volume_has_finite_features(price: float) -> None:
    features = Features()
    for minute in range(3_000):
        features.push(minute, (price, price, price, price, 0.0), 0.0 if minute else None)
        if minute % 100 == 0:
            state = features.state()
            assert np.isfinite(state.vector).all()
            assert np.isfinite(state.shapes).all()


def test_a_dump_restores_the_state_to_the_last_bit() -> None:
    rows = minutes(400, gaps=((150, 160),))
    features, again = Features(), Features()
    again.load(features.dump())
    for row in rows:
        features.push(*row)
        again.push(*row)
        assert bits(again.state().vector) == bits(features.state().vector)
        if row.minute % 50 == 0:
            dump = again.dump()
            again = Features()
            again.load(dump)
    assert again.dump() == features.dump()


def bits(values: list[float]) -> bytes:
    return np.array(values).tobytes()


def test_the_table_names_each_feature_once_with_unit_and_description() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES) == len(FEATURES)
    assert all(feature.unit and feature.description.endswith(".") for feature in FEATURES)


def test_before_the_first_candle_there_is_no_state() -> None:
    with pytest.raises(ValueError, match="no candle"):
        Features().state()


@pytest.mark.parametrize("factor", [1e-9, 0.5, 1.5, 1e9])
def test_one_huge_move_counts_as_one_of_twenty_volatilities(factor: float) -> None:
    """So do its range and its trend; the log price is that of the candle."""
    rows = minutes(3_000)
    last = rows[-1].candle[3]
    features = [Features(), Features()]
    for each in features:
        for row in rows:
            each.push(*row)
    limit = features[0].max_move
    assert 0.001 < limit < 0.4
    sign = 1 if factor > 1 else -1
    for each, move in zip(features, (log(factor), sign * limit), strict=True):
        close = last * exp(move)
        each.push(rows[-1].minute + 1, (last, max(last, close), min(last, close), close, 1e5), move)
        assert each.log_price == log(close)
    assert features[0].state().vector == pytest.approx(features[1].state().vector, abs=0.35)
    assert features[0].state().level == pytest.approx(features[1].state().level)


def test_one_huge_volume_counts_as_two_hundred_mean_ones() -> None:
    rows = minutes(3_000)
    vectors = []
    for volume in (1e23, 1e12):
        features = Features()
        for row in rows:
            features.push(*row)
        features.push(rows[-1].minute + 1, (*rows[-1].candle[:4], volume), 0.0)
        vectors.append(bits(features.state().vector))
    assert vectors[0] == vectors[1]


def test_volumes_that_begin_after_a_time_without_any_count() -> None:
    features = Features()
    for minute in range(200):
        features.push(minute, (100.0, 100.0, 100.0, 100.0, 0.0), None if minute == 0 else 0.0)
    features.push(200, (100.0, 100.0, 100.0, 100.0, 1e6), 0.0)
    assert features.state().vector[FEATURE_NAMES.index("vol_3")] > 1


def test_the_trend_of_a_price_with_many_gaps_stays_bounded() -> None:
    """Of candles five minutes apart no return is known, but the price is."""
    features = Features()
    prices = [row.candle[3] for row in minutes(3_000)]
    for minute in range(0, 3_000, 5):
        features.push(minute, (prices[minute],) * 4 + (1e5,), None)
    trends = features.state().vector[-len(HALF_LIVES) :]
    assert max(trends) < 3


def test_a_jump_between_two_candles_counts_as_one_within_a_candle() -> None:
    """As after two suspect closes: the price was away already when the candle opened that makes it trusted."""
    within, between = Features(), Features()
    for features, (open_, low) in ((within, (100.0, 100.0)), (between, (101.0, 101.0))):
        for minute, (candle, log_return) in enumerate([((100.0, 100.1, 99.9, 100.0, 5e4), 0.0)] * 50):
            features.push(minute, candle, log_return if minute else None)
        features.push(50, (open_, 101.0, low, 101.0, 5e4), log(1.01))
    np.testing.assert_allclose(between.state().vector, within.state().vector)
