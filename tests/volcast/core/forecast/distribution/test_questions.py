"""The answers to questions about prices: their laws, known cases, and what is refused."""

from math import exp, log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm  # type: ignore[import-untyped]  # SciPy ships no types

from tests.market_quantiles import mixture_quantiles
from volcast.core.forecast.distribution.quantiles import Quantiles
from volcast.core.forecast.distribution.questions import (
    PositionSide,
    PriceOutlook,
    Probability,
    QuestionError,
    Relation,
    volatility_distribution,
)

CLOSE = 42_000.0
prices = st.floats(CLOSE * 0.97, CLOSE * 1.03)


def rounded(answer: Probability) -> Probability:
    return answer._replace(value=round(answer.value, 9))


def outlook() -> PriceOutlook:
    return PriceOutlook(mixture_quantiles(), CLOSE)


@given(prices)
def test_below_and_above_add_up_to_1(price: float) -> None:
    below, above = outlook().below(price), outlook().above(price)
    assert below.value + above.value == pytest.approx(1.0, abs=1e-12)
    assert below.extrapolated == above.extrapolated


@given(prices, prices)
def test_probabilities_fall_with_the_distance(one: float, other: float) -> None:
    low, high = sorted((one, other))
    asked = outlook()
    assert asked.above(low).value >= asked.above(high).value
    assert asked.below(low).value <= asked.below(high).value
    if low > CLOSE:
        assert asked.touched(low).value >= asked.touched(high).value
    if high < CLOSE:
        assert asked.touched(low).value <= asked.touched(high).value


@given(prices.filter(lambda price: price != CLOSE))
def test_a_price_is_touched_at_least_as_often_as_the_close_lies_beyond(price: float) -> None:
    asked = outlook()
    beyond = asked.above(price) if price > CLOSE else asked.below(price)
    assert asked.touched(price).value >= beyond.value


@given(prices, prices)
def test_between_is_the_difference(one: float, other: float) -> None:
    low, high = sorted((one, other))
    asked = outlook()
    if not low < high:
        return
    between, edges = asked.between(low, high), asked.above(low).value - asked.above(high).value
    assert between.value == pytest.approx(edges, abs=0.0021)
    if asked.above(low).relation is asked.above(high).relation is between.relation is Relation.EQUAL:
        assert between.value == pytest.approx(edges, abs=1e-12)


@given(st.floats(0.01, 0.998))
def test_the_close_is_in_the_range_with_its_probability(level: float) -> None:
    lower, upper, extrapolated = outlook().price_range(level)
    assert outlook().between(lower, upper).value == pytest.approx(level, abs=1e-9)
    assert extrapolated == (level > 0.99 + 1e-12)


@given(st.floats(0.5, 0.999), st.sampled_from(PositionSide))
def test_the_expected_shortfall_is_beyond_the_value_at_risk(level: float, side: PositionSide) -> None:
    loss = outlook().loss(level, side)
    assert loss.expected_shortfall > loss.value_at_risk
    price = CLOSE * (1 - loss.value_at_risk if side is PositionSide.LONG else 1 + loss.value_at_risk)
    exceeded = outlook().below(price) if side is PositionSide.LONG else outlook().above(price)
    assert exceeded.value == pytest.approx(1 - level, abs=1e-6)


def test_a_touch_is_as_likely_as_the_reflection_principle_says() -> None:
    """For Brownian motion P(high > k) = 2 P(close > k), if prices are watched all the time: here 240 times an hour."""
    asked = PriceOutlook(mixture_quantiles(steps=960), CLOSE)
    for price in (42_050.0, 42_150.0, 42_300.0, 41_700.0):
        beyond = asked.above(price) if price > CLOSE else asked.below(price)
        assert asked.touched(price).value == pytest.approx(2 * beyond.value, rel=0.08)


