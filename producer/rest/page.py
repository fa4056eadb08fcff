"""A page of a venue's closed candles, as the HTTP client returns it: what the venue has, has not, or has in a form of no use."""

from collections.abc import Sequence
from typing import NamedTuple

from producer.feeds.contract import OddRow, VenueCandle
from volcast.core.types import MINUTE_MS


class Page(NamedTuple):
    """The closed candles that a venue has of a range of minutes."""

    rows: tuple[VenueCandle, ...]
    """Closed candles in order, each minute once, from `from_ms` to before `covered_to_ms`."""
    covered_to_ms: int
    """All minutes before this are answered: the venue has no candle of one without a row. `from_ms` if none is answered yet."""
    reachable_from_ms: int
    """The venue no longer serves minutes before this; 0 if it serves all of the past."""
    unusable: frozenset[int] = frozenset()
    """Covered minutes without a candle of which the venue has sent a row that can't be used: they are missing, and not empty."""
    odd_rows: int = 0
    """How many rows could not be used."""
    odd_reason: str = ""
    """Why the first of them could not."""


def with_odd_rows(page: Page, odd: Sequence[OddRow], first_ms: int) -> Page:
    """Return the page with what its odd rows mean: a minute that one of them touches is not empty, if it has no candle.

    A row that opens within a minute touches the next minute, too. If the time of a row can't be read, it may be of any minute.
    """
    if not odd:
        return page
    with_candle = {row.open_time_ms for row in page.rows}
    if any(row.open_ms is None for row in odd):
        touched = set(range(first_ms, page.covered_to_ms, MINUTE_MS))
    else:
        touched = {ms // MINUTE_MS * MINUTE_MS for row in odd for ms in ((row.open_ms or 0), (row.open_ms or 0) + MINUTE_MS - 1)}
    unusable = frozenset(ms for ms in touched - with_candle if first_ms <= ms < page.covered_to_ms)
    rows = [row for row in odd if row.open_ms is None or first_ms - MINUTE_MS < row.open_ms < page.covered_to_ms]
    return page._replace(unusable=unusable, odd_rows=len(rows), odd_reason=rows[0].reason if rows else "")
