"""What the page says in each state, and how it writes numbers: the modules without a document, called in the browser."""

from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from tests.page.conftest import OpenPage
from tests.page.server import WARM, PageServer, warm_signals

UTC = False


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()


def call(page: Page, module: str, name: str, *arguments: Any) -> Any:
    script = "async ([module, name, given]) => (await import(`/page/${module}.js`))[name](...given)"
    found = page.evaluate(script, [module, name, list(arguments)])
    return found.replace("\u202f", " ").replace("\u00a0", " ") if isinstance(found, str) else found


def test_numbers_are_written_as_people_read_them(page: Page) -> None:
    assert [call(page, "format", "grouped", value, digits) for value, digits in ((42_580, 0), (-1_234.5, 2), (-0.001, 2))] == [
        *("42 580", "−1 234.50", "0.00")
    ]
    assert [call(page, "format", "smallPercent", share) for share in (0.00512, 0.1234, 0.0000123, 0, 2e-17)] == [
        *("0.51 %", "12.3 %", "0.0012 %", "0.00 %", "0.00 %")
    ]
    assert call(page, "format", "digitsOfPrices", [42_580, 42_580.5, 1e-7]) == 7
    assert call(page, "format", "digitsOfRange", 42_358.57, 42_794.25) == 0
    assert call(page, "format", "digitsOfRange", 0.0843, 0.0857) == 5


def test_time_spans_and_times_are_short(page: Page) -> None:
    spans = [8, 99, 840, 12_000, 7_200, 90_000, 5 * 86_400, 1_057 * 86_400]
    assert [call(page, "format", "duration", span) for span in spans] == [
        *("8 s", "99 s", "14 min", "3 h 20 min", "2 h", "25 h", "5 days", "1 057 days")
    ]
    new_year_ms = 1_704_067_200_000
    assert call(page, "format", "moment", new_year_ms, UTC, new_year_ms) == "00:00 UTC"
    assert call(page, "format", "moment", new_year_ms - 60_000, UTC, new_year_ms) == "31 Dec 2023 23:59 UTC"


def test_a_percentage_is_given_only_of_enough_forecasts(page: Page) -> None:
    def rows(held: int, missed: int) -> list[dict[str, Any]]:
        outcomes = [True] * held + [False] * missed
        return [
            {
                "open_time_ms": (60 + minute) * 60_000,
                "horizon_minutes": 60,
                "interval_level": 0.9,
                "close": 100,
                "price_lower": 99,
                "price_upper": 101,
                "outcome": {"open_time_ms": minute * 60_000, "price_covered": each},
            }
            for minute, each in enumerate(outcomes)
        ]

    assert call(page, "words", "heldSentence", []) == "no forecast has come due yet"
    assert call(page, "words", "heldSentence", rows(9, 1)) == "the range held in 9 of the first 10 forecasts: too few to judge"
    hours = rows(300, 20)
    assert call(page, "words", "heldSentence", hours) == "the range held in 300 of the first 320 forecasts: too few to judge"
    assert "So it was" not in call(page, "words", "meaning", hours[-1], hours)
    enough = rows(538, 62)
    assert call(page, "words", "heldSentence", enough) == "the range held 89.7 % of the time"
    assert call(page, "words", "meaning", enough[-1], enough) == (
        "With 90 % probability the price is in this range an hour later. "
        "So it was in 538 of 600 forecasts made in 10 h; they overlap and count as 10."
    )
    assert call(page, "words", "meaning", {**enough[-1], "horizon_minutes": 240}, []).endswith("in this range 4 hours later.")


@pytest.mark.parametrize(
    ("usual", "words"),
    [
        (3.0, "much calmer than usual for this time of day: 0.3 times the usual movement"),
        (1.0, "as usual for this time of day"),
        (0.4, "unusually wild for this time of day: 2.5 times the usual movement"),
        (None, ""),
    ],
)
def test_the_forecast_is_compared_with_what_is_usual(page: Page, usual: float | None, words: str) -> None:
    assert call(page, "words", "comparison", {"volatility": 1.0, "usual_volatility": usual}) == words


@pytest.mark.parametrize(
    ("source", "age_s", "words"),
    [
        ("live", 1_500, ("stale · 25", "Stale: no candle for 25")),
        ("live", 9_000, ("stale · 2", "Its hour is over.")),
        ("replay", 1e8, ("replaying the past", "The past, not now: a replay is running")),
        ("live", -600, ("clock wrong", "a clock or a date is wrong. Do not use these numbers.")),
    ],
)
def test_what_is_not_of_now_says_so_before_the_numbers(
    server: PageServer, open_page: OpenPage, source: str, age_s: float, words: tuple[str, str]
) -> None:
    server.age_s = age_s
    server.put(warm_signals(live=source == "live")[:WARM])
    page = open_page()
    state, warning = words
    expect(page.locator("#warning")).to_contain_text(warning)
    expect(page.locator("#state")).to_contain_text(state)
    if "stale" in state:
        expect(page.locator("#health .loud dd").first).to_contain_text("ago")


def test_before_it_is_warm_it_says_so(server: PageServer, open_page: OpenPage) -> None:
    server.put(warm_signals()[:200])
    expect(open_page().locator("#warning")).to_contain_text("Warming up")


@pytest.mark.parametrize("status", ["finished", "stale"])
def test_the_last_numbers_of_a_symbol_that_was_not_warm_are_called_a_first_guess(page: Page, status: str) -> None:
    row = {"open_time_ms": 1_704_067_200_000, "horizon_minutes": 60}
    zone = {"isLocal": UTC, "nowMs": 1_704_070_800_000}
    said = [call(page, "words", "warning", status, {**row, "warm": warm}, 900, zone) for warm in (False, True)]
    assert ["The model was not warm" in each for each in said] == [True, False]


def test_a_long_name_stays_on_a_phone(server: PageServer, open_page: OpenPage) -> None:
    server.put(replace(each, symbol="1000000MOGUSDT.BINANCESIM") for each in warm_signals()[:9])
    page = open_page(width=390, height=844)
    expect(page.locator("#symbol")).to_have_text("1000000MOGUSDT.BINANCESIM")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_before_the_first_signal_it_says_what_will_come(server: PageServer, open_page: OpenPage) -> None:
    page = open_page()
    expect(page.locator("#symbol")).to_have_text("No forecasts yet")
    server.put(warm_signals()[:1])
    expect(page.locator("#symbol")).to_have_text("BTCUSDT")