def test_numbers_of_a_lognormal_price() -> None:
    levels = mixture_quantiles().levels
    x = tuple((0.01 * norm.ppf(levels)).tolist())
    asked = PriceOutlook(Quantiles(levels, x, x, x, (0.01,) * len(levels)), CLOSE)
    assert asked.above(CLOSE * exp(0.01)).value == pytest.approx(norm.sf(1.0), abs=1e-6)
    loss = asked.loss(0.975, PositionSide.LONG)
    assert loss.value_at_risk == pytest.approx(1 - exp(0.01 * norm.ppf(0.025)), rel=1e-6)
    expected = 1 - exp(0.01**2 / 2) * norm.cdf(norm.ppf(0.025) - 0.01) / 0.025
    assert loss.expected_shortfall == pytest.approx(expected, rel=0.02)  # its tail is heavier than a normal one
    assert asked.price_range(0.9)[:2] == pytest.approx((CLOSE * exp(-0.0164485), CLOSE * exp(0.0164485)), rel=1e-6)


def test_no_more_is_claimed_than_the_quantiles_support() -> None:
    asked = outlook()
    assert rounded(asked.above(CLOSE * 1.5)) == Probability(0.001, Relation.LESS, extrapolated=True)
    assert rounded(asked.below(CLOSE * 1.5)) == Probability(0.999, Relation.MORE, extrapolated=True)
    assert rounded(asked.touched(CLOSE * 0.5)) == Probability(0.001, Relation.LESS, extrapolated=True)
    assert asked.between(CLOSE * 0.5, CLOSE * 0.6).relation is Relation.LESS
    assert asked.above(CLOSE).extrapolated is False
    rare = CLOSE * exp(mixture_quantiles().log_return[-1] * 1.1)
    assert (asked.above(rare).relation, asked.above(rare).extrapolated) == (Relation.EQUAL, True)


def test_other_levels_know_less() -> None:
    asked = PriceOutlook(mixture_quantiles(levels=(0.05, 0.25, 0.5, 0.75, 0.95)), CLOSE)
    assert asked.rarest == pytest.approx(0.01)
    assert rounded(asked.above(CLOSE * 1.2)) == Probability(0.01, Relation.LESS, extrapolated=True)
    with pytest.raises(QuestionError, match=r"from 0\.5 to 0\.99; got 0\.995"):
        asked.loss(0.995, PositionSide.SHORT)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_price_is_refused(price: float) -> None:
    asked = outlook()
    for ask in (asked.above, asked.below, asked.touched, lambda each: asked.between(each, CLOSE)):
        with pytest.raises(QuestionError, match="a price must be a number above 0"):
            ask(price)


def test_questions_without_an_answer_are_refused() -> None:
    asked = outlook()
    with pytest.raises(QuestionError, match="it is touched already"):
        asked.touched(CLOSE)
    with pytest.raises(QuestionError, match=r"lower one; got 43278\.14 and 43278\.13$"):  # all digits, or they would look equal
        asked.between(43_278.14, 43_278.13)
    with pytest.raises(QuestionError, match="the first of two prices must be the lower one"):
        asked.between(43_000.0, 42_000.0)
    for level in (0.0, 1.0, 0.9985, -0.1, float("nan")):
        with pytest.raises(QuestionError, match=r"above 0 and at most 0\.998"):
            asked.price_range(level)
    for level in (0.4, 1.0, 0.9995, float("nan")):
        with pytest.raises(QuestionError, match=r"from 0\.5 to 0\.999"):
            asked.loss(level, PositionSide.LONG)
    for close in (0.0, float("nan")):
        with pytest.raises(ValueError, match="a close must be above 0"):
            PriceOutlook(mixture_quantiles(), close)


def test_the_distribution_of_volatility() -> None:
    law = volatility_distribution(mixture_quantiles())
    assert exp(law.quantile(0.5)) == pytest.approx(0.004, rel=0.01)
    assert law.mean() == pytest.approx(0.004 * exp(0.4**2 / 2), rel=0.01)
    assert float(law.cdf(log(0.004 * exp(0.4)))) == pytest.approx(norm.cdf(1.0), abs=0.01)
    assert sqrt(law.mean()) > 0
    flat = Quantiles((0.1, 0.5, 0.9), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert volatility_distribution(flat).mean() < 1e-9
