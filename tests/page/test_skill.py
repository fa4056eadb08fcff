"""The rolling skill: the same as a plain calculation of it, silent with few outcomes, with an interval that holds; its pane."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from scipy.special import stdtrit  # type: ignore[import-untyped]

from tests.page.conftest import OpenPage
from tests.page.server import WARM, PageServer, warm_signals
from tests.page.test_page import drawn_until, eventually
from tests.page.test_words import call

H, BLOCK, DAY = 60, 120, 1_440
SKILLS = """async text => {
  const cases = JSON.parse(text);
  const {skillOf} = await import('/page/skill.js');
  const row = (minute, qlike, qlike_ewma) => ({open_time_ms: minute * 60000, horizon_minutes: 60, outcome: {qlike, qlike_ewma}});
  return cases.map(losses => skillOf(losses.map(each => row(...each))));
}"""
POINTS = "async name => (await import('/page/main.js')).chart.panes[name].points[name].map(point => [point.time, point.value])"
SHOWN = """async () => {
  const {chart} = await import('/page/main.js');
  return Object.entries(chart.panes).filter(([, pane]) => pane.isShown).map(([name]) => name);
}"""
TITLED = """async () => {
  // The panes whose title is painted when the chart draws itself.
  const {chart} = await import('/page/main.js');
  const painted = new Set();
  for (const [name, pane] of Object.entries(chart.panes)) {
    const {paint} = Object.getPrototypeOf(pane.title);
    pane.title.paint = (...given) => { painted.add(name); paint.apply(pane.title, given); };
  }
  chart.picture();
  return [...painted];
}"""

Losses = Sequence[tuple[int, float | None, float | None]]
"""Of each row: minute, loss, loss of the simple average."""


def skills(page: Page, *cases: Losses) -> list[dict[str, float] | None]:
    found: list[dict[str, float] | None] = page.evaluate(SKILLS, json.dumps(cases))
    return found


def plain_skill(losses: Losses) -> tuple[float, float, float]:
    """Skill and interval of complete data, block by block, counted from the last minute."""
    last = losses[-1][0]
    known = [
        (minute, own, other) for minute, own, other in losses if minute > last - DAY and own is not None and other is not None
    ]
    blocks = np.array(
        [
            np.sum([each[1:] for each in known if (last - each[0]) // BLOCK == number], axis=0)
            for number in sorted({(last - each[0]) // BLOCK for each in known})
        ]
    )
    ratio = blocks[:, 0].sum() / blocks[:, 1].sum()
    residuals = blocks[:, 0] - ratio * blocks[:, 1]
    count = len(blocks)
    half = stdtrit(count - 1, 0.95) * math.sqrt(count / (count - 1) * (residuals**2).sum()) / blocks[:, 1].sum()
    return 1 - ratio, 1 - ratio - half, 1 - ratio + half


def overlapping(rng: np.random.Generator, minutes: int, rival: float) -> NDArray[np.float64]:
    """Losses that share all but one minute with those before, as outcomes of an hour do; the rival's are `rival` times those."""
    common, own, other = (np.convolve(rng.exponential(1 / H, minutes + H - 1), np.ones(H), "valid") for _ in range(3))
    return np.stack([np.arange(minutes), common + own, rival * (common + other)], axis=1)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()


def test_it_is_one_minus_the_ratio_of_the_mean_losses(page: Page) -> None:
    rng = np.random.default_rng(1)
    whole = [(int(minute), own, other) for minute, own, other in overlapping(rng, 2_000, 1.3)]
    holes = [each for each in whole if not 1_200 <= each[0] < 1_290]
    unknown = [(minute, None, None) if minute % 7 == 0 else (minute, own, other) for minute, own, other in whole[:-1]] + whole[
        -1:
    ]
    cases: list[Losses] = [whole, whole[:DAY], whole[: 13 * H], holes, unknown]
    for found, losses in zip(skills(page, *cases), cases, strict=True):
        assert found is not None
        assert [found["skill"], found["lower"], found["upper"]] == pytest.approx(plain_skill(losses), rel=0.02, abs=1e-6)
        assert found["skill"] == pytest.approx(plain_skill(losses)[0], abs=1e-9)


def test_few_outcomes_give_no_number(page: Page) -> None:
    losses = [(minute, 0.5, 1.0) for minute in range(DAY)]
    many, few, sparse, flat, nothing = skills(
        page, losses[: 12 * H], losses[: 10 * H], losses[::3], [(minute, 0.0, 0.0) for minute in range(DAY)], []
    )
    assert many is not None
    assert many["skill"] == pytest.approx(0.5)
    assert (many["minutes"], many["outcomes"]) == (12 * H, 12 * H)
    assert [few, sparse, flat, nothing] == [None] * 4


