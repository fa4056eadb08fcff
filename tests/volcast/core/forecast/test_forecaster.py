"""All forecasts of a symbol: causal, resolved once, the same after a restore, and better than a naive one."""

import msgspec
import numpy as np
import pytest

from tests.minutes import DAY, START, all_predictions, is_valid, main_predictions, minutes
from volcast.core.forecast.forecaster import Predictions, SymbolForecaster
from volcast.core.forecast.learner import Prediction
from volcast.core.forecast.losses import qlike
from volcast.core.models import MODELS

GAPS = ((300, 303), (500, 900))
CHALLENGERS = tuple(name for name in MODELS if name != "two_stage")


def all_models() -> SymbolForecaster:
    return SymbolForecaster((15, 60), shadows=CHALLENGERS)


def test_no_forecast_changes_when_later_candles_are_cut_off_or_scrambled() -> None:
    """All models and both horizons."""
    rows, other = minutes(1_300, gaps=GAPS), minutes(1_300, seed=9, gaps=GAPS)
    expected = list(all_predictions(all_models(), rows))
    assert len(expected) == len(rows)
    for cut in (1, 61, 301, 640):
        prefix_and_scrambled = list(all_predictions(all_models(), [*rows[:cut], *other[cut : cut + 70]]))
        assert prefix_and_scrambled[:cut] == expected[:cut]
        assert all(a != b for a, b in zip(prefix_and_scrambled[cut:], expected[cut : cut + 70], strict=True))
    assert list(all_predictions(all_models(), rows[:450])) == expected[:450]


@pytest.mark.parametrize("before", [0, 900])
def test_a_restored_forecaster_continues_to_the_last_bit(before: int) -> None:
    rows = minutes(before + 1_000, gaps=((950, 953), (1_500, 1_600)))
    forecaster, again = (SymbolForecaster((60, 240), shadows=("har_diurnal",)) for _ in range(2))
    for _ in all_predictions(forecaster, rows[:before]):
        pass
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(forecaster.dump())))
    for row in rows[before:]:
        assert again.observe(*row) == forecaster.observe(*row)
        assert again.forecast() == forecaster.forecast()
    assert again.dump() == forecaster.dump()


def test_a_snapshot_is_small_and_does_not_grow() -> None:
    forecaster = SymbolForecaster()
    sizes = []
    for day in (0, 1, 2):
        for _ in all_predictions(forecaster, minutes((day + 1) * DAY + 400)[(day * DAY + 400) * (day > 0) :]):
            pass
        sizes.append(len(msgspec.msgpack.encode(forecaster.dump())))
    assert sizes[1] == pytest.approx(sizes[2], abs=200)
    assert max(sizes) <= 100_000


@pytest.mark.parametrize("horizons", [(60,), (5, 60), (60, 15, 240)])
def test_a_forecast_is_resolved_once_a_horizon_later_with_the_realized_returns(horizons: tuple[int, ...]) -> None:
    rows = minutes(700, gaps=((300, 305),))
    forecaster = SymbolForecaster(horizons, shadows=("ewma",))
    made: dict[int, Predictions] = {}
    returns: dict[int, float] = {}
    resolved_minutes: dict[int, list[int]] = {horizon: [] for horizon in horizons}
    for row in rows:
        resolved = forecaster.observe(*row)
        returns[row.minute] = row.log_return or 0.0
        for horizon, outcome in resolved.horizons.items():
            window = [returns[minute] for minute in range(row.minute - horizon + 1, row.minute + 1)]
            assert outcome.prediction == made[row.minute - horizon].horizons[horizon]
            assert outcome.realized_variance == pytest.approx(sum(r * r for r in window), rel=1e-12)
            assert outcome.log_return == pytest.approx(sum(window), rel=1e-9, abs=1e-12)
            resolved_minutes[horizon].append(row.minute - horizon)
        main = horizons[0]
        assert set(resolved.shadows) == ({"ewma"} if main in resolved.horizons else set())
        if resolved.shadows:
            assert resolved.shadows["ewma"].prediction == made[row.minute - main].shadows["ewma"]
            assert resolved.shadows["ewma"].realized_variance == resolved.horizons[main].realized_variance
        made[row.minute] = forecaster.forecast()
    for horizon, made_minutes in resolved_minutes.items():
        first_part, second_part = range(300 - horizon), range(305, 700 - horizon)
        assert made_minutes == [START + i for i in (*first_part, *second_part)]
        assert forecaster.champions[horizon].outcomes == len(made_minutes)


