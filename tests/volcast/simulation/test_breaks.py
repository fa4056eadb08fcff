"""Planted breaks: what each kind does to the market, that nothing else changes, and which breaks are refused."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from volcast.core.arrays import Floats
from volcast.core.codec import CandleText, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.market.clock import DAY_MINUTES
from volcast.core.types import Candle
from volcast.simulation.breaks import BREAK_RULES, Break, BreakError, BreakKind, check_breaks
from volcast.simulation.candle import SimulatedCandle
from volcast.simulation.market import parameters_of, simulate_candles

START_MS = 1_704_067_200_000  # a Monday
MINUTES = 4_000
RUN_END_MS = START_MS + MINUTES * 60_000
IN_MARKET = [kind for kind, rule in BREAK_RULES.items() if not rule.in_feed]


def at(minute: int) -> int:
    return START_MS + minute * 60_000


def planted(kind: str, minute: int, minutes: int | None = None, number: float | None = None, *symbols: str) -> Break:
    return Break(kind=BreakKind(kind), at_ms=at(minute), minutes=minutes, number=number, symbols=symbols)


def candles(*breaks: Break, symbol: str = "BTCUSDT", minutes: int = MINUTES) -> list[SimulatedCandle]:
    return list(simulate_candles(symbol, minutes=minutes, seed=42, start_ms=START_MS, breaks=breaks))


@cache
def unbroken() -> list[SimulatedCandle]:
    return candles()


@st.composite
def any_break(draw: st.DrawFn) -> Break:
    kind = draw(st.sampled_from(list(BreakKind)))
    rule = BREAK_RULES[kind]
    begin = draw(st.integers(1, MINUTES - 1))
    minutes = draw(st.none() | st.integers(1, MINUTES - begin)) if rule.lasts else None
    number = None
    if rule.number:
        number = draw(st.integers(int(max(rule.lowest, -50)), int(min(rule.highest, 20))).map(float))
        assume(number != rule.neutral and rule.lowest <= number)
    return Break(kind=kind, at_ms=at(begin), minutes=minutes, number=number)


def moves(run: list[SimulatedCandle]) -> Floats:
    """Return the log return of each minute, from its open."""
    return np.array([np.log(float(candle.close) / float(candle.open)) for candle in run])


def volumes(run: list[SimulatedCandle]) -> Floats:
    return np.array([float(candle.volume) for candle in run])


class TestLaws:
    @given(broken=any_break())
    @settings(max_examples=40, deadline=None)
    def test_nothing_changes_before_a_break(self, broken: Break) -> None:
        begin = (broken.at_ms - START_MS) // 60_000
        assert candles(broken)[:begin] == unbroken()[:begin]

    @given(broken=any_break())
    @settings(max_examples=40, deadline=None)
    def test_the_market_behind_is_the_same_again_after_a_break(self, broken: Break) -> None:
        """After a break of the feed all is as without it; one of the market leaves another price, but the same moves."""
        after = [candle for candle in candles(broken) if candle.open_time_ms >= broken.end_ms]
        expected = unbroken()[MINUTES - len(after) :]
        assert [candle.open_time_ms for candle in after] == [candle.open_time_ms for candle in expected]
        if BREAK_RULES[broken.kind].in_feed:
            assert after == expected
        assert [candle.volume for candle in after] == [candle.volume for candle in expected]
        assert [candle.true_volatility for candle in after] == [candle.true_volatility for candle in expected]
        tick = 0.02 / min((float(candle.low) for candle in after), default=1.0)
        assert moves(after) == pytest.approx(moves(expected), abs=tick + 1e-6)

    @given(broken=any_break(), minutes=st.integers(1, MINUTES))
    @settings(max_examples=20, deadline=None)
    def test_a_shorter_run_is_the_beginning_of_a_longer_one(self, broken: Break, minutes: int) -> None:
        assume(broken.at_ms < at(minutes) and (broken.minutes is None or broken.end_ms <= at(minutes)))
        assert candles(broken, minutes=minutes) == [c for c in candles(broken) if c.open_time_ms < at(minutes)]

    def test_breaks_of_other_symbols_change_nothing(self) -> None:
        assert candles(planted("variance", 100, None, 2.0, "ETHUSDT", "SOLUSDT")) == unbroken()

    def test_no_break_is_the_same_as_before(self) -> None:
        assert candles() == list(simulate_candles("BTCUSDT", minutes=MINUTES, seed=42, start_ms=START_MS))

    @pytest.mark.parametrize("kind", IN_MARKET)
    def test_breaks_of_the_market_may_overlap_those_of_the_feed(self, kind: BreakKind) -> None:
        rule = BREAK_RULES[kind]
        market = Break(kind=kind, at_ms=at(90), number=min(rule.highest, 5.0), minutes=100 if rule.lasts else None)
        run = candles(market, planted("missing_minutes", 100, 10))
        assert len(run) == MINUTES - 10

    @given(broken=any_break())
    @settings(max_examples=20, deadline=None)
    def test_every_candle_is_one_that_the_consumer_accepts(self, broken: Break) -> None:
        decoder = Decoder()
        begin = (broken.at_ms - START_MS) // 60_000
        for candle in candles(broken)[begin - 1 : begin + 500]:
            text = CandleText("X", *candle[:7], source="simulated", closed_by="file", line=2)
            assert isinstance(decoder.decode(b"X", encode_candle(text)), Candle)

    def test_a_halt_of_trade_has_flat_candles_without_volume(self) -> None:
        run = candles(planted("frozen_price", 500, 60), planted("volume", 500, 60, 0.0))
        price = unbroken()[499].close
        assert {candle[1:7] for candle in run[500:560]} == {(price, price, price, price, "0.00000", "0.00")}
        assert run[560:] == unbroken()[560:]


class TestMarket:
    @pytest.mark.parametrize("factor", [1.5, 2.25, 0.25])
    def test_variance(self, factor: float) -> None:
        """That of the diffusion: a market without random jumps moves by the root of the factor, and volume follows."""
        p = replace(parameters_of("BTCUSDT"), jumps_per_day=0.0)
        usual, run = (
            list(simulate_candles("X", minutes=MINUTES, seed=1, start_ms=START_MS, parameters=p, breaks=breaks))
            for breaks in ([], [planted("variance", 500, 1_000, factor)])
        )
        span, same = slice(500, 1_500), slice(1_500, None)
        assert moves(run)[span] == pytest.approx(moves(usual)[span] * factor**0.5, abs=2e-6)
        assert volumes(run)[span] == pytest.approx(volumes(usual)[span] * factor**p.volume_elasticity, rel=1e-5, abs=2e-5)
        sigmas, expected = (np.array([candle.true_volatility for candle in each]) for each in (run, usual))
        assert sigmas[span] == pytest.approx(expected[span] * factor**0.5, rel=1e-9)
        assert sigmas[same] == pytest.approx(expected[same], rel=1e-9)

    def test_variance_leaves_the_random_jumps_as_they_are(self) -> None:
        sigma = unbroken()[100].true_volatility
        p = parameters_of("BTCUSDT")
        jumps = p.jumps_per_day / DAY_MINUTES * p.jump_std**2
        broken = candles(planted("variance", 100, 1, 4.0))[100].true_volatility
        assert broken**2 - jumps == pytest.approx(4.0 * (sigma**2 - jumps), rel=1e-9)

    @pytest.mark.parametrize("factor", [0.0, 0.2, 5.0])
    def test_volume_and_nothing_else(self, factor: float) -> None:
        run, begin, end = candles(planted("volume", 500, 60, factor)), 500, 560
        assert volumes(run)[begin:end] == pytest.approx(volumes(unbroken())[begin:end] * factor, abs=5e-5)
        assert [c._replace(volume="", quote_volume="") for c in run] == [
            c._replace(volume="", quote_volume="") for c in unbroken()
        ]

    @pytest.mark.parametrize("hours", [6.0, -6.0, 0.5])
    def test_rhythm(self, hours: float) -> None:
        """The true variance, less the jumps', has the profile of another hour."""
        p = replace(parameters_of("BTCUSDT"), slow_std=0.0, fast_std=0.0, jumps_per_day=0.0)

        def sigma(*breaks: Break) -> Floats:
            run = simulate_candles("X", minutes=3 * DAY_MINUTES, seed=1, start_ms=START_MS, parameters=p, breaks=breaks)
            return np.array([candle.true_volatility for candle in run])

        begin, shift = DAY_MINUTES, int(hours * 60)
        usual, shifted = sigma(), sigma(planted("rhythm", begin, DAY_MINUTES, hours))
        assert shifted[begin : 2 * begin] == pytest.approx(usual[begin - shift : 2 * begin - shift], rel=1e-9)
        assert shifted[2 * begin :] == pytest.approx(usual[2 * begin :], rel=1e-9)

    @pytest.mark.parametrize("percent", [-30.0, 5.0, 100.0])
    def test_jump(self, percent: float) -> None:
        run = candles(planted("jump", 700, None, percent))
        prices = np.array([[float(text) for text in candle[1:5]] for candle in run])
        expected = np.array([[float(text) for text in candle[1:5]] for candle in unbroken()])
        factor = 1.0 + percent / 100.0
        assert prices[:700] == pytest.approx(expected[:700])
        assert prices[701:] == pytest.approx(expected[701:] * factor, rel=1e-6)
        assert prices[700, 0] == prices[699, 3]
        assert prices[700, 3] == pytest.approx(expected[700, 3] * factor, rel=1e-6)
        [high, low] = prices[700, 1:3]
        assert low <= prices[700].min() <= prices[700].max() <= high

    def test_a_price_with_too_many_digits_ends_the_run(self) -> None:
        breaks = [planted("jump", minute, None, 900.0) for minute in range(10, 30)]
        with pytest.raises(OverflowError, match="more than 15 digits"):
            candles(*breaks)


