"""Puts an hour of a market into the archive, once.

    candle file there? ── yes ──► nothing to do
          │ no
    raw object there?  ── no ───► ask the source, write the raw object create-only
          │ yes, or written by another run meanwhile
    write the candle file that follows from the raw object, create-only

The raw object decides: whatever happens after it, each run makes the same candle file of it, and the source is not asked again. A
run that is killed before leaves nothing.
"""

from typing import NamedTuple, Protocol

from volcast.lifecycle.archive.store import ObjectStore
from volcast.lifecycle.wording import with_noun

from .interval import DataInterval
from .raw import IngestedHour, IngestionError, candle_file, decode_hour, encode_hour, file_name, raw_name

MAX_MISSING_MINUTES = 6
"""An hour with more missing minutes is refused by default: it is what a cut answer looks like."""


class HourSource(Protocol):
    """Where candles come from. It may be asked again and again."""

    @property
    def name(self) -> str:
        """The source, as the names of objects have it."""

    @property
    def symbol(self) -> str:
        """The market, as the names of objects have it."""

    async def fetch(self, interval: DataInterval, /) -> IngestedHour:
        """Return the candles of an hour that is over. Raise IngestionError if they can't be had now."""


class StoredHour(NamedTuple):
    """What became of an hour."""

    file: str
    """The name of the candle file."""
    hour: IngestedHour | None
    """None if the file was there already."""


async def ingest_hour(
    store: ObjectStore, source: HourSource, interval: DataInterval, max_missing: int = MAX_MISSING_MINUTES
) -> StoredHour:
    """Put the hour into the archive unless it is there.

    Raises what `source.fetch` and the store raise, and IngestionError if more than `max_missing` minutes have no candle; then
    nothing is kept.
    """
    file, raw = file_name(source.symbol, interval), raw_name(source.name, source.symbol, interval)
    if _read(store, file) is not None:
        return StoredHour(file, None)
    kept = _read(store, raw)
    if kept is None:
        hour = await source.fetch(interval)
        if hour.missing > max_missing:
            raise IngestionError(
                f"{hour.source} has candles of only {with_noun(len(hour.candles), 'minute')} of {source.symbol} in the "
                f"hour {interval.name}; "
                f"nothing was kept: try again later, or allow it with --max-missing {hour.missing}."
            )
        kept = encode_hour(hour)
        if not store.create(raw, kept):  # another run was first, and may have got another answer
            kept = store.read(raw)
    hour = decode_hour(kept, raw)
    store.create(file, candle_file(hour))
    return StoredHour(file, hour)


def _read(store: ObjectStore, name: str) -> bytes | None:
    try:
        return store.read(name)
    except FileNotFoundError:
        return None
