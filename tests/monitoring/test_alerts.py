"""The alert rules: each is tested, explained, and about metrics that exist. The tools are those of Prometheus itself."""

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from api.app import create_app
from api.view import View
from tests.api.signals import now_at, signals
from tests.docs_tables import metric_collectors
from volcast.core.drift.detector import AnyDetector
from volcast.core.drift.monitor import DriftMonitor

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "monitoring"
GROUPS: list[dict[str, Any]] = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
TESTS: list[dict[str, Any]] = yaml.safe_load((MONITORING / "alerts_test.yml").read_text())["tests"]
ALERTMANAGER = (MONITORING / "alertmanager.yml").read_text()
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
SEVERITIES = {"page", "ticket", "info"}
NOT_METRICS = {"and", "or", "unless", "on", "by", "offset", "bool", "ignoring", "without", "group_left", "group_right"}
OF_PROMETHEUS = {"up"}
SUFFIXES = {"counter": ("_total",), "histogram": ("", "_bucket", "_sum", "_count")}
PHONE_CHARACTERS = 70


def tool(name: str) -> str:
    """Return the path of `promtool` or `amtool`; without it the test fails: nothing else knows whether the files are right."""
    package = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}[name]
    found = shutil.which(name)
    assert found, f"{name} is not on the PATH: apt-get install --no-install-recommends {package}"
    return found