def test_the_interval_holds_the_truth_as_often_as_it_says(page: Page) -> None:
    """Counted as independent, overlapping outcomes would give an interval that holds it in about 16 % of the days."""
    rng, true = np.random.default_rng(7), 1 - 1 / 1.25
    cases: list[Losses] = [[tuple(each) for each in overlapping(rng, DAY, 1.25)] for _ in range(150)]
    found = [each for each in skills(page, *cases) if each]
    assert len(found) == len(cases)
    held = sum(each["lower"] <= true <= each["upper"] for each in found) / len(found)
    assert 0.8 <= held <= 0.97


@pytest.mark.parametrize(
    ("skill", "minutes", "words"),
    [
        ((0.12, 0.04, 0.2), 1_440, "better than a simple average by 12 % over the last day"),
        ((-0.08, -0.1, -0.01), 840, "worse than a simple average by 8 % over the last 14 h"),
        ((0.05, -0.1, 0.2), 1_440, "not clearly better or worse than a simple average over the last day"),
        ((-1.5, -2, -1.1), 1_440, "much worse than a simple average over the last day: its errors were 2.5 times as large"),
    ],
)
def test_it_is_said_in_words(page: Page, skill: tuple[float, ...], minutes: int, words: str) -> None:
    known: dict[str, Any] = {**dict(zip(("skill", "lower", "upper"), skill, strict=True)), "minutes": minutes}
    assert call(page, "skill", "skillSentence", known) == words
    assert call(page, "skill", "skillSentence", None) == ""
    assert f"count as {minutes // H}." in call(page, "skill", "skillMeaning", known, H)


def test_panes_of_skill_and_signal_rate_are_drawn_and_can_be_hidden(server: PageServer, open_page: OpenPage) -> None:
    signals = warm_signals()
    server.put(signals[:WARM])
    page = open_page()
    drawn_until(page, signals[WARM - 1])
    rates = page.evaluate(POINTS, "rate")
    known = {each.open_time_ms // 1_000: each.signal_rate_window for each in signals[:WARM]}
    assert len(rates) > DAY
    assert all(known[time] == value for time, value in rates)
    [time, value] = page.evaluate(POINTS, "skill")[-1]
    assert time == signals[WARM - 1].open_time_ms // 1_000
    due = [(each.open_time_ms, each.outcome) for each in signals[:WARM]]
    losses = [(ms // 60_000, outcome.qlike, outcome.qlike_ewma) for ms, outcome in due if outcome]
    assert value == pytest.approx(plain_skill(losses)[0], abs=1e-9)
    expect(page.locator("#trust")).to_contain_text("a simple average over the last day")
    server.put(signals[WARM:])
    drawn_until(page, signals[-1])
    assert page.evaluate(POINTS, "rate")[-1] == [signals[-1].open_time_ms // 1_000, signals[-1].signal_rate_window]
    assert page.evaluate(SHOWN) == ["skill", "rate"]
    page.get_by_role("button", name="Skill").click()
    assert page.evaluate(SHOWN) == ["rate"]
    eventually(page, TITLED, lambda found: found == ["rate"])
    page.reload()
    drawn_until(page, signals[-1])
    assert page.evaluate(SHOWN) == ["rate"]
    page.get_by_role("button", name="Skill").click()
    assert page.evaluate(SHOWN) == ["skill", "rate"]
    eventually(page, TITLED, lambda found: found == ["skill", "rate"])
    order = "async () => (await import('/page/main.js')).chart.chart.panes().map(pane => pane.getSeries().length)"
    assert page.evaluate(order) == [4, 3, 1, 2]


def test_a_phone_shows_the_price_until_it_is_asked_for_more(server: PageServer, open_page: OpenPage) -> None:
    server.put(warm_signals()[:WARM])
    page = open_page(width=390)
    drawn_until(page, warm_signals()[WARM - 1])
    assert page.evaluate(SHOWN) == []
    page.get_by_role("button", name="Signal rate").click()
    assert page.evaluate(SHOWN) == ["rate"]


def test_before_there_are_enough_outcomes_there_is_no_skill(server: PageServer, open_page: OpenPage) -> None:
    server.put(warm_signals()[:400])
    page = open_page()
    drawn_until(page, warm_signals()[399])
    assert page.evaluate(SHOWN) == ["rate"]
    expect(page.locator("#trust")).not_to_be_empty()
    expect(page.locator("#trust")).not_to_contain_text("simple average")
