"""Plots as SVG for an HTML page: they use the page's colours and fonts, light or dark, and have a description for screen readers.

Matplotlib is optional, and imported when the first plot is drawn. The same plot gives the same bytes with the same version of it.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = 7
"""The number of colours, beginning with the champion's; further series repeat them with other dashes."""
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
INK, GRID = "#fe0100", "#fe0101"
"""Placeholder colours: each is replaced by a variable of the page."""
_WIDTH_IN = 11.5
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text, which can be searched and copied
    "text.parse_math": False,
    "font.size": 11.0,
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
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "timezone": "UTC",
}


class PlotsUnavailable(Exception):
    """Matplotlib is not installed; the message says how to install it."""


class Plot(NamedTuple):
    """A plot for an HTML page."""

    name: str
    """The name, usable as an HTML id."""
    title: str
    svg: str
    legend: Sequence[str]
    """The models with a line, for the legend."""


def colour(series: int) -> str:
    """Return the placeholder colour of a series, which the page's variable replaces.

    >>> colour(0), colour(COLOURS)
    ('#fe0000', '#fe0000')
    """
    return f"#fe00{series % COLOURS:02x}"


@contextmanager
def canvas(name: str, height_in: float) -> Iterator[tuple["Figure", "Axes"]]:
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
        figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
        yield figure, figure.add_subplot()


def _style(name: str) -> Any:
    """Return the settings of a plot; `Any`, as Matplotlib types the names of its settings only from 3.11 on."""
    return {**_STYLE, "svg.hashsalt": name}


def to_plot(figure: "Figure", name: str, title: str, description: str, legend: Sequence[str] = ()) -> Plot:
    """Turn a figure into a Plot. Must be called within `canvas`; `description` is the text for screen readers."""
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
    svg = re.sub(r"#fe00(\d\d)", lambda found: f"var(--series-{int(found[1])})", svg)
    svg = svg.replace(INK, "var(--ink)").replace(GRID, "var(--grid)")
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)
    box = re.search(r'viewBox="[^"]*"', svg)
    role = f'class="plot" role="img" aria-labelledby="{name}-title {name}-desc"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box[0] if box else ""} {role}>'
    texts = f'<title id="{name}-title">{escape(title)}</title>\n<desc id="{name}-desc">{escape(description)}</desc>'
    return Plot(name, title, re.sub(r"<svg[^>]*>", lambda _: f"{head}\n{texts}", svg, count=1), legend)