def run(*command: str, cwd: Path = MONITORING, stdin: str = "") -> str:
    """Run a tool, which must succeed, and return what it printed. It looks for garbage less often: a third of its time."""
    environment = os.environ | {"GOGC": "800"}
    done = subprocess.run(command, cwd=cwd, input=stdin, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def metrics_of(expression: str) -> set[str]:
    """Return the names of the metrics in a PromQL expression.

    >>> sorted(metrics_of('sum by (le) (rate(a_bucket{x="b"}[5m])) > 0.5 and on (c) d == 1'))
    ['a_bucket', 'd']
    """
    bare = re.sub(
        r"\{[^}]*\}|\[[^]]*\]|\b(on|by|ignoring|without|offset|group_left|group_right)\s*(\([^)]*\)|\d+\w)", " ", expression
    )
    return set(re.findall(r"\b[a-zA-Z_][a-zA-Z0-9_]*\b(?!\s*\()", bare)) - NOT_METRICS


def existing_metrics() -> set[str]:
    families = [family for collectors in metric_collectors().values() for each in collectors for family in each.collect()]
    return {family.name + suffix for family in families for suffix in SUFFIXES.get(family.type, ("",))} | OF_PROMETHEUS


def cases(alert: str, *, fires: bool) -> list[dict[str, Any]]:
    """Return the tests in which this alert is expected to fire, or to be silent."""
    return [
        test
        for test in TESTS
        for case in test["alert_rule_test"]
        if case["alertname"] == alert and bool(case["exp_alerts"]) == fires
    ]


def test_the_rules_are_valid_and_pass_their_tests() -> None:
    run(tool("promtool"), "check", "rules", "alerts.yml")
    run(tool("promtool"), "test", "rules", "alerts_test.yml")


def test_prometheus_loads_the_rules() -> None:
    assert f"{len(RULES)} rules found" in run(tool("promtool"), "check", "config", "prometheus.yml")


def test_the_tests_fail_if_a_rule_is_broken(tmp_path: Path) -> None:
    some = yaml.safe_load((MONITORING / "alerts_test.yml").read_text()) | {"tests": cases("FeedDisconnected", fires=True)}
    (tmp_path / "alerts_test.yml").write_text(yaml.safe_dump(some))
    broken = (MONITORING / "alerts.yml").read_text().replace("volcast_live_connections == 0", "volcast_live_connections == 7")
    (tmp_path / "alerts.yml").write_text(broken)
    done = subprocess.run([tool("promtool"), "test", "rules", "alerts_test.yml"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode != 0
    assert b"FeedDisconnected fires" in done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_is_tested_both_ways(rule: dict[str, Any]) -> None:
    assert cases(rule["alert"], fires=True), "no test in which it fires"
    silent = cases(rule["alert"], fires=False)
    assert silent, "no test in which it is silent"
    series = {re.split("{", each["series"])[0] for test in silent for each in test["input_series"]}
    assert series & metrics_of(rule["expr"]), "silent for want of data, which shows nothing"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_is_explained(rule: dict[str, Any]) -> None:
    assert set(rule["labels"]) == {"severity"}
    assert rule["labels"]["severity"] in SEVERITIES
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook"}
    assert notes["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
    assert notes["description"].endswith(".")
    section = re.search(rf"^### {rule['alert']}\n(.*?)(?=^##|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert section, "no section in docs/runbook.md"
    assert f"*{rule['labels']['severity']}*" in section[1]
    assert [part for part in ("**What it means.**", "**How to look.**", "**What to do.**") if part not in section[1]] == []


def test_the_runbook_is_about_rules_that_exist() -> None:
    assert re.findall(r"^### (\w+)$", RUNBOOK, re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_a_summary_fits_a_phone() -> None:
    """As it is filled in by the tests."""
    filled = [alert for test in TESTS for case in test["alert_rule_test"] for alert in case["exp_alerts"]]
    summaries = [each["exp_annotations"]["summary"] for each in filled]
    assert len(summaries) >= len(RULES)
    assert [each for each in summaries if len(each) > PHONE_CHARACTERS] == []


@pytest.mark.parametrize("detector", DriftMonitor().detectors, ids=lambda each: each.name)
def test_each_drift_detector_has_a_rule(detector: AnyDetector) -> None:
    """GET /drift names the section of the runbook by the detector."""
    [rule] = [each for each in RULES if each["alert"].lower() == detector.name.replace("_", "")]
    assert rule["labels"]["severity"] == detector.tier.value
    names = {f'volcast_drift_alarm{{detector="{detector.name}"}}', "data_drift_ratio unless"}
    assert any(name in rule["expr"] for name in names)


def test_causes_silence_drift_alarms_of_the_same_symbol_alone() -> None:
    """The forecast's alarms are nobody's business while there is no feed, or a broken one."""
    of_forecast = {rule["alert"] for group in GROUPS if group["name"] == "forecast" for rule in group["rules"]}
    assert "ForecastStill" in of_forecast
    for cause in ("NoFreshCandle", "PriceFrozen", "CandleRepeated"):
        silenced: set[str] = set()
        for rule in yaml.safe_load(ALERTMANAGER)["inhibit_rules"]:
            sources, targets = (" ".join(rule[f"{which}_matchers"]) for which in ("source", "target"))
            if cause in re.findall(r"\w+", sources) and of_forecast & set(re.findall(r"\w+", targets)):
                assert rule["equal"] == ["symbol"]
                silenced |= set(re.findall(r"\w+", targets))
        assert of_forecast - silenced == set()


def test_rules_and_runbook_name_metrics_that_exist() -> None:
    existing = existing_metrics()
    assert "prediction_latency_seconds_bucket" in existing
    used = {name for rule in RULES for name in metrics_of(rule["expr"])}
    used |= {re.split("{", each["series"])[0] for test in TESTS for each in test["input_series"]}
    used |= set(re.findall(r"\b(?:volcast|http|process|prediction|model)_[a-z0-9_]+", RUNBOOK))
    assert used - existing == set()


def test_a_metric_that_does_not_exist_is_found() -> None:
    assert metrics_of("rate(volcast_no_such_total[5m]) > 0") - existing_metrics() == {"volcast_no_such_total"}


def test_promtool_finds_nothing_in_the_metrics_of_the_api() -> None:
    view = View(180)
    for signal in signals(61):
        view.put(signal, 0.0)

    async def scrape() -> str:
        app = create_app(view, now=lambda: now_at(signals(61)[-1], 1.0, 1.0))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
            await client.get("/latest")
            return (await client.get("/metrics")).text

    text = asyncio.run(scrape())
    assert 'http_requests_total{method="GET",route="/latest",status="200"} 1.0' in text
    assert run(tool("promtool"), "check", "metrics", stdin=text) == ""


def checkable(config: str) -> str:
    """Return a configuration that the installed amtool can check: one before 0.28 knows only some secrets files."""
    version = re.search(r"version (\d+)\.(\d+)", run(tool("amtool"), "--version"))
    assert version
    if (int(version[1]), int(version[2])) >= (0, 28):
        return config
    inline = {"url_file": "url: http://127.0.0.1/", "bot_token_file": "bot_token: secret"}
    inline |= {f"{key}_url_file": f"{key}_url: http://127.0.0.1/" for key in ("api", "webhook")}
    return re.sub(r"\b(\w+_file): \S+", lambda found: inline.get(found[1], found[0]), config)


@pytest.mark.parametrize("channels", [False, True], ids=["as it is", "with all channels"])
def test_the_configuration_of_alertmanager_is_valid(tmp_path: Path, *, channels: bool) -> None:
    text = ALERTMANAGER.replace("#: ", "") if channels else ALERTMANAGER
    receivers = {each["name"]: set(each) - {"name"} for each in yaml.safe_load(text)["receivers"]}
    assert (receivers["page"] == set()) is not channels
    (tmp_path / "alertmanager.yml").write_text(checkable(text))
    assert "SUCCESS" in run(tool("amtool"), "check-config", "alertmanager.yml", cwd=tmp_path)


@pytest.mark.parametrize("severity", sorted(SEVERITIES))
def test_alertmanager_routes_by_severity(severity: str) -> None:
    routed = run(tool("amtool"), "config", "routes", "test", "--config.file=alertmanager.yml", f"severity={severity}")
    assert routed.split()[0] == severity


def test_alertmanager_silences_alerts_that_exist() -> None:
    names = {rule["alert"] for rule in RULES}
    matchers = [
        text
        for rule in yaml.safe_load(ALERTMANAGER)["inhibit_rules"]
        for text in (*rule["source_matchers"], *rule["target_matchers"])
    ]
    named = [name for text in matchers if (found := re.fullmatch(r'alertname=~?"(.*)"', text)) for name in found[1].split("|")]
    assert len(named) > 20
    assert set(named) - names == set()
