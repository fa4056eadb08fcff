"""Candles and signals of one run on the broker: topics of its own, candles that become visible at one moment, and the results."""

import asyncio
import time
from collections.abc import Sequence
from math import isclose
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from volcast.core.codec import CandleText, encode_candle
from volcast.log.contract import Topic
from volcast.log.kafka.client import KafkaClient
from volcast.log.kafka.log import KafkaLog
from volcast.simulation.market import simulate_candles

from .job import Model, push

SYMBOL = "BTCUSDT"
KEY = SYMBOL.encode()
START_MS = 1_704_067_200_000
MINUTE_MS = 60_000
TIMEOUT_S = 120.0
_LOOK_S = 0.02
_ROUNDING = 1e-14
_SESSION_MS = 60_000


class Result(msgspec.Struct, frozen=True):
    """What all programs write for a candle, each in its own JSON."""

    open_time_ms: int
    signal: int
    rolling_mean: float | None = None
    forecast: float | None = None
    alarms: int | None = None


class Answers(NamedTuple):
    """The results of a run."""

    results: Sequence[Result]
    last_s: float
    """The broker's time of the last one, in seconds since 1970."""


def candle_values(minutes: int) -> list[bytes]:
    """Return the values of records of `candles`: consecutive minutes of a simulated market."""
    return [
        encode_candle(CandleText(SYMBOL, *candle[:7], source="bench", closed_by="file", line=line))
        for line, candle in enumerate(simulate_candles(SYMBOL, minutes=minutes, seed=17, start_ms=START_MS), start=2)
    ]


class Expected(NamedTuple):
    """What the job makes of candles, computed here in a plain loop."""

    results: Sequence[Result]
    ties: frozenset[int]
    """The open times of candles whose close is the mean but for rounding: their signal depends on the arithmetic."""


def expected_results(values: Sequence[bytes], *, has_model: bool) -> Expected:
    """Return the results of the job for these records of `candles`."""
    closes: list[float] = []
    model = Model() if has_model else None
    results, ties = [], set()
    for candle in map(msgspec.json.decode, values):
        open_, high, low, close = (float(candle[name]) for name in ("open", "high", "low", "close"))
        mean, signal = push(closes, close)
        forecast, alarms = model.step(open_, high, low, close) if model else (None, None)
        results.append(Result(candle["open_time_ms"], signal, mean, forecast, alarms))
        if mean is not None and isclose(mean, close, rel_tol=_ROUNDING):
            ties.add(candle["open_time_ms"])
    return Expected(results, frozenset(ties))


class Topics:
    """The topics of one run, those that volcast's log has; all programs use its `candles` and `signals`."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._client = KafkaClient(bootstrap, prefix, partitions=1, session_timeout_ms=_SESSION_MS)
        self._log = KafkaLog(bootstrap, prefix=prefix, partitions=1, session_timeout_ms=_SESSION_MS)
        self.candles, self.signals = (self._client.topic(topic) for topic in (Topic.CANDLES, Topic.SIGNALS))

    async def create(self) -> None:
        async with self._log:
            pass

    async def delete(self) -> None:
        """Delete the topics: the disk need not hold those of all runs."""
        admin = AIOKafkaAdminClient(**self._client.connection())
        await admin.start()
        try:
            await admin.delete_topics([self._client.topic(topic) for topic in Topic])
        finally:
            await admin.close()

    async def append(self, values: Sequence[bytes]) -> float:
        """Append candles in one transaction. Return when it was committed, in seconds since 1970: nobody sees one before."""
        producer = self._client.producer("bench-peers")
        await producer.start()
        try:
            await producer.begin_transaction()
            sent, batch = [], producer.create_batch()
            for value in values:
                if batch.append(key=KEY, value=value, timestamp=None) is None:
                    sent.append(await producer.send_batch(batch, self.candles, partition=0))
                    batch = producer.create_batch()
                    batch.append(key=KEY, value=value, timestamp=None)
            sent.append(await producer.send_batch(batch, self.candles, partition=0))
            await asyncio.gather(*sent)
            now_s = time.time()
            await producer.commit_transaction()
        finally:
            await producer.stop()
        return now_s

    async def answers(self, count: int, is_alive: "asyncio.Future[None]") -> Answers:
        """Wait until there are committed results for so many candles; return them.

        Raises TimeoutError, or what `is_alive` raises.
        """
        tp = TopicPartition(self.signals, 0)
        consumer = self._client.consumer(max_partition_fetch_bytes=8_000_000)
        await consumer.start()
        try:
            consumer.assign([tp])
            async with asyncio.timeout(TIMEOUT_S):
                while (await consumer.end_offsets([tp]))[tp] < count:
                    if is_alive.done():
                        is_alive.result()
                    await asyncio.sleep(_LOOK_S)
                return await self._read(consumer, tp, count)
        finally:
            await consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer, tp: TopicPartition, count: int) -> Answers:
        decode = msgspec.json.Decoder(Result).decode
        found: dict[int, Result] = {}
        doubled = 0
        last_s = 0.0
        consumer.seek(tp, 0)
        while len(found) < count:
            for record in (await consumer.getmany(tp, timeout_ms=100)).get(tp, ()):
                result = decode(record.value)
                doubled += result.open_time_ms in found
                found[result.open_time_ms] = result
                last_s = max(last_s, record.timestamp / 1_000)
        if doubled:
            raise WrongResultsError(f"{doubled} candles have more than one result")
        results = [found[time_ms] for time_ms in sorted(found)]
        return Answers(results, last_s)


class WrongResultsError(Exception):
    """The results of a program are not those of the job."""
