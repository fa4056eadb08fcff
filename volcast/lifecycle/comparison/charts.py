"""The plots of a comparison: daily losses, and the advantage of each challenger as it adds up."""

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from volcast.backtest.report import draw
from volcast.backtest.report.parts import Chart
from volcast.backtest.report.svg import canvas

from .result import ComparedModel, LifecycleComparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PNG_DPI = 110


def charts(comparison: LifecycleComparison) -> list[Chart]:
    """Return the plots; none if there is only one day, of which a line cannot be drawn."""
    if len(comparison.days) < 2:  # noqa: PLR2004  # a line has two ends
        return []
    return [_daily(comparison), *([_advantage(comparison)] if len(comparison.models) > 1 else [])]


def png(chart: Chart) -> bytes:
    """Return the plot as a PNG file with a legend. Raises PlotsUnavailable if Matplotlib is not installed."""
    buffer = BytesIO()
    with canvas(chart.name, chart.height_in) as (figure, axes):
        figure.set_facecolor("white")
        chart.draw(axes)
        axes.set_title(chart.title)
        axes.legend(frameon=False, fontsize="small")
        figure.savefig(buffer, format="png", dpi=PNG_DPI, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def _daily(comparison: LifecycleComparison) -> Chart:
    def drawn(axes: "Axes") -> None:
        _lines(axes, comparison, {each.model: each.daily_qlike for each in comparison.models})
        axes.set_ylabel("QLIKE")
        axes.set_ylim(bottom=0.0)

    return Chart(
        "daily",
        "Loss by day",
        "Mean QLIKE of the day's outcomes; lower is better. Days that are hard for one model are hard for all.",
        f"Lines from {comparison.days[0]} to {comparison.days[-1]}; lower is better.",
        drawn,
        [each.model for each in comparison.models],
    )


def _advantage(comparison: LifecycleComparison) -> Chart:
    first, *others = comparison.models
    drawn_lines = {each.model: _added_up(first, each) for each in others}

    def drawn(axes: "Axes") -> None:
        _lines(axes, comparison, drawn_lines)
        draw.reference(axes, 0.0, f"as good as {first.model}")
        axes.set_ylabel("QLIKE saved, summed")

    ends = "; ".join(f"{name} {line[-1]:+.2f}" for name, line in drawn_lines.items() if line[-1] is not None)
    return Chart(
        "advantage",
        f"Loss saved against {first.model}",
        "The daily mean losses of the champion less those of the challenger, added up: a line that rises steadily is a better "
        "model, and one that jumps owes its lead to single days.",
        f"Lines from {comparison.days[0]} to {comparison.days[-1]}; higher is better. At the end: {ends}.",
        drawn,
        list(drawn_lines),
    )


def _added_up(champion: ComparedModel, model: ComparedModel) -> draw.Numbers:
    saved = [(a or 0.0) - (b or 0.0) for a, b in zip(champion.daily_qlike, model.daily_qlike, strict=True)]
    return [float(value) for value in np.cumsum(saved)]


def _lines(axes: "Axes", comparison: LifecycleComparison, drawn: "dict[str, draw.Numbers]") -> None:
    days = draw.dates(comparison.days)
    for place, each in enumerate(comparison.models):
        if each.model not in drawn:
            continue
        colour, dashes = draw.look(place)
        axes.plot(
            days,
            np.array(drawn[each.model], np.float64),
            color=colour,
            linewidth=draw.CHAMPION_WIDTH if place == 0 else draw.OTHER_WIDTH,
            linestyle=(0, dashes) if dashes else "-",
            zorder=3.0 if place == 0 else 2.0,
            label=each.model,
        )
    draw.date_axis(axes)
