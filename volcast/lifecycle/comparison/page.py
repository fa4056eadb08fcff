"""A comparison as one HTML file with tables and plots: no scripts, nothing to load, the same bytes for the same comparison."""

from collections.abc import Iterator, Sequence
from importlib.resources import files

from volcast.backtest.report.draw import look
from volcast.backtest.report.html import as_text, table_html
from volcast.backtest.report.parts import Chart, Table
from volcast.backtest.report.svg import to_svg

from .charts import charts
from .result import LifecycleComparison
from .tables import reasons, scope_text, symbol_scores, verdicts


def comparison_page(comparison: LifecycleComparison, more: Sequence[Table] = ()) -> str:
    """Return the HTML file as text; `more` are tables for its end. Raises PlotsUnavailable if Matplotlib is not installed."""
    return "\n".join(_lines(comparison, more))


def plain_page(title: str, lead: str, body: Sequence[str]) -> str:
    """Return an HTML file in the style of the reports; `body` is HTML, title and lead are text."""
    style = files("volcast.backtest.report").joinpath("style.css").read_text(encoding="utf-8")
    head = '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    head += '\n<meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f"\n<title>{as_text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n<h1>{as_text(title)}</h1>"
    return "\n".join([head, f'<p class="lead">{as_text(lead)}</p>', *body, "</main>\n</body>\n</html>\n"])


def _lines(comparison: LifecycleComparison, more: Sequence[Table]) -> Iterator[str]:
    about = f" of {comparison.interval}" if comparison.interval else ""
    yield plain_page(f"Comparison of models{about}", scope_text(comparison), list(_body(comparison, more)))


def _body(comparison: LifecycleComparison, more: Sequence[Table]) -> Iterator[str]:
    yield f'<p class="problem" role="note">{as_text(comparison.summary)}</p>'
    if len(comparison.models) > 1:
        yield from table_html(verdicts(comparison))
    for chart in charts(comparison):
        yield from _figure(chart, comparison)
    for symbol in comparison.symbols:
        yield from table_html(symbol_scores(comparison, symbol))
    if len(comparison.models) > 1:
        yield from table_html(reasons(comparison))
    for table in more:
        yield from table_html(table)
    versions = [[name, version] for name, version in sorted(comparison.versions.items())]
    facts = [["data", comparison.data_hash], *versions]
    yield from table_html(Table("What it rests on", ("name", "value"), facts, "Data: SHA-256.", folded=True, prose=True))


def _figure(chart: Chart, comparison: LifecycleComparison) -> Iterator[str]:
    yield f'<figure>\n<h4>{as_text(chart.title)}</h4>\n<figcaption class="note">{as_text(chart.reading)}</figcaption>'
    yield '<ul class="legend">'
    for place, each in enumerate(comparison.models):
        if each.model in chart.legend:
            colour, dashes = look(place)
            pattern = " ".join(f"{1.6 * part:g}" for part in dashes) or "none"
            stroke = f'stroke="{colour}" stroke-width="1.6" stroke-dasharray="{pattern}"'
            line = f'<svg viewBox="0 0 38 12" aria-hidden="true"><path d="M0 6H38" {stroke}/></svg>'
            yield f"<li>{line}{as_text(each.model)}{' (champion)' if place == 0 else ''}</li>"
    yield f"</ul>\n{to_svg(chart, 'c')}\n</figure>"
