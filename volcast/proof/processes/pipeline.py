"""The pipeline under proof: its processes, and how each fault is applied to them."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from .backends import Backend
from .faults import ProcessFault, ProcessFaultKind, ProcessName
from .processes import EndedByItself, Process, ProcessGroup
from .watch import now_s
from .worker_log import WorkerLog

MAX_STOP_S = 30.0
"""A terminated process that still runs after this time counts as hung."""
_SETTINGS = (("20", "1"), ("100", "300"), ("500", "1000"), ("500", "5000"))
"""(batch records, snapshot records): each worker that starts takes the next pair, as the output must not depend on them. Two of
three workers are standbys."""
_PARTITION_TIMEOUT_S = 10.0
"""How long a fault waits for a worker that holds a partition."""
_POLL_S = 0.02
_PROMOTION_TIMEOUT_S = 90.0
CHALLENGER = "ewma"
"""The model that is promoted, where models are."""
_REFUSED = 1
"""The exit code of a promotion that was refused."""
_INTERRUPTED = 130
"""The exit code of a process that was terminated before its service had started, or before a replay was done."""


class ProofFailed(Exception):
    """The pipeline did what it must not do; the message is a sentence about it."""


@dataclass(slots=True)
class PipelineStats:
    """What was done to the pipeline, and how it reacted. Times are those of the event loop's clock."""

    faults: Counter[ProcessFaultKind] = field(default_factory=Counter)
    kills: int = 0
    """How many workers were killed or terminated."""
    refused_promotions: int = 0
    killed_at_s: list[float] = field(default_factory=list)
    disturbed_at_s: list[float] = field(default_factory=list)
    """When other disturbances began and ended."""
    stops_s: list[float] = field(default_factory=list)
    """How long terminated processes took to end."""
    events: Counter[str] = field(default_factory=Counter)
    """How often workers logged each event of `worker_log`."""


