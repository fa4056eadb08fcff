"""The league of models as one HTML page in the style of the other reports: tables, and a plot by day. Nothing to load."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from volcast.backtest.report import draw
from volcast.backtest.report.html import as_text, table_html
from volcast.backtest.report.parts import NOTHING, Chart, Table, count, minute_text, number, percent
from volcast.backtest.report.svg import PlotsUnavailable, to_svg
from volcast.lifecycle.comparison.page import plain_page
from volcast.lifecycle.wording import with_noun

from .league import League, LeagueRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN_CHANGES = 200
_LINE_DAYS = 2


def league_page(league: League) -> str:
    """Return the page as text. Without Matplotlib it has the tables, and says that the plot is missing."""
    if league.horizon_minutes is None:
        lead = "The archive has no outcomes in these days, so there is nothing to compare."
        return plain_page("League of models", lead, list(_facts(league)))
    lead = (
        f"Live forecasts of the next {with_noun(league.horizon_minutes, 'minute')} that came due "
        f"from {league.from_day} to {league.to_day}, "
        f"by {with_noun(len(league.models), 'model')}. All models are compared on the same outcomes with whoever led then."
    )
    return plain_page("League of models", lead, list(league_section(league)))


def league_section(league: League) -> Iterator[str]:
    """Yield the league as HTML, for a page of its own or as a part of another one."""
    yield from table_html(totals_table(league))
    if len(_days(league)) >= _LINE_DAYS:
        yield from _figure(league)
    yield from table_html(days_table(league))
    yield from table_html(promotions_table(league))
    yield from table_html(changes_table(league))
    yield from _facts(league)


def totals_table(league: League) -> Table:
    """Return the models over all days."""
    rows = [
        [row.model, number(row.ratio, 4), number(row.mean_qlike, 4), percent(row.coverage), percent(row.led), count(row.outcomes)]
        for row in league.totals
        if row.horizon_minutes == league.horizon_minutes
    ]
    return Table(
        "All days",
        ("model", "ratio to the leader", "QLIKE", "coverage", "led", "outcomes"),
        rows,
        "Ratio: mean QLIKE by that of whoever led, over the outcomes that both have; below 1 the model was better. Led: share of "
        "the signals that it made. A ratio near 1 may be chance: a comparison says whether it is.",
    )


def days_table(league: League) -> Table:
    """Return the ratio of each model by day, the newest day first, and who led."""
    by_day = _days(league)
    rows, best = [], []
    for day, found in sorted(by_day.items(), reverse=True):
        ratios = {row.model: row.ratio for row in found}
        leaders = ", ".join(f"{row.model} {percent(row.led, 0)}" if row.led < 1 else row.model for row in found if row.led)
        cells = [number(ratios.get(model), 4) for model in league.models]
        rows.append([day, *cells, leaders or NOTHING, count(max(row.outcomes for row in found))])
        known = [(ratio, place) for place, model in enumerate(league.models, 1) if (ratio := ratios.get(model)) is not None]
        best.append(min(known)[1] if known else None)
    title = "Ratio to the leader's QLIKE by day"
    note = "Below 1 the model was better than whoever led. Outcomes: of the model with most of them."
    return Table(title, ("day", *league.models, "led", "outcomes"), rows, note, best)


def promotions_table(league: League) -> Table:
    """Return the promotions."""
    rows = [
        [each.id, each.model, minute_text(each.from_ms), ", ".join(each.symbols) or "all"]
        for each in sorted(league.promotions, key=lambda each: -each.from_ms)
    ]
    note = "Markers on the log. A model that is not warm at the named candle leads from when it is."
    return Table(
        "Promotions", ("id", "model", "named candle, UTC", "symbols"), rows, note if rows else "There was none.", prose=True
    )


def changes_table(league: League) -> Table:
    """Return who took over from whom, as the signals say."""
    newest = sorted(league.changes, key=lambda each: (-each.open_time_ms, each.symbol))
    rows = [[minute_text(each.open_time_ms), each.symbol, each.model, each.before] for each in newest[:_SHOWN_CHANGES]]
    more = f" {count(len(newest) - len(rows))} older ones are in the JSON file." if len(newest) > len(rows) else ""
    note = f"The first candle whose signal the model has made; what was promoted, or a changed setting.{more}"
    columns = ("candle, UTC", "symbol", "leads", "before")
    return Table("Changes of the leader", columns, rows, note if rows else "There was none.", folded=bool(rows), prose=True)


def _days(league: League) -> dict[str, list[LeagueRow]]:
    found: dict[str, list[LeagueRow]] = {}
    for row in league.rows:
        if row.horizon_minutes == league.horizon_minutes:
            found.setdefault(row.day, []).append(row)
    return found


def _figure(league: League) -> Iterator[str]:
    chart = _chart(league)
    try:
        svg = to_svg(chart, "league")
    except PlotsUnavailable as error:
        yield f'<p class="note">{as_text(str(error))}</p>'
        return
    yield f'<figure>\n<h4>{as_text(chart.title)}</h4>\n<figcaption class="note">{as_text(chart.reading)}</figcaption>'
    yield '<ul class="legend">'
    for place, model in enumerate(league.models):
        colour, dashes = draw.look(place)
        pattern = " ".join(f"{1.6 * part:g}" for part in dashes) or "none"
        stroke = f'stroke="{colour}" stroke-width="1.6" stroke-dasharray="{pattern}"'
        yield f'<li><svg viewBox="0 0 38 12" aria-hidden="true"><path d="M0 6H38" {stroke}/></svg>{as_text(model)}</li>'
    yield f"</ul>\n{svg}\n</figure>"


def _chart(league: League) -> Chart:
    by_day = _days(league)
    names = sorted(by_day)

    def drawn(axes: "Axes") -> None:
        days = draw.dates(names)
        for place, model in enumerate(league.models):
            ratios = {day: next((row.ratio for row in found if row.model == model), None) for day, found in by_day.items()}
            colour, dashes = draw.look(place)
            axes.plot(
                days,
                np.array([ratios[day] for day in names], np.float64),
                color=colour,
                linewidth=draw.OTHER_WIDTH,
                linestyle=(0, dashes) if dashes else "-",
                marker="o",
                markersize=3.0,
            )
        draw.reference(axes, 1.0, "whoever led")
        axes.set_ylabel("ratio of QLIKE")

    return Chart(
        "league",
        "Ratio to the leader's QLIKE",
        "Each model's mean QLIKE of the day by that of whoever led, on the same outcomes; lower is better, and 1 is the leader.",
        f"Lines from {names[0]} to {names[-1]}; lower is better.",
        drawn,
        list(league.models),
    )


def _facts(league: League) -> Iterator[str]:
    rows = [["commit", f"{league.commit}"], ["its hash", league.head]]
    note = "Of the archive's last commit that is in here; `volcast audit --head` verifies it."
    yield from table_html(Table("What it rests on", ("name", "value"), rows, note, folded=True, prose=True))
