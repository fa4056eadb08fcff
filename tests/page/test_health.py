"""The strip of health: what is known of feed and candles is said in words, what is not known is not there."""

import re
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from tests.api.statistics.test_promotions import ONE, written
from tests.page.conftest import OpenPage
from tests.page.server import FULL, WARM, PageServer, warm_signals
from tests.page.test_page import drawn_until, eventually

ARRIVALS = """async steps => {
  const {Arrivals} = await import('/page/health.js');
  const arrivals = new Arrivals();
  for (const [minute, now] of steps) {
    if (minute === null) arrivals.interrupt();
    else arrivals.take({open_time_ms: minute * 60000}, now === null ? null : now * 1000);
  }
  return [arrivals.lagsS, arrivals.medianS];
}"""
FACTS = """() => Object.fromEntries([...document.querySelectorAll('#health div')].map(
  each => [each.firstChild.textContent, each.lastChild.textContent.replaceAll('\\u00a0', ' ').replaceAll('\\u202f', ' ')]))"""


def facts_with(page: Page, **expected: str) -> dict[str, str]:
    """Wait until facts have these values, with _ for a space in the name; return all."""
    wanted = {name.replace("_", " "): value for name, value in expected.items()}
    return dict(eventually(page, FACTS, lambda found: wanted.items() <= found.items()))


@pytest.mark.parametrize(
    ("steps", "lags_s", "median_s"),
    [
        ([(1, 150), (2, 181), (3, 242), (4, 309)], [1, 2, 9], 2),
        ([(1, 121), (2, 181), (3, 241)], [1, 1], None),
        ([(1, 121), (3, 241), (4, 301), (5, 361), (None, 0), (6, 470), (7, 481)], [1, 1, 1], 1),
        ([(minute, 1e9) for minute in range(10)], [], None),
        ([(minute, None) for minute in range(10)], [], None),
    ],
    ids=["the first is not counted", "too few", "gaps and new connections are not counted", "a replay", "no clock"],
)
def test_the_time_until_a_forecast_is_here(
    open_page: OpenPage, steps: list[Any], lags_s: list[float], median_s: float | None
) -> None:
    assert open_page().evaluate(ARRIVALS, steps) == [lags_s, median_s]


def test_refusals_and_arrivals_are_said_in_words(server: PageServer, open_page: OpenPage) -> None:
    server.counts = {"duplicate": 3, "late": 1}
    server.put(warm_signals()[:WARM])
    page = open_page()
    assert "Comes after" not in facts_with(page, Refused="3 duplicates, 1 late")
    for signal in warm_signals()[WARM : WARM + 5]:
        server.put([signal])
        drawn_until(page, signal)
    fact = page.locator("#health div", has_text="Comes after")
    expect(fact.locator("dd")).to_have_text(re.compile(r"^[\d.]+\ss$"))
    explained = page.locator("#health-help div", has_text="Comes after").locator("dd").text_content()
    expect(fact).to_have_attribute("title", explained or "")


def test_what_another_process_knows_is_left_out(server: PageServer, open_page: OpenPage) -> None:
    server.put(warm_signals(live=False)[:WARM])
    server.age_s = 1e8
    facts = facts_with(open_page(), Valid_until="not of now", Missing="0 minutes in 0 gaps")
    assert not {"Refused", "Comes after", "Restores", "Unreadable", "Corrected"} & set(facts)


def test_restores_are_counted_and_said(server: PageServer, open_page: OpenPage) -> None:
    server.put(warm_signals()[:WARM])
    page = open_page()
    expect(page.locator("#state")).to_contain_text("live")
    for number in (1, 2):
        server.say_restoring("BTCUSDT", done=False)
        expect(page.locator("#state")).to_contain_text("restoring")
        expect(page.locator("#warning")).to_contain_text("Restoring")
        facts_with(page, Restores=str(number), Valid_until="not valid now")
        server.say_restoring("BTCUSDT", done=True)
        expect(page.locator("#state")).to_contain_text("live")


def test_a_phone_shows_the_most_important_facts_first(server: PageServer, open_page: OpenPage) -> None:
    server.put(warm_signals()[:WARM])
    page = open_page(width=390)
    shown = page.locator("#health div:visible dt")
    expect(shown).to_have_text(["Last candle", "Valid until", "Drift alarms on"])
    page.get_by_role("button", name="More about it").click()
    expect(page.locator("#health dt", has_text="Inputs that drift")).to_be_visible()
    expect(page.locator("#meaning")).to_be_visible()
    page.get_by_role("button", name="Less", exact=True).click()
    expect(shown).to_have_count(3)


def test_a_promotion_is_marked_in_the_chart_and_said_with_who_and_why(server: PageServer, open_page: OpenPage) -> None:
    """The first challenger leads from a candle on; before that, the page says that it is to."""
    plain = warm_signals(WARM + 20, config=FULL)
    named_ms = plain[WARM + 5].open_time_ms
    record = replace(ONE, model="ewma", from_ms=named_ms, symbols=(), why="it is better")
    server.put(plain[:WARM])
    page = open_page()
    drawn_until(page, plain[WARM - 1])
    facts_with(page, Model="two_stage, 2 challengers")
    server.view.promotions.take(written(record))
    server.put(plain[WARM : WARM + 5])
    for each in plain[WARM + 5 :]:
        others = [shadow for shadow in each.shadows if shadow.model != "ewma"]
        former = replace(each.shadows[0], model="two_stage")
        server.put([replace(each, model="ewma", shadows=(former, *others))])
    marks = "async () => (await import('/page/main.js')).chart.marks.map(mark => [mark.time, mark.text])"
    eventually(page, marks, lambda found: found == [[named_ms // 1_000, "ewma leads"]])
    fact = page.locator("#health div", has_text="Model")
    expect(fact.locator("dd")).to_have_text(re.compile(r"^ewma, since .+, 2 challengers$"), timeout=20_000)
    expect(fact).to_have_attribute("title", re.compile("Last: ewma from .+, decided by ann: it is better$"))
