"""Which column of a file is what, by the names that people give them, or by what the user says.

Case, blanks and punctuation do not count: `Open time`, `open_time`, `<OPEN>` and `openTime` are read as `opentime` and `open`. Of
several names for one role the first in the table counts. The time at which a candle closes is never taken for its opening.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from volcast.candle_files.contract import ROLES, CandleFileError, Columns, FileOptions, MissingColumnError, quoted

_TIMES = (
    "opentime|timestamp|timestampms|timestamputc|timestamps|unix|unixtimestamp|unixtime|unixtimems|epoch|epochms|datetime|"
    "datetimeutc|date|dateutc|dateopen|opendate|time|timeutc|timeopen|starttime|timestart|periodstart|timeperiodstart|startat|"
    "start|candlebegintime|candletime|ts|t"
)
_INDEX = ("", "unnamed0", "indexlevel0", "index")
"""What a column is called that pandas made of an index."""
_NAMES: dict[str, tuple[str, ...]] = {
    "time": (*_TIMES.split("|"), *_INDEX),
    "open": ("open", "openprice", "priceopen", "o"),
    "high": ("high", "highprice", "pricehigh", "maxprice", "h"),
    "low": ("low", "lowprice", "pricelow", "minprice", "l"),
    "close": ("close", "closeprice", "priceclose", "c"),
    "volume": ("volume", "basevolume", "basevol", "baseassetvolume", "volumebase", "volumefrom", "volumetraded", "vol", "v"),
    "quote_volume": (
        *("quotevolume", "quoteassetvolume", "volumequote", "quotevol", "volumeto", "volumecurrency", "volccyquote", "quoteav"),
        *("quoteasset", "turnover", "qav"),
    ),
}
MARKET_NAMES = (
    *("symbol", "pair", "ticker", "symbolid", "tradingpair", "currencypair", "instrument", "instrumentid", "instid", "tic"),
    *("coin", "asset"),
)
"""Plain names of a column that says of which market each row is."""
_CLOSE_TIMES = frozenset({"closetime", "timeclose", "endtime", "timeend", "periodend", "timeperiodend", "closedate", "dateclose"})
_MONEY = re.compile("usd[tce]?|[bt]usd|fdusd|dai|pyusd|eurc?|gbp|jpy|try|brl|aud|cad|chf|krw|inr|mxn|pln|rub|uah|zar|idr|sgd|hkd")
"""Currencies in which others are priced: a volume in one of them is the quote volume."""
_NO_CURRENCY = frozenset({"ma", "sma", "ema", "avg", "mean", "sum", "delta", "change", "buy", "sell", "pct", "usdchange", "rank"})
_ROLES = frozenset({"quote", "base", "from", "to", "traded", "currency"})
_VOLUME_OF = re.compile(r"volume([a-z][a-z0-9]{1,9})")


def plain_name(name: str) -> str:
    """Return the letters and digits of a name in lower case.

    >>> plain_name("Volume_(BTC)"), plain_name("openTime"), plain_name("<CLOSE>")
    ('volumebtc', 'opentime', 'close')
    """
    return "".join(character for character in name.lower() if character.isalnum())


def known_names(header: Sequence[str]) -> int:
    """Return how many of the names are known: more than 0 for the first line of a table of candles."""
    names = {plain_name(name) for name in header} - {""}
    return sum(bool(names.intersection(known)) for known in _NAMES.values()) + bool(names & _CLOSE_TIMES)


def columns_by_name(where: str, header: Sequence[str], is_time: Callable[[int], bool]) -> Columns:
    """Return which column is what. `is_time` says whether the cells of a column can be read as times.

    Raises CandleFileError, which begins with `where`, if a name that counts occurs twice.
    """
    names = [plain_name(name) for name in header]
    found: dict[str, int | None] = {}
    for role, known in _NAMES.items():
        candidates = [at for name in known for at, each in enumerate(names) if each == name]
        if role == "time":
            candidates = [at for at in candidates if is_time(at)] or candidates
        found[role] = candidates[0] if candidates else None
        if len(candidates) > 1 and names[candidates[0]] == names[candidates[1]]:
            raise CandleFileError(f"{where}: column {header[candidates[0]].strip()} occurs twice; it must occur once.")
    for role, at in zip(("volume", "quote_volume"), _volumes_by_currency(names), strict=True):
        if found[role] is None and at not in found.values():
            found[role] = at
    return Columns(**found)


def _volumes_by_currency(names: Sequence[str]) -> tuple[int | None, int | None]:
    """Return the columns `Volume BTC` and `Volume USDT`: of two, the quote currency is money, or else the second one."""
    of = {at: match[1] for at, name in enumerate(names) if (match := _VOLUME_OF.fullmatch(name)) and match[1] not in _NO_CURRENCY}
    of = {at: code for at, code in of.items() if code not in _ROLES}
    money = [at for at, code in of.items() if _MONEY.fullmatch(code)]
    coins = [at for at in of if at not in money]
    if len(of) == 1:
        return (coins[0], None) if coins else (None, money[0])
    if len(of) == 2:  # noqa: PLR2004  # the two currencies of a pair
        first, second = (coins[0], money[0]) if coins and money else of
        return first, second
    return None, None


def volumes_are_guessed(header: Sequence[str], columns: Columns) -> bool:
    """Return whether the names of two volumes, `Volume ETH` and `Volume BTC`, do not say which one is the quote volume."""
    of = [_VOLUME_OF.fullmatch(plain_name(header[at])) for at in (columns.volume, columns.quote_volume) if at is not None]
    codes = [match[1] for match in of if match is not None and match[1] not in _ROLES]
    return len(codes) == 2 and bool(_MONEY.fullmatch(codes[0])) == bool(_MONEY.fullmatch(codes[1]))  # noqa: PLR2004  # a pair


def columns_by_options(path: Path, header: Sequence[str], width: int, options: FileOptions, found: Columns) -> Columns:
    """Return the columns with those that the user names instead. Raise CandleFileError if there is no such column."""
    chosen: dict[str, int] = {}
    for role, name in options.columns:
        exact = [at for at, each in enumerate(header) if each.strip() == name.strip()]
        alike = exact or [at for at, each in enumerate(header) if plain_name(each) == plain_name(name)]
        if not alike and name.isascii() and name.isdigit() and 0 < int(name) <= width:
            alike = [int(name) - 1]
        if len(alike) != 1:
            has = f"its columns are {quoted(','.join(header))}" if header else f"it has {width} columns without names"
            there = "more than one column" if alike else "no column"
            raise CandleFileError(f"{path}: there is {there} {quoted(name)}, as --columns {role}={name} says; {has}.")
        chosen[role] = alike[0]
    return found._replace(**{role: None for role, at in found._asdict().items() if at in chosen.values()})._replace(**chosen)


def check_required(path: Path, line: int, header: Sequence[str], columns: Columns, required: Sequence[str]) -> None:
    """Raise MissingColumnError, with what to do, if a required role has no column."""
    missing = [role for role in ROLES if role in required and getattr(columns, role) is None]
    if not missing:
        return
    where = f"{path}, line {line}" if line else f"{path}"
    names = {plain_name(name): name.strip() for name in header}
    closing = next((names[name] for name in _CLOSE_TIMES if name in names), None)
    say = ",".join(f"{role}=NAME" for role in missing)
    if missing[0] == "time" and closing is not None:
        sentence = (
            f"{where}: {quoted(closing)} is when a candle closes; the time at which it opens is needed, as --columns time=NAME."
        )
    elif header:
        found = quoted(",".join(name.strip() for name in header))
        sentence = (
            f"{where}: missing column {', '.join(missing)}; the columns found are {found}; say which it is: --columns {say}."
        )
    else:
        numbered = ",".join(f"{role}={number}" for number, role in enumerate(ROLES[:6], start=1))
        sentence = (
            f"{where}: there are no names of columns, and the cells are of no known layout; say which column is what, "
            f"as in --columns {numbered}."
        )
    raise MissingColumnError(sentence, missing[0])
