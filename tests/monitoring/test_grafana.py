"""Grafana's files: current, complete, and about what exists. Grafana is not run: its builders' types read the dashboards."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from monitoring.grafana.board import RUNBOOK, runbook_chapters
from monitoring.grafana.files import FOLDER, made
from monitoring.grafana.queries import GRAFANA_VARIABLES, Query, all_queries, panels_of, read_dashboards
from tests.monitoring import provisioning
from tests.monitoring.test_alerts import RULES as PROMETHEUS_RULES
from tests.monitoring.test_alerts import SEVERITIES, existing_metrics, metrics_of

ROOT = Path(__file__).parents[2]
BOARDS = read_dashboards()
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in panels_of(board)]
CHARTS = [(name, panel) for name, panel in PANELS if panel["type"] not in {"row", "text"}]
PROVISIONING = FOLDER / "provisioning"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
PROMETHEUS = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text())
UNITS = {value for value in vars(units).values() if isinstance(value, str)}
EXISTING = existing_metrics() | {"ALERTS"}


def read(path: str, schema: type) -> Any:
    return msgspec.convert(yaml.safe_load((PROVISIONING / path).read_text()), schema, strict=True)


def titles(values: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [f"{name}-{panel['title']}" for name, panel in values]


def test_the_committed_files_are_current() -> None:
    stale = [str(path) for path, content in made().items() if not path.exists() or path.read_text() != content]
    assert stale == [], "make dashboards"
    assert set(made()) == {*(FOLDER / "dashboards").iterdir(), PROVISIONING / "alerting/rules.yml"}


def test_there_are_three_dashboards() -> None:
    assert {board["title"] for board in BOARDS.values()} == {
        "volcast: model performance",
        "volcast: data drift",
        "volcast: system health",
    }
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_the_types_of_grafana_know_every_field(name: str) -> None:
    """What is read by the types and written again is the file: no field, option of a panel or query was dropped or unknown."""
    register_default_plugins()
    read_back = json.loads(json.dumps(Dashboard.from_json(BOARDS[name]), cls=JSONEncoder))
    assert read_back == BOARDS[name]


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_their_own_number_and_place(name: str) -> None:
    panels = list(panels_of(BOARDS[name]))
    assert [number for number, count in Counter(panel["id"] for panel in panels).items() if count > 1] == []
    taken: Counter[tuple[int, int]] = Counter()
    for panel in BOARDS[name]["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        taken.update((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"]))
    assert [cell for cell, count in taken.items() if count > 1] == []
    height = max(y for _, y in taken) + 1
    assert [y for y in range(height) if not any((x, y) in taken for x in range(24))] == []


@pytest.mark.parametrize(("name", "panel"), CHARTS, ids=titles(CHARTS))
def test_a_panel_explains_itself(name: str, panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["datasource"]["uid"] == read("datasources/volcast.yml", provisioning.Datasources).datasources[0].uid
    assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    unit = panel["fieldConfig"]["defaults"].get("unit")
    assert panel["type"] in {"table", "state-timeline"} or unit in UNITS, f"unit {unit} is none of Grafana's"


@pytest.mark.parametrize("query", all_queries(), ids=lambda query: query.where)
def test_a_query_is_about_metrics_and_variables_that_exist(query: Query) -> None:
    board = BOARDS.get(query.where.partition(":")[0], {})
    own = {variable["name"] for variable in board.get("templating", {}).get("list", ())}
    assert query.variables <= own | set(GRAFANA_VARIABLES)
    used = metrics_of(query.filled(dict.fromkeys(query.variables, "1m")))
    assert used
    assert used - EXISTING == set()


@pytest.mark.parametrize("query", [each for each in all_queries() if "symbol" in each.labels], ids=lambda query: query.where)
def test_a_chart_does_not_show_every_symbol_as_a_line(query: Query) -> None:
    chart = query.where.endswith("query A") and not query.instant
    assert not chart or query.expression.startswith(("topk(", "bottomk("))


def test_a_large_number_is_of_now() -> None:
    """The last value of a range may be that of a series that ended an hour ago."""
    asked = [target for _, panel in CHARTS if panel["type"] in {"stat", "table"} for target in panel["targets"]]
    assert len(asked) > 20
    assert [target["expr"] for target in asked if not target["instant"] or target["range"]] == []


@pytest.mark.parametrize("name", BOARDS)
def test_the_page_has_a_small_picture(name: str) -> None:
    picture = (ROOT / "docs/pictures" / name).with_suffix(".png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 150_000
    assert f"(pictures/{picture.name})" in (ROOT / "docs/monitoring.md").read_text()


def test_the_runbook_is_in_the_dashboards() -> None:
    texts = "".join(panel["options"]["content"] for _, panel in PANELS if panel["type"] == "text")
    missing = [rule["alert"] for rule in PROMETHEUS_RULES if f"### {rule['alert']}\n" not in texts]
    assert missing == []


def test_a_chapter_of_the_runbook_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=f"{RUNBOOK} has no chapter Weather; it has Feed, "):
        runbook_chapters("Feed", "Weather")


def test_alerts_that_panels_name_exist_and_have_that_limit() -> None:
    rules = {rule["alert"]: rule["expr"] for rule in PROMETHEUS_RULES}
    named = {
        (alert, number)
        for _, panel in CHARTS
        for alert, number in re.findall(r"\b([A-Z][a-z]+(?:[A-Z][a-z]+)+) fires above (\d+(?:\.\d+)?)", panel["description"])
    }
    assert len(named) >= 5
    assert {alert for alert, _ in named} <= set(rules)


def test_the_datasources() -> None:
    prometheus, alertmanager = read("datasources/volcast.yml", provisioning.Datasources).datasources
    data = msgspec.convert(prometheus.jsonData, provisioning.PrometheusJsonData)
    assert data.timeInterval == PROMETHEUS["global"]["scrape_interval"]
    assert not msgspec.convert(alertmanager.jsonData, provisioning.AlertmanagerJsonData).handleGrafanaManagedAlerts
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for source in (prometheus, alertmanager):
        host, port = source.url.removeprefix("http://").split(":")
        assert services[host]["ports"][0].endswith(f":{port}")


def test_the_dashboards_are_where_the_provider_looks() -> None:
    (provider,) = read("dashboards/volcast.yml", provisioning.Providers).providers
    mounts = {mount.split(":")[1]: mount.split(":")[0] for mount in COMPOSE["volumes"]}
    assert mounts[provider.options.path] == "./monitoring/grafana/dashboards"
    assert mounts["/etc/grafana/provisioning"] == "./monitoring/grafana/provisioning"


def test_the_alert_rules_belong_to_panels_and_ask_the_datasource() -> None:
    (group,) = read("alerting/rules.yml", provisioning.Rules).groups
    uids = {source.uid for source in read("datasources/volcast.yml", provisioning.Datasources).datasources} | {"__expr__"}
    boards = {board["uid"]: {panel["id"]: panel for panel in panels_of(board)} for board in BOARDS.values()}
    assert len({rule.uid for rule in group.rules}) == len(group.rules)
    for rule in group.rules:
        assert boards[rule.dashboardUid][rule.panelId]["type"] in {"timeseries", "state-timeline"}
        assert {query.datasourceUid for query in rule.data} <= uids
        assert rule.condition in {query.refId for query in rule.data}
        assert rule.labels["severity"] in SEVERITIES
        assert set(rule.annotations) == {"summary", "description", "runbook"}


def test_the_alert_rules_are_those_of_prometheus_and_are_not_sent_twice() -> None:
    (group,) = read("alerting/rules.yml", provisioning.Rules).groups
    of_prometheus = {rule["alert"]: rule for rule in PROMETHEUS_RULES}
    for rule in group.rules:
        assert rule.labels["severity"] == of_prometheus[rule.title]["labels"]["severity"]
        (query,) = [each.model["expr"] for each in rule.data if "expr" in each.model]
        assert metrics_of(query) == metrics_of(of_prometheus[rule.title]["expr"])
    policies = read("alerting/policies.yml", provisioning.Policies)
    (policy,) = policies.policies
    (route,) = policy.routes
    assert route.object_matchers == [("alertname", "=~", ".+")]
    assert route.mute_time_intervals == [policies.muteTimes[0].name]
    assert policies.muteTimes[0].time_intervals[0].times == [provisioning.Times(start_time="00:00", end_time="24:00")]


def test_grafana_lets_nobody_in_without_a_password_and_calls_nobody() -> None:
    environment = COMPOSE["environment"]
    assert "GF_AUTH_ANONYMOUS_ENABLED" not in environment
    assert environment["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_PASSWORD:-")
    assert environment["GF_ANALYTICS_REPORTING_ENABLED"] == "false"
    assert environment["GF_USERS_ALLOW_SIGN_UP"] == "false"
