"""The trail of promotions on `models`: read, verified as a chain, and compared with the markers on `candles`.

The chain shows that a record was edited, replaced or removed in the middle. Only the markers show that the last ones were
removed, or that somebody moved the lead without a record, as whoever may write candles can.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from volcast.core.codec import PROMOTION_KEY, Reject
from volcast.core.decoder import Decoder
from volcast.core.forecast.promotion import Promotion
from volcast.log.contract import Log, Record, Topic
from volcast.log.retry import to_end

from .record import PromotionKind, PromotionRecord, decode_promotion_record, digest_of, number_of, promotion_id

_READ_RECORDS, _READ_S = 10_000, 0.2
_UNTRIMMED = 1
"""The first offset of a partition from which nothing was deleted is 0 on Kafka, 1 in SQLite."""


class TrailEntry(NamedTuple):
    """A record of `models` as it stands on the log."""

    offset: int
    id: str
    """Its key."""
    sha256: str
    record: PromotionRecord | None
    """None if it can't be decoded."""


@dataclass(frozen=True, slots=True)
class Trail:
    """All promotions in the order of their writing, and what is wrong with them."""

    entries: tuple[TrailEntry, ...] = ()
    problems: tuple[str, ...] = ()
    """Sentences; none if the chain is whole."""

    @property
    def records(self) -> list[PromotionRecord]:
        """Those that can be decoded."""
        return [entry.record for entry in self.entries if entry.record]

    @property
    def taken_back(self) -> frozenset[str]:
        """The ids of the promotions that a rollback has taken back."""
        return frozenset(each.of for each in self.records if each.kind is PromotionKind.ROLLBACK and each.of)

    @property
    def next_id(self) -> str:
        """The id of the next promotion, above all that were used."""
        return promotion_id(1 + max((number_of(entry.id) or 0 for entry in self.entries), default=0))

    @property
    def head(self) -> str:
        """SHA-256 of the last record; empty if there is none."""
        return self.entries[-1].sha256 if self.entries else ""

    def planned_leaders(self, symbols: Iterable[str]) -> dict[str, str]:
        """Return which model is to lead each symbol once all promotions have come into force; none for one without any."""
        found: dict[str, str] = {}
        for name in symbols:
            concerning = (each.model for each in reversed(self.records) if each.marker.concerns(name))
            if (model := next(concerning, None)) is not None:
                found[name] = model
        return found

    def deciding(self, symbols: tuple[str, ...], at_ms: int, before: str = "") -> PromotionRecord | None:
        """Return the promotion by which one leads these symbols, or all, just before a candle; None without one.

        With `before`, only the promotions that were written before that one count.
        """
        return next(
            (
                each
                for each in reversed(self.records)
                if each.from_ms < at_ms
                and (not before or each.id < before)
                and (not symbols or not each.symbols or not set(symbols).isdisjoint(each.symbols))
            ),
            None,
        )

    def find(self, promotion: str) -> PromotionRecord | None:
        """Return the promotion with this id, which may lack its leading zeros."""
        return next((each for each in self.records if number_of(each.id) == number_of(promotion)), None)


def verify_trail(records: Iterable[Record]) -> Trail:
    """Return the trail that these records of `models`, in their order, are."""
    entries: list[TrailEntry] = []
    problems: list[str] = []
    for record in records:
        where, expected = f"models, offset {record.offset}", promotion_id(len(entries) + 1)
        name = record.key.decode(errors="replace")
        found = None
        try:
            found = decode_promotion_record(record.value)
        except ValueError as error:
            problems.append(f"{where}: {record.unreadable or error}")
        if found and found.id != name:
            problems.append(f"{where}: its key is {name!r:.60}, its id {found.id!r:.60}")
        if name != expected:
            problems.append(f"{where}: its id is {name!r:.60}, {expected} was to come: a record was removed or added")
        if found and found.before != (before := entries[-1].sha256 if entries else ""):
            text = f"it names {found.before[:12] or 'none'} as the record before, which is {before[:12] or 'none'} (SHA-256)"
            problems.append(f"{where}: {text}: one of the two was edited, or a record between them removed")
        entries.append(TrailEntry(record.offset, name, digest_of(record.value), found))
    return Trail(tuple(entries), tuple(problems))


