"""Charts as SVG for an HTML page, wide for a screen and narrow for a phone, with a description for screen readers.

Matplotlib is optional, and imported when the first chart is drawn. With one version of it, the same chart gives the same bytes.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

from .draw import GRID, INK
from .parts import Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE_IN, NARROW_IN = 10.0, 4.8
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text, which can be searched and copied
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "path.simplify": True,
    "timezone": "UTC",
}


class PlotsUnavailable(Exception):
    """Matplotlib is not installed; the message says how to install it."""


@contextmanager
def canvas(name: str, height_in: float, width_in: float = WIDE_IN) -> Iterator[tuple["Figure", "Axes"]]:
    """Give a figure in the page's style, whatever the user's settings of Matplotlib are.

    Raises PlotsUnavailable if Matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415  optional, and slow to load
        from matplotlib.figure import Figure  # noqa: PLC0415  as above
    except ImportError as error:
        raise PlotsUnavailable("the page with plots needs Matplotlib, which is not installed") from error
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_style(name))
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        yield figure, figure.add_subplot()


def _style(name: str) -> Any:
    """Return the settings of a plot; `Any`, as Matplotlib types the names of its settings only from 3.11 on."""
    return {**_STYLE, "svg.hashsalt": name, "font.size": 10.0}


def to_svg(chart: Chart, prefix: str) -> str:
    """Return the chart twice: the page shows the wide one on a screen, and the narrow one on a phone."""
    sizes = (("wide", WIDE_IN, chart.height_in), ("narrow", NARROW_IN, max(2.8, 0.85 * chart.height_in)))
    return "\n".join(_drawn(chart, f"{prefix}-{chart.name}-{kind}", kind, (width, height)) for kind, width, height in sizes)


def _drawn(chart: Chart, name: str, kind: str, size_in: tuple[float, float]) -> str:
    with canvas(name, size_in[1], size_in[0]) as (figure, axes):
        chart.draw(axes)
        buffer = StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].rstrip()
    for unwanted in (
        r"<metadata>.*?</metadata>\s*",
        r"<style.*?</style>\s*",
    ):  # a style in the SVG would apply to the entire page
        svg = re.sub(unwanted, "", svg, flags=re.DOTALL)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)
    svg = re.sub(r' d="[^"]*"', _with_fewer_digits, svg)
    box = re.search(r'viewBox="[^"]*"', svg)
    role = f'class="plot {kind}" role="img" aria-labelledby="{name}-title {name}-desc"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box[0] if box else ""} {role}>'
    texts = f'<title id="{name}-title">{escape(chart.title)}</title>\n<desc id="{name}-desc">{escape(chart.description)}</desc>'
    return re.sub(r"<svg[^>]*>", lambda _: f"{head}\n{texts}", svg, count=1)


def _with_fewer_digits(path: re.Match[str]) -> str:
    """Return a path with two decimals: a hundredth of a point is invisible, and the page half as large."""
    return re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", path[0])
