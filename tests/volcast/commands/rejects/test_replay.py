"""The replay: what is sent, in which order and how often; and what is not."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.log_ends import fill, records_of
from tests.market import record
from tests.volcast.commands.consumed_log import SYMBOLS, consume
from tests.volcast.commands.rejects.test_list import left, reject
from volcast.commands.rejects.read import RejectFilter
from volcast.commands.rejects.replay import APPENDER, RejectReplay
from volcast.core.codec import Reason, Reject
from volcast.core.decoder import MAX_KEPT_BYTES
from volcast.log.contract import Fenced, KeyValue, Log, Reader, Record, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog


async def replayed(log: Log, selection: RejectFilter, append_records: int = 500) -> list[KeyValue]:
    """Look, send, and -> what then stands on `candles`."""
    replay = RejectReplay(selection, append_records)
    await replay.look(log)
    await replay.send(log)
    assert not replay.wanted
    return [KeyValue(each.key, each.value) for each in await records_of(log, Topic.CANDLES)]


@pytest.mark.parametrize("append_records", [1, 3, 500])
async def test_the_originals_are_sent_in_their_order(append_records: int) -> None:
    values = [record(minute, "0.001") for minute in range(7)]
    async with SqliteLog(":memory:") as log:
        await left(log, *(reject(minute, value) for minute, value in enumerate(values)))
        assert await replayed(log, RejectFilter(), append_records) == [KeyValue(b"BTCUSDT", value) for value in values]


async def test_only_what_was_selected_is_sent() -> None:
    async with SqliteLog(":memory:") as log:
        await left(log, reject(1, b"a"), reject(2, b"b", symbol="X"), reject(3, b"c", reason=Reason.TIME), reject(4, b"d"))
        assert await replayed(log, RejectFilter("BTCUSDT", "unreadable")) == [(b"BTCUSDT", b"a"), (b"BTCUSDT", b"d")]
        assert (await replayed(log, RejectFilter(partition=0, offset=3)))[2:] == [(b"BTCUSDT", b"c")]


async def test_each_original_is_sent_once_however_often_it_was_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    async with SqliteLog(":memory:") as log:
        await left(log, reject(1, b"a"), reject(2, b"b"), reject(8, b"a"), reject(9, b"a"), reject(9, b"a", symbol="X"))
        assert await replayed(log, RejectFilter()) == [(b"BTCUSDT", b"a"), (b"BTCUSDT", b"b"), (b"X", b"a")]
    told = capsys.readouterr().out.splitlines()
    assert told[:3] == ["5 rejected: 5 unreadable", "left out: 2 that stand there more than once", "to send: 3 unreadable"]
    assert told[-1] == "records sent: 3"


async def test_keys_and_values_of_other_lengths_are_others() -> None:
    async with SqliteLog(":memory:") as log:
        await left(log, reject(1, b"BC", symbol="A"), reject(2, b"C", symbol="AB"))
        assert await replayed(log, RejectFilter()) == [(b"A", b"BC"), (b"AB", b"C")]


async def test_what_was_not_kept_whole_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    async with SqliteLog(":memory:") as log:
        await left(log, reject(1, b"\0" * MAX_KEPT_BYTES, reason=Reason.TOO_LARGE))
        replay = RejectReplay(RejectFilter(), 500)
        await replay.look(log)
        assert not replay.wanted
        assert capsys.readouterr().out.splitlines()[1:] == [
            "left out: 1 too large to have been kept whole",
            "nothing can be sent",
        ]
        await left(log, reject(2, b"\0" * (MAX_KEPT_BYTES - 1)), reject(3, b"\0" * (MAX_KEPT_BYTES - 2)))
        assert [len(value) for _, value in await replayed(log, RejectFilter())] == [MAX_KEPT_BYTES - 1, MAX_KEPT_BYTES - 2]


async def test_what_came_since_the_user_was_asked_is_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    async with SqliteLog(":memory:") as log:
        await left(log, reject(1, b"a"))
        replay = RejectReplay(RejectFilter(), 500)
        await replay.look(log)
        await left(log, reject(2, b"b"))
        await replay.send(log)
        assert [each.value for each in await records_of(log, Topic.CANDLES)] == [b"a"]
    assert capsys.readouterr().out.endswith("\nrecords sent: 1\n")


class Overtaken(SqliteLog):
    """Another replay begins once this one has sent something."""

    @asynccontextmanager
    async def reader(self, topic: Topic) -> AsyncIterator[Reader]:
        async with super().reader(topic) as reader:
            yield _Overtaking(self, reader)


class _Overtaking:
    def __init__(self, log: SqliteLog, reader: Reader) -> None:
        self._log, self._reader = log, reader

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        records = await self._reader.read(min(max_records, 1), timeout_s)
        if records and records[0].offset == 4:
            async with self._log.appender(APPENDER):
                pass
        return records

    @property
    def caught_up(self) -> bool:
        return self._reader.caught_up


async def test_where_another_replay_begins_it_ends_and_says_how_far_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    values = [b"%d" % offset for offset in range(6)]
    async with Overtaken(":memory:") as log:
        await left(log, *(reject(offset, value) for offset, value in enumerate(values)))
        replay = RejectReplay(RejectFilter(), 2)
        await replay.look(log)
        with pytest.raises(Fenced, match="another process has started to append rejects"):
            await replay.send(log)
        assert [each.value for each in await records_of(log, Topic.CANDLES)] == values[:2]
    assert capsys.readouterr().out.endswith("\nrecords sent: 2 of 6\n")


async def test_a_reject_without_a_place_is_sent_too() -> None:
    async with SqliteLog(":memory:") as log:
        await left(log, Reject(Reason.KEY, "why", b"A", b"x"))
        assert await replayed(log, RejectFilter(reason="wrong_key")) == [(b"A", b"x")]


async def test_on_kafka_too(kafka_bootstrap: str, kafka_prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    bad = [KeyValue(symbol.encode(), b"%d" % number) for number in range(20) for symbol in SYMBOLS]
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=3, session_timeout_ms=6_000) as log:
        await fill(log, bad)
        await consume(log)
        on_candles = await replayed(log, RejectFilter(), 7)
    assert [by_key(on_candles, symbol.encode()) for symbol in SYMBOLS] == [[b"%d" % n for n in range(20)] * 2] * len(SYMBOLS)
    assert capsys.readouterr().out.startswith("120 rejected: 120 unreadable\nto send: 120 unreadable\n")


def by_key(records: list[KeyValue], key: bytes) -> list[bytes]:
    return [each.value for each in records if each.key == key]