async def read_trail(log: Log) -> Trail:
    """Read all of `models`. Raises Unavailable."""
    records: list[Record] = []
    async with log.reader(Topic.MODELS) as reader:
        async for batch in to_end(reader, _READ_RECORDS, _READ_S):
            records += batch
    return verify_trail(records)


@dataclass(frozen=True, slots=True)
class Markers:
    """The markers that `candles` has."""

    found: dict[int, dict[str, list[tuple[int, Promotion]]]] = field(default_factory=dict)
    """By partition and id: offsets and contents."""
    damaged: tuple[str, ...] = ()
    """Sentences."""
    begins: Mapping[int, int] = field(default_factory=dict)
    """By partition: the offset of the oldest record that is left."""

    def offsets(self, promotion: str) -> dict[int, int]:
        """Return where the markers of a promotion are, by partition."""
        return {partition: ids[promotion][0][0] for partition, ids in sorted(self.found.items()) if promotion in ids}


def find_markers(records: Iterable[Record], begins: Mapping[int, int]) -> Markers:
    """Return the markers among these records of `candles`."""
    decoder, damaged = Decoder(), list[str]()
    found: dict[int, dict[str, list[tuple[int, Promotion]]]] = {partition: {} for partition in begins}
    for record in records:
        if record.key != PROMOTION_KEY:
            continue
        marker = decoder.decode(record.key, record.value)
        if isinstance(marker, Promotion):
            found[record.partition].setdefault(marker.id, []).append((record.offset, marker))
        elif isinstance(marker, Reject):
            damaged.append(f"candles, partition {record.partition}, offset {record.offset}: a damaged marker: {marker.detail}")
    return Markers(found, tuple(damaged), begins)


async def read_markers(log: Log) -> Markers:
    """Read all of `candles` that is left, and keep its markers. Raises Unavailable."""
    kept: list[Record] = []
    async with log.reader(Topic.CANDLES) as reader:
        begins = await reader.begins()
        async for batch in to_end(reader, _READ_RECORDS, _READ_S):
            kept += [each for each in batch if each.key == PROMOTION_KEY]
    return find_markers(kept, begins)


def compare_markers(trail: Trail, markers: Markers) -> list[str]:
    """Return, as sentences, where the trail and the markers contradict each other.

    A marker that is missing is one only if it can't have been deleted by retention: if its partition still has the first candle,
    or an earlier marker.
    """
    problems = list(markers.damaged)
    for partition, ids in sorted(markers.found.items()):
        for promotion, found in sorted(ids.items(), key=lambda item: item[1][0][0]):
            problems += _compared(trail, partition, promotion, found)
        known = [number_of(each) or 0 for each in ids]
        oldest = 0 if markers.begins.get(partition, 0) <= _UNTRIMMED else min(known, default=None)
        if oldest is not None:
            problems += [
                f"candles, partition {partition}: the marker of {record.id} is missing, so that consumers do not follow it"
                for record in trail.records
                if record.id not in ids and (number_of(record.id) or 0) >= oldest
            ]
    return problems


def _compared(trail: Trail, partition: int, promotion: str, found: Sequence[tuple[int, Promotion]]) -> list[str]:
    offset, marker = found[0]
    where = f"candles, partition {partition}, offset {offset}"
    record = next((each for each in trail.records if each.id == promotion), None)
    problems = []
    if record is None:
        text = f"a marker lets {marker.model!r:.60} lead as {promotion!r:.60}, which is not on the trail"
        problems.append(f"{where}: {text}: it was written without `volcast models`, or the record was removed")
    elif record.marker != marker:
        problems.append(f"{where}: the marker of {promotion} says something else than its record")
    if len(found) > 1:
        problems.append(f"{where}: {len(found)} markers have the id {promotion}; one is written for each promotion")
    return problems
