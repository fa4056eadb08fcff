"""The page in a real browser: what it says, what it draws, and that it goes on after whatever happens to a page left open."""

import re
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.page.conftest import OpenPage
from tests.page.server import WARM, PageServer, warm_signals
from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.core.types import MINUTE_MS, Signal

PATIENCE_S = 20
NEW = 20
"""Signals that come after the page was opened."""
ROWS = "async () => (await import('/page/main.js')).page.rows.all.map(row => row.open_time_ms)"
DRAWN = "async () => (await import('/page/main.js')).chart.points.candles.map(point => point.time * 1000)"
COLUMNS = """async ({up, down, ahead}) => {
  // By the columns of the pane with the candles: where there is most of each colour.
  const canvas = document.querySelector('#chart canvas');
  const {width, height} = canvas ?? {};
  if (!width || !height) return {candles: [], ahead: []};
  const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const rgb = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
  const count = (hex, least) => {
    const [r, g, b] = rgb(hex);
    const columns = [];
    for (let x = 0; x < width; x++) {
      let n = 0;
      for (let y = 0; y < height; y++) {
        const i = 4 * (y * width + x);
        if (data[i] == r && data[i + 1] == g && data[i + 2] == b) n++;
      }
      if (n >= least) columns.push(x);
    }
    return columns;
  };
  return {candles: [...count(up, 4), ...count(down, 4)], ahead: count(ahead, 20)};
}"""
"""A dotted line of the last price crosses the pane in the colour of its candle, less than four pixels high."""
LIGHT = {"up": "#178055", "down": "#c2413a", "ahead": "#1f5fd0"}
DARK = {"up": "#3fb984", "down": "#ef6b62", "ahead": "#7aa7ff"}


def minutes(signals: Any) -> list[int]:
    return [each.open_time_ms for each in signals]


