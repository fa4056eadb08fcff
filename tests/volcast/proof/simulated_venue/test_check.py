"""The comparison is strict: each way in which a log can be wrong gives its sentence, and correct logs pass."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest

from volcast.core.codec import LiveCandleText, encode_candle, encode_gap, encode_revision
from volcast.core.types import MINUTE_MS, Gap
from volcast.proof.simulated_venue.check import CandleNumbers, DifferenceFound, ExchangeHistory, HistoryComparison

START = 1_767_225_600_000
BUDGET = 60_000
END = 5
SYMBOL = "BTCUSDT.BINANCE"


def at(minute: float) -> int:
    return START + round(minute * MINUTE_MS)


def numbers(price: int, volume: int = 1) -> CandleNumbers:
    """Numbers that all differ, so that no swap goes unnoticed."""
    return CandleNumbers(*map(Decimal, (price, price + 2, price - 2, price + 1, volume, price * volume)))


def history(
    others: Mapping[int, Sequence[CandleNumbers]] | None = None,
    *,
    empty: Sequence[int] = (),
    refusals: Sequence[tuple[int, int]] = (),
) -> ExchangeHistory:
    """The exchange's history: minute n was traded at 100 + n, if it is not one of the `others`."""
    versions = {at(minute): [numbers(100 + minute)] for minute in range(-1, END + 1) if minute not in empty}
    versions.update({at(minute): list(each) for minute, each in (others or {}).items()})
    return ExchangeHistory(versions, START, at(END), refusals, BUDGET)


def text(minute: float, of: CandleNumbers | None = None, *, synthetic: bool = False, closed_by: str = "flag") -> LiveCandleText:
    open_, high, low, close, volume, quote_volume = map(str, of or numbers(100 + int(minute)))
    where = (SYMBOL, at(minute))
    return LiveCandleText(
        *where, open_, high, low, close, volume, quote_volume, "binance", closed_by, live=True, synthetic=synthetic
    )


def candle(minute: int, of: CandleNumbers | None = None, *, synthetic: bool = False, closed_by: str = "flag") -> bytes:
    return encode_candle(text(minute, of, synthetic=synthetic, closed_by=closed_by))


def gap(first: int, after: int) -> bytes:
    return encode_gap(Gap(SYMBOL, at(first), at(after), "binance", "it answered 503"))


def flat(price: int) -> CandleNumbers:
    close = Decimal(price)
    return CandleNumbers(close, close, close, close, Decimal(0), Decimal(0))


def compare(values: Sequence[bytes], of: ExchangeHistory | None = None) -> HistoryComparison:
    comparison = HistoryComparison(of or history())
    for value in values:
        comparison.add(value)
    comparison.finish()
    return comparison


def complete(changed: Mapping[int, bytes] | None = None) -> list[bytes]:
    """Each minute once, some of them replaced."""
    return [(changed or {}).get(minute) or candle(minute) for minute in range(END)]


def test_the_exchanges_candles_each_once_are_correct() -> None:
    ways = ("flag", "rest", "later_trade", "watermark", "flag")
    comparison = compare([candle(minute, closed_by=way) for minute, way in enumerate(ways)])
    assert +comparison.counts == {"flag": 2, "rest": 1, "later_trade": 1, "watermark": 1}


def test_more_candles_than_required_are_correct() -> None:
    compare([*complete(), candle(END)])


def test_numbers_are_compared_and_not_their_text() -> None:
    fine = CandleNumbers(*(Decimal(f"{number}.000") for number in numbers(102)))
    compare(complete({2: candle(2, fine)}))


WRONG = {
    "missing": ([candle(0), candle(2)], rf"minute {at(1)} was expected, found candle {at(2)}"),
    "missing at the beginning": ([candle(1)], rf"minute {at(0)} was expected, found candle {at(1)}"),
    "twice": ([candle(0), candle(0)], rf"minute {at(1)} was expected, found candle {at(0)}"),
    "changed places": ([candle(0), candle(2), candle(1)], rf"minute {at(1)} was expected"),
    "too early": ([candle(-1)], rf"minute {at(0)} was expected, found candle {at(-1)}"),
    "within a minute": ([encode_candle(text(0.5))], "was expected"),
    "ends too early": (complete()[:-1], rf"the log ends before {at(4)}, but the exchange had candles up to {at(5)}"),
    "empty": ([], rf"the log ends before {at(0)}"),
    "synthetic": (complete({2: candle(2, synthetic=True)}), rf"minute {at(2)}, closed by flag: the candle is synthetic"),
    "a gap without need": ([candle(0), gap(1, 3)], rf"a gap from {at(1)} to {at(3)}, although REST responded: it answered 503"),
    "a gap at the wrong place": ([candle(0), gap(2, 3)], rf"minute {at(1)} was expected, found gap {at(2)}"),
    "a revision never published": (
        [*complete(), encode_revision(text(2, numbers(777)))],
        rf"a revision of minute {at(2)} that the exchange never published: 777/779/775/778/1",
    ),
    "a revision of nothing": ([encode_revision(text(2))], rf"a revision of minute {at(2)}, which is not on the log"),
}