class TestRefusals:
    @pytest.mark.parametrize(
        ("kind", "minutes", "number", "sentence"),
        [
            ("variance", None, None, "variance needs factor, from 0.01 to 100"),
            ("variance", None, 1.0, "factor of variance must be from 0.01 to 100, other than 1; it is 1"),
            ("variance", None, float("nan"), "it is nan"),
            ("variance", 0, 2.0, "minutes must be at least 1, not 0"),
            ("volume", None, -1.0, "it is -1"),
            ("volume", None, float("inf"), "it is inf"),
            ("rhythm", None, 0.001, "a whole number of minutes, not 0.001 h"),
            ("jump", 5, 2.0, "jump is over after one minute; leave out minutes"),
            ("jump", None, -100.0, "percent of jump must be from -90 to 900"),
            ("bad_tick", None, 0.0, "factor of bad_tick"),
            ("frozen_price", None, 2.0, "frozen_price has no number"),
        ],
    )
    def test_values(self, kind: str, minutes: int | None, number: float | None, sentence: str) -> None:
        with pytest.raises(BreakError, match=sentence):
            planted(kind, 5, minutes, number)

    def test_a_break_within_a_minute(self) -> None:
        with pytest.raises(BreakError, match="begins at a whole minute"):
            Break(kind=BreakKind.FROZEN_PRICE, at_ms=START_MS + 1)

    @pytest.mark.parametrize(
        ("broken", "sentence"),
        [
            (planted("frozen_price", 0), "must begin later than the first candle, 2024-01-01 00:00, and before the end"),
            (planted("frozen_price", MINUTES), "must begin later than the first candle"),
            (planted("frozen_price", 5, MINUTES), "ends after the run"),
            (planted("frozen_price", 5, 1, None, "SOLUSDT"), "SOLUSDT is not generated; the symbols are BTCUSDT,ETHUSDT"),
        ],
    )
    def test_a_break_that_does_not_fit_the_run(self, broken: Break, sentence: str) -> None:
        with pytest.raises(BreakError, match=sentence):
            check_breaks([broken], ["BTCUSDT", "ETHUSDT"], START_MS, MINUTES)

    def test_a_simulation_refuses_at_once(self) -> None:
        with pytest.raises(BreakError, match="ends after the run"):
            simulate_candles("X", minutes=10, seed=1, start_ms=START_MS, breaks=[planted("frozen_price", 5, 6)])

    @pytest.mark.parametrize(
        ("one", "other", "what"),
        [
            (planted("variance", 5, 10, 2.0), planted("variance", 14, None, 3.0), "two breaks of one kind"),
            (planted("variance", 5, None, 2.0), planted("variance", 14, 1, 3.0, "X"), "two breaks of one kind"),
            (planted("frozen_price", 5, 10), planted("bad_tick", 5, None, 3.0), "two breaks of the feed"),
            (planted("missing_minutes", 5), planted("repeated_candle", 900, 3), "two breaks of the feed"),
        ],
    )
    def test_breaks_that_contradict_each_other(self, one: Break, other: Break, what: str) -> None:
        for breaks in ([one, other], [other, one]):
            with pytest.raises(BreakError, match=what):
                check_breaks(breaks, ["X", "Y"], START_MS, MINUTES)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (planted("variance", 5, 10, 2.0), planted("variance", 15, None, 3.0)),
            (planted("variance", 5, None, 2.0, "X"), planted("variance", 5, None, 3.0, "Y")),
            (planted("variance", 5, None, 2.0), planted("volume", 5, None, 3.0)),
            (planted("frozen_price", 5, 10), planted("missing_minutes", 15, 10)),
        ],
    )
    def test_breaks_that_can_be_together(self, one: Break, other: Break) -> None:
        check_breaks([one, other], ["X", "Y"], START_MS, MINUTES)


