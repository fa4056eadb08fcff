"""A proof: candles flow through real processes while faults strike them; then every committed record is compared."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from urllib.request import urlopen

from producer.replay import CsvReplay, Resume
from volcast.core.codec import encode_candle, read_origin
from volcast.core.types import EngineConfig
from volcast.log.contract import KeyValue, Record, Topic
from volcast.log.retry import while_unavailable
from volcast.proof.verifier import by_partition, first_difference, is_notice, missing_rows, other_answer, undisturbed

from .broker import BrokerError
from .faults import ProcessFault, ProcessFaultKind, plan
from .input import HEADER, garbage, rows, symbols
from .pipeline import Pipeline, ProofFailed
from .places import Backend
from .processes import EndedByItself, Process, process_group
from .report import Counts, ProofReport, recoveries
from .watch import Watch, now_s, positions_of, records_of

DRAIN_TIMEOUT_S = 90.0
"""For what must come about while nothing goes wrong."""
RECOVERED_WITHIN_S = 20.0
"""The next fault waits no longer for new signals in all partitions."""
_KILL_S = 1.6
"""What a kill takes, about: then a worker is there again."""
_OTHER_FAULT_S = 2.5
_CALM_S = 2.0
_CANDLES_A_SECOND = 200
_SYMBOLS = 4
_GARBAGE_A_FAULT = 3
_LOOK_S = 0.05
PRICE_DECIMALS, MAX_SYMBOLS = 8, 1_000
"""The defaults of the settings."""

Told = Callable[[float, str], None]
"""Progress: a share of the whole, and what is going on."""


@dataclass(frozen=True, slots=True)
class ProcessProofConfig:
    """What to prove."""

    minutes: int | None
    """Of each symbol; None for as many as the faults need."""
    kills: int
    workers: int
    seed: int
    command: str
    """That does the same again."""


async def prove(wanted: ProcessProofConfig, place: Backend, folder: Path, told: Told) -> ProofReport:
    """-> what it came to; files and logs of all processes are left in `folder`. None of the processes is."""
    began_s = now_s()
    faults = plan(wanted.seed, wanted.kills, place.kinds)
    lasts_s = _CALM_S + sum(_lasts_s(fault) for fault in faults)
    async with place.log as log:
        names = symbols(max(_SYMBOLS, 2 * place.partitions), place.partitions, log.partition_of)
        minutes = wanted.minutes or int(lasts_s * _CANDLES_A_SECOND / len(names)) + 1
        files = await asyncio.to_thread(_write, folder, names, minutes, wanted.seed)
        watch = Watch(log, place.partitions)
        following = asyncio.create_task(watch.follow())
        counts = None
        with process_group(folder) as parts:
            stage = Pipeline(parts, place, files, wanted.workers, minutes * 60 / lasts_s)
            course = _Course(stage, watch, told, files, _garbage(wanted.seed, names, faults))
            try:
                await course.run(faults, minutes, lasts_s)
                counts, difference = await course.compared()
            except (EndedByItself, ProofFailed, BrokerError) as failed:
                difference = str(failed)
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
    recovered_s = recoveries(stage.tally.killed_at_s, stage.tally.disturbed_at_s, watch.arrivals_s)
    return ProofReport(wanted.command, place.limits, counts, stage.tally, recovered_s, now_s() - began_s, difference)


def _lasts_s(fault: ProcessFault) -> float:
    """About."""
    if fault.kind is ProcessFaultKind.CUT:
        return fault.seconds + 1
    return fault.kills * _KILL_S or _OTHER_FAULT_S


def _garbage(seed: int, names: list[str], faults: Sequence[ProcessFault]) -> list[list[KeyValue]]:
    """Some for each fault."""
    endless = garbage(seed, names)
    return [list(islice(endless, _GARBAGE_A_FAULT)) for _ in faults]


class _Course:
    """From the first candle to the verdict."""

    def __init__(
        self, stage: Pipeline, watch: Watch, told: Told, files: Sequence[Path], rubbish: Sequence[list[KeyValue]]
    ) -> None:
        self._stage, self._watch, self._log, self._told, self._rubbish = stage, watch, watch.log, told, rubbish
        self._sources = [CsvReplay(file) for file in files]
        self._keys = [source.symbol.encode() for source in self._sources]
        self._rows = sum(source.summary.rows for source in self._sources)

    async def run(self, faults: Sequence[ProcessFault], minutes: int, lasts_s: float) -> None:
        """All faults while candles flow, then calm until all is answered, then the end.

        Raises Failed, EndedByItself, BrokerError.
        """
        began_s = now_s()
        await self._until(lambda: all(self._watch.candles[key] for key in self._keys), "the first candles", DRAIN_TIMEOUT_S)
        await self._until(lambda: self._watch.all_signalled_since(began_s), "the first signals", DRAIN_TIMEOUT_S)
        for done, (fault, rubbish) in enumerate(zip(faults, self._rubbish, strict=True)):
            self._tell(f"{done} of {len(faults)} faults")
            await self._due(fault, began_s + 2 * fault.share * lasts_s)
            await self._append(rubbish)
            left = 1 - self._watch.rows(self._keys) / self._rows
            took_s = (now_s() - began_s) / (done + 1)
            self._stage.speed = max(left, 0.01) * minutes * 60 / ((len(faults) - done + 1) * took_s)
            struck_s = now_s()
            await self._stage.strike(fault)
            if fault.kind is not ProcessFaultKind.PAUSE and (done + 1 == len(faults) or faults[done + 1].patient):
                await self._recovered(struck_s if not fault.kills else now_s())
        self._tell("the last candles")
        await self._stage.hurry()
        await self._until(lambda: self._stage.produced, "the last candles", DRAIN_TIMEOUT_S)
        await self._stage.rested()
        await self._answered()
        await self._api_agrees()
        await self._stage.end()

    async def compared(self) -> tuple[Counts, str | None]:
        """The first difference, in words: of the candles from the files, or of what became of all that is on the log."""
        self._tell("comparing")
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            partitions = len(self._watch.arrivals_s)
            topics = (Topic.CANDLES, Topic.SIGNALS, Topic.REJECTED)
            candles, signals, rejects = [by_partition(await records_of(self._log, topic), partitions) for topic in topics]
            positions = await positions_of(self._log)
        difference = await asyncio.to_thread(self._first_difference, candles, signals, rejects, positions)
        notices = sum(is_notice(record) for records in signals.values() for record in records)
        numbers = [sum(map(len, each.values())) for each in (candles, signals, rejects)]
        return Counts(numbers[0], numbers[1] - notices, numbers[2], notices), difference

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
            if what := missing_rows(source.name, [encode_candle(each) for each in source.candles(Resume())], found):
                return what
        for partition, records in candles.items():
            expected = undisturbed(EngineConfig(), PRICE_DECIMALS, MAX_SYMBOLS, records)
            if what := first_difference(signals[partition], rejects[partition], positions[partition], expected):
                return f"partition {partition}: {what}"
        return None

    async def _due(self, fault: ProcessFault, at_latest_s: float) -> None:
        """When so many rows are on the log, or it is high time: a slow machine shall not wait for ever."""
        while self._watch.rows(self._keys) < fault.share * self._rows and not self._stage.produced and now_s() < at_latest_s:
            self._stage.check()
            await asyncio.sleep(_LOOK_S)

    async def _recovered(self, since_s: float) -> None:
        """New signals everywhere; where candles have come to their end there may be none."""
        until_s = now_s() + RECOVERED_WITHIN_S
        while not self._watch.all_signalled_since(since_s + _LOOK_S) and not self._stage.produced and now_s() < until_s:
            self._stage.check()
            await asyncio.sleep(_LOOK_S)

    async def _append(self, records: list[KeyValue]) -> None:
        async def attempt() -> None:
            async with self._log.appender("proof") as appender:
                await appender.append(records)

        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            await while_unavailable("proof", attempt, Random())  # noqa: S311  # no secret: jitter

    async def _answered(self) -> None:
        """All that is on the log. As long as something moves, it is waited for."""
        ends = {record.partition: record.offset + 1 for record in await records_of(self._log, Topic.CANDLES)}
        positions, moved_s = await positions_of(self._log), now_s()
        while behind := {partition: end for partition, end in ends.items() if positions[partition] < end}:
            self._stage.check()
            self._tell("the last signals")
            await asyncio.sleep(_LOOK_S)
            before, positions = positions, await positions_of(self._log)
            if positions != before:
                moved_s = now_s()
            elif now_s() > moved_s + DRAIN_TIMEOUT_S:
                raise ProofFailed(
                    f"nothing moves for {DRAIN_TIMEOUT_S:.0f} s: the positions are {positions}, candles end at {behind}"
                )

    async def _api_agrees(self) -> None:
        signals, until_s = await records_of(self._log, Topic.SIGNALS), now_s() + DRAIN_TIMEOUT_S
        while what := other_answer(await asyncio.to_thread(_latest, self._stage.api), signals):
            self._stage.check()
            if now_s() > until_s:
                raise ProofFailed(what)
            await asyncio.sleep(_LOOK_S)

    async def _until(self, state: Callable[[], bool], what: str, within_s: float) -> None:
        until_s = now_s() + within_s
        while not state():
            self._stage.check()
            self._tell(f"waiting for {what}")
            if now_s() > until_s:
                raise ProofFailed(f"waited in vain for {what}, {within_s:.0f} s")
            await asyncio.sleep(_LOOK_S)

    def _tell(self, what: str) -> None:
        self._told(min(self._watch.rows(self._keys) / self._rows, 1.0), what)


def _latest(api: Process) -> Mapping[str, Mapping[str, object]]:
    """What it answers; nothing before it has told its address."""
    address = next((word for word in api.said().split() if word.startswith("http://")), None)
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
