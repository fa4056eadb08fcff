"""A comparison as one HTML file, without scripts or anything to load: plots, each with the tables of its numbers."""

from collections.abc import Iterator, Sequence
from html import escape

from volcast.backtest.comparison import Comparison

from . import tables
from .plots import plots
from .style import CSS
from .svg import COLOURS, DASHES, Plot
from .tables import Table

_TABLES_OF = {
    "models": (),
    "skill": (tables.skill_by_month,),
    "months": (tables.qlike_by_month, tables.r2_by_month),
    "hours": (tables.qlike_by_hour, tables.coverage_by_hour),
    "coverage": (tables.coverage_by_month,),
}
"""By plot: the tables below it. The numbers of the first plot are in the tables above it."""


def page(comparisons: Sequence[Comparison]) -> str:
    """Return one HTML file about all symbols, as text. Raises `svg.PlotsUnavailable` if Matplotlib is not installed."""
    return "\n".join(line for comparison in comparisons for line in _lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    title = f"Forecasts of {escape(comparison.symbol)} compared"
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>"
    yield f"<p>{escape(tables.scope(comparison))}</p>"
    if comparison.problem:
        yield f'<p class="problem" role="note">{escape(comparison.problem)}</p>'
    for table in (tables.accuracy(comparison), tables.intervals(comparison)):
        yield f"<h2>{escape(table.title)}</h2>"
        yield from _table(table, comparison.champion)
        yield f'<p class="note">{escape(table.note)}</p>'
    for plot in plots(comparison):
        yield from _figure(plot, comparison)
    yield "</main>\n</body>\n</html>\n"


def _figure(plot: Plot, comparison: Comparison) -> Iterator[str]:
    yield f"<section>\n<h2>{escape(plot.title)}</h2>\n<figure>"
    if plot.legend:
        yield from _legend(comparison, plot.legend)
    yield f'<div class="scroll" tabindex="0">\n{plot.svg}\n</div>\n</figure>'
    for make_table in _TABLES_OF[plot.name]:
        table = make_table(comparison)
        yield f"<details>\n<summary>Table: {escape(table.title)}</summary>"
        yield from _table(table, comparison.champion)
        yield f'<p class="note">{escape(table.note)}</p>\n</details>'
    yield "</section>"


def _legend(comparison: Comparison, names: Sequence[str]) -> Iterator[str]:
    """Yield a list with the colour and dashes of each model, as `plots` draws them."""
    yield '<ul class="legend">'
    for series, model in enumerate(comparison.models):
        if model.model not in names:
            continue
        champion = model.model == comparison.champion
        width = 3.2 if champion else 2
        dashes = " ".join(f"{width * part:g}" for part in DASHES[series % len(DASHES)])
        stroke = f'stroke="var(--series-{series % COLOURS})" stroke-width="{width}" stroke-dasharray="{dashes or "none"}"'
        line = f'<svg viewBox="0 0 38 12" aria-hidden="true"><path d="M0 6H38" {stroke}/></svg>'
        yield f"<li>{line}{escape(model.model)}{' (champion)' if champion else ''}</li>"
    yield "</ul>"


def _table(table: Table, champion: str) -> Iterator[str]:
    """Yield a table. Wide ones scroll within the page, also with the keyboard."""
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.title)}">\n<table>\n<thead><tr>'
    yield "".join(f'<th scope="col">{escape(header)}</th>' for header in table.headers)
    yield "</tr></thead>\n<tbody>"
    for name, *cells in table.rows:
        numbers = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        row = '<tr class="champion">' if name == champion else "<tr>"
        yield f'{row}<th scope="row">{escape(name)}</th>{numbers}</tr>'
    yield "</tbody>\n</table>\n</div>"