@pytest.mark.parametrize(("values", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_log_is_described_in_a_sentence(values: list[bytes], sentence: str) -> None:
    with pytest.raises(DifferenceFound, match=sentence):
        compare(values)


@pytest.mark.parametrize("name", CandleNumbers._fields)
def test_each_number_is_compared(name: str) -> None:
    """A candle taken too early differs in one number."""
    half = numbers(102)._replace(**{name: Decimal("102.5")})
    with pytest.raises(
        DifferenceFound, match=rf"minute {at(2)}, closed by rest: the exchange has 102/104/100/103/1/102, the log has"
    ):
        compare(complete({2: candle(2, half, closed_by="rest")}))


@pytest.mark.parametrize("close", [102, 202])
def test_an_empty_minute_is_flat_at_any_version_of_the_last_close(close: int) -> None:
    """The producer may have known the revised version, or not yet."""
    of = history({1: [numbers(101), numbers(201)]}, empty=(2, 3))
    values = complete({1: candle(1, numbers(201)), **{n: candle(n, flat(close), synthetic=True) for n in (2, 3)}})
    assert compare(values, of).counts["synthetic"] == 2


@pytest.mark.parametrize(
    ("of", "synthetic"),
    [(flat(102), False), (flat(101), True), (flat(102)._replace(volume=Decimal(1)), True), (numbers(102), True)],
    ids=["not marked", "another price", "with volume", "not flat"],
)
def test_an_empty_minute_must_be_flat_and_marked(of: CandleNumbers, synthetic: bool) -> None:  # noqa: FBT001  # a parameter of the test
    with pytest.raises(DifferenceFound, match=rf"minute {at(2)}, closed by rest: there was no trade, but the log has"):
        compare(complete({2: candle(2, of, synthetic=synthetic, closed_by="rest")}), history(empty=(2,)))


def test_before_any_trade_there_is_no_price_for_a_flat_candle() -> None:
    nothing = ExchangeHistory({}, START, at(1), (), 0)
    with pytest.raises(DifferenceFound, match="there was no trade"):
        compare([candle(0, flat(100), synthetic=True)], nothing)


REVISED = {2: [numbers(102), numbers(202), numbers(302)]}


@pytest.mark.parametrize(
    "pairs",
    [[(102, 302)], [(302, None)], [(102, 202), (None, 302)], [(202, 302)]],
    ids=["the first, then the last", "the last at once", "all", "the second, then the last"],
)
def test_the_last_version_must_be_on_the_log_in_the_end(pairs: list[tuple[int | None, int | None]]) -> None:
    prices = [price for pair in pairs for price in pair if price is not None]
    revisions = [encode_revision(text(2, numbers(price))) for price in prices[1:]]
    comparison = compare([*complete({2: candle(2, numbers(prices[0]))}), *revisions], history(REVISED))
    assert comparison.counts["revision"] == len(revisions)


@pytest.mark.parametrize("revisions", [[], [202], [302, 202]])
def test_a_last_version_that_is_not_on_the_log_is_found(revisions: list[int]) -> None:
    values = [*complete(), *(encode_revision(text(2, numbers(price))) for price in revisions)]
    with pytest.raises(
        DifferenceFound, match=rf"minute {at(2)}: the exchange's last version is 302/304/300/303/1/302, the log's"
    ):
        compare(values, history(REVISED))


@pytest.mark.parametrize(
    ("refusal", "accepted"),
    [
        ((1.5, 6.0), True),
        ((2.0, 2.5), True),
        ((2.0, 2.49), False),
        ((4.5, 40.0), True),
        ((4.51, 40.0), False),
        ((-9.0, 2.0), False),
        ((5.0, 40.0), False),
    ],
)
def test_a_gap_is_accepted_where_rest_refused_for_half_of_the_budget(
    refusal: tuple[float, float],
    accepted: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """For minutes 1 and 2 the venue is asked from the end of minute 1 until one budget after the end of minute 3."""
    of = history(refusals=[(at(refusal[0]), at(refusal[1]))])
    values = [candle(0), gap(1, 3), candle(3), candle(4)]
    if accepted:
        comparison = compare(values, of)
        assert (comparison.counts["gap"], comparison.counts["missing_minutes"]) == (1, 2)
    else:
        with pytest.raises(DifferenceFound, match="although REST responded"):
            compare(values, of)


def test_refusals_add_up() -> None:
    values = [candle(0), gap(1, 3), candle(3), candle(4)]
    compare(values, history(refusals=[(at(2), at(2.25)), (at(4), at(4.25))]))


def test_a_minute_in_a_gap_needs_no_revision() -> None:
    of = history({2: [numbers(102), numbers(202)]}, refusals=[(at(2), at(4))])
    compare([candle(0), gap(1, 3), candle(3), candle(4)], of)
