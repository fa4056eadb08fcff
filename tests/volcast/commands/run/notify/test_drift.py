"""Drift alarms as conditions: each is explained, a cause silences what follows, and what is silenced is not over."""

from pathlib import Path

import pytest
import yaml

from tests.api.signals import alarm
from tests.market import START_MS
from tests.notify import signal
from volcast.commands.run.notify.alarms import Alarms
from volcast.commands.run.notify.drift import DRIFT_TEXTS, drift_conditions
from volcast.commands.run.notify.events import Condition, messages_of
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.types import MINUTE_MS

ROOT = Path(__file__).parents[5]
DETECTORS = {each.name: each.tier for each in DriftMonitor().detectors}
PHONE_CHARACTERS = 70


def found(*detectors: str) -> dict[str, Condition]:
    """Return the conditions of a signal on which the alarms of these detectors are on, by detector."""
    alarms = tuple(alarm(name, START_MS + 90 * MINUTE_MS, DETECTORS[name]) for name in detectors)
    return {each.key.rpartition("/")[2]: each for each in drift_conditions(signal(100, drift_alarms=alarms))}


@pytest.mark.parametrize("detector", DETECTORS)
def test_an_alarm_is_told_in_words(detector: str) -> None:
    condition = found(detector)[detector]
    assert (condition.key, condition.tier.value, condition.holds) == (
        f"drift/BTCUSDT/{detector}",
        DETECTORS[detector].value,
        True,
    )
    assert "Since 2024-01-01 01:30 UTC" in condition.details
    assert "share of flat minutes: 0.01, 1." in condition.details
    anchor = detector.replace("_", "")
    assert f"docs/runbook.md#{anchor}" in condition.details
    assert f"\n### {anchor}\n" in (ROOT / "docs/runbook.md").read_text().lower()
    assert len(f"[volcast {condition.tier.value}] BTCUSDT.BINANCE: {condition.kind}") <= PHONE_CHARACTERS


def test_nothing_is_on_on_a_calm_signal() -> None:
    calm = found()
    assert set(calm) == set(DETECTORS) == set(DRIFT_TEXTS)
    assert not any(each.holds for each in calm.values())
    assert calm["price_frozen"].details == "BTCUSDT: the price moves again."


@pytest.mark.parametrize("cause", ["price_frozen", "candle_repeated"])
def test_nothing_is_said_about_the_forecast_while_the_candles_are_broken(cause: str) -> None:
    of_forecast = {
        "forecast_still",
        "forecast_shifted",
        "skill_lost",
        "forecast_biased",
        "forecast_miscalibrated",
        "inputs_moved",
    }
    assert found(cause, *sorted(of_forecast)).keys() == DETECTORS.keys() - of_forecast - {"volume_collapsed"}
    assert found("candles_missing", "skill_lost")["skill_lost"].holds


def test_a_page_about_the_forecast_silences_its_tickets() -> None:
    assert not {"forecast_biased", "forecast_miscalibrated", "skill_lost"} & set(
        found("forecast_still", "forecast_biased", "skill_lost")
    )
    assert found("forecast_biased")["forecast_biased"].holds


def test_causes_are_those_of_alertmanager() -> None:
    rules = yaml.safe_load((ROOT / "monitoring/alertmanager.yml").read_text())["inhibit_rules"]
    names = {name.replace("_", ""): name for name in DETECTORS}

    def silenced(cause: str) -> set[str]:
        """Return the detectors that Alertmanager silences while the alarm of one is on."""
        of_cause = [rule for rule in rules if cause in detectors(rule["source_matchers"])]
        return {name for rule in of_cause for name in detectors(rule["target_matchers"])}

    def detectors(matchers: list[str]) -> set[str]:
        words = matchers[0].partition('"')[2].strip('"').lower().split("|")
        return {names[word] for word in words if word in names}

    for cause in DETECTORS:
        assert found(cause).keys() == DETECTORS.keys() - silenced(cause)


def test_symbols_with_the_same_alarm_are_one_message() -> None:
    on = (alarm("price_frozen", START_MS),)
    signals = [signal(31, symbol=symbol, drift_alarms=on) for symbol in ("BTCUSDT", "ETHUSDT")]
    events = Alarms(900.0).step([each for one in signals for each in drift_conditions(one)], 1_000.0)
    (message,) = messages_of(events, 1_000.0)
    assert message.title == "[volcast page] BTCUSDT, ETHUSDT: price frozen"
    assert message.body.count("The price is frozen.") == 2
