"""The symbol of a candle file, by its name, and the candle files of a folder.

A name is split at everything that is no letter or digit. Words that name a venue, an interval, a date or the format say nothing
about the market. What remains must name one market, or the symbol has to be given:

| Name                                                              | Symbol                                                   |
|-------------------------------------------------------------------|----------------------------------------------------------|
| `btcusdt-1m-2024-01.csv.gz`, `Binance_BTCUSDT_2024_minute.csv`    | `BTCUSDT`: a word that ends in a known quote currency    |
| `BTC_USDT-1m.csv`, `kraken-btc-eur.csv`, `BTC EUR.csv`            | `BTCUSDT`, `BTCEUR`: a word before a known one           |
| `XBTUSD_1.csv`                                                    | `XBTUSD`: other names of a currency stay as they are     |
| `coin0.csv`, `aapl_1min.csv`                                      | `COIN0`, `AAPL`: the only word                           |
| `BTC_EURC-1m.csv`, `my_export.csv`                                | none: several words, and no known quote currency         |
| `BTCUSDT_ETHUSDT.csv`                                             | none: two markets                                        |
| `USDT_BTC.csv`, `BTC_ETH.csv`                                     | none: some venues write the quote currency first         |
| `BTCUSDT_PERP.csv`                                                | none: the contract is another market than BTCUSDT        |
| `bitstampUSD_1-min_data.csv`, `binance_1m.csv`                    | none: only a venue is named                              |

A file in a folder that is given whole may leave its market to the folder's name: `BTCUSDT/2024-01.csv`. A column of the file that
names the market (`columns/markets.py` of the candle files) must not contradict a market in the name, and counts if there is none.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from volcast.candle_files.contract import CandleFileError
from volcast.core.decoder import is_symbol

from .symbols import QUOTES, split_joined

_MORE_QUOTES = frozenset(
    {"BUSD", "TUSD", "DAI", "USDE", "PYUSD", "KRW", "INR", "MXN", "PLN", "RUB", "UAH", "ZAR", "IDR", "SGD", "HKD"}
)
"""Quote currencies that are recognized only as a word of their own."""
_COINS = ("SOL", "BNB", "ETH", "XBT", "BTC")
"""The quote currencies that are coins; of two, the later one is the quote currency everywhere."""
_MONEY = (frozenset(QUOTES) | _MORE_QUOTES) - frozenset(_COINS)
_VENUES = re.compile(
    "BINANCE(US)?|BITFINEX|BITFLYER|BITGET|BITHUMB|BITMART|BITMEX|BITSO|BITSTAMP|BITTREX|BITVAVO|BYBIT|COINBASE(PRO)?|CRYPTOCOM|"
    "CRYPTODATADOWNLOAD|DERIBIT|EXMO|FTX|GATE(IO)?|GDAX|GEMINI|HITBTC|HTX|HUOBI|KRAKEN|KUCOIN|MEXC|OKCOIN|OKEX|OKX|POLONIEX|UPBIT"
)
_FORMATS = re.compile(
    "BARS?|CANDLES?|CANDLESTICKS?|CSV|DATA(SET)?|DOWNLOAD|EXPORT|FULL|HIST|HISTORICAL|HISTORY|KLINES?|OHLC|OHLCVT?|PRICES?|SAMPLE|"
    "SIMULATED|SPOT|TO|FROM|UTC"
)
_CONTRACTS = re.compile(
    "FUT(URES?)?|PERP(ETUAL)?|SWAP|QUARTER(LY)?|OPTIONS?|INVERSE|LINEAR|COINM|USDM|[UDC]MCBL|UM|CM|P|"
    "((MARK|INDEX)(PRICE)?|PREMIUM(INDEX)?)(KLINES)?|FUNDING(RATES?)?|BID|ASK|MID|HEIKIN(ASHI)?"
)
"""Other markets than the pair, as venues and charts name them, and other prices than those of its trades."""
_INTERVALS = re.compile(
    r"\d*(S|SECS?|SECONDS?|MIN(UTE)?S?|M|H|HR|HOUR(LY|S)?|D|DAY|DAYS|DAILY|T|W|WEEK(LY)?|MO|MONTH(LY)?)|[MHD]\d+"
)
_DATES = re.compile(r"\d+|\d{4}Q\d|\d{8}T\d{4,6}Z?|\d{0,2}(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)(\d\d){0,2}", re.ASCII)
_ENDING = re.compile(r"\.(csv|txt|tsv|json|jsonl|ndjson|parquet|pq|feather|arrow|ipc|gz|gzip|zip|bz2|xz|zst)$", re.IGNORECASE)


def candle_files_of(path: Path) -> tuple[list[Path], list[str]]:
    """Return the candle files of a folder, in the order of their names, and the names of its other entries; else the path alone.

    Only the ending of a name counts, and folders in the folder are not read. Hidden files do not count as entries. Raises
    CandleFileError for a folder that cannot be read, or has no such file.
    """
    if not path.is_dir():
        return [path], []
    try:
        entries = sorted(each for each in path.iterdir() if not each.name.startswith("."))
    except OSError as error:
        raise CandleFileError(f"{path} can't be read: {error.strerror or error}.") from None
    found = [each for each in entries if _ENDING.search(each.name) and each.is_file()]
    if not found:
        raise CandleFileError(f"{path} is a folder without candle files (.csv, .csv.gz, .zip, .json, .parquet or .feather).")
    return found, [each.name for each in entries if each not in found]


def symbol_of_file(path: Path, market: str, *, in_folder: bool) -> str:
    """Return the symbol of a file, by its name, its folder's if that was given whole, and the market that a column names.

    `market` is "" if no column names it. Raises CandleFileError if name and column differ, or neither tells for certain.
    """
    written = "".join(_words(market))
    if not written:
        return symbol_in_folder(path) if in_folder else symbol_of(path)
    names = (path.parent.resolve().name, _stem(path.name)) if in_folder else (_stem(path.name),)
    if not any(any(_pairs(_words(name))) for name in names):
        _refuse_contract(path, _words(_stem(path.name)))
        return _symbol_named(path, market)
    symbol = symbol_in_folder(path) if in_folder else symbol_of(path)
    if symbol not in written and written not in symbol:
        raise CandleFileError(f"{path}: it is {symbol} by its name, and {market} by a column in it; give --symbol.")
    return symbol


def _symbol_named(path: Path, market: str) -> str:
    """Return the symbol that a column of the file names."""
    try:
        return symbol_of(Path(market.replace("/", "-")))
    except CandleFileError:
        raise CandleFileError(
            f"{path}: a column in it names the market {market!r}, which is not for certain a symbol; give --symbol."
        ) from None


def symbol_in_folder(path: Path) -> str:
    """Return the symbol of a file in a folder that was given whole: that of its name, or else of the folder's name.

    Raises CandleFileError if neither tells for certain.
    """
    folder = path.parent.resolve()
    in_file, in_folder = (any(_pairs(_words(name))) for name in (_stem(path.name), folder.name))
    if in_folder and not in_file:
        return symbol_of(folder)
    try:
        return symbol_of(path)
    except CandleFileError:
        if in_file:
            raise
        raise CandleFileError(
            f"{path}: neither its name nor its folder's says for certain which market it is; give --symbol."
        ) from None


def symbol_of(path: Path) -> str:
    """Return the symbol that the file's name names. Raise CandleFileError if that cannot be told for certain.

    >>> symbol_of(Path("data/Binance_BTCUSDT_2024_minute.csv")), symbol_of(Path("btc-eur_1m.csv.gz"))
    ('BTCUSDT', 'BTCEUR')
    """
    words = _words(_stem(path.name))
    _refuse_contract(path, words)
    found = set(_pairs(words))
    if not found:
        named = [word for word in words if not any(kind.fullmatch(word) for kind in (_VENUES, _INTERVALS, _DATES))]
        found = {word for word in named if len(named) == 1 and word not in _MONEY and not _is_venue_with_quote(word)}
    symbol = found.pop() if found else ""
    if found:
        raise CandleFileError(f"{path}: its name may mean {' or '.join(sorted({symbol, *found}))}; give --symbol.")
    if not is_symbol(symbol):
        raise CandleFileError(f"{path}: its name does not say for certain which market it is; give --symbol.")
    return symbol


def _refuse_contract(path: Path, words: Sequence[str]) -> None:
    if contract := next(filter(_CONTRACTS.fullmatch, words), None):
        raise CandleFileError(f"{path}: its name says {contract}, so it is not the pair itself; give --symbol.")


def _stem(name: str) -> str:
    while (shorter := _ENDING.sub("", name)) != name:
        name = shorter
    return name


def _words(stem: str) -> list[str]:
    return [word.upper() for word in re.findall(r"[^\W_]+", stem)]


def is_simulated(name: str) -> bool:
    """Return whether the name of a file, or the source of a candle, says that the candles are invented.

    >>> is_simulated("BTCUSDT-simulated.csv.gz"), is_simulated("binance-simulated"), is_simulated("binance")
    (True, True, False)
    """
    return "SIMULATED" in (word.upper() for word in re.findall(r"[^\W_]+", name))


def _pairs(words: list[str]) -> Iterator[str]:
    """Yield each market that the words name: joined in one word, or a word before a quote currency."""
    for word, following in pairwise([*words, ""]):
        if any(kind.fullmatch(word) for kind in (_VENUES, _FORMATS, _INTERVALS, _DATES)):
            continue
        if _rank(following) is not None and word.isascii():
            yield f"{word}{following}"
            if (_rank(word) or 0) > (_rank(following) or 0):  # some venues write the quote currency first
                yield f"{following}{word}"
        elif _rank(word) is None and split_joined(word) and not _is_venue_with_quote(word):
            yield word


def _rank(word: str) -> int | None:
    """Return how likely a currency is the quote of a pair, compared with another one; None if it is no quote currency."""
    if word in _MONEY:
        return len(_COINS)
    return _COINS.index(word) if word in _COINS else None


def _is_venue_with_quote(word: str) -> bool:
    pair = split_joined(word)
    return pair is not None and _VENUES.fullmatch(pair[0]) is not None
