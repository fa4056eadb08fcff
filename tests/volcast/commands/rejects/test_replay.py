"""The replay of rejects: which records are sent, in which order, and that each is sent once."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path

import pytest
from msgspec.structs import replace

from producer.csv_replay import CsvReplay
from producer.replay import Pace, Pump
from tests.log_access import fill, records_of
from tests.market import csv_text, record
from tests.volcast.commands.consumed_log import SYMBOLS, consume
from tests.volcast.commands.rejects.test_list import commit_rejects, reject
from volcast.commands.rejects.read import RejectFilter
from volcast.commands.rejects.replay import APPENDER, RejectReplay
from volcast.core.codec import MAX_KEPT_BYTES, PROMOTION_KEY, Reason, Reject
from volcast.log.contract import Fenced, KeyValue, Log, Reader, Record, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog


async def replayed(log: Log, selection: RejectFilter, append_records: int = 500) -> list[KeyValue]:
    """Scan and send; return the records on the topic `candles` afterwards."""
    replay = RejectReplay(selection, append_records)
    await replay.scan(log)
    await replay.send(log)
    assert not replay.pending
    return [KeyValue(each.key, each.value) for each in await records_of(log, Topic.CANDLES)]


@pytest.mark.parametrize("append_records", [1, 3, 500])
async def test_the_original_records_are_sent_in_order(append_records: int) -> None:
    values = [record(minute, "0.001") for minute in range(7)]
    async with SqliteLog(":memory:") as log:
        await commit_rejects(log, *(reject(minute, value) for minute, value in enumerate(values)))
        assert await replayed(log, RejectFilter(), append_records) == [KeyValue(b"BTCUSDT", value) for value in values]


async def test_a_replay_of_the_file_still_finds_its_place(tmp_path: Path) -> None:
    path = tmp_path / "btcusdt.csv"
    path.write_text(csv_text(20))
    async with SqliteLog(":memory:") as log:
        await Pump(log, [CsvReplay(path)], Pace(inf), 500).run()
        sent = await records_of(log, Topic.CANDLES)
        await commit_rejects(log, reject(7, sent[7].value))
        assert len(await replayed(log, RejectFilter())) == 21
        path.write_text(csv_text(23))
        pump = Pump(log, [CsvReplay(path)], Pace(inf), 500)
        await pump.run()
        assert (pump.already_sent, pump.sent) == (20, 3)


async def test_only_the_selected_records_are_sent() -> None:
    async with SqliteLog(":memory:") as log:
        await commit_rejects(
            log, reject(1, b"a"), reject(2, b"b", symbol="X"), reject(3, b"c", reason=Reason.TIME), reject(4, b"d")
        )
        assert await replayed(log, RejectFilter("BTCUSDT", "unreadable")) == [(b"BTCUSDT", b"a"), (b"BTCUSDT", b"d")]
        assert (await replayed(log, RejectFilter(partition=0, offset=3)))[2:] == [(b"BTCUSDT", b"c")]


async def test_a_record_that_was_rejected_several_times_is_sent_once(capsys: pytest.CaptureFixture[str]) -> None:
    async with SqliteLog(":memory:") as log:
        await commit_rejects(log, reject(1, b"a"), reject(2, b"b"), reject(8, b"a"), reject(9, b"a"), reject(9, b"a", symbol="X"))
        assert await replayed(log, RejectFilter()) == [(b"BTCUSDT", b"a"), (b"BTCUSDT", b"b"), (b"X", b"a")]
    output = capsys.readouterr().out.splitlines()
    assert output[:3] == ["5 rejects: 5 unreadable", "not sent: 2 rejected more than once", "to send: 3 unreadable"]
    assert output[-1] == "records sent: 3"


async def test_records_are_told_apart_by_key_and_value() -> None:
    async with SqliteLog(":memory:") as log:
        await commit_rejects(log, reject(1, b"BC", symbol="A"), reject(2, b"C", symbol="AB"))
        assert await replayed(log, RejectFilter()) == [(b"A", b"BC"), (b"AB", b"C")]


async def test_a_truncated_record_is_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    async with SqliteLog(":memory:") as log:
        await commit_rejects(log, reject(1, b"\0" * MAX_KEPT_BYTES, reason=Reason.TOO_LARGE))
        replay = RejectReplay(RejectFilter(), 500)
        await replay.scan(log)
        assert not replay.pending
        assert capsys.readouterr().out.splitlines()[1:] == [
            "not sent: 1 too large to be stored completely",
            "nothing to send",
        ]
        await commit_rejects(log, reject(2, b"\0" * (MAX_KEPT_BYTES - 1)), reject(3, b"\0" * (MAX_KEPT_BYTES - 2)))
        assert [len(value) for _, value in await replayed(log, RejectFilter())] == [MAX_KEPT_BYTES - 1, MAX_KEPT_BYTES - 2]


async def test_a_reject_that_arrives_after_the_scan_is_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    async with SqliteLog(":memory:") as log:
        await commit_rejects(log, reject(1, b"a"))
        replay = RejectReplay(RejectFilter(), 500)
        await replay.scan(log)
        await commit_rejects(log, reject(2, b"b"))
        await replay.send(log)
        assert [each.value for each in await records_of(log, Topic.CANDLES)] == [b"a"]
    assert capsys.readouterr().out.endswith("\nrecords sent: 1\n")


class OvertakenLog(SqliteLog):
    """A log on which another replay begins once this one has sent something."""

    @asynccontextmanager
    async def reader(self, topic: Topic, start: Mapping[int, int] | None = None) -> AsyncIterator[Reader]:
        async with super().reader(topic, start) as reader:
            yield _OvertakingReader(self, reader)


class _OvertakingReader:
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

    @property
    def positions(self) -> Mapping[int, int]:
        return self._reader.positions

    async def begins(self) -> Mapping[int, int]:
        return await self._reader.begins()

    async def ends(self) -> Mapping[int, int]:
        return await self._reader.ends()


async def test_a_replay_that_another_one_fences_prints_how_many_records_it_sent(capsys: pytest.CaptureFixture[str]) -> None:
    values = [b"%d" % offset for offset in range(6)]
    async with OvertakenLog(":memory:") as log:
        await commit_rejects(log, *(reject(offset, value) for offset, value in enumerate(values)))
        replay = RejectReplay(RejectFilter(), 2)
        await replay.scan(log)
        with pytest.raises(Fenced, match="another process has started to append rejects"):
            await replay.send(log)
        assert [each.value for each in await records_of(log, Topic.CANDLES)] == values[:2]
    assert capsys.readouterr().out.endswith("\nrecords sent: 2 of 6\n")


async def test_a_reject_without_an_offset_is_sent() -> None:
    async with SqliteLog(":memory:") as log:
        await commit_rejects(log, Reject(Reason.KEY, "why", b"A", b"x"))
        assert await replayed(log, RejectFilter(reason="wrong_key")) == [(b"A", b"x")]


async def test_a_replay_on_kafka(kafka_bootstrap: str, kafka_prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    bad = [KeyValue(symbol.encode(), b"%d" % number) for number in range(20) for symbol in SYMBOLS]
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=3, session_timeout_ms=6_000) as log:
        await fill(log, bad)
        await consume(log)
        on_candles = await replayed(log, RejectFilter(), 7)
    assert [by_key(on_candles, symbol.encode()) for symbol in SYMBOLS] == [[b"%d" % n for n in range(20)] * 2] * len(SYMBOLS)
    assert capsys.readouterr().out.startswith("120 rejects: 120 unreadable\nto send: 120 unreadable\n")


def by_key(records: list[KeyValue], key: bytes) -> list[bytes]:
    return [each.value for each in records if each.key == key]


async def test_a_rejected_promotion_is_not_sent_again(capsys: pytest.CaptureFixture[str]) -> None:
    """It would come after later promotions, and reach the symbols of one partition alone."""
    async with SqliteLog(":memory:") as log:
        marker = replace(reject(1, b"m", reason=Reason.UNKNOWN_MODEL), key=PROMOTION_KEY)
        await commit_rejects(log, marker, reject(2, b"a"))
        assert await replayed(log, RejectFilter()) == [(b"BTCUSDT", b"a")]
    assert "not sent: 1 of promotions; `volcast models promote` decides anew\n" in capsys.readouterr().out
