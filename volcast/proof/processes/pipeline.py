"""The pipeline under proof: its processes, and how each fault strikes them."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from .faults import ProcessFault, ProcessFaultKind, ProcessName
from .places import Backend
from .processes import EndedByItself, Process, ProcessGroup
from .watch import now_s
from .worker_log import WorkerLog

MAX_STOP_S = 30.0
"""A process that was told to end and hasn't by then never will."""
_SETTINGS = (("20", "1"), ("100", "300"), ("500", "1000"), ("500", "5000"))
"""Records in a batch, and how many a snapshot may lag behind. Each worker that starts takes the next: nothing depends on it."""
_WORKS_WITHIN_S = 10.0
"""A worker that is to be struck gets so long to begin to work."""
_LOOK_S = 0.02
_INTERRUPTED = 130
"""A replay that was told to end before it was done."""


class ProofFailed(Exception):
    """The pipeline did what it must not do, in a sentence."""


@dataclass(slots=True)
class PipelineStats:
    """What was done to the pipeline, and how it took it."""

    faults: Counter[ProcessFaultKind] = field(default_factory=Counter)
    kills: int = 0
    """Of workers, those that were told to end included."""
    killed_at_s: list[float] = field(default_factory=list)
    disturbed_at_s: list[float] = field(default_factory=list)
    """When anything began or ended that is no kill."""
    stops_s: list[float] = field(default_factory=list)
    """How long the ends of those took that were told to."""
    said: Counter[str] = field(default_factory=Counter)
    """By workers, in their logs; the words are those of `sayings`."""


