"""What a report consists of: sections of tables and charts, made of text and numbers only. Also how numbers are written.

A section is a function of a comparison. The page shows all of it; the terminal and Markdown show its tables.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from volcast.backtest.comparison import Comparison
from volcast.backtest.evaluation.model_scores import ModelScores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOTHING = "–"
"""Is shown for a score that is not defined, or of which the model has no forecast."""
_SMALL_P = 0.001
Best = Callable[[Sequence[float]], float]


class Table(NamedTuple):
    """A table. Cells are text; the first column names the row, the others are aligned to the right."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str
    """How to read it."""
    best: Sequence[int | None] = ()
    """By row: the column of its best value, if it has one."""
    champion: bool = False
    """Whether the second column is the champion's, which the page highlights."""
    folded: bool = False
    """Whether the page shows it only on request."""
    prose: bool = False
    """Whether the cells are text, aligned to the left."""


class LegendLine(NamedTuple):
    """A line of a legend that is not a model's."""

    colour: str
    dashes: tuple[float, ...]
    text: str


class Chart(NamedTuple):
    """A plot that is drawn when the page is made."""

    name: str
    """Usable as a part of an HTML id, unique among the charts of a symbol."""
    title: str
    reading: str
    """How to read it."""
    description: str
    """What it shows, for those who can't see it."""
    draw: Callable[["Axes"], None]
    legend: Sequence[str] = ()
    """The models with a line."""
    others: Sequence[LegendLine] = ()
    """Further lines of the legend."""
    height_in: float = 3.3


class Section(NamedTuple):
    """A part of the report."""

    name: str
    title: str
    intro: str
    parts: Sequence[Table | Chart]


def number(value: float | None, decimals: int) -> str:
    """Return a score with so many decimals.

    >>> number(0.36123, 4), number(None, 4)
    ('0.3612', '–')
    """
    return NOTHING if value is None else f"{value:.{decimals}f}"


def percent(value: float | None, decimals: int = 1) -> str:
    """Return a share in per cent.

    >>> percent(0.9012), percent(0.9012, 2)
    ('90.1 %', '90.12 %')
    """
    return NOTHING if value is None else f"{100.0 * value:.{decimals}f} %"


def p_value(value: float | None) -> str:
    """Return a p-value with three decimals; very small ones are shown as <0.001."""
    return "<0.001" if value is not None and value < _SMALL_P else number(value, 3)


def count(value: int) -> str:
    """Return an integer with spaces between the thousands.

    >>> count(1306000)
    '1 306 000'
    """
    return f"{value:,}".replace(",", " ")


def minute_text(time_ms: int) -> str:
    """Return a time as text, in UTC.

    >>> minute_text(1_704_067_200_000)
    '2024-01-01 00:00'
    """
    return f"{datetime.fromtimestamp(time_ms / 1_000, UTC):%Y-%m-%d %H:%M}"


def model_names(comparison: Comparison) -> list[str]:
    """Return the models, the champion first."""
    return [model.model for model in comparison.models]


class Score(NamedTuple):
    """A row of a table of models: what is shown, how it is written, and which value is best, if one is."""

    label: str
    value: Callable[[ModelScores], float | None]
    text: Callable[[float | None], str]
    best: Best | None = None


def models_table(title: str, comparison: Comparison, scores: Sequence[Score], note: str) -> Table:
    """Return a table with a row for each score and a column for each model."""
    rows, best = [], []
    for score in scores:
        values = [score.value(model) for model in comparison.models]
        rows.append([score.label, *map(score.text, values)])
        best.append(best_column(values, score.best))
    return Table(title, ("score", *model_names(comparison)), rows, note, best, champion=True)


def best_column(values: Sequence[float | None], best: Best | None) -> int | None:
    """Return the column of the best value, 1 for the first; None if there is nothing to choose from."""
    known = [value for value in values if value is not None]
    return values.index(best(known)) + 1 if best is not None and len(known) > 1 else None


def digits(decimals: int) -> Callable[[float | None], str]:
    """Return the function that writes a score with so many decimals."""
    return lambda value: number(value, decimals)


def nearest(target: float) -> Best:
    """Return the function that finds the value nearest to a target."""
    return lambda values: min(values, key=lambda value: abs(value - target))
