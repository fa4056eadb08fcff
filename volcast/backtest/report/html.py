"""Parts of a report as HTML: tables, charts with their legends, key figures. All text is escaped here."""

import re
from collections.abc import Iterator, Sequence
from html import escape

from volcast.backtest.comparison import Comparison

from .draw import CHAMPION_WIDTH, OTHER_WIDTH, look, series_of
from .parts import Chart, Section, Table
from .sections.summary import KeyFigure
from .svg import to_svg


def section_html(section: Section, comparison: Comparison, prefix: str) -> Iterator[str]:
    """Yield a section. `prefix` begins all ids of the symbol."""
    yield f'<section id="{prefix}-{section.name}">\n<h3>{as_text(section.title)}</h3>\n<p>{as_text(section.intro)}</p>'
    for part in section.parts:
        if isinstance(part, Chart):
            yield from _chart(part, comparison, prefix)
        else:
            yield from table_html(part)
    yield "</section>"


def figures_html(figures: Sequence[KeyFigure]) -> Iterator[str]:
    """Yield the key figures."""
    yield '<dl class="figures">'
    for figure in figures:
        label, value, note = map(as_text, figure)
        yield f'<div><dt>{label}</dt><dd class="value">{value}</dd><dd class="note">{note}</dd></div>'
    yield "</dl>"


def table_html(table: Table) -> Iterator[str]:
    """Yield a table with its title and how to read it. One that is too wide scrolls by itself, also with the keyboard."""
    title = as_text(table.title)
    yield f"<details>\n<summary>Table: {title}</summary>" if table.folded else f"<h4>{title}</h4>"
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{title}">'
    kind = "prose" if table.prose else "champion" if table.champion else "numbers"
    yield f'<table class="{kind}">\n<thead><tr>'
    yield "".join(f'<th scope="col">{as_text(header).replace("_", "_<wbr>")}</th>' for header in table.headers)
    yield "</tr></thead>\n<tbody>"
    best = table.best or [None] * len(table.rows)
    for (name, *cells), column in zip(table.rows, best, strict=True):
        best_text = None if column is None or len(set(cells)) == 1 else cells[column - 1]  # what looks equal is equally good
        opened = ('<td class="best">' if cell == best_text else "<td>" for cell in cells)
        marked = (f"{tag}{as_text(cell)}</td>" for tag, cell in zip(opened, cells, strict=True))
        yield f'<tr><th scope="row">{as_text(name)}</th>{"".join(marked)}</tr>'
    yield f'</tbody>\n</table>\n</div>\n<p class="note">{as_text(table.note)}</p>'
    if table.folded:
        yield "</details>"


def _chart(chart: Chart, comparison: Comparison, prefix: str) -> Iterator[str]:
    yield f'<figure>\n<h4>{as_text(chart.title)}</h4>\n<figcaption class="note">{as_text(chart.reading)}</figcaption>'
    yield from _legend(chart, comparison)
    yield f"{to_svg(chart, prefix)}\n</figure>"


def _legend(chart: Chart, comparison: Comparison) -> Iterator[str]:
    """Yield a list with the colour and dashes of each line, as they are drawn."""
    entries = []
    for model in comparison.models:
        if model.model in chart.legend:
            champion = model.model == comparison.champion
            colour, dashes = look(series_of(comparison, model.model))
            width = CHAMPION_WIDTH + 0.6 if champion else OTHER_WIDTH + 0.6
            entries.append((colour, dashes, width, f"{model.model}{' (champion)' if champion else ''}"))
    entries += [(line.colour, line.dashes, 1.6, line.text) for line in chart.others]
    if entries:
        yield '<ul class="legend">'
        for colour, dashes, width, text in entries:
            pattern = " ".join(f"{width * part:g}" for part in dashes) or "none"
            stroke = f'stroke="{colour}" stroke-width="{width:g}" stroke-dasharray="{pattern}"'
            line = f'<svg viewBox="0 0 38 12" aria-hidden="true"><path d="M0 6H38" {stroke}/></svg>'
            yield f"<li>{line}{as_text(text)}</li>"
        yield "</ul>"


def as_text(text: str) -> str:
    """Return text for HTML. A number does not break between its thousands, nor before its sign of per cent."""
    return re.sub(r"(?<=\d) (?=\d{3}(?!\d)|%)", "&nbsp;", escape(text))
