"""The files that Grafana reads, as they should be: dashboards as JSON, alert rules as YAML."""

import json
from pathlib import Path

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from .data_drift import data_drift
from .model_performance import model_performance
from .rules import drift_rules
from .system_health import system_health

FOLDER = Path(__file__).parent
DASHBOARDS = FOLDER / "dashboards"
RULES = FOLDER / "provisioning/alerting/rules.yml"


def dashboards() -> dict[Path, Dashboard]:
    """Return the dashboards by the files that they belong in."""
    boards = (model_performance(), data_drift(), system_health())
    return {DASHBOARDS / f"{str(board.uid).removeprefix('volcast-')}.json": board for board in boards}


def made() -> dict[Path, str]:
    """Return the content of each generated file."""
    boards = dashboards()
    files = {path: json.dumps(board, cls=JSONEncoder, indent=1, sort_keys=True) + "\n" for path, board in boards.items()}
    head = "# Written by `make dashboards` from monitoring/grafana/rules.py.\n"
    rules = json.loads(json.dumps(drift_rules({str(board.uid): board for board in boards.values()}), cls=JSONEncoder))
    return files | {RULES: head + yaml.safe_dump(rules, sort_keys=False, width=130, allow_unicode=True)}