def eventually(page: Page, script: str, is_right: Callable[[Any], bool], arg: Any = None) -> Any:
    """Call the script in the page until what it returns is right, and return that."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_right(found := page.evaluate(script, arg)):
        assert time.monotonic() < deadline_s, f"{script} returns {found!r:.2000}"
        page.wait_for_timeout(50)
    return found


def drawn_until(page: Page, signal: Signal) -> list[int]:
    """Wait until the candle of a signal is drawn; return the times of all that are."""
    return cast("list[int]", eventually(page, DRAWN, lambda found: found[-1:] == [signal.open_time_ms]))


def columns_of(page: Page, colors: dict[str, str]) -> dict[str, list[int]]:
    """Wait until candles and the range ahead are drawn, and return their columns."""
    return cast("dict[str, list[int]]", eventually(page, COLUMNS, lambda found: found["candles"] and found["ahead"], colors))


def is_accessible(page: Page) -> None:
    """Fail if the page violates a rule of axe-core."""
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


@pytest.fixture
def warm(server: PageServer) -> PageServer:
    server.put(warm_signals()[:WARM])
    return server


def test_the_first_glance_says_what_is_forecast_and_whether_to_trust_it(warm: PageServer, open_page: OpenPage) -> None:
    page = open_page()
    signal = warm_signals()[WARM - 1]
    expect(page.locator("#symbol")).to_have_text("BTCUSDT")
    expect(page.locator("#state")).to_have_text(re.compile(r"live · \d+\ss old"))
    half = (signal.price_upper - signal.price_lower) / (2 * signal.close)
    expect(page.locator("#band")).to_have_text(
        re.compile(rf"next hour ±{half:.2%}"[:-1] + r"\s% \(90\s%: [\d\s.]+ to [\d\s.]+\)")
    )
    expect(page.locator("#trust")).to_have_text(re.compile(r"[tT]he range held [\d.]+\s% of the time · .*a simple average"))
    expect(page.locator("#meaning")).to_have_text(
        re.compile(r"So it was in [\d\s]+ of [\d\s]+ forecasts made in \d+\sh; they overlap and count as 2\d\.$")
    )
    expect(page.locator("#warning")).to_be_hidden()


def test_the_range_ahead_is_drawn_ahead_of_the_price(warm: PageServer, open_page: OpenPage) -> None:
    page = open_page()
    columns = columns_of(page, LIGHT)
    assert len(columns["candles"]) > 50
    assert max(columns["candles"]) + 50 < min(columns["ahead"])


def test_new_rows_change_words_and_pixels(warm: PageServer, open_page: OpenPage) -> None:
    page = open_page()
    before, price = columns_of(page, LIGHT), page.locator("#price").inner_text()
    warm.put(warm_signals()[WARM : WARM + NEW])
    expect(page.locator("#price")).not_to_have_text(price)
    digits = re.sub(r"\s", "", page.locator("#price").inner_text())
    assert float(digits) in {signal.close for signal in warm_signals()[WARM : WARM + NEW]}
    drawn_until(page, warm_signals()[WARM + NEW - 1])
    eventually(page, COLUMNS, lambda found: found != before, LIGHT)


def test_a_fast_replay_is_drawn_without_a_hole(warm: PageServer, open_page: OpenPage) -> None:
    page = open_page()
    drawn_until(page, warm_signals()[WARM - 1])
    for signal in warm_signals()[WARM:]:
        warm.put([signal])
        if signal.open_time_ms % (7 * MINUTE_MS) == 0:
            page.wait_for_timeout(5)
    drawn = drawn_until(page, warm_signals()[-1])
    assert drawn == minutes(warm_signals()[-len(drawn) :])


def test_after_a_restart_of_the_server_the_page_goes_on_without_a_seam(warm: PageServer, open_page: OpenPage) -> None:
    page = open_page(complains="ERR_")
    first = drawn_until(page, warm_signals()[WARM - 1])[0]
    warm.stop()
    expect(page.locator("#connection")).to_contain_text("no connection", timeout=15_000)
    expect(page.locator("#state")).to_contain_text("no connection")
    expect(page.locator("#warning")).to_contain_text("these are the last numbers that came")
    warm.start_again()
    warm.put(warm_signals()[: WARM + NEW])
    expect(page.locator("#connection")).to_have_text("connected", timeout=20_000)
    drawn_until(page, warm_signals()[WARM + NEW - 1])
    warm.put(warm_signals()[WARM + NEW : WARM + 2 * NEW])
    drawn = drawn_until(page, warm_signals()[WARM + 2 * NEW - 1])
    assert drawn == [ms for ms in minutes(warm_signals()[: WARM + 2 * NEW]) if ms >= first]
    assert page.evaluate(ROWS) == drawn
    expect(page.locator("#warning")).to_be_hidden()


def test_without_a_stream_rows_come_all_the_same(warm: PageServer, open_page: OpenPage) -> None:
    """A proxy may hold back what has no end, and the API has a limit of streams."""
    page = open_page(complains="ERR_FAILED")
    page.route("**/stream", lambda route: route.abort())
    page.reload()
    expect(page.locator("#connection")).to_contain_text("updates come late")
    drawn_until(page, warm_signals()[WARM - 1])
    warm.put(warm_signals()[WARM : WARM + NEW])
    drawn_until(page, warm_signals()[WARM + NEW - 1])


def test_symbols_are_chosen_by_click_by_key_and_by_address(warm: PageServer, open_page: OpenPage) -> None:
    eth = warm_signals(WARM, "ETHUSDT", 2)
    warm.put(eth)
    page = open_page("#ETHUSDT", complains="404")
    expect(page.locator("#symbol")).to_have_text("ETHUSDT")
    drawn_until(page, eth[-1])
    page.get_by_role("link", name="BTCUSDT").click()
    expect(page.locator("#symbol")).to_have_text("BTCUSDT")
    assert page.url.endswith("/#BTCUSDT")
    expect(page.locator("[aria-current=true]")).to_contain_text("BTCUSDT")
    page.keyboard.press("j")
    expect(page.locator("#symbol")).to_have_text("ETHUSDT")
    page.keyboard.press("/")
    page.keyboard.type("btc")
    expect(page.locator("#symbols li")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#symbol")).to_have_text("BTCUSDT")
    page.goto(warm.url + "#NONE")
    expect(page.locator("#band")).to_contain_text("There is no signal for this symbol")


@pytest.mark.parametrize(("scheme", "colors"), [("light", LIGHT), ("dark", DARK)])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_it(warm: PageServer, open_page: OpenPage, scheme: str, colors: dict[str, str], width: int) -> None:
    """No violation of axe-core's rules; nothing is wider than a phone; the chart follows light and dark."""
    page = open_page(width=width, height=844, color_scheme=scheme)
    columns_of(page, colors)
    page.locator("summary").click()
    is_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_switch_to_dark_is_followed(warm: PageServer, open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    columns_of(page, LIGHT)
    page.emulate_media(color_scheme="dark")
    columns_of(page, DARK)


def test_times_are_shown_in_the_own_zone_on_demand(warm: PageServer, open_page: OpenPage) -> None:
    page = open_page(timezone_id="Asia/Kolkata")
    expect(page.locator("#legend")).to_contain_text("UTC ·")
    page.locator("#zone").click()
    expect(page.locator("#legend")).to_contain_text("UTC+5:30 ·")
    expect(page.locator("#zone")).to_have_text("local (UTC+5:30)")


def test_missing_minutes_are_drawn_as_a_gap(server: PageServer, open_page: OpenPage) -> None:
    server.put(signal for number, signal in enumerate(warm_signals()[:WARM]) if not WARM - 50 <= number < WARM - 40)
    page = open_page()
    drawn = drawn_until(page, warm_signals()[WARM - 1])
    assert [later - before for before, later in pairwise(drawn) if later - before != MINUTE_MS] == [11 * MINUTE_MS]
    gaps = "async () => (await import('/page/main.js')).chart.gaps.all.map(gap => gap.to - gap.from)"
    assert page.evaluate(gaps) == [11 * 60]
    hidden = "async () => (await import('/page/main.js')).chart.points.mean.filter(point => point.color).map(point => point.time)"
    assert page.evaluate(hidden) == [warm_signals()[WARM - 51].open_time_ms // 1000]


def test_a_drift_alarm_is_marked_and_tells_its_story(server: PageServer, open_page: OpenPage) -> None:
    signals = warm_signals()[:WARM]
    began_ms = signals[-30].open_time_ms
    alarm = DriftAlarm(
        detector="frozen_forecast",
        tier=Tier.PAGE,
        open_time_ms=began_ms,
        what="The forecast does not move any more.",
        quantity="spread",
        before=1.0,
        after=0.0,
        statistic=9.0,
        threshold=5.0,
        false_alarms_per_month=0.1,
    )
    on = [msgspec.structs.replace(each, drift_alarms=(alarm,)) for each in signals[-30:-10]]
    server.put([*signals[:-30], *on])
    page = open_page()
    story = page.locator("#alarm-list li")
    expect(story).to_contain_text("On since")
    expect(story).to_contain_text("needs somebody now · frozen forecast: The forecast does not move any more.")
    expect(page.locator("#symbols .note")).to_contain_text("drift")
    marks = "async () => (await import('/page/main.js')).chart.markers.markers().map(mark => mark.time)"
    eventually(page, marks, lambda found: found == [began_ms // 1000])
    server.put(signals[-10:])
    expect(story).to_contain_text("Over; it began at")
    assert page.evaluate(marks) == [began_ms // 1000]


def test_on_paper_the_chart_is_a_light_picture_of_itself(warm: PageServer, open_page: OpenPage) -> None:
    page = open_page(color_scheme="dark")
    columns_of(page, DARK)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    picture = page.locator("#paper canvas")
    expect(picture).to_be_visible()
    expect(page.locator("#paper")).to_contain_text(re.compile(r"Last candle of \d+ \w+ \d{4} \d\d:\d\d UTC, printed at"))
    expect(page.locator("#chart")).to_be_hidden()
    expect(page.locator("#symbols")).to_be_hidden()
    columns = page.evaluate(COLUMNS.replace("#chart canvas", "#paper canvas"), LIGHT)
    assert columns["candles"]
    assert columns["ahead"]
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    expect(picture).to_have_count(0)
    columns_of(page, DARK)
    page.pdf()  # the browser's own way there and back
    expect(picture).to_have_count(0)
