"""Which drift alert silences which, asked of the real Alertmanager with our configuration."""

import time
from pathlib import Path

import httpx

from monitoring.local import Server, alertmanager
from tests.monitoring.test_alerts import GROUPS, RULES

SEVERITIES = {rule["alert"]: rule["labels"]["severity"] for rule in RULES}
ALERTS = [rule["alert"] for group in GROUPS if group["name"] in {"forecast", "data"} for rule in group["rules"]]
OF_FORECAST = {"ForecastStill", "ForecastShifted", "SkillLost", "ForecastBiased", "ForecastMiscalibrated", "InputsMoved"}
CONSEQUENCES = {
    "NoFreshCandle": {*OF_FORECAST, "PriceFrozen", "CandleRepeated", "VolumeCollapsed"},
    "PriceFrozen": {*OF_FORECAST, "VolumeCollapsed"},
    "CandleRepeated": {*OF_FORECAST, "VolumeCollapsed"},
    "ForecastStill": {"SkillLost", "ForecastBiased", "ForecastMiscalibrated"},
    "ForecastShifted": {"SkillLost", "ForecastBiased", "ForecastMiscalibrated"},
    "SkillLost": {"ForecastBiased", "ForecastMiscalibrated"},
    "CandlesMissing": {"CandlesSparse"},
}
PAIRS = [(cause, alert) for cause in ("NoFreshCandle", *ALERTS) for alert in ALERTS if alert != cause]
SETTLES_S = 10.0


def alert(name: str, symbol: str) -> dict[str, dict[str, str]]:
    return {"labels": {"alertname": name, "symbol": symbol, "severity": SEVERITIES[name]}, "annotations": {}}


def silent(server: Server) -> set[tuple[str, str]]:
    """Return name and symbol of the alerts that are silenced."""
    shown = server.get("/api/v2/alerts", active="false", inhibited="true")
    return {(each["labels"]["alertname"], each["labels"]["symbol"]) for each in shown if each["status"]["inhibitedBy"]}


def test_a_cause_silences_what_follows_from_it_for_its_symbol_alone(tmp_path: Path) -> None:
    """Each pair of alerts has a symbol of its own; the pairs of the control have two."""
    control = [alert(name, f"{cause}-{other}-of-{name}") for cause, other in PAIRS for name in (cause, other)]
    fired = [alert(name, f"{cause}-{other}") for cause, other in PAIRS for name in (cause, other)]
    expected = {(name, f"{cause}-{name}") for cause, names in CONSEQUENCES.items() for name in names}
    expected |= {(name, f"{name}-{cause}") for cause, names in CONSEQUENCES.items() for name in names if cause in ALERTS}
    with alertmanager(tmp_path, {}) as server:
        httpx.post(f"{server.url}/api/v2/alerts", json=[*control, *fired], trust_env=False).raise_for_status()
        deadline_s = time.monotonic() + SETTLES_S
        while (found := silent(server)) != expected and time.monotonic() < deadline_s:
            time.sleep(0.1)
    assert found == expected
