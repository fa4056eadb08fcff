"""The report as one HTML file about one or several symbols: no scripts, nothing to load, the same bytes for the same input."""

from collections.abc import Iterator, Sequence
from importlib.resources import files

from volcast.backtest.comparison import Comparison

from .html import as_text, figures_html, section_html, table_html
from .sections import sections_of
from .sections.summary import key_figures, overview, scope


def page(comparisons: Sequence[Comparison]) -> str:
    """Return the HTML file as text.

    Raises `svg.PlotsUnavailable` if Matplotlib is not installed, ValueError without a comparison.
    """
    if not comparisons:
        raise ValueError("a report needs at least one comparison")
    return "\n".join(_lines(comparisons))


def _lines(comparisons: Sequence[Comparison]) -> Iterator[str]:
    title = f"Backtest: {as_text(', '.join(comparison.symbol for comparison in comparisons))}"
    style = (files(__package__) / "style.css").read_text(encoding="utf-8")
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>"
    yield (
        '<p class="lead">Forecasts of volatility, scored on past candles as if live: each forecast was made and scored before '
        "the model learned from its outcome. The best value of a row is in bold. Times are UTC.</p>"
    )
    if len(comparisons) > 1:
        yield from table_html(overview(comparisons))
    for place, comparison in enumerate(comparisons):
        yield from _symbol(comparison, f"s{place}")
    yield "</main>\n</body>\n</html>\n"


def _symbol(comparison: Comparison, prefix: str) -> Iterator[str]:
    sections = sections_of(comparison)
    yield f'<article id="{prefix}">\n<h2>{as_text(comparison.symbol)}</h2>\n<p>{as_text(scope(comparison))}</p>'
    if comparison.problem:
        yield f'<p class="problem" role="note">{as_text(comparison.problem)}</p>'
    champion = as_text(comparison.champion)
    yield f"<p>The champion is <strong>{champion}</strong>: its forecast is the one that a signal carries.</p>"
    yield from figures_html(key_figures(comparison))
    links = "".join(f'<li><a href="#{prefix}-{section.name}">{as_text(section.title)}</a></li>' for section in sections)
    yield f'<nav aria-label="{as_text(comparison.symbol)}"><ul>{links}</ul></nav>'
    for section in sections:
        yield from section_html(section, comparison, prefix)
    yield "</article>"
