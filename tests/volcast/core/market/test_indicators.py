"""Each indicator against plain numpy on the same minutes."""

from math import cos, log, pi, sin, sqrt

import numpy as np
import pytest

from tests.minutes import DAY, START, Minute, minutes
from volcast.core.market.indicators import INDICATORS, Indicators

GAPS = ((500, 540), (1_900, 1_901))


def indicators_after(rows: list[Minute]) -> Indicators:
    indicators = Indicators()
    for row in rows:
        push(indicators, row)
    return indicators


def push(indicators: Indicators, row: Minute) -> None:
    _, high, low, _, volume = row.candle
    indicators.push(row.minute, high, low, volume, row.log_return)


def by_definition(rows: list[Minute]) -> dict[str, float]:
    """Return all indicators by their descriptions. A quarter of an hour that has just closed counts as the open one."""
    r = np.array([row.log_return for row in rows if row.log_return is not None] or [0.0])
    highs, lows, volumes = (np.array([row.candle[i] for row in rows]) for i in (1, 2, 4))
    open_minutes = (len(rows) - 1) % 15 + 1
    hour, day = 60 + open_minutes, 96 * 15 + (open_minutes if len(rows) % 15 else 0)
    before = volumes[-hour - 60 : -hour]
    return {
        "return_1h": r[-60:].sum(),
        "return_4h": r[-240:].sum(),
        "return_24h": r[-DAY:].sum(),
        "momentum_1h": r[-60:].sum() / (r[-DAY:].std() * sqrt(60)) if r[-DAY:].std() > 0 else 0.0,
        "momentum_4h": r[-240:].sum() / (r[-DAY:].std() * sqrt(240)) if r[-DAY:].std() > 0 else 0.0,
        "volume_mean_1h": volumes[-hour:].mean(),
        "volume_mean_24h": volumes[-day:].mean(),
        "volume_change_1h": log(volumes[-hour:].mean() / before.mean()) if len(before) else 0.0,
        "volume_change_24h": log(volumes[-hour:].mean() / volumes[-day:].mean()),
        "std_1h": r[-60:].std(),
        "std_24h": r[-DAY:].std(),
        "range_1h": log(highs[-hour:].max() / lows[-hour:].min()),
        "range_24h": log(highs[-day:].max() / lows[-day:].min()),
        "hour_sin": sin(2 * pi * (rows[-1].minute % DAY) / DAY),
        "hour_cos": cos(2 * pi * (rows[-1].minute % DAY) / DAY),
        "weekday": float((rows[-1].minute // DAY + 4) % 7),
        "weekend": float((rows[-1].minute // DAY + 4) % 7 in (0, 6)),
    }


@pytest.mark.parametrize("count", [1, 2, 14, 15, 16, 20, 75, 76, 139, 1_000, 1_440, 1_470, 1_481, 3_007])
@pytest.mark.parametrize("seed", [1, 2])
def test_each_feature_matches_its_definition(count: int, seed: int) -> None:
    rows = minutes(count, seed=seed, gaps=GAPS)
    values, plain = indicators_after(rows).values(), by_definition(rows)
    assert set(values) == set(plain) == set(INDICATORS)
    for name, value in values.items():
        assert value == pytest.approx(plain[name], rel=1e-9, abs=1e-12), name


def test_realized_variance_is_that_of_the_last_minutes() -> None:
    rows = minutes(2_000, gaps=GAPS)
    indicators, returns = Indicators(), []
    for row in rows:
        push(indicators, row)
        returns += [] if row.log_return is None else [row.log_return]
        for last in (5, 60, DAY):
            assert indicators.realized_variance(last) == pytest.approx(float(np.sum(np.square(returns[-last:]))), rel=1e-12)
            assert indicators.returns(last).tolist() == returns[-last:]


def test_a_gap_adds_nothing_and_its_price_change_is_not_a_return() -> None:
    indicators = indicators_after(minutes(100))
    before = indicators.values()
    indicators.push(START + 900, 1e9, 1e9, 1.0, None)
    after = indicators.values()
    for name in ("return_1h", "return_24h", "std_1h", "momentum_4h"):
        assert after[name] == before[name]
    assert after["range_1h"] > before["range_1h"]


def test_time_indicators_follow_utc() -> None:
    indicators = Indicators()
    indicators.push(START + 5 * DAY + 360, 1.0, 1.0, 0.0, None)
    values = indicators.values()
    assert (values["weekday"], values["weekend"]) == (6.0, 1.0)
    assert values["hour_sin"] == pytest.approx(1.0)
    assert values["hour_cos"] == pytest.approx(0.0, abs=1e-12)


def test_before_the_first_candle_all_but_the_time_is_zero() -> None:
    values = Indicators().values()
    assert set(values) == set(INDICATORS)
    assert all(np.isfinite(value) for value in values.values())
    assert values["return_24h"] == values["range_24h"] == values["volume_mean_1h"] == 0.0


def test_a_constant_price_without_volume_gives_zeros() -> None:
    indicators = Indicators()
    for minute in range(2_000):
        indicators.push(START + minute, 5.0, 5.0, 0.0, 0.0 if minute else None)
    zero = {
        name: value for name, value in indicators.values().items() if name not in {"hour_sin", "hour_cos", "weekday", "weekend"}
    }
    assert zero == dict.fromkeys(zero, 0.0)


@pytest.mark.parametrize("count", [0, 1, 100, 2_000])
def test_a_dump_restores_the_state_to_the_last_bit(count: int) -> None:
    rows = minutes(count + 100)
    indicators, again = indicators_after(rows[:count]), Indicators()
    again.load(indicators.dump())
    for row in rows[count:]:
        for one in (indicators, again):
            push(one, row)
    assert again.dump() == indicators.dump()
    assert again.values() == indicators.values()


def test_the_state_of_something_else_is_refused() -> None:
    state = Indicators().dump()
    for part in state:
        with pytest.raises((KeyError, TypeError, ValueError)):
            Indicators().load({key: value for key, value in state.items() if key != part})
    with pytest.raises(ValueError, match="reshape"):
        Indicators().load({**state, "quarters": bytes(8)})
