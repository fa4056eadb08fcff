"""Panels drawn with matplotlib: numbers, lines, bars and tables at the places that a dashboard gives them."""

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from .panels import COLUMNS

mpl.use("Agg")
COLUMN_IN, ROW_IN, DPI, HEAD_IN = 0.46, 0.29, 80, 0.55
COLORS = {
    "green": "#3a8f3a",
    "yellow": "#b8860b",
    "orange": "#e07b00",
    "red": "#c4162a",
    "blue": "#1f60c4",
    "transparent": "#cccccc",
}
PALETTE = ("#1f60c4", "#e07b00", "#3a8f3a", "#8f3bb8", "#c4162a", "#00838f", "#b8860b", "#6d4c41", "#5c6bc0", "#9a9a9a")
Marks = Sequence[tuple[str, Sequence[float]]]
"""Colors, and the times at which something of that color began."""


@dataclass(frozen=True)
class Series:
    """A line: its name, and its points as times and values."""

    name: str
    points: list[tuple[float, float]]


def series_name(legend: str, labels: Mapping[str, str]) -> str:
    """Return the name of a series as Grafana makes it.

    >>> series_name("{{symbol}}: {{tier}}", {"symbol": "BTCUSDT", "tier": "page"})
    'BTCUSDT: page'
    """
    return "" if legend == "__auto" else re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), legend)


def formatted(value: float, unit: str, decimals: int | None = None) -> str:
    """Return a number in its unit.

    >>> formatted(0.1234, "percentunit"), formatted(0.0042, "s"), formatted(154_652_672, "bytes")
    ('12.3 %', '4.2 ms', '147 MiB')
    """
    if math.isnan(value):
        return "–"
    texts = {
        "percentunit": f"{100 * value:.{1 if decimals is None else decimals}f} %",
        "s": f"{value * 1_000:.3g} ms" if abs(value) < 1 else f"{value:.3g} s" if decimals is None else f"{value:.{decimals}f} s",
        "bytes": f"{value / 2**20:.0f} MiB",
        "bool_yes_no": "yes" if value else "no",
    }
    if unit == "dateTimeAsIso":
        return f"{datetime.fromtimestamp(value / 1_000, UTC):%Y-%m-%d %H:%M:%S}"
    return texts.get(unit, f"{value:.3g}" if value % 1 else f"{value:.0f}")


def color_of(value: float, steps: Sequence[Mapping[str, Any]]) -> str:
    """Return the color of the last threshold that the value reaches."""
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return COLORS.get(reached[-1], reached[-1]) if reached else "black"


