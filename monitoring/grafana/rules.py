"""Grafana's own alert rules on drift: made from those of Prometheus, so that the charts show them.

Prometheus' rules are the ones that are sent, by Alertmanager. Grafana's show their state in its own list and on the panels, and
its notification policy is silent (provisioning/alerting/policies.yml), so that nobody is told twice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from grafana_foundation_sdk.builders import alerting as builders
from grafana_foundation_sdk.builders import expr, prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import alerting
from grafana_foundation_sdk.models.alerting import RelativeTimeRange
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import Dashboard, RowPanel

from .board import DRIFT_UID
from .panels import PROMETHEUS

ALERTS = Path(__file__).parents[1] / "alerts.yml"
DRIFT_METRICS = r"\b(volcast_drift_alarm|data_drift_ratio)\b"
EXPRESSIONS_UID = "__expr__"
"""Grafana's name for what it computes itself."""
WINDOW_S = 600
INTERVAL = "30s"


@dataclass(frozen=True)
class DriftRule:
    """An alert rule: it fires for each series of `query` that is above `above`."""

    title: str
    severity: str
    query: str
    above: float
    pending: str
    panel: str
    """Title of the panel that shows its state."""
    annotations: Mapping[str, str]


def read_drift_rules(path: Path = ALERTS) -> list[DriftRule]:
    """Return Prometheus' rules about drift in Grafana's words."""
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    return [_converted(rule) for group in groups for rule in group["rules"] if re.search(DRIFT_METRICS, rule["expr"])]


def _converted(rule: Mapping[str, Any]) -> DriftRule:
    query, _, above = rule["expr"].partition(" > ")
    return DriftRule(
        title=rule["alert"],
        severity=rule["labels"]["severity"],
        query=query,
        above=float(above or 0.0),
        pending=rule["for"],
        panel="Share of inputs that drift" if "data_drift_ratio" in query else "When alarms were on",
        annotations={name: _template(text) for name, text in rule["annotations"].items()},
    )


def _template(text: str) -> str:
    """Return a template of Prometheus as one of Grafana.

    >>> _template("{{ $value | humanizePercentage }} of {{ $labels.symbol }}")
    '{{ humanizePercentage .Values.A.Value }} of {{ .Labels.symbol }}'
    """
    text = text.replace("{{ $labels.", "{{ .Labels.")
    return re.sub(r"\{\{ \$value \| (\w+) \}\}", r"{{ \1 .Values.A.Value }}", text)


def drift_rules(boards: Mapping[str, Dashboard]) -> dict[str, Any]:
    """Return the content of Grafana's file of alert rules. `boards` are by uid: rules belong to panels of theirs."""
    numbers = {
        panel.title: panel.id_val for panel in boards[DRIFT_UID].panels or [] if not isinstance(panel, RowPanel) and panel.title
    }
    rules = [_rule(rule, numbers[rule.panel]) for rule in read_drift_rules()]
    return {
        "apiVersion": 1,
        "groups": [{"orgId": 1, "name": "drift", "folder": "volcast", "interval": INTERVAL, "rules": rules}],
    }


def _rule(rule: DriftRule, panel: int | None) -> dict[str, Any]:
    return {
        "uid": f"volcast-{rule.title.lower()}",
        "title": rule.title,
        "condition": "B",
        "data": [_values(rule.query), _threshold(rule.above)],
        "dashboardUid": DRIFT_UID,
        "panelId": panel,
        "noDataState": "OK",  # no alarm is on: then there is no series
        "execErrState": "Error",
        "for": rule.pending,
        "annotations": dict(rule.annotations),
        "labels": {"severity": rule.severity},
    }


def _values(query: str) -> alerting.Query:
    model = prometheus.Dataquery().datasource(PROMETHEUS).expr(query).instant().ref_id("A")
    return _query("A", str(PROMETHEUS.uid), model)


def _threshold(above: float) -> alerting.Query:
    evaluator = expr.ExprTypeThresholdConditionsEvaluator().params([above]).type("gt")
    condition = expr.ExprTypeThresholdConditions().evaluator(evaluator)
    model = expr.TypeThreshold().conditions([condition]).expression("A").ref_id("B")
    return _query("B", EXPRESSIONS_UID, model.datasource(DataSourceRef(type_val=EXPRESSIONS_UID, uid=EXPRESSIONS_UID)))


def _query(ref_id: str, datasource_uid: str, model: Builder[Dataquery]) -> alerting.Query:
    seconds = RelativeTimeRange(from_val=WINDOW_S, to=0)
    return builders.Query(ref_id).datasource_uid(datasource_uid).relative_time_range(seconds).model(model).build()
