"""One simulated run: real workers on the simulated log, a stream of candles, faults, a faultless end, and the comparison."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from random import Random

from consumer.rules import Rules
from consumer.standby.worker import StandbyWorker
from consumer.stats import rejects_by_reason
from consumer.worker import Worker
from volcast.core.codec import PROMOTION_KEY, encode_promotion
from volcast.core.decoder import Decoder
from volcast.log.contract import KeyValue, Log
from volcast.proof.verifier import Expected, inequality

from .broker import Guarantee, Partition, SimulatedBroker
from .check import expected_log_output, first_log_difference
from .group import Group
from .log import SimulatedConsumer, SimulatedLog
from .script import SESSION_S, RandomFaults
from .standby import SimulatedStandbyConsumer
from .stream import DECIMALS, STREAMS, input_stream_of

SCENARIO_TIMEOUT_S = 120.0
"""Virtual seconds after the last candle by which every candle must be processed."""
_POLL_S = 0.05

MakeWorker = Callable[[Log, Rules, int, Random], Worker]
"""Makes a worker from a log, the rules, the batch size and the source of its jitter."""


class Scenario:
    """One run. Everything in it follows from the seed."""

    def __init__(self, seed: int, without: frozenset[Guarantee], make_worker: MakeWorker) -> None:
        self._random = random = Random(seed)  # noqa: S311  # the same faults each time
        self._stream = input_stream_of(random.randrange(STREAMS))
        self.broker = SimulatedBroker(self._stream.partitions, without)
        self._group = Group(self._stream.partitions)
        self._script = RandomFaults(random, self.broker, self._group)
        self._make_worker = make_worker
        self._batch_records = random.randint(1, 8)
        snapshot_records = random.choice((1, 3, 10, 30))
        self._rules = Rules(self._stream.config, Decoder(DECIMALS), self._stream.max_symbols, snapshot_records)
        self._static_names = random.choice((False, True))
        self._standbys = Random(f"standbys {seed}")  # noqa: S311  # draws of its own, so that a seed keeps its other faults
        self._standby_share = self._standbys.choice((0.0, 0.0, 0.5, 1.0)) if make_worker is Worker else 0.0
        promoting = Random(f"promotions {seed}")  # noqa: S311  # as above
        self._promotions = [(promoting.random(), each) for each in self._stream.promotions(promoting)]
        """How long each waits for its turn, in seconds."""
        self._failures: list[str] = []
        self._log_counts: Counter[str] = Counter()

    def counts(self) -> Counter[str]:
        """Return how many commits, restores, fencings, rebalances and faults of each kind there were."""
        faults = {fault.value: times for fault, times in self._script.counts.items()}
        promotions = len(self.broker.models)
        return self._log_counts + Counter({"rebalances": self._group.rebalances, "promotions": promotions, **faults})

    async def run(self) -> str | None:
        """Run it, and return a sentence about the first difference from the required output, or None."""
        runners = [asyncio.create_task(self._run_workers(number)) for number in range(self._random.randint(1, 3))]
        feeds = [self._feed(f"partition {p}", chunks) for p, chunks in enumerate(self._stream.chunks)]
        await asyncio.gather(*feeds, self._promote())
        unprocessed = await self._wait_until_processed()
        for runner in runners:
            runner.cancel()
        await asyncio.gather(*runners, return_exceptions=True)
        difference = unprocessed or self._first_difference() or await self._compare_after_restart()
        if difference is None and (mismatches := self._log_counts["mismatches"]):
            return f"standbys have computed another result than the owner {mismatches} times, which was not expected"
        return difference

    async def _run_workers(self, number: int) -> None:
        """Run one worker after another: when one ends, the next one starts after a pause."""
        for life in count():
            name = f"worker {number}" if self._static_names else f"worker {number}, life {life}"
            is_standby = self._standbys.random() < self._standby_share
            consumer = SimulatedStandbyConsumer if is_standby else SimulatedConsumer
            log = SimulatedLog(self.broker, self._group, self._script, name, consumer)
            worker = self._new_worker(log, StandbyWorker if is_standby else self._make_worker)
            running = asyncio.create_task(worker.run())
            try:
                await asyncio.wait([running])
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                self._log_counts += log.counts
                if isinstance(worker, StandbyWorker):
                    self._log_counts += Counter(comparisons=worker.standby.comparisons, mismatches=worker.standby.mismatches)
            if not running.cancelled():
                self._failures.append(f"{name} ended: {running.exception()!r}")
            await asyncio.sleep(self._random.random() * 1.5 * SESSION_S)

    def _new_worker(self, log: Log, make_worker: MakeWorker) -> Worker:
        return make_worker(log, self._rules, self._batch_records, self._random)

    async def _feed(self, name: str, chunks: Sequence[Sequence[KeyValue]]) -> None:
        async with SimulatedLog(self.broker, self._group).appender(name) as appender:
            for chunk in chunks:
                await asyncio.sleep(self._random.random() * 0.2)
                await appender.append(chunk)

    async def _promote(self) -> None:
        for wait_s, promotion in self._promotions:
            await asyncio.sleep(wait_s)
            async with SimulatedLog(self.broker, self._group).appender("models") as appender:
                marker = KeyValue(PROMOTION_KEY, encode_promotion(promotion))
                await appender.promote(KeyValue(promotion.id.encode(), b"simulated"), marker)

    async def _wait_until_processed(self) -> str | None:
        """Wait until all candles are processed and no process sleeps; return a sentence if that fails, else None."""
        until_s = asyncio.get_running_loop().time() + SCENARIO_TIMEOUT_S
        while self._script.pending or any(partition.positions.position < partition.end() for partition in self.broker.partitions):
            if self._failures:
                return self._failures[0]
            if asyncio.get_running_loop().time() > until_s:
                behind = (
                    f"partition {number} at {partition.positions.position} of {partition.end()}"
                    for number, partition in self._numbered_partitions()
                )
                return f"not processed {SCENARIO_TIMEOUT_S:.0f} s after the last candle: {', '.join(behind)}"
            await asyncio.sleep(_POLL_S)
        return self._failures[0] if self._failures else None

    async def _compare_after_restart(self) -> str | None:
        """Let a new worker restore the state that is left and process one more candle of each symbol, and compare again."""
        self._script.exhausted = True
        await asyncio.sleep(2 * SESSION_S)  # by then the sessions of all other members have ended
        log = SimulatedLog(self.broker, self._group, name="the last")
        worker = self._new_worker(log, self._make_worker)
        await self._feed("one more", [self._stream.last])
        running = asyncio.create_task(worker.run())
        drained = asyncio.create_task(worker.drained())
        await asyncio.wait([running, drained], timeout=SCENARIO_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        if not drained.done():
            difference: str | None = f"the last worker ended: {running}" if running.done() else "the last worker is not done"
        else:
            difference = self._first_difference(at_end=True) or self._count_difference(worker)
        for task in (running, drained):
            task.cancel()
        await asyncio.gather(running, drained, return_exceptions=True)
        self._log_counts += log.counts
        return difference

    def _first_difference(self, *, at_end: bool = False) -> str | None:
        found = (
            first_log_difference(number, partition, self._expected(partition), at_end=at_end)
            for number, partition in self._numbered_partitions()
        )
        return next(filter(None, found), None)

    def _count_difference(self, worker: Worker) -> str | None:
        """Return a sentence where the restored counts are wrong, or None: the state must count each record exactly once."""
        for number, partition in self._numbered_partitions():
            expected, shard = self._expected(partition), worker.shards[number]
            counts = {symbol: shard.counts[symbol] + Counter(candle=engine.candles) for symbol, engine in shard.engines.items()}
            difference = inequality("the counts", counts, expected.counts)
            difference = difference or inequality("the rejects", rejects_by_reason([shard]), expected.reasons)
            if difference:
                return f"partition {number}: {difference}"
        return None

    def _expected(self, partition: Partition) -> Expected:
        return expected_log_output(self._stream.config, self._stream.max_symbols, tuple(partition.candles))

    def _numbered_partitions(self) -> Iterator[tuple[int, Partition]]:
        return enumerate(self.broker.partitions)
