"""A verdict of the gate as an HTML page, as Markdown, and as JSON. The same facts give the same bytes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from volcast.backtest.report.draw import COLOURS, GRID
from volcast.backtest.report.html import as_text, table_html
from volcast.backtest.report.parts import NOTHING, Chart, Table, count, percent
from volcast.backtest.report.svg import to_svg
from volcast.backtest.report.text import escaped, piped
from volcast.lifecycle.comparison.page import plain_page

from .gate import GateFacts, GateVerdict, ShiftFacts

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class GateReport(msgspec.Struct, frozen=True):
    """What gate.json holds."""

    verdict: GateVerdict
    facts: GateFacts


def gate_json(report: GateReport) -> bytes:
    """Return the content of gate.json."""
    return msgspec.json.format(msgspec.json.encode(report, order="deterministic"), indent=1) + b"\n"


def gate_markdown(report: GateReport) -> str:
    """Return the report as Markdown."""
    lines = [f"# Data of {report.verdict.interval}", "", f"**{escaped(report.verdict.summary)}**", ""]
    for table in (_checks(report.verdict), _facts(report.facts)):
        lines += [f"## {table.title}", "", *piped(table), "", escaped(table.note), ""]
    return "\n".join(lines)


def gate_page(report: GateReport) -> str:
    """Return the report as one HTML file. Raises PlotsUnavailable if Matplotlib is not installed."""
    lead = "Candles are checked before anything is computed from them. Times are UTC."
    return plain_page(f"Data of {report.verdict.interval}", lead, list(_body(report)))


def _body(report: GateReport) -> Iterator[str]:
    yield f'<p class="problem" role="note">{as_text(report.verdict.summary)}</p>'
    yield from table_html(_checks(report.verdict))
    yield from table_html(_facts(report.facts))
    for place, symbol in enumerate(report.facts.symbols):
        for shift in symbol.shifts:
            if shift.shares:
                chart = _chart(symbol.symbol, shift)
                yield f'<figure>\n<h4>{as_text(chart.title)}</h4>\n<figcaption class="note">{as_text(chart.reading)}</figcaption>'
                yield f"{to_svg(chart, f's{place}')}\n</figure>"


def _checks(verdict: GateVerdict) -> Table:
    """Return the table of all checks, those that failed first."""
    ordered = sorted(verdict.checks, key=lambda check: check.passed)
    rows = [["passed" if each.passed else "failed", each.name, each.symbol or NOTHING, each.sentence] for each in ordered]
    note = "The night goes on only if all have passed."
    return Table("Checks", ("result", "check", "symbol", "found"), rows, note, prose=True)


def _facts(facts: GateFacts) -> Table:
    rows = [
        [
            each.symbol,
            count(each.rows),
            count(each.missing_minutes),
            count(each.longest_gap_minutes),
            count(each.duplicates),
            count(each.conflicts),
            percent(max(each.null_shares.values(), default=0.0), 2),
            count(each.reference_minutes),
        ]
        for each in facts.symbols
    ]
    headers = (
        "symbol",
        "rows",
        "missing minutes",
        "longest gap",
        "duplicates",
        "conflicts",
        "largest null share",
        "month before",
    )
    note = "Rows: of the day. Month before: the candles of the 30 days before it, to which distributions are compared."
    return Table("Candles", headers, rows, note)


def _chart(symbol: str, shift: ShiftFacts) -> Chart:
    shares, usual = ([100.0 * share for share in each] for each in (shift.shares, shift.month_shares))

    def drawn(axes: "Axes") -> None:
        places = np.arange(1, len(shares) + 1)
        axes.bar(places - 0.2, shares, color=COLOURS[0], width=0.38, label="the day")
        axes.bar(places + 0.2, usual, color=GRID, width=0.38, label="the month before")
        axes.set_xticks(places)
        axes.set_ylim(0.0, 1.25 * max(*shares, *usual))
        axes.legend(frameon=False, fontsize="small", ncols=2, loc="upper right")
        axes.set_xlabel("tenth of the month before, from the smallest values to the largest")
        axes.set_ylabel("share of minutes, %")

    psi = NOTHING if shift.psi is None else f"{shift.psi:.2f}"
    return Chart(
        f"{shift.quantity}",
        f"{symbol}: shape of {shift.quantity}",
        f"In units of the median. Stability index {psi}: 0 if each tenth of the month's values is a tenth of the day's.",
        f"Bars of the shares of the day in tenths of the month: {', '.join(f'{share:.0f} %' for share in shares)}.",
        drawn,
        height_in=2.4,
    )
