"""Which prices are suspect, by hand; and laws for any prices."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.core.market.price_check import MAX_SUSPECT_MINUTES, PriceCheck

LIMIT = 0.02
SOUND = (100.0, 100.5, 99.5, 100.0)


def checked(*candles: tuple[float, float, float, float]) -> tuple[list[tuple[float, float, float, float]], PriceCheck]:
    check = PriceCheck()
    return [check.push(each, LIMIT) for each in candles], check


@pytest.mark.parametrize(
    ("candle", "seen"),
    [
        ((100.0, 233.0, 99.5, 233.0), (100.0, 100.0, 99.5, 100.0)),  # a bad close
        ((100.0, 233.0, 99.5, 100.1), (100.0, 100.1, 99.5, 100.1)),  # a bad high
        ((100.0, 100.2, 0.5, 100.1), (100.0, 100.2, 100.0, 100.1)),  # a bad low
        ((233.0, 233.0, 100.0, 100.1), (100.0, 100.1, 100.0, 100.1)),  # a bad open
        ((0.01, 0.01, 0.01, 0.01), (100.0, 100.0, 100.0, 100.0)),
        ((100.0, 233.0, 0.01, 100.0), (100.0, 100.0, 100.0, 100.0)),
    ],
)
def test_a_suspect_price_is_replaced_and_counted(
    candle: tuple[float, float, float, float], seen: tuple[float, float, float, float]
) -> None:
    (_, second), check = checked(SOUND, candle)
    assert second == seen
    assert (check.is_suspect, check.candles) == (True, 1)
    assert (check.push(SOUND, LIMIT), check.is_suspect, check.candles) == (SOUND, False, 1)


def test_a_move_within_the_limit_is_not_suspect() -> None:
    moved = (100.0, 101.9, 100.0, 101.9)
    seen, check = checked(SOUND, moved)
    assert (seen, check.candles) == ([SOUND, moved], 0)


def test_a_price_that_stays_is_taken_in_after_two_minutes() -> None:
    low = (70.0, 70.0, 70.0, 70.0)
    seen, check = checked(SOUND, *[low] * 4)
    assert [close for *_, close in seen] == [100.0, 100.0, 100.0, 70.0, 70.0]
    assert (check.candles, check.is_suspect) == (MAX_SUSPECT_MINUTES, False)


@pytest.mark.parametrize(("factor", "is_rescaled"), [(10.0, True), (0.001, True), (5.1, True), (4.9, False), (0.3, False)])
def test_a_price_that_stays_at_a_multiple_has_another_scale(factor: float, *, is_rescaled: bool) -> None:
    away: tuple[float, float, float, float] = (100 * factor,) * 4
    check = checked(SOUND, away, away)[1]
    assert not check.is_rescaled
    check.push(away, LIMIT)
    assert (check.close, check.is_rescaled) == (100 * factor, is_rescaled)
    check.push(away, LIMIT)
    assert not check.is_rescaled


def test_a_move_within_the_limit_is_a_return_however_large() -> None:
    check = PriceCheck()
    for close in (100.0, 350.0, 100.0):
        check.push((close,) * 4, 1.5)
        assert not check.is_rescaled


def test_a_price_that_returns_is_never_taken_in() -> None:
    away = (233.0, 233.0, 233.0, 233.0)
    seen, check = checked(SOUND, away, away, SOUND, away, SOUND, SOUND)
    assert {close for *_, close in seen} == {100.0}
    assert check.candles == 3


def test_the_first_close_is_trusted_for_want_of_another() -> None:
    assert checked((900.0, 900.0, 1.0, 900.0))[0] == [(900.0, 900.0, 900.0, 900.0)]


prices = st.floats(1e-12, 1e15)
candles = st.lists(st.tuples(prices, prices, prices, prices).map(sorted).map(lambda p: (p[1], p[3], p[0], p[2])), min_size=1)


@given(candles, st.floats(1e-3, 3.0))
def test_what_is_used_is_a_candle_near_the_trusted_closes(rows: list[tuple[float, float, float, float]], limit: float) -> None:
    check = PriceCheck()
    assert check.push(rows[0], limit) == check.last
    suspect = int(check.is_suspect)
    for row in rows[1:]:
        before = check.close
        seen = open_, high, low, close = check.push(row, limit)
        suspect += check.is_suspect
        assert low <= min(open_, close)
        assert high >= max(open_, close)
        assert close == check.close
        assert seen == check.last
        near = [min(abs(log(price / trusted)) for trusted in (before, close)) for price in seen]
        assert max(near) <= limit * (1 + 1e-9) + 1e-9
        assert check.is_suspect == (seen != row)
    assert check.candles == suspect
    again = PriceCheck()
    again.load(check.dump())
    assert again.dump() == check.dump()
