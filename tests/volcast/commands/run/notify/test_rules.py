"""The language of thresholds: what is read, what is refused with which advice, and what a rule says of a signal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.stream.usual import UsualLevels
from tests.notify import signal
from volcast.commands.run.notify.rules import RULE_FIELDS, RuleError, Unit, parse_rule

SYMBOLS = ("BTCUSDT.BINANCE", "ETHUSDT.BINANCE")


@pytest.mark.parametrize(
    ("text", "symbols", "condition", "holds"),
    [
        ("BTCUSDT volatility_annualized > 0.9", SYMBOLS[:1], "volatility_annualized > 0.9", False),
        ("btcusdt.binance volatility_annualized>40%", SYMBOLS[:1], "volatility_annualized > 40%", True),
        ("price_range > 1%", SYMBOLS, "price_range > 1%", True),
        ("price_range >= 0.02", SYMBOLS, "price_range >= 0.02", True),
        ("price_range < .02", SYMBOLS, "price_range < 0.02", False),
        ("ETHUSDT close <= 100", SYMBOLS[1:], "close <= 100", True),
        ("volatility_upper / volatility > 1.5", SYMBOLS, "volatility_upper / volatility > 1.5", True),
        ("missing_share > 0", SYMBOLS, "missing_share > 0", False),
        (" volatility  >  1e-3 ", SYMBOLS, "volatility > 0.001", True),
    ],
)
def test_a_rule_is_read_and_applied(text: str, symbols: tuple[str, ...], condition: str, holds: bool) -> None:  # noqa: FBT001
    rule = parse_rule(text, SYMBOLS)
    assert (rule.symbols, rule.condition) == (symbols, condition)
    reading = rule.read(signal(), UsualLevels())
    assert reading is not None
    assert reading.holds is holds


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "is not [SYMBOL] FIELD"),
        ("volatility", "is not [SYMBOL] FIELD"),
        ("volatility = 1", "the comparisons are >, >=, < and <="),
        ("volatility > high", "is not [SYMBOL] FIELD"),
        ("volatility > nan", "is not [SYMBOL] FIELD"),
        ("__class__ > 1", "there is no field '__class__'"),
        ("volatilty > 1%", "did you mean volatility?"),
        ("volatility / usal > 2", "did you mean usual?"),
        ("BTCUSD close > 1", "BTCUSD is not in this run; did you mean BTCUSDT.BINANCE?"),
        ("XRP close > 1", "XRP is not in this run; the symbols are BTCUSDT.BINANCE, ETHUSDT.BINANCE"),
        ("volatility / close > 2", "volatility is a volatility of the horizon, close is a price: divide by one of the same unit"),
        ("volatility / volatility > 2", "is always 1"),
        ("volatility > -1", "is never below 0"),
        ("volatility > 0", "is never below 0"),
        ("BTCUSDT close > 5%", "is a price, not a percentage"),
        ("close > 60000", "name one, as in 'BTCUSDT.BINANCE close > 60000'"),
        ("missing_share > 5", "write 5% if you mean that"),
        ("volatility_annualized > 90", "90 would be 9000 %; write 90%"),
        ("price_range > 1e999", "1e999 is too large a number; no price_range ever comes near it"),
    ],
)
def test_a_wrong_rule_is_one_sentence_with_advice(text: str, advice: str) -> None:
    with pytest.raises(RuleError) as refused:
        parse_rule(text, SYMBOLS)
    assert advice in str(refused.value)
    assert str(refused.value).startswith(f"--alert {text!r}")
    assert "\n" not in str(refused.value)


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        rule = parse_rule(text, SYMBOLS)
    except RuleError:
        return
    rule.read(signal(), UsualLevels())


@given(
    st.sampled_from(sorted(name for name, (unit, _) in RULE_FIELDS.items() if unit is not Unit.PRICE)),
    st.sampled_from([">", ">=", "<", "<="]),
    st.floats(1e-6, 0.99),
)
def test_a_rule_that_is_written_out_is_the_same_rule(field: str, comparison: str, threshold: float) -> None:
    rule = parse_rule(f"{field} {comparison} {threshold:.8g}", SYMBOLS)
    again = parse_rule(rule.condition, SYMBOLS)
    assert again.condition == rule.condition
    assert again.read(signal(), UsualLevels()) == rule.read(signal(), UsualLevels())


def test_what_is_not_known_is_not_compared() -> None:
    for text, known in (("volatility / usual > 2", signal()), ("noise_ratio < 2", signal(noise_ratio=0.0))):
        assert parse_rule(text, SYMBOLS).read(known, UsualLevels()) is None
    assert parse_rule("BTCUSDT rolling_mean > 1", SYMBOLS).read(signal(rolling_mean=None), UsualLevels()) is None


def test_a_price_needs_no_symbol_in_a_run_of_one() -> None:
    assert parse_rule("close > 60000", SYMBOLS[:1]).symbols == SYMBOLS[:1]