class Pipeline:
    """Workers by number, each a process after another; producers that come back until all rows are sent; an API.

    `speed` is that of the producers which start from now on.
    """

    def __init__(self, parts: ProcessGroup, place: Backend, files: Sequence[Path], workers: int, speed: float) -> None:
        self.tally = PipelineStats()
        self.speed = speed
        self._parts, self._place = parts, place
        self._settings = count()
        self._lives = count()
        self._paused: set[int] = set()
        self._pauses: set[asyncio.Task[None]] = set()
        self._sayings: dict[Process, WorkerLog] = {}
        self._files = [half for half in (files[::2], files[1::2]) if half]
        self._producers = [self._produce(number) for number in range(len(self._files))]
        self._names = [f"worker-{number}" for number in range(workers)]
        self._workers = [self._consume(number) for number in range(workers)]
        self.api = self._serve()

    async def strike(self, fault: ProcessFault) -> None:
        """Returns when the next one may follow; a pause goes on meanwhile."""
        self.tally.faults[fault.kind] += 1
        if fault.kills:
            await self._end_workers(fault)
        else:
            self.tally.disturbed_at_s.append(now_s())
            await self._disturb(fault)
            self.tally.disturbed_at_s.append(now_s())

    async def _end_workers(self, fault: ProcessFault) -> None:
        if fault.kind is ProcessFaultKind.BURST:
            for more in range(fault.kills):
                self._kill((fault.number + more) % len(self._workers), fault.name)
                await asyncio.sleep(1 / (fault.kills + 1))
        elif fault.kind is ProcessFaultKind.TERM:
            await self._end(await self._victim(fault), fault.name)
        else:
            self._kill(await self._victim(fault), fault.name)

    async def _disturb(self, fault: ProcessFault) -> None:
        match fault.kind:
            case ProcessFaultKind.PAUSE:
                self._pause(await self._victim(fault))
            case ProcessFaultKind.PRODUCER:
                self._kill_producer(fault.number % len(self._producers))
            case ProcessFaultKind.API:
                self.api.kill()
                self.api = self._serve()
            case ProcessFaultKind.CUT:
                await self._place.cut(fault.seconds)
            case ProcessFaultKind.BROKER:
                await self._place.restart_broker()

    @property
    def produced(self) -> bool:
        """All rows are on the log."""
        return all(producer.exit_code == 0 for producer in self._producers)

    def check(self) -> None:
        """Raises EndedByItself where somebody is gone whom nobody ended; also counts what the workers have said since."""
        for process in (*self._workers, self.api):
            if process.exit_code is not None:
                raise EndedByItself(process)
        for producer in self._producers:
            if producer.exit_code not in (None, 0):
                raise EndedByItself(producer)
        for worker in self._workers:
            self._listen(worker)

    async def hurry(self) -> None:
        """The rows that are left shall come as fast as they can."""
        self.speed = float("inf")
        for number, producer in enumerate(self._producers):
            if producer.exit_code is None:
                await self._stop(producer)
                if producer.exit_code != 0:
                    self._producers[number] = self._produce(number)

    async def rested(self) -> None:
        """Return when nobody is paused any more."""
        await asyncio.gather(*self._pauses)

    async def end(self) -> None:
        """All workers and the API, in good order."""
        for process in (*self._workers, self.api):
            await self._stop(process)
            self._listen(process)

    async def _victim(self, fault: ProcessFault) -> int:
        """The number of a worker that isn't paused, of one that holds a partition if there is any; patience waits for such."""
        until_s = now_s() + _WORKS_WITHIN_S
        while True:
            self.check()
            free = [number for number in range(len(self._workers)) if number not in self._paused]
            working = [number for number in free if self._listen(self._workers[number]).holds]
            if free and (working or not fault.patient or now_s() > until_s):
                chosen = working or free
                return chosen[fault.number % len(chosen)]
            await asyncio.sleep(_LOOK_S)

    def _listen(self, process: Process) -> WorkerLog:
        sayings = self._sayings.setdefault(process, WorkerLog(process.output))
        self.tally.said.update(sayings.news())
        return sayings

    def _produce(self, number: int) -> Process:
        speed = "max" if self.speed == float("inf") else f"{self.speed:.3f}"
        return self._parts.start("produce", "replay", *map(str, self._files[number]), "--speed", speed, *self._place.arguments())

    def _consume(self, number: int) -> Process:
        batch, snapshot = _SETTINGS[next(self._settings) % len(_SETTINGS)]
        named = self._place.named(self._names[number]) if self._names[number] else ()
        settings = ("--batch-records", batch, "--snapshot-records", snapshot)
        return self._parts.start("consume", *self._place.arguments(), *named, *settings)

    def _serve(self) -> Process:
        return self._parts.start("serve", *self._place.arguments(), "--port", "0")

    def _kill(self, number: int, name: ProcessName) -> None:
        worker = self._workers[number]
        worker.kill()
        self._gone(number, worker, name)

    async def _end(self, number: int, name: ProcessName) -> None:
        worker = self._workers[number]
        await self._stop(worker)
        self._gone(number, worker, name)

    def _gone(self, number: int, worker: Process, name: ProcessName) -> None:
        self.tally.kills += 1
        self.tally.killed_at_s.append(now_s())
        self._listen(worker)
        if name is not ProcessName.SAME:
            self._names[number] = f"worker-{number}-{next(self._lives)}" if name is ProcessName.OTHER else ""
        elif not self._names[number]:
            self._names[number] = f"worker-{number}"
        self._workers[number] = self._consume(number)

    def _kill_producer(self, number: int) -> None:
        if self._producers[number].exit_code is None:
            self._producers[number].kill()
            self._producers[number] = self._produce(number)

    async def _stop(self, process: Process) -> None:
        """Tell it to end. Raises EndedByItself, or Failed where it does not end."""
        if process.exit_code is not None and process not in self._producers:
            raise EndedByItself(process)
        was_listening, began_s = bool(process.said()), now_s()
        process.tell()
        while process.exit_code is None:
            if now_s() - began_s > MAX_STOP_S:
                raise ProofFailed(
                    f"{process.arguments[0]} was told to end, and has not after {MAX_STOP_S:.0f} s: {process.output}"
                )
            await asyncio.sleep(_LOOK_S)
        if was_listening:
            self.tally.stops_s.append(now_s() - began_s)
        if process.exit_code not in _good_ends(process, was_listening=was_listening):
            raise EndedByItself(process)

    def _pause(self, number: int) -> None:
        task = asyncio.create_task(self._paused_for_a_while(number))
        self._pauses.add(task)
        task.add_done_callback(self._pauses.discard)

    async def _paused_for_a_while(self, number: int) -> None:
        """Longer than its session. Nobody else strikes it meanwhile, but a burst."""
        worker = self._workers[number]
        self._paused.add(number)
        worker.pause()
        try:
            await asyncio.sleep(1.5 * self._place.session_s + 1)
        finally:
            self._paused.discard(number)
            self.tally.disturbed_at_s.append(now_s())
            if worker.exit_code is None:
                worker.resume()


def _good_ends(process: Process, *, was_listening: bool) -> Iterable[int]:
    """Exit codes of one that was told to end; the signal's own where it could not listen yet, or, of a replay, no more, as it was
    just done.
    """
    if process.arguments[0] == "produce":
        return (0, _INTERRUPTED, -signal.SIGTERM)
    return (0,) if was_listening else (0, -signal.SIGTERM)