def test_labels_are_aligned_with_their_forecasts() -> None:
    """One return of 0.03 in minute 61, all others 0: it belongs to the forecasts of minutes 1 to 60 and to no others."""
    forecaster = SymbolForecaster(prior=None)
    realized: dict[int, float] = {}
    price = 1.0
    for minute in range(200):
        log_return = 0.03 if minute == 61 else 0.0
        before, price = price, price * np.exp(log_return)
        candle = (before, max(before, price), min(before, price), price, 1.0)
        resolved = forecaster.observe(START + minute, candle, log_return if minute else None)
        if resolved.horizons:
            realized[minute - 60] = resolved.horizons[60].realized_variance
        forecaster.forecast()
    assert list(realized) == list(range(140))
    assert realized == {minute: pytest.approx(0.0009) if 1 <= minute <= 60 else 0.0 for minute in range(140)}


def test_it_learns_to_beat_a_naive_forecast_and_to_cover() -> None:
    """After five of twelve days it beats the last day's mean, and both intervals have their coverage."""
    forecaster = SymbolForecaster()
    losses: list[tuple[float, float]] = []
    covered: list[tuple[bool, bool]] = []
    for row in minutes(12 * DAY, seed=4):
        for outcome in forecaster.observe(*row).horizons.values():
            if row.minute - START > 5 * DAY and row.minute % 20 == 0:
                made, realized, move = outcome.prediction, outcome.realized_variance, outcome.log_return
                naive = 60 * float(np.mean(forecaster.market.indicators.returns(DAY)[:-60] ** 2))
                losses.append((qlike(realized, made.variance, 60), qlike(realized, naive, 60)))
                covered.append((made.lower**2 <= realized <= made.upper**2, made.return_lower <= move <= made.return_upper))
        forecaster.forecast()
    actual, naive = np.mean(losses, axis=0)
    assert actual < 0.9 * naive
    volatility_coverage, price_coverage = np.mean(covered, axis=0)
    assert volatility_coverage == pytest.approx(0.9, abs=0.05)
    assert price_coverage == pytest.approx(0.9, abs=0.05)


def test_forecasts_do_not_depend_on_the_scale_of_the_price() -> None:
    small, large = (list(main_predictions(SymbolForecaster(), minutes(2_000, price=price)))[-1] for price in (1e-4, 1e4))
    np.testing.assert_allclose(small, large, rtol=1e-4)


def test_each_horizon_has_its_own_forecast_and_longer_ones_are_wider() -> None:
    forecaster = SymbolForecaster((15, 60, 240, 1_440))
    made: dict[int, Prediction] = {}
    for predictions in all_predictions(forecaster, minutes(2_000)):
        made = predictions.horizons
        assert all(map(is_valid, made.values()))
    medians = [made[horizon].median for horizon in (15, 60, 240, 1_440)]
    assert medians == sorted(medians)
    assert forecaster.main is forecaster.champions[15]


def test_a_shadow_forecasts_as_it_does_as_champion_and_leaves_the_champion_unchanged() -> None:
    rows = minutes(900, gaps=((200, 230),))
    with_shadow, alone, other = SymbolForecaster(shadows=("har",)), SymbolForecaster(), SymbolForecaster(model="har")
    for both, one, two in zip(*(all_predictions(each, rows) for each in (with_shadow, alone, other)), strict=True):
        assert both.horizons == one.horizons
        assert both.shadows["har"] == two.horizons[60]


@pytest.mark.parametrize("horizons", [(), (0,), (4,), (1_441,), (60, 3)])
def test_other_horizons_are_refused(horizons: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="5 to 1440 minutes"):
        SymbolForecaster(horizons)


def test_the_state_of_another_forecaster_is_refused() -> None:
    state = SymbolForecaster((60,)).dump()
    for other in (
        SymbolForecaster((15,)),
        SymbolForecaster((60, 240)),
        SymbolForecaster(shadows=("last",)),
        SymbolForecaster(model="ewma"),
    ):
        with pytest.raises((KeyError, TypeError, ValueError)):
            other.load(state)
    with pytest.raises((KeyError, TypeError, ValueError)):
        SymbolForecaster(model="har").load(SymbolForecaster(model="ewma").dump())


def test_a_forecast_needs_a_candle() -> None:
    with pytest.raises(ValueError, match="no candle"):
        SymbolForecaster().forecast()


def test_unknown_and_repeated_models_are_refused() -> None:
    for models in ({"model": "arima"}, {"shadows": ("har", "arima")}):
        with pytest.raises(ValueError, match="unknown model: arima; choose from two_stage, "):
            SymbolForecaster(**models)
    for repeated in ({"horizons": (60, 60)}, {"shadows": ("har", "har")}, {"shadows": ("two_stage",)}):
        with pytest.raises(ValueError, match="may be given only once"):
            SymbolForecaster(**repeated)
