"""The comparison is strict: each way in which a log can be wrong gives its sentence, and right logs pass."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest

from volcast.core.codec import LiveCandleText, encode_candle, encode_gap, encode_revision
from volcast.core.types import MINUTE_MS, Gap
from volcast.proof.simulated_venue.check import Book, BookComparison, CandleNumbers, Different

START = 1_767_225_600_000
BUDGET = 60_000
END = 5
SYMBOL = "BTCUSDT.BINANCE"


def at(minute: float) -> int:
    return START + round(minute * MINUTE_MS)


def numbers(price: int, volume: int = 1) -> CandleNumbers:
    """High above, low below, so that none can stand for another."""
    return CandleNumbers(*map(Decimal, (price, price + 2, price - 2, price + 1, volume, price * volume)))


def book(
    others: Mapping[int, Sequence[CandleNumbers]] | None = None,
    *,
    empty: Sequence[int] = (),
    refusals: Sequence[tuple[int, int]] = (),
) -> Book:
    """Minute n was traded at 100 + n, if it is not one of the `others`."""
    versions = {at(minute): [numbers(100 + minute)] for minute in range(-1, END + 1) if minute not in empty}
    versions.update({at(minute): list(each) for minute, each in (others or {}).items()})
    return Book(versions, START, at(END), refusals, BUDGET)


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


def seen(values: Sequence[bytes], of: Book | None = None) -> BookComparison:
    comparison = BookComparison(of or book())
    for value in values:
        comparison.see(value)
    comparison.end()
    return comparison


def whole(changed: Mapping[int, bytes] | None = None) -> list[bytes]:
    """Each minute once, some of them replaced."""
    return [(changed or {}).get(minute) or candle(minute) for minute in range(END)]


def test_the_exchanges_candles_each_once_are_right() -> None:
    ways = ("flag", "rest", "later_trade", "watermark", "flag")
    comparison = seen([candle(minute, closed_by=way) for minute, way in enumerate(ways)])
    assert +comparison.counts == {"flag": 2, "rest": 1, "later_trade": 1, "watermark": 1}


def test_more_than_was_asked_for_is_right() -> None:
    seen([*whole(), candle(END)])


def test_numbers_are_compared_and_not_their_texts() -> None:
    fine = CandleNumbers(*(Decimal(f"{number}.000") for number in numbers(102)))
    seen(whole({2: candle(2, fine)}))


WRONG = {
    "missing": ([candle(0), candle(2)], rf"minute {at(1)} was expected, and candle {at(2)} is there"),
    "missing at the beginning": ([candle(1)], rf"minute {at(0)} was expected, and candle {at(1)} is there"),
    "twice": ([candle(0), candle(0)], rf"minute {at(1)} was expected, and candle {at(0)} is there"),
    "changed places": ([candle(0), candle(2), candle(1)], rf"minute {at(1)} was expected"),
    "too early": ([candle(-1)], rf"minute {at(0)} was expected, and candle {at(-1)} is there"),
    "within a minute": ([encode_candle(text(0.5))], "was expected"),
    "ends too early": (whole()[:-1], rf"it ends before {at(4)}, and the exchange had candles up to {at(5)}"),
    "empty": ([], rf"it ends before {at(0)}"),
    "made up": (whole({2: candle(2, synthetic=True)}), rf"minute {at(2)}, closed by flag: made up"),
    "a gap without need": ([candle(0), gap(1, 3)], rf"a gap from {at(1)} to {at(3)}, while REST answered: it answered 503"),
    "a gap at the wrong place": ([candle(0), gap(2, 3)], rf"minute {at(1)} was expected, and gap {at(2)} is there"),
    "a revision never made": (
        [*whole(), encode_revision(text(2, numbers(777)))],
        rf"a revision of minute {at(2)} that the exchange never made: 777/779/775/778/1",
    ),
    "a revision of nothing": ([encode_revision(text(2))], rf"a revision of minute {at(2)}, which is not there"),
}


@pytest.mark.parametrize(("values", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_log_is_told_in_a_sentence(values: list[bytes], sentence: str) -> None:
    with pytest.raises(Different, match=sentence):
        seen(values)


@pytest.mark.parametrize("name", CandleNumbers._fields)
def test_each_number_counts(name: str) -> None:
    """A candle taken too early differs in one of them."""
    half = numbers(102)._replace(**{name: Decimal("102.5")})
    with pytest.raises(
        Different, match=rf"minute {at(2)}, closed by rest: the exchange made 102/104/100/103/1/102, and the log has"
    ):
        seen(whole({2: candle(2, half, closed_by="rest")}))


@pytest.mark.parametrize("close", [102, 202])
def test_an_empty_minute_is_flat_at_any_word_on_the_last_close(close: int) -> None:
    """The producer may have known the revised one, or not yet."""
    of = book({1: [numbers(101), numbers(201)]}, empty=(2, 3))
    values = whole({1: candle(1, numbers(201)), **{n: candle(n, flat(close), synthetic=True) for n in (2, 3)}})
    assert seen(values, of).counts["synthetic"] == 2


@pytest.mark.parametrize(
    ("of", "synthetic"),
    [(flat(102), False), (flat(101), True), (flat(102)._replace(volume=Decimal(1)), True), (numbers(102), True)],
    ids=["not marked", "another price", "with volume", "not flat"],
)
def test_an_empty_minute_must_be_flat_and_marked(of: CandleNumbers, synthetic: bool) -> None:  # noqa: FBT001  # a parameter of the test
    with pytest.raises(Different, match=rf"minute {at(2)}, closed by rest: nothing was traded, and the log has"):
        seen(whole({2: candle(2, of, synthetic=synthetic, closed_by="rest")}), book(empty=(2,)))


def test_before_any_trade_there_is_no_price_to_be_flat_at() -> None:
    nothing = Book({}, START, at(1), (), 0)
    with pytest.raises(Different, match="nothing was traded"):
        seen([candle(0, flat(100), synthetic=True)], nothing)


REVISED = {2: [numbers(102), numbers(202), numbers(302)]}


@pytest.mark.parametrize(
    "told",
    [[(102, 302)], [(302, None)], [(102, 202), (None, 302)], [(202, 302)]],
    ids=["the first, then the last", "the last at once", "all", "the second, then the last"],
)
def test_whatever_was_known_first_the_last_word_must_be_told(told: list[tuple[int | None, int | None]]) -> None:
    prices = [price for pair in told for price in pair if price is not None]
    revisions = [encode_revision(text(2, numbers(price))) for price in prices[1:]]
    comparison = seen([*whole({2: candle(2, numbers(prices[0]))}), *revisions], book(REVISED))
    assert comparison.counts["revision"] == len(revisions)


@pytest.mark.parametrize("revisions", [[], [202], [302, 202]])
def test_a_last_word_that_is_not_told_is_found(revisions: list[int]) -> None:
    values = [*whole(), *(encode_revision(text(2, numbers(price))) for price in revisions)]
    with pytest.raises(Different, match=rf"minute {at(2)}: the exchange's last word is 302/304/300/303/1/302, the log's"):
        seen(values, book(REVISED))


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
def test_a_gap_is_right_where_rest_refused_for_half_the_time_in_which_it_was_asked(
    refusal: tuple[float, float],
    accepted: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """For minutes 1 and 2 the venue is asked from the end of the first, until a budget after the end of the one behind them."""
    of = book(refusals=[(at(refusal[0]), at(refusal[1]))])
    values = [candle(0), gap(1, 3), candle(3), candle(4)]
    if accepted:
        comparison = seen(values, of)
        assert (comparison.counts["gap"], comparison.counts["missing_minutes"]) == (1, 2)
    else:
        with pytest.raises(Different, match="while REST answered"):
            seen(values, of)


def test_refusals_add_up() -> None:
    values = [candle(0), gap(1, 3), candle(3), candle(4)]
    seen(values, book(refusals=[(at(2), at(2.25)), (at(4), at(4.25))]))


def test_a_gap_has_no_last_word() -> None:
    """A revision of a minute that could not be had need not be told."""
    of = book({2: [numbers(102), numbers(202)]}, refusals=[(at(2), at(4))])
    seen([candle(0), gap(1, 3), candle(3), candle(4)], of)
