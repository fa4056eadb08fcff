"""A reader of one topic: what it has read since the last commit, whether that follows what was archived, and what has been lost.

The last record that was archived is read once more and compared, so that another log is recognized. Nothing is written here.
"""

from volcast.log.contract import Mismatch, Reader, Record, Topic

from .commits import ArchiveState, LostRange, Place
from .plan import crc32_of, lost_ranges

_READ_S = 0.25


class TopicReader:
    """What was read of a topic since the last commit."""

    def __init__(self, topic: Topic, reader: Reader, state: ArchiveState) -> None:
        self.reader, self._topic = reader, topic
        self.records: list[Record] = []
        self.size = 0
        self._starts: dict[int, int] = {}
        self._to_compare: dict[int, Place] = {}
        self.clear(state)
        places = state.places.get(topic.value, {})
        self._to_compare = {partition: place for partition, place in places.items() if place.last is not None}

    def clear(self, state: ArchiveState) -> None:
        """Begin anew after a commit."""
        self.records, self.size = [], 0
        self._starts = {partition: place.next for partition, place in state.places.get(self._topic.value, {}).items()}

    async def check_begins(self) -> None:
        """Compare nothing where the log has deleted the last record that was archived."""
        begins = await self.reader.begins()
        self._to_compare = {p: place for p, place in self._to_compare.items() if begins[p] <= (place.last or 0)}

    async def read(self, max_records: int) -> None:
        """Read some records more. Raises Mismatch if the log is not the one that was archived."""
        for record in map(_readable, await self.reader.read(max_records, _READ_S)):
            if record.partition in self._to_compare and await self._is_archived(record):
                continue
            self.records.append(record)
            self.size += len(record.key) + len(record.value)

    async def lost(self) -> list[LostRange]:
        """Return the offsets whose records the log has deleted before they were read."""
        positions = {p: max(at, self._starts.get(p, at)) for p, at in self.reader.positions.items()}
        return list(lost_ranges(self._topic, self._starts, self.records, positions, await self.reader.begins()))

    async def _is_archived(self, record: Record) -> bool:
        """Return whether the first record that was read is the last one that was archived; False if the log no longer has that.

        Raises Mismatch if there is another record in its place.
        """
        place = self._to_compare.pop(record.partition)
        if (record.offset, crc32_of(record)) == (place.last, place.crc32):
            return True
        if record.offset >= place.next and (await self.reader.begins())[record.partition] > (place.last or 0):
            return False
        raise Mismatch(
            f"{self._topic}, partition {record.partition}: at offset {place.last} there is not the record that was archived: the "
            "log was created anew, or restored from a backup; choose another root for its archive"
        )


def _readable(record: Record) -> Record:
    """Return the record; in place of one that can't be read, whose key and value are empty, one whose value says why."""
    if not record.unreadable:
        return record
    return Record(record.partition, record.offset, b"", record.unreadable.encode(), record.unreadable)
