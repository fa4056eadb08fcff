"""Alerts that are set on the page: when they come, and above all when they do not."""

import re
from time import sleep
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import OpenPage
from tests.page.server import WARM, PageServer, warm_signals
from tests.page.test_page import drawn_until, is_accessible
from tests.page.test_words import call

NOTIFIED = "() => window.notified"
FAKE_NOTIFICATION = """permission => {
  // Chromium without a screen shows none: this keeps what it is given.
  window.notified = [];
  window.Notification = class extends EventTarget {
    static permission = permission;
    static async requestPermission() { window.Notification.permission = 'granted'; return 'granted'; }
    constructor(title) { super(); window.notified.push(title); }
  };
  dispatchEvent(new Event('focus'));
}"""
ROW = {"horizon_minutes": 60, "close": 100.0, "price_lower": 99.0, "price_upper": 101.0}
ROW |= {"volatility": 0.01, "usual_volatility": 0.004}


def rule(quantity: str, threshold: float = 1.0, *, is_above: bool = True) -> dict[str, Any]:
    return {"quantity": quantity, "threshold": threshold, "isAbove": is_above, "horizon": 60}


@pytest.fixture
def page(server: PageServer, open_page: OpenPage) -> Page:
    server.put(warm_signals()[:WARM])
    page = open_page()
    drawn_until(page, warm_signals()[WARM - 1])
    return page


def set_alert(page: Page, quantity: str, threshold: str = "", side: str = "rises to") -> None:
    page.get_by_label("What the alert is about").select_option(label=quantity)
    if threshold:
        page.get_by_label("Side of the threshold").select_option(side)
        page.get_by_label("Threshold", exact=True).fill(threshold)
    page.get_by_role("button", name="Set alert").click()


def banner(page: Page) -> Locator:
    return page.locator("#alert-banner p")


RULES: list[tuple[dict[str, Any], dict[str, Any], float | None, str | None]] = [
    (rule("range"), ROW, 1.0, "the range of the next hour is ±1.00 %"),
    (rule("unusual"), ROW, 2.5, "volatility is 2.5 times the usual for this time of day"),
    (rule("annualized"), ROW, 0.01 * 8760**0.5 * 100, "volatility is 94 % a year"),
    (rule("left"), ROW | {"outcome": {"price_covered": False}}, 1, "was forecast 1 h before"),
    (rule("left"), ROW | {"outcome": {"price_covered": True}}, 0, None),
    (rule("left"), ROW | {"outcome": None}, None, None),
    (rule("unusual"), ROW | {"usual_volatility": None}, None, None),
    (rule("range") | {"horizon": 15}, ROW, None, None),
    (rule("range", 1.1), ROW, 1.0, None),
    (rule("range", 1.1, is_above=False), ROW, 1.0, "±1.00 %"),
]
"""Of each: rule, row, value of its quantity, and a part of the sentence if the rule is met."""
NOT_OF_NOW: list[dict[str, Any]] = [
    *({"status": status} for status in ("stale", "restoring", "replaying", "finished", "warming", "clock_skew", "a new one")),
    {"valid_until": None},
    {"age_seconds": 181},
    {"suspect": True},
    {"timestamp": "1970-01-01T00:01:00Z"},
]


def test_a_rule_is_met_on_its_side_and_never_by_what_is_not_known(open_page: OpenPage) -> None:
    page = open_page()
    for given, row, value, words in RULES:
        found = call(page, "rules", "valueOf", given, row)
        assert found == (value if value is None else pytest.approx(value))
        assert call(page, "rules", "isMet", given, found) == (words is not None)
        assert words is None or words in call(page, "rules", "sentenceOf", given, found)


def test_an_alert_is_due_only_if_the_api_says_that_the_row_is_of_now(open_page: OpenPage) -> None:
    page, row = open_page(), {"open_time_ms": 0}
    latest = {"status": "ok", "suspect": False, "timestamp": "1970-01-01T00:00:00Z", "age_seconds": 5}
    latest |= {"valid_until": "1970-01-01T00:04:00Z"}
    assert call(page, "rules", "isOfNow", latest, row) is True
    for change in NOT_OF_NOW:
        assert call(page, "rules", "isOfNow", latest | change, row) is False
    assert call(page, "rules", "isOfNow", None, row) is False


