"""The parts of bench.pipeline: the bare engine in a process of its own, and consumers on Kafka that stop between rounds."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from volcast.core.codec import CandleText, decode_signal, encode_candle, encode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Signal
from volcast.log.contract import KeyValue, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.proof.processes.processes import Process, ProcessGroup
from volcast.simulation.market import simulate_candles

START_MS = 1_704_067_200_000
MINUTE_MS = 60_000
APPEND_RECORDS = 4_000
TIMEOUT_S = 300.0
_LOOK_S = 0.05
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Timing(NamedTuple):
    """The time and the processor time of a round, in seconds."""

    wall_s: float
    cpu_s: float


def candle_values(symbol: str, minutes: int) -> list[bytes]:
    """Return the values of records of `candles`, of consecutive minutes."""
    return [
        encode_candle(CandleText(symbol, *candle[:7], source="bench", closed_by="file", line=line))
        for line, candle in enumerate(simulate_candles(symbol, minutes=minutes, seed=7, start_ms=START_MS), start=2)
    ]


class BareEngine:
    """Engines in this process, by model: one is stepped alone, its twin within a loop that decodes and encodes, a third beside
    those of another process.
    """

    _engines: ClassVar[dict[str, tuple[Engine, Engine, Engine]]] = {}
    _decoder = Decoder()

    @classmethod
    def start(cls, model: str, values: Sequence[bytes]) -> None:
        """Make the engines of a model, and take in the first candles."""
        engines = [Engine("BTCUSDT", EngineConfig(model=model), cls._decoder.price_decimals("BTCUSDT")) for _ in range(3)]
        cls._engines[model] = (engines[0], engines[1], engines[2])
        for engine in engines:
            for candle in cls._decoded(values):
                engine.step(candle)

    @classmethod
    def measure(cls, model: str, values: Sequence[bytes]) -> tuple[Timing, Timing]:
        """Return the times of the steps alone, and of the loop, for the same candles."""
        alone, looped, _ = cls._engines[model]
        steps = cls._steps(alone, values)
        decode, key = cls._decoder.decode, b"BTCUSDT"
        began = _now()
        encoded = []
        for value in values:
            decoded = decode(key, value)
            if isinstance(decoded, Candle) and isinstance(signal_ := looped.step(decoded), Signal):
                encoded.append(encode_signal(signal_))
        loop = _since(began)
        if len(encoded) != len(values):
            raise RuntimeError(f"{len(values)} candles gave {len(encoded)} signals")
        return steps, loop

    @classmethod
    def step(cls, model: str, values: Sequence[bytes]) -> Timing:
        """Return the time of the steps alone, which another process may measure at the same time."""
        return cls._steps(cls._engines[model][2], values)

    @classmethod
    def _steps(cls, engine: Engine, values: Sequence[bytes]) -> Timing:
        candles = cls._decoded(values)
        began = _now()
        for candle in candles:
            engine.step(candle)
        return _since(began)

    @classmethod
    def _decoded(cls, values: Sequence[bytes]) -> list[Candle]:
        return [each for value in values if isinstance(each := cls._decoder.decode(b"BTCUSDT", value), Candle)]


class Consumers:
    """A `volcast consume` on topics of its own, which is stopped while candles are appended."""

    def __init__(
        self, address: str, group: ProcessGroup, prefix: str, values: Mapping[str, Sequence[bytes]], *options: str
    ) -> None:
        """`values` are the candles of each symbol, of consecutive minutes from START_MS on."""
        self._address, self._group, self._prefix, self._values, self._options = address, group, prefix, values, options
        self._log = KafkaLog(address, prefix=prefix, partitions=int(options[options.index("--partitions") + 1]))
        self._process: Process | None = None
        self._appended = 0

    async def start(self, count: int) -> None:
        """Start the consumer, and wait until it has answered the first candles."""
        await self._append(count)
        bus = ("--bus", f"kafka://{self._address}", "--topic-prefix", self._prefix, "--session-timeout-s", "60")
        self._process = self._group.start("consume", *bus, *self._options, "--log-level", "warning")
        await self._answered(count)

    def pause(self) -> None:
        """Stop the consumer's processes with SIGSTOP."""
        self._signal(signal.SIGSTOP)

    async def measure(self, end: int) -> Timing:
        """Append candles up to number `end`, let the consumer answer them, pause it, and return its times."""
        await self._append(end)
        began_cpu_s, began_s = self._cpu_s(), time.time()
        self._signal(signal.SIGCONT)
        last_s = await self._answered(end)
        cpu_s = self._cpu_s() - began_cpu_s
        self.pause()
        return Timing(last_s - began_s, cpu_s)

    async def _append(self, end: int) -> None:
        begin, self._appended = self._appended, end
        async with self._log, self._log.appender("bench") as appender:
            for at in range(begin, end, APPEND_RECORDS):
                for symbol, values in self._values.items():
                    key = symbol.encode()
                    await appender.append([KeyValue(key, value) for value in values[at : min(at + APPEND_RECORDS, end)]])

    async def _answered(self, count: int) -> float:
        """Wait until each symbol has this many signals, and return the broker's time of the last one."""
        topic = f"{self._prefix}{Topic.SIGNALS.value}"
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._address,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                partitions = {self._log.partition_of(symbol.encode()) for symbol in self._values}
                return max([await _answered_in(consumer, TopicPartition(topic, number), count) for number in sorted(partitions)])
        finally:
            await consumer.stop()

    def _signal(self, number: int) -> None:
        for process_id in self._process_ids():
            os.kill(process_id, number)

    def _process_ids(self) -> list[int]:
        """Return the consumer's process, and those that it has started."""
        if self._process is None:
            raise RuntimeError("the consumer is not started")
        own = self._process.process_id
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [own, *map(int, children)]

    def _cpu_s(self) -> float:
        """Return the processor time that the consumer's processes have had."""
        total = 0
        for process_id in self._process_ids():
            fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total * _TICK_S


async def _answered_in(consumer: AIOKafkaConsumer, tp: TopicPartition, count: int) -> float:
    """Wait for the signal of candle number `count` in a partition of one symbol; return the broker's time in seconds."""
    last_ms = START_MS + (count - 1) * MINUTE_MS
    consumer.assign([tp])
    while True:
        end = (await consumer.end_offsets([tp]))[tp]
        consumer.seek(tp, max(end - 2, 0))  # the last record may be a transaction's marker
        for record in (await consumer.getmany(tp, timeout_ms=100)).get(tp, ()):
            found = decode_signal(record.value)
            if isinstance(found, Signal) and found.open_time_ms >= last_ms:
                return float(record.timestamp) / 1_000
        await asyncio.sleep(_LOOK_S)


def _now() -> Timing:
    return Timing(time.perf_counter(), time.process_time())


def _since(began: Timing) -> Timing:
    now = _now()
    return Timing(now.wall_s - began.wall_s, now.cpu_s - began.cpu_s)