class TestDescription:
    @pytest.mark.parametrize(
        ("broken", "text"),
        [
            (
                planted("variance", 60, 120, 2.25),
                "variance ×2.25, all symbols: from 2024-01-01 01:00 until 2024-01-01 03:00 UTC (120 minutes)",
            ),
            (
                planted("rhythm", MINUTES - 1, None, -6.0, "X", "Y"),
                "rhythm 6 h earlier, X,Y: from 2024-01-03 18:39 until 2024-01-03 18:40 UTC (1 minute, the end of the run)",
            ),
            (planted("jump", 60, None, -5.0), "jump of -5 %, all symbols: at 2024-01-01 01:00 UTC"),
            (planted("bad_tick", 60, None, 10.0, "X"), "bad tick ×10, X: at 2024-01-01 01:00 UTC"),
            (
                planted("missing_minutes", 1, 1),
                "missing minutes, all symbols: from 2024-01-01 00:01 until 2024-01-01 00:02 UTC (1 minute)",
            ),
        ],
    )
    def test_says_from_when_until_when(self, broken: Break, text: str) -> None:
        assert broken.describe(RUN_END_MS) == text


def numbers() -> Iterator[tuple[BreakKind, float]]:
    for kind, rule in BREAK_RULES.items():
        if rule.number:
            yield from ((kind, rule.lowest), (kind, rule.highest))


@pytest.mark.parametrize(("kind", "number"), list(numbers()))
def test_the_limits_of_each_number_are_allowed(kind: BreakKind, number: float) -> None:
    assert Break(kind=kind, at_ms=at(1), number=number).number == number
