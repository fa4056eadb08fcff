"""Parsing pairs as users write them, and their symbols on the log."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.feeds import VENUES
from producer.feeds.contract import Pair
from producer.symbols import parse_pair, symbol_on_log
from volcast.core.decoder import is_symbol


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("BTCUSDT", Pair("BTC", "USDT")),
        ("btcusdt", Pair("BTC", "USDT")),
        ("BTC-USD", Pair("BTC", "USD")),
        ("BTC/USD", Pair("BTC", "USD")),
        ("btc_usd", Pair("BTC", "USD")),
        ("XBTUSD", Pair("BTC", "USD")),
        ("xdg/xbt", Pair("DOGE", "BTC")),
        ("ETHXBT", Pair("ETH", "BTC")),
        ("USDTUSD", Pair("USDT", "USD")),
        ("USDCUSDT", Pair("USDC", "USDT")),
        ("BTCFDUSD", Pair("BTC", "FDUSD")),
        ("BNBUSD", Pair("BNB", "USD")),
        ("DOTUSD", Pair("DOT", "USD")),
        ("BTC-TUSD", Pair("BTC", "TUSD")),
        ("1000SATSTRY", Pair("1000SATS", "TRY")),
        ("1INCH-EUR", Pair("1INCH", "EUR")),
        ("SOLETH", Pair("SOL", "ETH")),
    ],
)
def test_a_pair_is_parsed_in_any_spelling(text: str, pair: Pair) -> None:
    assert parse_pair(text) == pair


@pytest.mark.parametrize(
    "text",
    [
        *("", "BTC", "USDT", "BTC-", "-USD", "BTC--USD", "BTC-USD-PERP", "BTC USD", " BTCUSD", "BTCUSD\n", "BTC-USD\n"),
        *("BTC:USD", "BTC.USD", "ЅОLUSD", "ıBTCUSD", "BTCEURC", "USDUSD", "XBT/BTC", "A" * 16 + "-USD", "A" * 60, "é-USD"),
    ],
)
def test_other_texts_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+\.$"):
        parse_pair(text)


def test_an_unknown_quote_asks_for_a_dash() -> None:
    with pytest.raises(ValueError, match="with a dash"):
        parse_pair("BTCEURC")


@given(st.from_regex(r"[A-Za-z0-9]{1,15}[-/_][A-Za-z0-9]{1,15}", fullmatch=True) | st.text(max_size=12))
def test_a_pair_has_a_symbol_on_the_log_for_every_venue(text: str) -> None:
    try:
        pair = parse_pair(text)
    except ValueError:
        return
    assert all(re.fullmatch("[A-Z0-9]+", part) for part in pair)
    for name in VENUES:
        symbol = symbol_on_log(pair, name)
        assert is_symbol(symbol)
        assert symbol.endswith(f".{name.upper()}")


def test_the_symbol_has_the_name_of_the_venue() -> None:
    assert symbol_on_log(Pair("BTC", "USDT"), "binance") == "BTCUSDT.BINANCE"
    assert symbol_on_log(Pair("BTC", "USD"), "coinbase") == "BTCUSD.COINBASE"


@pytest.mark.parametrize("pair", [Pair("btc", "USD"), Pair("BTC/", "USD"), Pair("A" * 34, "USD"), Pair("", "")])
def test_a_pair_without_a_valid_symbol_is_refused(pair: Pair) -> None:
    with pytest.raises(ValueError, match="not a valid symbol"):
        symbol_on_log(pair, "kraken")
