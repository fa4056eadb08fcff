"""The position of a commit names the last candle before it, also when others have been read since. No broker is needed."""

from volcast.log.contract import Commit, Record
from volcast.log.kafka.client import KafkaClient
from volcast.log.kafka.consumer import KafkaConsumer
from volcast.log.kafka.state import checksum


def records(*offsets: int, unreadable: str = "") -> list[Record]:
    return [Record(0, offset, b"A", b"%d" % offset, unreadable) for offset in offsets]


async def test_a_commit_that_waits_names_its_own_last_candle() -> None:
    consumer = KafkaConsumer(KafkaClient("127.0.0.1:1"), "group", None, lambda: None)
    consumer._polled[0].extend([records(1, 2), records(4, 5, 9), records(10)])  # what three polls returned

    def last_before(position: int) -> int | None:
        stored = consumer._position(0, Commit(position)).last  # what a commit stores
        if stored is not None:
            assert stored[1] == checksum(records(stored[0])[0])
        return stored[0] if stored else None

    assert [last_before(position) for position in (3, 6, 10, 11)] == [2, 5, 9, 10]
    assert last_before(11) == 10  # a commit of snapshots alone
    assert [last_before(position) for position in (4, 8, 99)] == [None] * 3
    consumer._polled[0].append(records(12, unreadable="damaged"))  # as above
    assert last_before(13) is None
    await consumer.close(0)
    assert last_before(3) is None
    await consumer.stop()