class Pipeline:
    """A running pipeline: some workers, two producers that are restarted until all rows are sent, and an API.

    A worker is known by its number; it is a new process after each kill. `speed` applies to producers that start from now on, in
    minutes of candles for a minute.
    """

    def __init__(
        self, group: ProcessGroup, backend: Backend, files: Sequence[Path], workers: int, speed: float, *, shadows: str = ""
    ) -> None:
        """`shadows` are the challengers of all workers."""
        self._challengers = ("--shadows", shadows) if shadows else ()
        self.stats = PipelineStats()
        self.speed = speed
        self._group, self._backend = group, backend
        self._settings = count()
        self._new_names = count()
        self._paused: set[int] = set()
        self._pauses: set[asyncio.Task[None]] = set()
        self._logs: dict[Process, WorkerLog] = {}
        self._files = [half for half in (files[::2], files[1::2]) if half]
        self._producers = [self._start_producer(number) for number in range(len(self._files))]
        self._names = [f"worker-{number}" for number in range(workers)]
        self._workers = [self._start_worker(number) for number in range(workers)]
        self.api = self._start_api()

    async def apply(self, fault: ProcessFault) -> None:
        """Apply a fault. Returns when the next one may follow, and for a pause while it still lasts."""
        self.stats.faults[fault.kind] += 1
        if fault.kills:
            await self._end_workers(fault)
        else:
            self.stats.disturbed_at_s.append(now_s())
            await self._disturb(fault)
            self.stats.disturbed_at_s.append(now_s())

    async def _end_workers(self, fault: ProcessFault) -> None:
        if fault.kind is ProcessFaultKind.BURST:
            for offset in range(fault.kills):
                self._kill((fault.number + offset) % len(self._workers), fault.name)
                await asyncio.sleep(1 / (fault.kills + 1))
        elif fault.kind is ProcessFaultKind.TERM:
            await self._terminate(await self._choose_worker(fault), fault.name)
        else:
            self._kill(await self._choose_worker(fault), fault.name)

    async def _disturb(self, fault: ProcessFault) -> None:
        match fault.kind:
            case ProcessFaultKind.PAUSE:
                self._pause(await self._choose_worker(fault))
            case ProcessFaultKind.PRODUCER:
                self._kill_producer(fault.number % len(self._producers))
            case ProcessFaultKind.API:
                self.api.kill()
                self.api = self._start_api()
            case ProcessFaultKind.CUT:
                await self._backend.cut(fault.seconds)
            case ProcessFaultKind.DELAY:
                await self._backend.delay_end(fault.seconds)
            case ProcessFaultKind.BROKER:
                await self._backend.restart_broker()
            case ProcessFaultKind.PROMOTE:
                await self._promote()

    async def _promote(self) -> None:
        """Promote the challenger and take that back, in turns; a move that is refused is made again. Raises ProofFailed."""
        done, began_s = self.stats.faults[ProcessFaultKind.PROMOTE] - 1, now_s()
        move = ("rollback",) if done % 2 else ("promote", CHALLENGER, "--when-warm")
        while True:
            process = self._group.start("models", *move, "--why", "a proof", *self._backend.arguments())
            while process.exit_code is None and now_s() - began_s < _PROMOTION_TIMEOUT_S:
                self.check()
                await asyncio.sleep(_POLL_S)
            if process.exit_code == _REFUSED:  # it would change nothing, as no candle has come since the last one
                self.stats.faults[ProcessFaultKind.PROMOTE] -= 1
                self.stats.refused_promotions += 1
            if process.exit_code in {0, _REFUSED}:
                return
            if now_s() - began_s > _PROMOTION_TIMEOUT_S:  # the log may have been away for a while
                raise ProofFailed(f"volcast models {move[0]} did not succeed: {process.read_output()[-1_000:]}")

    @property
    def all_produced(self) -> bool:
        """Whether all rows are on the log."""
        return all(producer.exit_code == 0 for producer in self._producers)

    def check(self) -> None:
        """Raise EndedByItself if a process ended without a fault; count the events that workers logged since the last call."""
        for process in (*self._workers, self.api):
            if process.exit_code is not None:
                raise EndedByItself(process)
        for producer in self._producers:
            if producer.exit_code not in (None, 0):
                raise EndedByItself(producer)
        for worker in self._workers:
            self._read_log(worker)

    async def produce_at_full_speed(self) -> None:
        """Restart the producers without a speed limit, so that the remaining rows come as fast as possible."""
        self.speed = float("inf")
        for number, producer in enumerate(self._producers):
            if producer.exit_code is None:
                await self._stop(producer)
                if producer.exit_code != 0:
                    self._producers[number] = self._start_producer(number)

    async def wait_for_pauses(self) -> None:
        """Wait until no worker is paused any offset."""
        await asyncio.gather(*self._pauses)

    async def stop(self) -> None:
        """Stop all workers and the API in good order. Raises EndedByItself or ProofFailed."""
        for process in (*self._workers, self.api):
            await self._stop(process)
            self._read_log(process)

    async def _choose_worker(self, fault: ProcessFault) -> int:
        """Return the number of a worker that is not paused, and that holds a partition if any does. A fault `after_recovery`
        waits for such a worker.
        """
        deadline_s = now_s() + _PARTITION_TIMEOUT_S
        while True:
            self.check()
            running = [number for number in range(len(self._workers)) if number not in self._paused]
            working = [number for number in running if self._read_log(self._workers[number]).has_partition]
            if running and (working or not fault.after_recovery or now_s() > deadline_s):
                candidates = working or running
                return candidates[fault.number % len(candidates)]
            await asyncio.sleep(_POLL_S)

    def _read_log(self, process: Process) -> WorkerLog:
        log = self._logs.setdefault(process, WorkerLog(process.output))
        self.stats.events.update(log.new_events())
        return log

    def _start_producer(self, number: int) -> Process:
        speed = "max" if self.speed == float("inf") else f"{self.speed:.3f}"
        files = map(str, self._files[number])
        return self._group.start("produce", "replay", *files, "--speed", speed, *self._backend.arguments())

    def _start_worker(self, number: int) -> Process:
        started = next(self._settings)
        batch, snapshot = _SETTINGS[started % len(_SETTINGS)]
        standby = ("--standby",) if started % 3 else ()
        name = self._backend.name_arguments(self._names[number]) if self._names[number] else ()
        settings = ("--batch-records", batch, "--snapshot-records", snapshot)
        return self._group.start("consume", *self._backend.arguments(), *name, *settings, *standby, *self._challengers)

    def _start_api(self) -> Process:
        return self._group.start("serve", *self._backend.arguments(), "--port", "0")

    def _kill(self, number: int, name: ProcessName) -> None:
        worker = self._workers[number]
        worker.kill()
        self._replace(number, worker, name)

    async def _terminate(self, number: int, name: ProcessName) -> None:
        worker = self._workers[number]
        await self._stop(worker)
        self._replace(number, worker, name)

    def _replace(self, number: int, ended: Process, name: ProcessName) -> None:
        self.stats.kills += 1
        self.stats.killed_at_s.append(now_s())
        self._read_log(ended)
        if name is not ProcessName.SAME:
            self._names[number] = f"worker-{number}-{next(self._new_names)}" if name is ProcessName.OTHER else ""
        elif not self._names[number]:
            self._names[number] = f"worker-{number}"
        self._workers[number] = self._start_worker(number)

    def _kill_producer(self, number: int) -> None:
        if self._producers[number].exit_code is None:
            self._producers[number].kill()
            self._producers[number] = self._start_producer(number)

    async def _stop(self, process: Process) -> None:
        """Terminate a process and wait for its end.

        Raises EndedByItself if it had ended before or ends with a wrong exit code, ProofFailed if it does not end.
        """
        if process.exit_code is not None and process not in self._producers:
            raise EndedByItself(process)
        was_started, began_s = bool(process.read_output()), now_s()
        process.terminate()
        while process.exit_code is None:
            if now_s() - began_s > MAX_STOP_S:
                raise ProofFailed(
                    f"{process.arguments[0]} still runs {MAX_STOP_S:.0f} s after it was terminated: {process.output}"
                )
            await asyncio.sleep(_POLL_S)
        if was_started:
            self.stats.stops_s.append(now_s() - began_s)
        if process.exit_code not in _accepted_exit_codes(process, was_started=was_started):
            raise EndedByItself(process)

    def _pause(self, number: int) -> None:
        task = asyncio.create_task(self._pause_past_session(number))
        self._pauses.add(task)
        task.add_done_callback(self._pauses.discard)

    async def _pause_past_session(self, number: int) -> None:
        """Pause a worker for longer than its session. Meanwhile only a burst may kill it."""
        worker = self._workers[number]
        self._paused.add(number)
        worker.pause()
        try:
            await asyncio.sleep(1.5 * self._backend.session_s + 1)
        finally:
            self._paused.discard(number)
            self.stats.disturbed_at_s.append(now_s())
            if worker.exit_code is None:
                worker.resume()


def _accepted_exit_codes(process: Process, *, was_started: bool) -> Iterable[int]:
    """Return the exit codes that a terminated process may have.

    That of an interruption and the signal's own are accepted where the process had not started its service yet (it had not
    written anything), and of a replay that had just ended because it was done.
    """
    if process.arguments[0] == "produce" or not was_started:
        return (0, _INTERRUPTED, -signal.SIGTERM)
    return (0,)
