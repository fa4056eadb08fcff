"""The gauges: each number of the latest signals, and nothing else."""

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from api.fields import numeric_fields
from api.statistics.metrics import FULL_NAMES, NOT_GAUGES, ViewCollector
from api.status import Now, Status
from api.view import View
from tests.api.signals import alarm, now_at, signals
from tests.market import START_MS
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.forecast.results import HorizonForecast, Outcome, Shadow
from volcast.core.types import Signal

NOW = now_at(signals(61)[-1], 2.5, 100.0)


def scrape(view: View, now: Now = NOW) -> dict[str, float]:
    """Return the samples by name and labels, `name{label="value"}`, as parsed by Prometheus' own parser."""
    registry = CollectorRegistry()
    registry.register(ViewCollector(view, lambda: now))
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            name = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert name not in found
            found[name] = sample.value
    return found


def test_every_number_of_a_signal_is_a_gauge() -> None:
    view, signal = View(180), signals(61)[-1]
    view.put(signal, 97.5)
    found = scrape(view)
    assert signal.outcome
    for name in set(numeric_fields(Signal)) - {"horizon_minutes", "missing_minutes", *NOT_GAUGES, *FULL_NAMES}:
        assert found[f'volcast_{name}{{symbol="BTCUSDT"}}'] == getattr(signal, name)
    assert found['volcast_horizon_seconds{symbol="BTCUSDT"}'] == signal.horizon_minutes * 60
    assert found['volcast_missing_candles{symbol="BTCUSDT"}'] == signal.missing_minutes
    for name in numeric_fields(Outcome):
        assert found[f'volcast_outcome_{name}{{symbol="BTCUSDT"}}'] == getattr(signal.outcome, name)
    assert found['volcast_timestamp_seconds{symbol="BTCUSDT"}'] == START_MS / 1_000 + 3_600
    assert found['volcast_age_seconds{symbol="BTCUSDT"}'] == 2.5


def test_every_number_of_a_struct_is_a_numeric_field() -> None:
    for struct, no_numbers in (
        (
            Signal,
            {"symbol", "source", "model", "open_time_ms", "quantiles", "drift_alarms", "outcome", "other_horizons", "shadows"},
        ),
        (Outcome, {"open_time_ms"}),
        (HorizonForecast, {"quantiles", "outcome"}),
        (Shadow, {"model"}),
    ):
        assert set(struct.__struct_fields__) - set(numeric_fields(struct)) == no_numbers


def test_other_horizons_have_their_own_gauges() -> None:
    view, signal = View(180), signals(61)[-1]
    view.put(signal, 97.5)
    found = scrape(view)
    for each in signal.other_horizons:
        labels = f'{{horizon_minutes="{each.horizon_minutes}",symbol="BTCUSDT"}}'
        for name in set(numeric_fields(HorizonForecast)) - {"horizon_minutes"}:
            assert found[f"volcast_horizon_{name}{labels}"] == getattr(each, name)
        for name in numeric_fields(Outcome):  # the outcome of four hours is not known yet, so it has no sample
            assert found.get(f"volcast_horizon_outcome_{name}{labels}") == (each.outcome and getattr(each.outcome, name))
    assert [each.outcome is None for each in signal.other_horizons] == [False, True]
    assert not [name for name in found if name.startswith("volcast_horizon_horizon")]


def test_the_prediction_of_each_horizon_has_one_name() -> None:
    view, signal = View(180), signals(61)[-1]
    view.put(signal, 97.5)
    found = scrape(view)
    others = {each.horizon_minutes: each.volatility for each in signal.other_horizons}
    expected = {signal.horizon_minutes: signal.volatility} | others
    for minutes, volatility in expected.items():
        assert found[f'model_prediction_value{{horizon_minutes="{minutes}",symbol="BTCUSDT"}}'] == volatility
    assert len([name for name in found if name.startswith("model_prediction_value")]) == 3


def test_challengers_have_their_own_gauges() -> None:
    view, made = View(180), signals(61)
    for signal in (made[0], made[-1]):  # without outcomes, and with them
        view.put(signal, 97.5)
        found = scrape(view)
        for each in signal.shadows:
            for name in ("volatility", "qlike", "covered"):
                assert found.get(f'volcast_shadow_{name}{{model="{each.model}",symbol="BTCUSDT"}}') == getattr(each, name)
    assert [each.qlike is None for each in (*made[0].shadows, *made[-1].shadows)] == [True, True, False, False]


def test_exactly_one_status_is_1() -> None:
    view = View(180)
    view.put(signals(1)[0], 100.0)
    found = scrape(view)
    assert {status: found[f'volcast_status{{status="{status}",symbol="BTCUSDT"}}'] for status in Status} == {
        status: float(status == Status.RESTORING) for status in Status
    }


