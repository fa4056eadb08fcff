"""Horizons and challengers can be chosen where there are some: words, range, panes and marks are then those of the choice."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import OpenPage
from tests.page.server import FULL, WARM, PageServer, warm_signals
from tests.page.test_page import drawn_until, eventually, is_accessible
from tests.page.test_skill import plain_skill
from tests.page.test_words import call
from volcast.core.types import MINUTE_MS, Signal

POINTS = "async name => (await import('/page/main.js')).chart.points[name].map(point => [point.time * 1000, point.value])"
AHEAD = "async () => (await import('/page/main.js')).chart.ranges.ahead"
VIEW = """async () => {
  const range = (await import('/page/main.js')).chart.chart.timeScale().getVisibleRange();
  return {from: range.from * 1000, to: range.to * 1000};
}"""
SKILL = "async () => (await import('/page/main.js')).chart.panes.skill.points.skill.at(-1)"


def full_signals() -> tuple[Signal, ...]:
    return warm_signals(WARM + 20, config=FULL)


@pytest.fixture
def page(server: PageServer, open_page: OpenPage) -> Page:
    server.put(full_signals()[:WARM])
    page = open_page()
    drawn_until(page, full_signals()[WARM - 1])
    return page


def range_ahead(page: Page, until_ms: int) -> dict[str, Any]:
    return dict(eventually(page, AHEAD, lambda found: found and found["to"] * 1_000 == until_ms))


def test_a_horizon_can_be_chosen_and_is_remembered(server: PageServer, page: Page) -> None:
    last = full_signals()[WARM - 1]
    four_hours = last.other_horizons[1]
    expect(page.get_by_label("Forecast for the").locator("option")).to_have_text(["next hour", "next 15 minutes", "next 4 hours"])
    assert range_ahead(page, last.open_time_ms + 60 * MINUTE_MS)["upper"] == last.price_upper
    page.get_by_label("Forecast for the").select_option("240")
    eventually(page, VIEW, lambda found: found["from"] < last.open_time_ms and found["to"] > last.open_time_ms + 239 * MINUTE_MS)
    for _ in range(2):
        expect(page.locator("#band")).to_have_text(re.compile("^next 4 hours ±"))
        ahead = range_ahead(page, last.open_time_ms + 240 * MINUTE_MS)
        assert (ahead["lower"], ahead["upper"]) == (four_hours.price_lower, four_hours.price_upper)
        expected = [
            [each.open_time_ms + 240 * MINUTE_MS, each.other_horizons[1].volatility] for each in full_signals()[WARM - 50 : WARM]
        ]
        assert page.evaluate(POINTS, "forecast")[-50:] == expected
        realized = [
            [each.open_time_ms, outcome.realized_volatility]
            for each in full_signals()[WARM - 50 : WARM]
            if (outcome := each.other_horizons[1].outcome)
        ]
        assert page.evaluate(POINTS, "realized")[-50:] == realized
        expect(page.get_by_label("Compared with")).to_be_hidden()  # challengers forecast the first horizon only
        page.reload()
    server.put(full_signals()[WARM:])
    newest = full_signals()[-1]
    assert range_ahead(page, newest.open_time_ms + 240 * MINUTE_MS)["upper"] == newest.other_horizons[1].price_upper
    page.get_by_label("Forecast for the").select_option("60")
    assert range_ahead(page, newest.open_time_ms + 60 * MINUTE_MS)["upper"] == newest.price_upper


def test_a_challenger_can_be_compared_with(server: PageServer, page: Page) -> None:
    expect(page.locator("#trust")).to_contain_text("a simple average")
    assert page.evaluate(POINTS, "rival") == []
    page.get_by_label("Compared with").select_option("ewma")
    expect(page.locator("#trust")).to_contain_text("the challenger ewma")
    expect(page.locator("#keys")).to_contain_text("forecast of the challenger ewma")
    is_accessible(page)
    server.put(full_signals()[WARM:])
    drawn_until(page, full_signals()[-1])
    drawn = page.evaluate(POINTS, "rival")[-50:]
    assert drawn == [[each.open_time_ms + 60 * MINUTE_MS, each.shadows[0].volatility] for each in full_signals()[-50:]]
    due = [(each.open_time_ms // MINUTE_MS, each.outcome, each.shadows[0].qlike) for each in full_signals()]
    losses = [(minute, outcome.qlike, qlike) for minute, outcome, qlike in due if outcome and qlike is not None]
    skill, _, _ = plain_skill(losses)
    assert page.evaluate(SKILL)["value"] == pytest.approx(skill, abs=1e-9)
    page.get_by_label("Compared with").select_option("a simple average")
    expect(page.locator("#trust")).not_to_contain_text("challenger")
    assert page.evaluate(POINTS, "rival") == []


def test_where_there_is_nothing_to_choose_there_is_no_control(server: PageServer, open_page: OpenPage) -> None:
    server.put(warm_signals()[:WARM])
    page = open_page()
    drawn_until(page, warm_signals()[WARM - 1])
    for label in ("Forecast for the", "Compared with"):
        expect(page.get_by_label(label)).to_be_hidden()


def test_a_row_without_the_horizon_has_no_forecast_for_it(page: Page) -> None:
    """It is from before the settings were changed. The forecast for another horizon would be taken for this one."""
    row: dict[str, Any] = {"horizon_minutes": 60, "volatility": 0.01, "price_lower": 99.0, "price_upper": 101.0, "close": 100.0}
    row |= {"usual_volatility": 0.01, "outcome": {"qlike": 1.0}, "other_horizons": [], "shadows": [{"model": "har"}]}
    assert call(page, "choice", "atHorizon", row, 60) == row
    other = call(page, "choice", "atHorizon", row, 15)
    assert (other["horizon_minutes"], other["volatility"], other["outcome"], other["usual_volatility"]) == (15, 0, None, None)
    assert call(page, "words", "halfRange", other) is None
