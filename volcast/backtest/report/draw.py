"""Colours, lines and axes that all charts share. A model has the same colour and dashes in every chart of a page."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from volcast.backtest.comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0b5fa5", "#d1571b", "#15803d", "#9b4a93", "#8a6500", "#0e8a94", "#6b5b53")
"""The champion's comes first; further series repeat them with other dashes. All are readable on white."""
DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (6, 2),
    (2, 1.5),
    (7, 2, 2, 2),
    (12, 1.5),
    (4, 1.5),
    (1, 1.5),
    (9, 3),
    (4, 1.5, 1.5, 1.5, 1.5, 1.5),
    (12, 2, 3, 2),
    (3, 3),
)
"""The dashes of each series, so that lines differ not only in colour. 7 colours and 11 dashes give 77 different lines."""
INK, GRID = "#1d2430", "#d5dae2"
REALIZED = "#1d2430"
"""What happened, as opposed to what was forecast."""
CHAMPION_WIDTH, OTHER_WIDTH = 2.2, 1.4
_MAX_MARKS = 40
"""Lines with more points have no marks."""
_NARROW_IN = 6.0
Numbers = Sequence[float | None]


def series_of(comparison: Comparison, name: str) -> int:
    """Return a model's place among colours and dashes: the champion's is 0, the others follow by name, for all symbols alike."""
    others = sorted(model.model for model in comparison.models if model.model != comparison.champion)
    return 0 if name == comparison.champion else 1 + others.index(name)


def look(series: int) -> tuple[str, tuple[float, ...]]:
    """Return the colour and the dashes of a series."""
    return COLOURS[series % len(COLOURS)], DASHES[series % len(DASHES)]


def lines(axes: "Axes", comparison: Comparison, x: np.ndarray, drawn: Mapping[str, Numbers], *, steps: bool = False) -> None:
    """Draw a line for each model. The champion's is widest and on top."""
    for name in reversed([model.model for model in comparison.models]):
        if name not in drawn:
            continue
        champion = name == comparison.champion
        colour, dashes = look(series_of(comparison, name))
        axes.plot(
            x,
            np.array(drawn[name], np.float64),
            color=colour,
            linewidth=CHAMPION_WIDTH if champion else OTHER_WIDTH,
            linestyle=(0, dashes) if dashes else "-",
            drawstyle="steps-mid" if steps else "default",
            marker="o" if x.size <= _MAX_MARKS and not steps else "",
            markersize=4.0 if champion else 3.0,
            zorder=3.0 if champion else 2.0,
        )


def reference(axes: "Axes", value: float, text: str) -> None:
    """Draw a level to compare with, labelled above its right end."""
    axes.axhline(value, color=INK, linewidth=1.0, linestyle=(0, (1, 1.5)), zorder=1.5)
    axes.annotate(
        text,
        (1.0, value),
        (-2, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize="small",
        zorder=4.0,
        bbox={"facecolor": "#ffffff", "alpha": 0.85, "edgecolor": "none", "pad": 1.0},
    )


def date_axis(axes: "Axes") -> None:
    """Label the x axis with dates, fewer where there is less room."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415  optional, and slow to load

    locator = AutoDateLocator(minticks=2, maxticks=5 if is_narrow(axes) else 9)  # type: ignore[no-untyped-call]  # partly typed
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # as above


def hour_axis(axes: "Axes") -> None:
    """Label the x axis with the hours of the day."""
    every = 4 if is_narrow(axes) else 2
    axes.set_xticks(range(0, 24, every), [f"{hour:02d}" for hour in range(0, 24, every)])
    axes.set_xlim(-0.5, 23.5)
    axes.set_xlabel("hour at which the forecast was made, UTC")


def month_axis(axes: "Axes", months: Sequence[str]) -> None:
    """Label the x axis 0, 1, 2, … with months."""
    every = -(-len(months) // (4 if is_narrow(axes) else 10))
    axes.set_xticks(range(0, len(months), every), months[::every])


def is_narrow(axes: "Axes") -> bool:
    """Return whether a chart is drawn for a phone."""
    figure = axes.get_figure(root=True)
    return figure is not None and figure.get_figwidth() < _NARROW_IN


def shown(drawn: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Return the lines that have at least one value."""
    return {name: line for name, line in drawn.items() if any(value is not None for value in line)}


def scaled(line: Numbers, factor: float = 100.0) -> Numbers:
    """Return a line times a factor, by default in per cent."""
    return [None if value is None else factor * value for value in line]


def times(times_ms: Sequence[int]) -> np.ndarray:
    """Return times as Matplotlib draws them."""
    return np.array(times_ms, "datetime64[ms]")


def dates(days: Sequence[str]) -> np.ndarray:
    """Return days as Matplotlib draws them."""
    return np.array(days, "datetime64[D]")