class Picture:
    """A dashboard that is being drawn. Panels have Grafana's grid: 24 columns."""

    def __init__(self, title: str, chosen: str, panels: Sequence[dict[str, Any]], times: tuple[float, float]) -> None:
        self.panels, self._times = panels, times
        rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
        self._width, self._height = COLUMNS * COLUMN_IN, rows * ROW_IN + HEAD_IN
        self._figure = Figure(figsize=(self._width, self._height), dpi=DPI)
        self._figure.text(0.01, 1 - 0.2 / self._height, title, fontsize=13, weight="bold", va="center")
        self._figure.text(0.99, 1 - 0.2 / self._height, chosen, fontsize=9, ha="right", va="center", color="#555555")

    def heading(self, panel: Mapping[str, Any]) -> None:
        """Draw the title of a row."""
        axes = self._axes(panel, margins=(0.05, 0.02, 0.05, 0.02))
        axes.axis("off")
        axes.text(0, 0.35, panel["title"], fontsize=10, weight="bold", transform=axes.transAxes, va="center")
        axes.axhline(0.0, color="#cccccc", lw=1)

    def number(self, panel: Mapping[str, Any], numbers: Sequence[tuple[str, float]]) -> None:
        """Draw large numbers by the names of their series, or the names where the panel shows names."""
        defaults, shows_names = panel["fieldConfig"]["defaults"], panel["options"].get("textMode") == "name"
        axes = self._axes(panel, margins=(0.08, 0.08, 0.08, 0.08), frame=True)
        self._title(axes, panel)
        texts = mappings(defaults)
        found = [(name, value) for name, value in numbers if not math.isnan(value)]
        for at, (name, value) in enumerate(found):
            place: dict[str, Any] = {"x": (at + 0.5) / len(found), "ha": "center", "va": "center", "transform": axes.transAxes}
            text, color = texts.get(f"{value:g}", (formatted(value, defaults["unit"], defaults.get("decimals")), ""))
            color = COLORS.get(color, color) or color_of(value, defaults["thresholds"]["steps"])
            axes.text(y=0.42, s=name if shows_names else text, fontsize=15, color=color, **place)
            if len(found) > 1:
                axes.text(y=0.12, s=name, fontsize=7, color="#555555", **place)
        if not found:
            axes.text(
                0.5, 0.42, defaults.get("noValue", "–"), fontsize=12, ha="center", color="#777777", transform=axes.transAxes
            )

    def chart(self, panel: Mapping[str, Any], series: Sequence[Series], marks: Marks) -> None:
        """Draw lines over time, or bars for states, and the marks of drift events."""
        is_bars = panel["type"] == "state-timeline"
        axes = self._axes(panel, margins=(2.3 if is_bars else 0.62, 0.12, 0.62, 0.3))
        self._title(axes, panel, above=True)
        (self._bars if is_bars else self._lines)(axes, panel, series)
        for color, times in marks:
            for at in times:
                axes.axvline(at, color=COLORS[color], lw=0.8, ls=":")
        start_s, end_s = self._times
        axes.set_xlim(start_s, end_s)
        minutes = range(int((end_s - start_s) / 60) + 1)
        axes.set_xticks([start_s + 60 * minute for minute in minutes], [f"{minute} min" for minute in minutes])
        axes.tick_params(labelsize=6.5, length=2)
        axes.grid(visible=True, lw=0.3, color="#dddddd")

    def table(self, panel: Mapping[str, Any], answers: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        """Draw the rows of a table: a column for each label and for each query."""
        axes = self._axes(panel, margins=(0.08, 0.08, 0.08, 0.3))
        axes.axis("off")
        self._title(axes, panel, above=True)
        columns, rows = table_rows(panel, answers)
        if not rows:
            axes.text(0.5, 0.5, "–", transform=axes.transAxes)
            return
        drawn = axes.table(cellText=rows, colLabels=columns, loc="upper left", cellLoc="left", edges="horizontal")
        drawn.auto_set_font_size(False)  # noqa: FBT003  # matplotlib's
        drawn.set_fontsize(8)
        drawn.scale(1, 1.25)

    def save(self, path: Path) -> None:
        """Write the picture with 128 colors, which makes it small."""
        raw = io.BytesIO()
        self._figure.savefig(raw, format="png", dpi=DPI)
        Image.open(raw).convert("RGB").quantize(128, method=Image.Quantize.FASTOCTREE).save(path, optimize=True)

    def _axes(self, panel: Mapping[str, Any], margins: tuple[float, float, float, float], *, frame: bool = False) -> Axes:
        """Return axes at a panel's place, with margins in inches: left, right, bottom, top."""
        at, (left, right, bottom, top) = panel["gridPos"], margins
        x, width = at["x"] * COLUMN_IN + left, at["w"] * COLUMN_IN - left - right
        y, height = self._height - HEAD_IN - (at["y"] + at["h"]) * ROW_IN + bottom, at["h"] * ROW_IN - bottom - top
        axes = self._figure.add_axes((x / self._width, y / self._height, width / self._width, height / self._height))
        if frame:
            axes.set_xticks([])
            axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_color("#cccccc")
        return axes

    @staticmethod
    def _title(axes: Axes, panel: Mapping[str, Any], *, above: bool = False) -> None:
        if above:
            axes.set_title(panel["title"], fontsize=8, loc="left", pad=3)
        else:
            axes.text(0.5, 0.85, panel["title"], fontsize=7.5, ha="center", va="center", transform=axes.transAxes)

    @staticmethod
    def _lines(axes: Axes, panel: Mapping[str, Any], series: Sequence[Series]) -> None:
        defaults = panel["fieldConfig"]["defaults"]
        colors = overridden(panel, "color")
        for at, each in enumerate(series):
            chosen = colors.get(each.name, {}).get("fixedColor", "")
            axes.plot(
                *zip(*each.points, strict=True),
                lw=1,
                label=each.name or panel["title"],
                color=COLORS.get(chosen, chosen) or PALETTE[at % len(PALETTE)],
            )
        by_name = {each.name: dict(each.points) for each in series}
        for upper, lower in overridden(panel, "custom.fillBelowTo").items():
            times = sorted(set(by_name.get(upper, {})) & set(by_name.get(lower, {})))
            axes.fill_between(
                times,
                [by_name[lower][at] for at in times],
                [by_name[upper][at] for at in times],
                color=COLORS["blue"],
                alpha=0.12,
                lw=0,
            )
        if "custom" in defaults and defaults["custom"].get("thresholdsStyle"):
            axes.axhline(defaults["thresholds"]["steps"][-1]["value"], color=COLORS["red"], lw=0.8)
        if defaults["custom"].get("scaleDistribution", {}).get("type") == "log":
            axes.set_yscale("log")
        if "min" in defaults:
            axes.set_ylim(bottom=defaults["min"])
        if "max" in defaults:
            axes.set_ylim(top=defaults["max"] * 1.02)
        axes.yaxis.set_major_formatter(lambda value, _: formatted(value, defaults["unit"]))
        if series:
            axes.legend(
                fontsize=6,
                loc="upper center",
                bbox_to_anchor=(0.5, -0.13),
                ncols=_columns(axes.get_position().width, [each.name for each in series]),
                frameon=False,
                handlelength=1.0,
                columnspacing=1.0,
            )

    @staticmethod
    def _bars(axes: Axes, panel: Mapping[str, Any], series: Sequence[Series]) -> None:
        texts = mappings(panel["fieldConfig"]["defaults"])
        for at, each in enumerate(series):
            text, color = texts[f"{each.points[-1][1]:g}"]
            for number, (start_s, end_s) in enumerate(spells(each.points)):
                axes.barh(at, end_s - start_s, left=start_s, height=0.6, color=COLORS[color], label=text if number == 0 else "")
        axes.set_yticks(range(len(series)), [each.name for each in series])
        axes.set_ylim(len(series) - 0.5, -0.5)
        keys = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        axes.legend(keys.values(), keys, fontsize=6.5, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=4, frameon=False)


def _columns(width: float, names: Sequence[str]) -> int:
    """Return in how many columns the names of the series fit below axes of this width, a share of the picture's.

    >>> _columns(0.27, ["wait behind a gap"]), _columns(0.19, ["volcast-serve 127.0.0.1:42271"])
    (3, 1)
    """
    return max(1, min(3, int(width * 235 / (max(map(len, names)) + 4))))


def spells(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield from when until when a series had values without a break of more than three of its shortest steps."""
    times = [at for at, _ in points]
    step_s = min((after - before for before, after in pairwise(times)), default=1.0)
    start_s = previous_s = times[0]
    for at in times[1:]:
        if at - previous_s > 3 * step_s:
            yield start_s, previous_s
            start_s = at
        previous_s = at
    yield start_s, previous_s + step_s


def mappings(defaults: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the words, with their colors, that stand in the place of values."""
    options = {value: result for each in defaults.get("mappings") or () for value, result in each["options"].items()}
    return {value: (result["text"], result["color"]) for value, result in options.items()}


def overridden(panel: Mapping[str, Any], property_id: str) -> dict[str, Any]:
    """Return what is overridden for single series, by their names."""
    return {
        override["matcher"]["options"]: each["value"]
        for override in panel["fieldConfig"].get("overrides") or ()
        for each in override["properties"]
        if each["id"] == property_id
    }


def table_rows(panel: Mapping[str, Any], answers: Sequence[Sequence[Mapping[str, Any]]]) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns and the rows, in the panel's own order, as text."""
    organize = panel["transformations"][1]["options"]
    units = overridden(panel, "unit")
    order = sorted(organize["indexByName"], key=organize["indexByName"].get)
    fields = [f"Value #{target['refId']}" if len(answers) > 1 else "Value" for target in panel["targets"]]
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for field, answer in zip(fields, answers, strict=True):
        for each in answer:
            row = rows.setdefault(tuple(sorted(each["metric"].values())), dict(each["metric"]))
            row[field] = formatted(float(each["value"][1]), units.get(organize["renameByName"][field], "none"))
    columns = [organize["renameByName"].get(name, name) for name in order]
    return columns, sorted([row.get(name, "–") for name in order] for row in rows.values())
