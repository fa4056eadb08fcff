"""A venue's candles of the past over HTTP, into a `Part`: page by page, each on the disk before the next is asked for."""

from volcast.core.types import MINUTE_MS

from .candle_time import format_open_time
from .download_part import Covered, DownloadError, Part, Wanted
from .rest import Rest, history

__all__ = ["PATIENCE_S", "Covered", "DownloadError", "Part", "Wanted", "by_rest"]

PATIENCE_S = 90.0
"""With one page."""


async def by_rest(rest: Rest, part: Part, to_ms: int | None = None) -> None:
    """Go on where `part` ends, up to `to_ms` (by default: to its end).

    Raises Refused, UnknownPair; DownloadError where minutes are not closed yet, or can't be asked for any more.
    """
    end_ms = part.wanted.to_ms if to_ms is None else to_ms
    venue = rest.feed.name
    async for page in history(rest, part.wanted.pair, part.covered.to_ms, end_ms, patience_s=PATIENCE_S):
        if page.reachable_from_ms > part.covered.to_ms:
            minutes = rest.feed.limits.history_minutes
            begun = f", and remove {part.path}" if part.covered.rows else ""
            raise DownloadError(
                f"{venue} tells only its last {minutes} minutes: "
                f"take --from {format_open_time(page.reachable_from_ms).replace(' ', 'T')} or later{begun}."
            )
        by_rest_minutes = (page.covered_to_ms - part.covered.to_ms) // MINUTE_MS if part.wanted.source == "archive" else 0
        part.append(page.rows, page.covered_to_ms, fills=not rest.feed.tells_empty_minutes, by_rest=by_rest_minutes)
    if part.covered.to_ms < end_ms:
        until = format_open_time(part.covered.to_ms)
        raise DownloadError(
            f"{venue} has no closed candles from {until} UTC on yet; call again later, or choose an earlier --to."
        )
