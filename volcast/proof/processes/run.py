"""The proof with real processes: candles flow through a pipeline that is disturbed by faults; then all records are compared."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from urllib.request import urlopen

from producer.csv_replay import CsvReplay
from volcast.core.codec import encode_candle, read_origin
from volcast.core.types import EngineConfig
from volcast.log.contract import KeyValue, Mismatch, Record, Topic
from volcast.log.retry import while_unavailable
from volcast.proof.verifier import (
    api_difference,
    by_partition,
    expected_output,
    first_difference,
    is_notice,
    model_of,
    row_difference,
)

from .backends import Backend
from .faults import ProcessFault, ProcessFaultKind, plan
from .input import HEADER, garbage, rows, symbols
from .pipeline import CHALLENGER, Pipeline, ProofFailed
from .processes import EndedByItself, Process, process_group
from .report import Counts, ProofReport, recoveries
from .runtime import BrokerError
from .watch import Watch, now_s, positions_of, records_of
from .worker_log import DIFFERS

DRAIN_TIMEOUT_S = 90.0
"""How long to wait for what must happen while there are no faults."""
RECOVERY_TIMEOUT_S = 20.0
"""How long the next fault waits for new signals in all partitions."""
_KILL_S = 1.6
"""About how long a kill takes until the next worker works."""
_OTHER_FAULT_S = 2.5
_FAULTLESS_S = 2.0
"""The time that is planned for the beginning and the end, without faults."""
_CANDLES_A_SECOND = 200
_SYMBOLS = 4
_GARBAGE_A_FAULT = 3
_POLL_S = 0.05
PRICE_DECIMALS, MAX_SYMBOLS = 8, 1_000
"""The defaults of these settings."""

OnProgress = Callable[[float, str], None]
"""Is called with the share of the candles that are on the log, and what the proof is doing."""


@dataclass(frozen=True, slots=True)
class ProcessProofConfig:
    """The parameters of a proof."""

    minutes: int | None
    """Candles of each symbol; None for as many as the faults need."""
    kills: int
    workers: int
    seed: int
    command: str
    """The command that repeats the proof."""
    promotions: int = 0
    """How often a model is promoted or taken back."""

    @property
    def engine(self) -> EngineConfig:
        """The settings of the workers' engines: those of default, and a challenger if one is promoted."""
        return EngineConfig(shadows=(CHALLENGER,)) if self.promotions else EngineConfig()


async def prove(config: ProcessProofConfig, backend: Backend, folder: Path, on_progress: OnProgress) -> ProofReport:
    """Run a proof and return its report. The files and logs of all processes stay in `folder`; no process is left running."""
    began_s = now_s()
    faults = plan(config.seed, config.kills, backend.fault_kinds, config.promotions)
    planned_s = _FAULTLESS_S + sum(_planned_s(fault) for fault in faults)
    async with backend.log as log:
        names = symbols(max(_SYMBOLS, 2 * backend.partitions), backend.partitions, log.partition_of)
        minutes = config.minutes or int(planned_s * _CANDLES_A_SECOND / len(names)) + 1
        files = await asyncio.to_thread(_write, folder, names, minutes, config.seed)
        watch = Watch(log, backend.partitions)
        following = asyncio.create_task(watch.follow())
        counts = None
        with process_group(folder) as group:
            shadows = ",".join(config.engine.shadows)
            pipeline = Pipeline(group, backend, files, config.workers, minutes * 60 / planned_s, shadows=shadows)
            proof = _Proof(pipeline, watch, on_progress, files, _garbage(config.seed, names, faults), engine=config.engine)
            try:
                await proof.run(faults, minutes, planned_s)
                counts, difference = await proof.compare()
                if difference is None and (times := pipeline.stats.events[DIFFERS]):
                    difference = f"a standby has computed another result than the owner {times} times; the output is as required"
            except (EndedByItself, ProofFailed, BrokerError) as failed:
                difference = str(failed)
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
    recovered_s = recoveries(pipeline.stats.killed_at_s, pipeline.stats.disturbed_at_s, watch.arrivals_s)
    return ProofReport(config.command, backend.limits, counts, pipeline.stats, recovered_s, now_s() - began_s, difference)


