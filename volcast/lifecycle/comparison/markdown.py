"""A comparison as Markdown: for a comment of a pull request, and for a reader of the archive.

The plots are Mermaid's, which GitHub and GitLab draw themselves, so that the text is complete without any other file.
"""

from collections.abc import Iterator, Sequence

from volcast.backtest.report.parts import Table
from volcast.backtest.report.text import escaped, piped

from .result import ComparedModel, LifecycleComparison
from .tables import reasons, scope_text, symbol_scores, verdicts

_MAX_DAYS = 45
"""Labels of an axis; more days are drawn by their number alone."""


def comparison_markdown(comparison: LifecycleComparison, plots: Sequence[tuple[str, str]] = ()) -> str:
    """Return the comparison as Markdown; `plots` are titles and addresses of pictures that stand beside it."""
    return "\n".join(_lines(comparison, plots)) + "\n"


def _lines(comparison: LifecycleComparison, plots: Sequence[tuple[str, str]]) -> Iterator[str]:
    about = f" of {comparison.interval}" if comparison.interval else ""
    yield f"# Comparison of models{about}"
    yield ""
    yield f"**{escaped(comparison.summary)}**"
    yield ""
    yield escaped(scope_text(comparison))
    yield ""
    if len(comparison.models) > 1:
        yield from _table(verdicts(comparison))
        yield from _losses(comparison)
        yield from _days(comparison)
    for title, address in plots:
        yield f"![{escaped(title)}]({address})"
        yield ""
    for symbol in comparison.symbols:
        yield from _table(symbol_scores(comparison, symbol))
    if len(comparison.models) > 1:
        yield "<details><summary>Conditions of the rule</summary>"
        yield ""
        yield from _table(reasons(comparison))
        yield "</details>"
        yield ""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(comparison.versions.items()))
    yield f"Data `{comparison.data_hash[:16]}`{f'; {escaped(versions)}' if versions else ''}."


def _table(table: Table) -> Iterator[str]:
    yield f"## {escaped(table.title)}"
    yield ""
    yield from piped(table)
    yield ""
    yield escaped(table.note)
    yield ""


def _losses(comparison: LifecycleComparison) -> Iterator[str]:
    """Yield the ratios of the losses as bars."""
    known = [each for each in comparison.models if each.evidence is not None and each.evidence.qlike_ratio is not None]
    if not known:
        return
    ratios = [1.0, *(each.evidence.qlike_ratio or 0.0 for each in known if each.evidence)]
    names = [comparison.champion, *(each.model for each in known)]
    yield from _mermaid(f"QLIKE, divided by that of {comparison.champion}", names, "ratio", "bar", ratios)


def _days(comparison: LifecycleComparison) -> Iterator[str]:
    """Yield the days of the best challenger beside the champion's, as one line: Mermaid's plots have no legend."""
    champion, best, *_ = comparison.models
    ratios = [_ratio(best, champion, place) for place in range(len(comparison.days))]
    known = [(day, ratio) for day, ratio in zip(comparison.days, ratios, strict=True) if ratio is not None]
    if len(known) < 2:  # noqa: PLR2004  # a line has two ends
        return
    days = [day[5:] if len(known) <= _MAX_DAYS else str(number) for number, (day, _) in enumerate(known, 1)]
    title = f"Daily QLIKE of {best.model}, divided by that of {comparison.champion}"
    yield from _mermaid(title, days, "ratio", "line", [ratio for _, ratio in known])


def _ratio(model: ComparedModel, champion: ComparedModel, place: int) -> float | None:
    mine, theirs = model.daily_qlike[place], champion.daily_qlike[place]
    return mine / theirs if mine is not None and theirs else None


def _mermaid(title: str, labels: Sequence[str], unit: str, kind: str, values: Sequence[float]) -> Iterator[str]:
    top = max(*values, 1.0) * 1.1
    yield "```mermaid"
    yield "xychart-beta"
    yield f"    title {_quoted(title)}"
    yield f"    x-axis [{', '.join(map(_quoted, labels))}]"
    yield f"    y-axis {_quoted(unit)} 0 --> {top:.2f}"
    yield f"    {kind} [{', '.join(f'{value:.4f}' for value in values)}]"
    yield "```"
    yield ""


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "'").replace("`", "'") + '"'