def test_it_comes_once_with_banner_and_notification_and_is_remembered(server: PageServer, page: Page) -> None:
    page.evaluate(FAKE_NOTIFICATION, "default")
    set_alert(page, "volatility, annualized", "100000")
    expect(page.locator("#alert-state")).to_have_text("Set: volatility, annualized: 100000 % a year or more.")
    page.get_by_role("button", name="Notify me outside of this page").click()
    expect(page.locator("#alert-permission")).to_contain_text("notifications of the browser")
    server.put(warm_signals()[WARM : WARM + 1])
    drawn_until(page, warm_signals()[WARM])
    expect(banner(page)).to_have_count(0)
    set_alert(page, "volatility, annualized", "0.01")
    expect(banner(page)).to_have_count(1)
    expect(banner(page)).to_contain_text(re.compile(r"BTCUSDT at \d\d:\d\d UTC: volatility is [\d\s]+\s% a year"))
    assert len(page.evaluate(NOTIFIED)) == 1
    is_accessible(page)
    server.put(warm_signals()[WARM + 1 : WARM + 30])  # it stays above, longer than a quarter of an hour
    drawn_until(page, warm_signals()[WARM + 29])
    expect(banner(page)).to_have_count(1)
    page.reload()
    drawn_until(page, warm_signals()[WARM + 29])
    expect(page.locator("#alert-state")).to_have_text("Set: volatility, annualized: 0.01 % a year or more.")
    expect(banner(page)).to_have_count(0)
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#alert-state")).to_have_text("None is set.")
    page.reload()
    expect(page.locator("#alert-state")).to_have_text("None is set.")


def test_without_permission_there_is_the_banner(page: Page) -> None:
    page.evaluate(FAKE_NOTIFICATION, "denied")
    set_alert(page, "range of the next hour (±)", "0.0001")
    expect(banner(page)).to_have_count(1)
    expect(page.locator("#alert-permission")).to_contain_text("forbids notifications")
    assert page.evaluate(NOTIFIED) == []
    banner(page).get_by_role("button", name="Dismiss").click()
    expect(banner(page)).to_have_count(0)


def test_another_symbol_than_the_chosen_one_alerts_too(server: PageServer, page: Page) -> None:
    eth = warm_signals(WARM + 5, "ETHUSDT", 2)
    server.put(eth[:WARM])
    page.get_by_role("link", name="ETHUSDT").click()
    drawn_until(page, eth[WARM - 1])
    before, after = (each.volatility_annualized * 100 for each in eth[WARM - 1 : WARM + 1])
    set_alert(page, "volatility, annualized", str((before + after) / 2), "rises to" if after > before else "falls to")
    page.get_by_role("link", name="BTCUSDT").click()
    expect(page.locator("#alert-state")).to_have_text("None is set.")
    expect(banner(page)).to_have_count(0)
    server.put(eth[WARM : WARM + 1])
    expect(banner(page)).to_contain_text("ETHUSDT")


@pytest.mark.parametrize("state", ["stale", "replaying the past", "of the past", "restoring", "warming up"])
def test_it_never_comes_on_numbers_that_are_not_of_now(server: PageServer, open_page: OpenPage, state: str) -> None:
    signals = warm_signals(live="past" not in state)[: 400 if state == "warming up" else WARM + 1]
    server.age_s = {"stale": 1_500, "replaying the past": 1e7, "of the past": 1e7}.get(state, 5)
    server.put(signals[:-2])
    if state == "replaying the past":
        sleep(5)  # the next signal of a replay is expected for three times as long as it took to come: the page has time
    server.put(signals[-2:-1])
    if state == "restoring":
        server.say_restoring("BTCUSDT", done=False)
    if state == "of the past":
        server.view.finish_replays()
    page = open_page()
    drawn_until(page, signals[-2])
    expect(page.locator("#state")).to_contain_text(state)
    with page.expect_response(re.compile("latest")):
        set_alert(page, "range of the next hour (±)", "0.0001")
    expect(page.locator("#alert-now")).to_contain_text(f"No alert comes while the state is: {state}.")
    server.put(signals[-1:])
    if state == "of the past":
        server.view.finish_replays()
    drawn_until(page, signals[-1])
    with page.expect_response(re.compile("latest")):
        pass
    expect(banner(page)).to_have_count(0)


def test_a_threshold_that_is_no_number_is_refused(page: Page) -> None:
    for text in ("", "-1", "0"):
        page.get_by_label("Threshold", exact=True).fill(text)
        page.get_by_role("button", name="Set alert").click()
        expect(page.locator("#alert-state")).to_have_text("Enter a number above 0.")
    page.get_by_label("Threshold", exact=True).fill("5")
    page.get_by_role("button", name="Set alert").click()
    expect(page.locator("#alert-state")).to_contain_text("(±): 5 % or more")