def _planned_s(fault: ProcessFault) -> float:
    """Return about how long a fault takes, its recovery included."""
    if fault.kind in (ProcessFaultKind.CUT, ProcessFaultKind.DELAY):
        return fault.seconds + 1
    return fault.kills * _KILL_S or _OTHER_FAULT_S


def _garbage(seed: int, names: list[str], faults: Sequence[ProcessFault]) -> list[list[KeyValue]]:
    """Return a few garbage records for each fault."""
    endless = garbage(seed, names)
    return [list(islice(endless, _GARBAGE_A_FAULT)) for _ in faults]


class _Proof:
    """One proof, from the first candle to the comparison."""

    def __init__(
        self,
        pipeline: Pipeline,
        watch: Watch,
        on_progress: OnProgress,
        files: Sequence[Path],
        garbage: Sequence[list[KeyValue]],
        *,
        engine: EngineConfig,
    ) -> None:
        self._engine = engine
        self._pipeline, self._watch, self._log, self._on_progress, self._garbage = (
            pipeline,
            watch,
            watch.log,
            on_progress,
            garbage,
        )
        self._sources = [CsvReplay(file) for file in files]
        self._keys = [source.symbol.encode() for source in self._sources]
        self._rows = sum(source.summary.rows for source in self._sources)

    async def run(self, faults: Sequence[ProcessFault], minutes: int, planned_s: float) -> None:
        """Apply all faults while candles flow, wait without faults until everything is processed, and stop the pipeline.

        Raises ProofFailed, EndedByItself, BrokerError.
        """
        began_s = now_s()
        await self._until(lambda: all(self._watch.candles[key] for key in self._keys), "the first candles", DRAIN_TIMEOUT_S)
        await self._until(lambda: self._watch.all_signalled_since(began_s), "the first signals", DRAIN_TIMEOUT_S)
        for done, (fault, records) in enumerate(zip(faults, self._garbage, strict=True)):
            self._report(f"{done} of {len(faults)} faults")
            await self._wait_until_due(fault, began_s + 2 * fault.share * planned_s)
            await self._append(records)
            remaining_share = 1 - self._watch.rows(self._keys) / self._rows
            fault_s = (now_s() - began_s) / (done + 1)
            self._pipeline.speed = max(remaining_share, 0.01) * minutes * 60 / ((len(faults) - done + 1) * fault_s)
            fault_began_s = now_s()
            await self._pipeline.apply(fault)
            if fault.kind is not ProcessFaultKind.PAUSE and (done + 1 == len(faults) or faults[done + 1].after_recovery):
                await self._wait_for_recovery(fault_began_s if not fault.kills else now_s())
        self._report("the last candles")
        await self._pipeline.produce_at_full_speed()
        await self._until(lambda: self._pipeline.all_produced, "the last candles", DRAIN_TIMEOUT_S)
        await self._pipeline.wait_for_pauses()
        await self._wait_until_processed()
        await self._wait_for_api()
        await self._pipeline.stop()

    async def compare(self) -> tuple[Counts, str | None]:
        """Return how many records are committed, and a sentence about the first difference, or None.

        The candles on the log are compared with the files, and all output with what the candles require.
        """
        self._report("comparing")
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            partitions = len(self._watch.arrivals_s)
            topics = (Topic.CANDLES, Topic.SIGNALS, Topic.REJECTED)
            candles, signals, rejects = [by_partition(await records_of(self._log, topic), partitions) for topic in topics]
            refusal: str | None = None
            try:
                positions = await positions_of(self._log)
            except Mismatch as mismatch:  # the log itself has noticed that its state and its records do not fit
                refusal = str(mismatch)
                positions = {partition: records[-1].offset + 1 if records else 0 for partition, records in candles.items()}
        difference = await asyncio.to_thread(self._first_difference, candles, signals, rejects, positions) or refusal
        made = [record.value for records in signals.values() for record in records if not is_notice(record)]
        totals = [sum(map(len, each.values())) for each in (candles, signals, rejects)]
        models = Counter(model_of(value) for value in made)
        return Counts(totals[0], len(made), totals[2], totals[1] - len(made), models), difference

    def _first_difference(
        self,
        candles: Mapping[int, list[Record]],
        signals: Mapping[int, list[Record]],
        rejects: Mapping[int, list[Record]],
        positions: Mapping[int, int],
    ) -> str | None:
        for source, key in zip(self._sources, self._keys, strict=True):
            records = candles[self._log.partition_of(key)]
            found = [each.value for each in records if each.key == key and read_origin(each.value).source == source.name]
            sent = [encode_candle(candle) for candle in source.candles()]
            if difference := row_difference(source.name, sent, found):
                return difference
        for partition, records in candles.items():
            expected = expected_output(self._engine, PRICE_DECIMALS, MAX_SYMBOLS, records)
            if difference := first_difference(signals[partition], rejects[partition], positions[partition], expected):
                return f"partition {partition}: {difference}"
        return None

    async def _wait_until_due(self, fault: ProcessFault, at_latest_s: float) -> None:
        """Wait until the fault's share of the rows is on the log; no longer than `at_latest_s`, as the machine may be slow."""
        due_rows = fault.share * self._rows
        while self._watch.rows(self._keys) < due_rows and not self._pipeline.all_produced and now_s() < at_latest_s:
            self._pipeline.check()
            await asyncio.sleep(_POLL_S)

    async def _wait_for_recovery(self, since_s: float) -> None:
        """Wait for new signals in all partitions; not for long, and not when all candles are sent, as there may be none."""
        deadline_s = now_s() + RECOVERY_TIMEOUT_S
        while not self._watch.all_signalled_since(since_s + _POLL_S) and not self._pipeline.all_produced and now_s() < deadline_s:
            self._pipeline.check()
            await asyncio.sleep(_POLL_S)

    async def _append(self, records: list[KeyValue]) -> None:
        async def attempt() -> None:
            async with self._log.appender("proof") as appender:
                await appender.append(records)

        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            await while_unavailable("proof", attempt, Random())  # noqa: S311  # no secret: jitter

    async def _wait_until_processed(self) -> None:
        """Wait until every candle on the log is processed. Raises ProofFailed if no position moves for too long."""
        ends = {record.partition: record.offset + 1 for record in await records_of(self._log, Topic.CANDLES)}
        positions, moved_s = await positions_of(self._log), now_s()
        while behind := {partition: end for partition, end in ends.items() if positions[partition] < end}:
            self._pipeline.check()
            self._report("the last signals")
            await asyncio.sleep(_POLL_S)
            before, positions = positions, await positions_of(self._log)
            if positions != before:
                moved_s = now_s()
            elif now_s() > moved_s + DRAIN_TIMEOUT_S:
                raise ProofFailed(
                    f"no position moved for {DRAIN_TIMEOUT_S:.0f} s: the positions are {positions}, candles end at {behind}"
                )

    async def _wait_for_api(self) -> None:
        """Wait until the API shows the last signal of each symbol. Raises ProofFailed if it does not in time."""
        signals, deadline_s = await records_of(self._log, Topic.SIGNALS), now_s() + DRAIN_TIMEOUT_S
        while difference := api_difference(await asyncio.to_thread(_latest, self._pipeline.api), signals):
            self._pipeline.check()
            if now_s() > deadline_s:
                raise ProofFailed(difference)
            await asyncio.sleep(_POLL_S)

    async def _until(self, condition: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Wait until the condition holds. Raises ProofFailed if it does not in time."""
        deadline_s = now_s() + timeout_s
        while not condition():
            self._pipeline.check()
            self._report(f"waiting for {what}")
            if now_s() > deadline_s:
                raise ProofFailed(f"{what} did not come within {timeout_s:.0f} s")
            await asyncio.sleep(_POLL_S)

    def _report(self, doing: str) -> None:
        self._on_progress(min(self._watch.rows(self._keys) / self._rows, 1.0), doing)


def _latest(api: Process) -> Mapping[str, Mapping[str, object]]:
    """Return the API's response to /latest; empty before its address is in its output."""
    address = next((word for word in api.read_output().split() if word.endswith("/latest")), None)
    if address is None:
        return {}
    with urlopen(address, timeout=DRAIN_TIMEOUT_S) as response:  # noqa: S310  # of our own process
        found: dict[str, dict[str, object]] = json.load(response)
    return found


def _write(folder: Path, names: Sequence[str], minutes: int, seed: int) -> list[Path]:
    files = []
    for name in names:
        file = folder / f"{name.lower()}.csv"
        file.write_text("\n".join([HEADER, *rows(name, minutes, seed)]) + "\n")
        files.append(file)
    return files
