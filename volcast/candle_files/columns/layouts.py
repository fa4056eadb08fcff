"""Which column is what in a file without names: known layouts, told apart by what their numbers are.

| Cells | Layout                                                                                   | Told by                    |
|-------|------------------------------------------------------------------------------------------|----------------------------|
| 12    | Binance's archive: time, prices, volume, closing time, quote volume, trades, two volumes | closing time - time        |
| 7     | Kraken's OHLCVT: time, prices, volume, trades                                            | whole numbers at the end   |
| 7     | time, prices, volume, quote volume                                                       | the ratio of the volumes   |
| 5, 6  | time, prices and perhaps volume                                                          |                            |

The prices are open, high, low and close, or in one of the other orders that venues use; high and low must be the highest and the
lowest of each row, which holds in one order alone unless all four are equal.
"""

from collections.abc import Callable, Sequence

from volcast.candle_files.contract import Columns

_ORDERS = (("open", "high", "low", "close"), ("low", "high", "open", "close"), ("open", "close", "high", "low"))
_MOST, _HALF = 0.95, 0.5
_BINANCE_CELLS, _SEVEN, _SIX, _FIVE = 12, 7, 6, 5
_BINANCE = Columns(0, 1, 2, 3, 4, 5, 7)
_MINUTE_MS = 60_000


def columns_by_layout(rows: Sequence[Sequence[str]], parse_ms: Callable[[str], int]) -> tuple[str, Columns] | None:
    """Return the layout of the rows, in words and as columns; None if it is not known. `parse_ms` reads a time."""
    width = len(rows[0]) if rows else 0
    rows = [row for row in rows if len(row) == width]
    if width < _FIVE or not _are_times(rows, 0, parse_ms):
        return None
    order = _order_of([_floats(row[1:5]) for row in rows])
    if order is None:
        return None
    if width == _BINANCE_CELLS:
        return ("Binance's archive", _BINANCE) if order == _ORDERS[0] and _are_binance(rows, parse_ms) else None
    columns = Columns(0, **{role: order.index(role) + 1 for role in order}, volume=_FIVE if width >= _SIX else None)
    words = f"no names, time, {', '.join(order)}" + (", volume" if width >= _SIX else "")
    return (words, columns) if width < _SEVEN else _with_seventh(rows, words, columns)


def _with_seventh(rows: Sequence[Sequence[str]], words: str, columns: Columns) -> tuple[str, Columns] | None:
    """Return the layout with the cell after the volume: the quote volume, or the number of trades."""
    if len(rows[0]) > _SEVEN:
        return None
    if share_of_prices(rows, columns._replace(quote_volume=_SIX)) > _HALF:
        return f"{words}, quote volume", columns._replace(quote_volume=_SIX)
    if sum(row[_SIX].strip().isdecimal() for row in rows) > _MOST * len(rows):
        return "Kraken's OHLCVT" if columns.high == 2 else f"{words}, trades", columns  # noqa: PLR2004  # its order
    return None


def share_of_prices(rows: Sequence[Sequence[str]], columns: Columns) -> float:
    """Return in which share of the rows with a volume, quote volume / volume is a price between low and high, within 1 %."""
    at = (columns.low, columns.high, columns.volume, columns.quote_volume)
    numbers = [_floats([row[position] for position in at if position is not None]) for row in rows]
    found = [each for each in numbers if each is not None and len(each) == len(at) and each[2] > 0]
    fitting = sum(0.99 * low <= quote / volume <= 1.01 * high for low, high, volume, quote in found)
    return fitting / len(found) if found else 0.0


def _are_times(rows: Sequence[Sequence[str]], at: int, parse_ms: Callable[[str], int]) -> bool:
    """Return whether most cells are times; one that is not is reported when its row is read."""
    return sum(is_time(row[at], parse_ms) for row in rows) > _HALF * len(rows)


def is_time(cell: str, parse_ms: Callable[[str], int]) -> bool:
    """Return whether a cell can be read as a time."""
    try:
        parse_ms(cell)
    except ValueError:
        return False
    return True


def _are_binance(rows: Sequence[Sequence[str]], parse_ms: Callable[[str], int]) -> bool:
    """Return whether each row closes just before a whole number of minutes after its opening."""
    if not _are_times(rows, 6, parse_ms):
        return False
    rows = [row for row in rows if is_time(row[0], parse_ms) and is_time(row[6], parse_ms)]
    spans = [(parse_ms(row[6]) - parse_ms(row[0])) % _MINUTE_MS == _MINUTE_MS - 1 for row in rows]
    return sum(spans) > _MOST * len(rows)


def _order_of(prices: Sequence[Sequence[float] | None]) -> tuple[str, ...] | None:
    """Return the first order that fits nearly all rows of prices."""
    found = [each for each in prices if each is not None]
    shares = [(sum(_fits(row, order) for row in found), order) for order in _ORDERS]
    fitting, best = max(shares, key=lambda each: each[0])  # the first of several
    return best if found and fitting > _MOST * len(found) else None


def _fits(row: Sequence[float], order: Sequence[str]) -> bool:
    return row[order.index("high")] == max(row) and row[order.index("low")] == min(row)


def _floats(cells: Sequence[str]) -> list[float] | None:
    """Return the numbers; None if one is missing."""
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return None
    return numbers if all(number == number for number in numbers) else None  # noqa: PLR0124  # NaN
