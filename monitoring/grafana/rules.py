"""Grafana's own alert rules on drift: the same conditions as the rules of Prometheus, so that the charts show them.

Prometheus' rules are the ones that are sent, by Alertmanager. Grafana's show their state in its own list and on the panels, and
its notification policy is silent (provisioning/alerting/policies.yml), so that nobody is told twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    summary: str
    description: str


def _by_tier(title: str, tier: str, panel: str, consequence: str) -> DriftRule:
    return DriftRule(
        title=title,
        severity=tier,
        query=f'max by (symbol, detector, tier) (volcast_drift_alarm{{tier="{tier}"}})',
        above=0.0,
        pending="0s",
        panel=panel,
        summary="{{ .Labels.symbol }}: {{ .Labels.detector }}",
        description=f"{consequence} GET /drift/{{{{ .Labels.symbol }}}} has the evidence.",
    )


DRIFT_RULES = (
    _by_tier("DriftPage", "page", "When alarms were on", "The forecast has lost its skill, or the candles are broken."),
    _by_tier("DriftTicket", "ticket", "When alarms were on", "Calibration is off, or candles are missing or suspect."),
    DriftRule(
        title="DataDrift",
        severity="info",
        query="max by (symbol) (data_drift_ratio)",
        above=0.15,
        pending="1h",
        panel="Share of inputs that drift",
        summary="{{ .Labels.symbol }}: {{ humanizePercentage .Values.A.Value }} of the inputs drift",
        description="More than 15 % of the monitored inputs are further off than 99 % of real history. The forecast adapts.",
    ),
)


def drift_rules(boards: Mapping[str, Dashboard]) -> dict[str, Any]:
    """Return the content of Grafana's file of alert rules. `boards` are by uid: rules belong to panels of theirs."""
    numbers = {
        panel.title: panel.id_val for panel in boards[DRIFT_UID].panels or [] if not isinstance(panel, RowPanel) and panel.title
    }
    rules = [_rule(rule, numbers[rule.panel]) for rule in DRIFT_RULES]
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
        "annotations": {
            "summary": rule.summary,
            "description": rule.description,
            "runbook": f"docs/runbook.md#{rule.title.lower()}",
        },
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