def test_each_gauge_has_its_own_description() -> None:
    descriptions = {metric.name: metric.documentation for metric in ViewCollector(View(180)).collect()}
    assert len(set(descriptions.values())) == len(descriptions)
    assert descriptions["volcast_horizon_seconds"] == "Time that the forecast covers: H minutes."
    assert (
        descriptions["volcast_horizon_outcome_qlike"]
        == "Of the forecast for another horizon that came due: " + descriptions["volcast_outcome_qlike"].partition(": ")[2]
    )


@pytest.mark.parametrize("caught_up", [False, True])
def test_before_the_first_signal_only_the_process_has_samples(caught_up: bool) -> None:  # noqa: FBT001  # a table
    view = View(180)
    view.caught_up = caught_up
    found = {name: value for name, value in scrape(view).items() if not name.startswith("volcast_drift_alarms_total")}
    assert found == {
        "volcast_api_caught_up": float(caught_up),
        "volcast_api_signals_total": 0.0,
        "volcast_api_unreadable_signals_total": 0.0,
    }


def test_a_drift_alarm_has_a_sample_while_it_is_on() -> None:
    view, made = View(180), signals(61)
    view.caught_up = True
    on = alarm("price_frozen", made[59].open_time_ms)
    alarm_on = 'volcast_drift_alarm{detector="price_frozen",symbol="BTCUSDT",tier="page"}'
    count = 'volcast_drift_alarms_total{detector="price_frozen",tier="page"}'
    for i, alarms in ((58, ()), (59, (on,)), (60, ())):
        view.put(msgspec.structs.replace(made[i], drift_alarms=alarms, data_drift_ratio=i / 100), 1.0)
        found = scrape(view)
        assert [name for name in found if name.startswith("volcast_drift_alarm{")] == [alarm_on] * len(alarms)
        assert found.get(alarm_on, 0.0) == len(alarms)
        assert found[count] == float(i > 58)
        assert found['data_drift_ratio{symbol="BTCUSDT"}'] == i / 100


def test_the_counts_of_all_detectors_begin_at_0() -> None:
    found = {name: value for name, value in scrape(View(180)).items() if name.startswith("volcast_drift_alarms_total")}
    assert len(found) == len(DriftMonitor().detectors)
    assert set(found.values()) == {0.0}


def test_a_number_that_a_signal_lacks_has_no_sample() -> None:
    view, made = View(180), signals(61)
    view.put(made[60], 99.0)
    assert 'volcast_outcome_qlike{symbol="BTCUSDT"}' in scrape(view)
    without = {"outcome": None, "rolling_mean": None, "other_horizons": (), "shadows": ()}
    newer = msgspec.structs.replace(made[60], open_time_ms=made[60].open_time_ms + 600_000, **without)
    view.put(newer, 100.0)
    found = scrape(view)
    gone = ("volcast_outcome_", "volcast_rolling_mean", "volcast_horizon_outcome", "volcast_horizon_vol", "volcast_shadow_")
    assert not [name for name in found if name.startswith(gone)]
    assert found['volcast_close{symbol="BTCUSDT"}'] == newer.close


def test_each_symbol_has_its_own_samples() -> None:
    view = View(180)
    for symbol in ("BTCUSDT", "ETHUSDT.BINANCE"):
        view.put(signals(3, symbol)[-1], 99.0)
    found = scrape(view)
    assert found['volcast_candles{symbol="BTCUSDT"}'] == found['volcast_candles{symbol="ETHUSDT.BINANCE"}'] == 3
    assert found["volcast_api_signals_total"] == 2


def test_a_symbol_of_which_no_record_can_be_read_has_a_status() -> None:
    view = View(180)
    view.put_unreadable("BTCUSDT")
    found = scrape(view)
    assert found['volcast_status{status="unreadable",symbol="BTCUSDT"}'] == 1.0
    assert found["volcast_api_unreadable_signals_total"] == 1.0
    assert 'volcast_close{symbol="BTCUSDT"}' not in found


def test_an_age_is_that_of_the_candle_and_the_end_of_the_horizon_is_shown() -> None:
    view, signal = View(180), signals(61)[-1]
    view.put(signal, 100.0)
    for age_s, over in ((3_599.0, 0.0), (3_601.0, 1.0)):
        found = scrape(view, now_at(signal, age_s, 100.0))
        assert found['volcast_age_seconds{symbol="BTCUSDT"}'] == age_s
        assert found['volcast_horizon_over{symbol="BTCUSDT"}'] == over
