"""How a panel of ours looks, in terms of Grafana's builders: one function for each kind of panel.

Every panel has a description, which says what a good value is. A graph with a series for each symbol shows the ten that matter
most, by `topk`.
"""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard, prometheus, stat, statetimeline, table, text, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    DataSourceRef,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    ScaleDistribution,
    SortOrder,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="volcast-prometheus")
"""The datasource in provisioning/datasources/volcast.yml."""
GREEN, YELLOW, ORANGE, RED, BLUE, GREY = "green", "yellow", "orange", "red", "blue", "#9a9a9a"
COLUMNS = 24
GRAPH_HEIGHT, STAT_HEIGHT, TEXT_HEIGHT = 8, 4, 24
RUNBOOK_TITLE = "Runbook"

Steps = Sequence[tuple[float | None, str]]
"""Thresholds: from which value on, which color; the first has no value."""
Panel = stat.Panel | timeseries.Panel | statetimeline.Panel | table.Panel | text.Panel
Queries = Mapping[str, str]
"""Expressions by the name of their series: a text, or a template such as {{symbol}}."""


def _thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(value, color) for value, color in steps])


def _query(position: int, expression: str, legend: str, *, instant: bool = False) -> prometheus.Dataquery:
    query = prometheus.Dataquery().datasource(PROMETHEUS).expr(expression).legend_format(legend).ref_id(chr(ord("A") + position))
    return query.instant() if instant else query.range()


def number(
    title: str,
    description: str,
    queries: Queries | str,
    *,
    unit: str,
    steps: Steps = ((None, BLUE),),
    span: int = 4,
    decimals: int | None = None,
    texts: Mapping[str, tuple[str, str]] | None = None,
    no_value: str = "–",
) -> stat.Panel:
    """Return a panel with large numbers: those of now. `texts` are words, with their colors, in the place of values.

    The queries are instant ones: the last value of a range may be that of a series that ended an hour ago.
    """
    by_name = {"__auto": queries} if isinstance(queries, str) else queries
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .targets([_query(at, each, name, instant=True) for at, (name, each) in enumerate(by_name.items())])
        .unit(unit)
        .thresholds(_thresholds(steps))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.AUTO)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .no_value(no_value)
        .height(STAT_HEIGHT)
        .span(span)
    )
    if texts:
        options = {value: ValueMappingResult(text=word, color=color) for value, (word, color) in texts.items()}
        panel = panel.mappings([ValueMap(options)])
    return panel if decimals is None else panel.decimals(decimals)


def state(title: str, description: str, expression: str, *, span: int = 4, no_value: str = "–") -> stat.Panel:
    """Return a panel that shows the name of the series whose value is 1. `expression` has one label."""
    label = "{{status}}"
    return number(title, description, {label: expression}, unit="none", span=span, no_value=no_value).text_mode(
        BigValueTextMode.NAME
    )


def graph(
    title: str,
    description: str,
    queries: Queries,
    *,
    unit: str,
    span: int = 12,
    limit: float | None = None,
    minimum: float | None = 0.0,
    maximum: float | None = None,
    colors: Mapping[str, str] | None = None,
    band: tuple[str, str] | None = None,
    stacked: bool = False,
    logarithmic: bool = False,
) -> timeseries.Panel:
    """Return a panel of lines over time.

    `limit` is drawn as a red line. `band` names the series of the lower and of the upper bound, between which it is filled.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .targets([_query(at, each, name) for at, (name, each) in enumerate(queries.items())])
        .unit(unit)
        .line_width(1)
        .fill_opacity(15 if stacked else 0)
        .show_points(VisibilityMode.NEVER)
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)  # noqa: FBT003  # Grafana's builder
        )
        .tooltip(common_builders.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .height(GRAPH_HEIGHT)
        .span(span)
    )
    if minimum is not None:
        panel = panel.min(minimum)
    if logarithmic:
        panel = panel.scale_distribution(common_builders.ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10))
    if maximum is not None:
        panel = panel.max(maximum)
    if limit is not None:
        panel = panel.thresholds(_thresholds([(None, "transparent"), (limit, RED)]))
        panel = panel.thresholds_style(common_builders.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.LINE))
    for name, color in (colors or {}).items():
        panel = panel.override_by_name(
            name, [DynamicConfigValue("color", {"mode": FieldColorModeId.FIXED.value, "fixedColor": color})]
        )
    if band:
        lower, upper = band
        faint = DynamicConfigValue("custom.lineWidth", 0)
        panel = panel.override_by_name(
            upper, [DynamicConfigValue("custom.fillBelowTo", lower), DynamicConfigValue("custom.fillOpacity", 18), faint]
        ).override_by_name(lower, [faint])
    return panel


def states(
    title: str, description: str, expression: str, legend: str, *, texts: Mapping[str, tuple[str, str]], span: int, height: int
) -> statetimeline.Panel:
    """Return a panel of bars over time: when each series was there. `texts` are words and colors by value."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .with_target(_query(0, expression, legend))
        .mappings([ValueMap({value: ValueMappingResult(text=word, color=color) for value, (word, color) in texts.items()})])
        .show_value(VisibilityMode.NEVER)
        .no_value("no alarm")
        .height(height)
        .span(span)
    )


def rows(
    title: str,
    description: str,
    queries: Queries,
    *,
    units: Mapping[str, tuple[str, Steps]],
    order: Sequence[str],
    span: int = COLUMNS,
    height: int = GRAPH_HEIGHT,
) -> table.Panel:
    """Return a table of the newest values, a row for each set of labels. `queries` are by column.

    `units` has unit and thresholds of the columns with numbers. `order` names all columns, labels included; others are hidden.
    """
    fields = {name: f"Value #{chr(ord('A') + at)}" if len(queries) > 1 else "Value" for at, name in enumerate(queries)}
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .targets([_query(at, each, "", instant=True).format(PromQueryFormat.TABLE) for at, each in enumerate(queries.values())])
        .transformations(
            [
                DataTransformerConfig(id_val="merge", options={}),
                DataTransformerConfig(
                    id_val="organize",
                    options={
                        "excludeByName": {"Time": True} | {field: True for name, field in fields.items() if name not in order},
                        "indexByName": {fields.get(name, name): at for at, name in enumerate(order)},
                        "renameByName": {field: name for name, field in fields.items()},
                    },
                ),
            ]
        )
        .no_value("–")
        .height(height)
        .span(span)
    )
    for name, (unit, steps) in units.items():
        colored = [DynamicConfigValue("custom.cellOptions", {"type": "color-text"})] if len(steps) > 1 else []
        panel = panel.override_by_name(
            name,
            [
                DynamicConfigValue("unit", unit),
                DynamicConfigValue("thresholds", _thresholds(steps).build().to_json()),
                *colored,
            ],
        )
    return panel


def prose(title: str, content: str, *, span: int = COLUMNS, height: int = TEXT_HEIGHT) -> text.Panel:
    """Return a panel of Markdown."""
    return text.Panel().title(title).content(content).height(height).span(span)
