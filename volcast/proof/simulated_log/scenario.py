"""One simulated run: real workers on the simulated log, candles that keep coming, faults, calm, and what came of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from random import Random

from consumer.rules import Rules
from consumer.stats import rejects_by_reason
from consumer.worker import Worker
from volcast.core.decoder import Decoder
from volcast.log.contract import KeyValue, Log
from volcast.proof.verifier import Expected, unlike

from .broker import Guarantee, Partition, SimulatedBroker
from .check import first_log_difference, undisturbed_log
from .group import Group
from .log import SimulatedLog
from .script import SESSION_S, Chance
from .stream import DECIMALS, STREAMS, input_stream_of

SCENARIO_TIMEOUT_S = 120.0
"""Virtual: so long after the last candle all must be dealt with."""
_LOOK_S = 0.05

MakeWorker = Callable[[Log, Rules, int, Random], Worker]
"""A worker from a log, the rules, the batch's size and where its jitter comes from."""


class Scenario:
    """Everything in it follows from the seed."""

    def __init__(self, seed: int, without: frozenset[Guarantee], make_worker: MakeWorker) -> None:
        self._random = random = Random(seed)  # noqa: S311  # the same faults each time
        self._stream = input_stream_of(random.randrange(STREAMS))
        self.broker = SimulatedBroker(self._stream.partitions, without)
        self._group = Group(self._stream.partitions)
        self._script = Chance(random, self.broker, self._group)
        self._make_worker = make_worker
        self._batch_records = random.randint(1, 8)
        snapshot_records = random.choice((1, 3, 10, 30))
        self._rules = Rules(self._stream.config, Decoder(DECIMALS), self._stream.max_symbols, snapshot_records)
        self._static_names = random.choice((False, True))
        self._died: list[str] = []
        self._log_counts: Counter[str] = Counter()

    def counts(self) -> Counter[str]:
        """What happened: commits, restores, fencings, rebalances, and each kind of fault."""
        faults = {fault.value: times for fault, times in self._script.counts.items()}
        return self._log_counts + Counter({"rebalances": self._group.rebalances, **faults})

    async def play(self) -> str | None:
        """-> the first difference from an undisturbed run, in words."""
        slots = [asyncio.create_task(self._slot(number)) for number in range(self._random.randint(1, 3))]
        await asyncio.gather(*(self._feed(f"partition {p}", chunks) for p, chunks in enumerate(self._stream.chunks)))
        late = await self._all_answered()
        for slot in slots:
            slot.cancel()
        await asyncio.gather(*slots, return_exceptions=True)
        return late or self._difference() or await self._one_more()

    async def _slot(self, number: int) -> None:
        """A worker, and after each end of it another one."""
        for life in count():
            name = f"worker {number}" if self._static_names else f"worker {number}, life {life}"
            log = SimulatedLog(self.broker, self._group, self._script, name)
            running = asyncio.create_task(self._worker(log).run())
            try:
                await asyncio.wait([running])
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                self._log_counts += log.counts
            if not running.cancelled():
                self._died.append(f"{name} ended: {running.exception()!r}")
            await asyncio.sleep(self._random.random() * 1.5 * SESSION_S)

    def _worker(self, log: Log) -> Worker:
        return self._make_worker(log, self._rules, self._batch_records, self._random)

    async def _feed(self, name: str, chunks: Sequence[Sequence[KeyValue]]) -> None:
        async with SimulatedLog(self.broker, self._group).appender(name) as appender:
            for chunk in chunks:
                await asyncio.sleep(self._random.random() * 0.2)
                await appender.append(chunk)

    async def _all_answered(self) -> str | None:
        """None once all candles are, and nobody sleeps any more; else what is amiss."""
        until_s = asyncio.get_running_loop().time() + SCENARIO_TIMEOUT_S
        while self._script.pending or any(held.positions.position < held.end() for held in self.broker.partitions):
            if self._died:
                return self._died[0]
            if asyncio.get_running_loop().time() > until_s:
                behind = (f"partition {number} at {held.positions.position} of {held.end()}" for number, held in self._numbered())
                return f"not answered {SCENARIO_TIMEOUT_S:.0f} s after the last candle: {', '.join(behind)}"
            await asyncio.sleep(_LOOK_S)
        return self._died[0] if self._died else None

    async def _one_more(self) -> str | None:
        """What a new worker makes of the state that is left, and of one more candle of each symbol."""
        self._script.calm = True
        await asyncio.sleep(2 * SESSION_S)  # by then the group has forgotten the others
        log = SimulatedLog(self.broker, self._group, name="the last")
        worker = self._worker(log)
        await self._feed("one more", [self._stream.last])
        running = asyncio.create_task(worker.run())
        drained = asyncio.create_task(worker.drained())
        await asyncio.wait([running, drained], timeout=SCENARIO_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        if not drained.done():
            difference: str | None = f"the last worker ended: {running}" if running.done() else "the last worker does not end"
        else:
            difference = self._difference(finally_=True) or self._other_counts(worker)
        for task in (running, drained):
            task.cancel()
        await asyncio.gather(running, drained, return_exceptions=True)
        self._log_counts += log.counts
        return difference

    def _difference(self, *, finally_: bool = False) -> str | None:
        found = (first_log_difference(number, held, self._expected(held), finally_=finally_) for number, held in self._numbered())
        return next(filter(None, found), None)

    def _other_counts(self, worker: Worker) -> str | None:
        """The counts are part of the state: each record stands in them once."""
        for number, held in self._numbered():
            expected, shard = self._expected(held), worker.shards[number]
            counts = {symbol: shard.counts[symbol] + Counter(candle=engine.candles) for symbol, engine in shard.engines.items()}
            what = unlike("the counts", counts, expected.counts) or unlike("the rejects", rejects_by_reason([shard]), expected.reasons)
            if what:
                return f"partition {number}: {what}"
        return None

    def _expected(self, held: Partition) -> Expected:
        return undisturbed_log(self._stream.config, self._stream.max_symbols, tuple(held.candles))

    def _numbered(self) -> Iterator[tuple[int, Partition]]:
        return enumerate(self.broker.partitions)
