"""Every query of the dashboards and of Grafana's alert rules, as Prometheus is asked: with values in the place of variables."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .files import DASHBOARDS, RULES

GRAFANA_VARIABLES = ("__rate_interval", "__interval", "__range")
"""Those of Grafana itself that our queries may use; a dashboard's own stand in its file."""


@dataclass(frozen=True)
class Query:
    """A query: PromQL with Grafana's variables in it, and where it stands."""

    where: str
    """Dashboard, panel and query, for a person."""
    expression: str
    legend: str = ""
    instant: bool = False

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the PromQL with values for its variables. Raises KeyError for a variable without one.

        >>> Query("", 'rate(x{symbol=~"$symbol"}[$__rate_interval])').filled({"symbol": "A|B", "__rate_interval": "20s"})
        'rate(x{symbol=~"A|B"}[20s])'
        """
        return re.sub(r"\$\{?(\w+)\}?", lambda found: values[found[1]], self.expression)

    @property
    def variables(self) -> set[str]:
        """The names of its variables."""
        return set(re.findall(r"\$\{?(\w+)\}?", self.expression))

    @property
    def labels(self) -> set[str]:
        """The labels that the name of a series is made of."""
        return set(re.findall(r"\{\{\s*(\w+)\s*\}\}", self.legend))


def read_dashboards() -> dict[str, dict[str, Any]]:
    """Return the committed dashboards by the names of their files."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(DASHBOARDS.glob("*.json"))}


def panels_of(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the panels of a dashboard, rows and those inside closed rows included."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels") or ()


def queries_of(name: str, board: Mapping[str, Any]) -> Iterator[Query]:
    """Yield the queries of a dashboard: of its variables, annotations and panels."""
    for variable in board.get("templating", {}).get("list", ()):
        if variable["type"] == "query":
            yield Query(f"{name}: variable {variable['name']}", label_values(variable["query"]["query"]))
    for annotation in board.get("annotations", {}).get("list", ()):
        target = annotation["target"]
        legend = annotation["titleFormat"] + annotation["textFormat"]
        yield Query(f"{name}: annotation {annotation['name']}", target["expr"], legend)
    for panel in panels_of(board):
        for target in panel.get("targets") or ():
            where = f"{name}: {panel['title']}, query {target['refId']}"
            yield Query(where, target["expr"], target.get("legendFormat", ""), target.get("instant", False))


def label_values(function: str) -> str:
    """Return PromQL whose series have the values that Grafana's function `label_values(metric, label)` returns.

    >>> label_values("label_values(up, job)")
    'group by (job) (up)'
    """
    found = re.fullmatch(r"label_values\((.+),\s*(\w+)\)", function)
    if not found:
        raise ValueError(f"{function} is not label_values(metric, label)")
    return f"group by ({found[2]}) ({found[1]})"


def queries_of_rules(path: Path = RULES) -> Iterator[Query]:
    """Yield the queries of Grafana's alert rules; those that Grafana computes itself are none."""
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            for query in rule["data"]:
                if "expr" in query["model"]:
                    legend = "".join(rule["annotations"].values()).replace(".Labels.", "")
                    yield Query(f"{path.name}: {rule['title']}", query["model"]["expr"], legend, instant=True)


def all_queries() -> list[Query]:
    """Return every query of the committed files."""
    of_dashboards = [query for name, board in read_dashboards().items() for query in queries_of(name, board)]
    return [*of_dashboards, *queries_of_rules()]
