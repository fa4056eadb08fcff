"""The symbol of a candle file by its name: the usual forms are read, and what is not certain is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.file_names import candle_files_of, symbol_in_folder, symbol_of, symbol_of_file
from producer.symbols import QUOTES
from volcast.candle_files.contract import CandleFileError
from volcast.core.decoder import is_symbol


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTCUSDT.csv", "BTCUSDT"),
        ("btcusdt.csv", "BTCUSDT"),
        ("btcusdt-1m-2024-01.csv.gz", "BTCUSDT"),
        ("BTCUSDT-1m-2024-01.csv", "BTCUSDT"),
        ("Binance_BTCUSDT_2024_minute.csv", "BTCUSDT"),
        ("Bitstamp_BTCUSD_2021_minute.csv", "BTCUSD"),
        ("BTC_USDT-1m.csv", "BTCUSDT"),
        ("BTC_EUR-1m.csv", "BTCEUR"),
        ("BTC-USDT.CSV.GZ", "BTCUSDT"),
        ("BTC USDT.csv", "BTCUSDT"),
        ("coinbase-btc-usd-1m.csv", "BTCUSD"),
        ("KRAKEN_ohlcv_ETH-XBT_60s.csv", "ETHXBT"),
        ("XBTUSD_1.csv", "XBTUSD"),
        ("ETH_BTC_1m.csv", "ETHBTC"),
        ("BTC_BUSD-1m.csv", "BTCBUSD"),
        ("BTC_KRW.csv", "BTCKRW"),
        ("USDC_USDT.csv", "USDCUSDT"),
        ("EUR_USD.csv", "EURUSD"),
        ("1inchusdt_2024.CSV.GZ", "1INCHUSDT"),
        ("1000SATSUSDT.zip", "1000SATSUSDT"),
        ("BTC_USDT-1m.feather", "BTCUSDT"),
        ("btcusdt_2024.parquet", "BTCUSDT"),
        ("BTC_USDT-1m.json.gz", "BTCUSDT"),
        ("MAYUSDT_01MAY2024.csv", "MAYUSDT"),
        ("btcusdt.binance-1m-2024-01-01-2024-02-01.csv.gz", "BTCUSDT"),
        ("btcusdt (1).csv", "BTCUSDT"),
        ("btcusdt-été.csv", "BTCUSDT"),
        ("_sol usd.csv", "SOLUSD"),
        ("BTCUSDT-simulated.csv.gz", "BTCUSDT"),
        ("2024-01_BTCUSDT_1m.csv.gz.part.csv", "BTCUSDT"),
        ("coin0.csv", "COIN0"),
        ("aapl_1min.csv", "AAPL"),
        ("btc-1m.csv", "BTC"),
        ("data.csv", "DATA"),
    ],
)
def test_the_usual_forms_of_a_name(name: str, symbol: str) -> None:
    assert symbol_of(Path("my data.d") / name) == symbol


@pytest.mark.parametrize(
    "name",
    [
        *("BTC_EURC-1m.csv", "my_export.csv", "BTC_data.csv", "brk.b.csv"),
        *("BTCUSDT_ETHUSDT.csv", "BTC_USDT_EUR.csv", "ETH_BTC_USD.csv"),
        *("USDT_BTC.csv", "KRW-BTC.csv", "BTC_ETH.csv"),
        *("BTCUSDT_PERP.csv", "okx_BTC-USDT-SWAP_1m.csv", "BTCUSDT.P.csv", "BTCUSDT_UMCBL.csv", "BTC_USD_inverse.csv"),
        *("BTCUSDT-mark.csv", "markPriceKlines-BTCUSDT-1m.csv", "BTCUSDT-index.csv", "premiumIndexKlines-BTCUSDT-1m-2024-01.csv"),
        *("BTCUSDT-funding.csv", "EURUSD_bid.csv", "BTCUSDT_ask_1m.csv", "BTCUSDT_heikinashi.csv"),
        *("bitstampUSD_1-min_data_2012-01-01_to_2021-03-31.csv", "binance_1m.csv", "kraken.csv"),
        *("2024-01.csv", "1m.csv", "T_USDT.csv", "USDT.csv", "usd_1m.csv", ".csv", "---.csv.gz", "été.csv", f"{'A' * 41}.csv"),
    ],
)
def test_a_name_that_is_not_certain_needs_the_option(name: str) -> None:
    with pytest.raises(CandleFileError, match=r"^[^\n]*; give --symbol\.$"):
        symbol_of(Path("data") / name)


@given(
    st.sampled_from(["DOGE", "1INCH", "PEPE", "AVAX"]),
    st.sampled_from(QUOTES),
    st.sampled_from(["", "-", "_", " ", "."]),
    st.sampled_from(["", "binance_", "Kraken-", "2024-01_"]),
    st.sampled_from(["", "-1m", "_minute_2024", "-1m-2024-01-31", "_ohlcv"]),
    st.sampled_from([".csv", ".CSV.gz", "", ".txt"]),
    st.sampled_from([str.lower, str.upper]),
)
def test_separators_prefixes_and_endings_do_not_change_the_symbol(  # noqa: PLR0917  # each is a part of the name
    base: str, quote: str, separator: str, before: str, after: str, ending: str, spelled: Callable[[str], str]
) -> None:
    assert symbol_of(Path(f"{before}{spelled(base + separator + quote)}{after}{ending}")) == base + quote


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=40))
def test_any_name_gives_a_symbol_or_is_refused(name: str) -> None:
    try:
        symbol = symbol_of(Path(name))
    except CandleFileError:
        return
    assert is_symbol(symbol)


class TestFolders:
    def test_the_files_of_a_folder_come_in_the_order_of_their_names(self, tmp_path: Path) -> None:
        for name in ("b.CSV.gz", "a.parquet", "README.md", ".hidden.csv", "c.json"):
            (tmp_path / name).touch()
        (tmp_path / "d.csv").mkdir()
        files, others = candle_files_of(tmp_path)
        assert ([file.name for file in files], others) == (["a.parquet", "b.CSV.gz", "c.json"], ["README.md", "d.csv"])
        assert candle_files_of(tmp_path / "b.CSV.gz") == ([tmp_path / "b.CSV.gz"], [])

    def test_a_folder_without_candle_files_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "notes.md").touch()
        with pytest.raises(CandleFileError, match="is a folder without candle files"):
            candle_files_of(tmp_path)

    @pytest.mark.parametrize(
        ("path", "symbol"),
        [
            ("BTCUSDT/2024-01.csv", "BTCUSDT"),
            ("BTCUSDT/klines-2024-01.csv", "BTCUSDT"),
            ("BTCUSDT/ETHUSDT-1m.csv", "ETHUSDT"),
            ("data/BTCUSDT-1m-2024-01.zip", "BTCUSDT"),
            ("ETH_BTC/1m.parquet", "ETHBTC"),
        ],
    )
    def test_the_name_of_the_folder_may_name_the_market(self, path: str, symbol: str) -> None:
        assert symbol_in_folder(Path(path)) == symbol

    @pytest.mark.parametrize("path", ["2024/01.csv", "BTCUSDT/BTC_ETH.csv"])
    def test_else_the_symbol_has_to_be_given(self, path: str) -> None:
        with pytest.raises(CandleFileError, match="give --symbol"):
            symbol_in_folder(Path(path))


class TestColumn:
    @pytest.mark.parametrize(
        ("path", "market", "symbol"),
        [
            ("btcusdt.csv", "", "BTCUSDT"),
            ("btcusdt.csv", "BTC/USDT", "BTCUSDT"),
            ("btcusdt.csv", "BTC", "BTCUSDT"),
            ("btcusdt.csv", "BINANCE:BTCUSDT", "BTCUSDT"),
            ("data.csv", "ETH/USDT", "ETHUSDT"),
            ("export_2024.csv", "eth-usd", "ETHUSD"),
            ("1m.csv", "AAPL", "AAPL"),
            ("my_own_export.csv", "XBT/EUR", "XBTEUR"),
        ],
    )
    def test_it_confirms_the_name_or_stands_in_for_it(self, path: str, market: str, symbol: str) -> None:
        assert symbol_of_file(Path(path), market, in_folder=False) == symbol

    def test_a_folder_counts_like_a_name(self) -> None:
        assert symbol_of_file(Path("BTCUSDT/2024-01.csv"), "BTC/USDT", in_folder=True) == "BTCUSDT"
        assert symbol_of_file(Path("data/2024-01.csv"), "BTC/USDT", in_folder=True) == "BTCUSDT"
        with pytest.raises(CandleFileError, match="it is BTCUSDT by its name, and ETH/USDT by a column in it; give --symbol"):
            symbol_of_file(Path("BTCUSDT/2024-01.csv"), "ETH/USDT", in_folder=True)

    @pytest.mark.parametrize("market", ["ETHUSDT", "ETH", "BTC/EUR"])
    def test_one_that_contradicts_the_name_is_refused(self, market: str) -> None:
        with pytest.raises(CandleFileError, match=f"it is BTCUSDT by its name, and {market} by a column in it; give --symbol"):
            symbol_of_file(Path("btcusdt-1m.csv"), market, in_folder=False)

    @pytest.mark.parametrize(
        ("path", "market"), [("data.csv", "BTC/USDT:USDT"), ("data.csv", "BTC PERP"), ("perp.csv", "BTCUSDT")]
    )
    def test_what_is_no_certain_symbol_is_refused(self, path: str, market: str) -> None:
        with pytest.raises(CandleFileError, match="give --symbol"):
            symbol_of_file(Path(path), market, in_folder=False)
