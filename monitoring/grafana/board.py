"""A dashboard of ours: rows of panels with their numbers, the variables, annotations and links that all of them share."""

from collections.abc import Sequence
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard, prometheus
from grafana_foundation_sdk.models.dashboard import Dashboard as DashboardModel
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from .panels import BLUE, COLUMNS, ORANGE, PROMETHEUS, RED, RUNBOOK_TITLE, Panel, prose

MODEL_UID, DRIFT_UID, SYSTEM_UID = "volcast-model-performance", "volcast-data-drift", "volcast-system-health"
TAG = "volcast"
RUNBOOK = Path(__file__).parents[2] / "docs/runbook.md"
TIERS = {"page": RED, "ticket": ORANGE, "info": BLUE}
LEFT_TO_READER = {"info"}
"""Tiers whose annotations are off until somebody switches them on."""


def symbol_variable(*, several: bool) -> dashboard.QueryVariable:
    """Return the variable `symbol`: one of the symbols that the API knows, or several, at first all."""
    variable = (
        dashboard.QueryVariable("symbol")
        .label("Symbol")
        .datasource(PROMETHEUS)
        .query({"query": "label_values(volcast_candles, symbol)", "refId": "symbol"})
        .definition("label_values(volcast_candles, symbol)")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(several)
        .include_all(several)
    )
    if several:
        variable = variable.all_value(".*").current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    return variable


def window_variable() -> dashboard.IntervalVariable:
    """Return the variable `window`: over how long losses and coverage are averaged."""
    return (
        dashboard.IntervalVariable("window")
        .label("Averaged over")
        .values("15m,1h,6h,1d,7d,14d")
        .current(VariableOption(selected=True, text="1d", value="1d"))
    )


def drift_annotations(matcher: str) -> list[dashboard.AnnotationQuery]:
    """Return the alarms of the drift detectors as marks on every chart, from when until when they were on."""
    return [
        dashboard.AnnotationQuery()
        .name(f"drift: {tier}")
        .datasource(PROMETHEUS)
        .enable(tier not in LEFT_TO_READER)
        .icon_color(color)
        .target(
            prometheus.Dataquery()
            .ref_id("Anno")
            .expr(f'max by (symbol, detector) (volcast_drift_alarm{{tier="{tier}",{matcher}}})')
            .interval("15s")
        )
        .title_format("{{detector}}")
        .text_format(f"{{{{symbol}}}}: {tier}")
        .tag_keys("symbol,detector")
        for tier, color in TIERS.items()
    ]


def runbook_chapters(*names: str) -> str:
    """Return chapters of docs/runbook.md as Markdown. A name without a chapter raises ValueError."""
    text = RUNBOOK.read_text(encoding="utf-8")
    chapters = {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in text.split("\n## ")[1:]}
    if missing := [name for name in names if name not in chapters]:
        raise ValueError(f"{RUNBOOK} has no chapter {', '.join(missing)}; it has {', '.join(chapters)}")
    return "\n\n".join(f"## {name}\n\n{chapters[name]}" for name in names)


class Board:
    """A dashboard that is being made: rows in order. Panels are numbered by their place, rows included."""

    def __init__(self, uid: str, title: str, description: str, since: str) -> None:
        self._number = 0
        self._builder = (
            dashboard.Dashboard(title)
            .uid(uid)
            .description(description)
            .tags([TAG])
            .readonly()
            .refresh("30s")
            .time(f"now-{since}", "now")
            .timezone("browser")
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .link(
                dashboard.DashboardLink("other volcast dashboards")
                .type(DashboardLinkType.DASHBOARDS)
                .tags([TAG])
                .as_dropdown(False)  # noqa: FBT003  # Grafana's builder
                .keep_time(True)  # noqa: FBT003
                .include_vars(True)  # noqa: FBT003
            )
        )

    def ask(self, *variables: dashboard.QueryVariable | dashboard.IntervalVariable) -> None:
        """Add variables, in the order in which they are shown."""
        for variable in variables:
            self._builder.with_variable(variable)

    def mark(self, annotations: Sequence[dashboard.AnnotationQuery]) -> None:
        """Add annotations."""
        for annotation in annotations:
            self._builder.annotation(annotation)

    def row(self, title: str, *panels: Panel) -> None:
        """Add a row. The widths of its panels make whole lines."""
        self._builder.with_row(dashboard.Row(title).id(self._next()))
        width = 0
        for panel in panels:
            self._builder.with_panel(panel.id(self._next()))
            built = panel.build().grid_pos
            width += built.w if built else 0
        if width % COLUMNS:
            raise ValueError(f"the panels of the row {title} are {width} columns wide, which is no multiple of {COLUMNS}")

    def runbook(self, *chapters: str) -> None:
        """Add a closed row with chapters of the runbook."""
        row = dashboard.Row(RUNBOOK_TITLE).id(self._next())
        self._builder.with_row(row.with_panel(prose("What to do", runbook_chapters(*chapters)).id(self._next())))

    def build(self) -> DashboardModel:
        """Return the dashboard."""
        return self._builder.build()

    def _next(self) -> int:
        self._number += 1
        return self._number
