"""`--workers N`: N processes of one command, one for each core, and a parent that supervises them and does nothing else.

    parent ──┬─► worker 0: its own name in the group, metrics at the port that was given
             ├─► worker 1: metrics at the next port
             └─► …

A worker that dies is started again, as the log knows what it had committed. One that ends because only a person can help (wrong
usage, a log that does not fit) ends all of them, and so does one that cannot stay alive. SIGTERM and SIGINT are passed on.
"""

import asyncio
import ctypes
import logging
import signal
import sys
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from volcast.cli.main import UserError
from volcast.settings.schema import Settings
from volcast.settings.values import parse_bus
from volcast.timing.pacing import EQUAL_JITTER, Backoff

STOP_S = 30.0
"""A worker that still runs so long after SIGTERM is killed: its stop has bounds that are shorter."""
MAX_SHORT_LIVES = 5
"""A worker that ends so often in a row, each time within a minute, is not started again."""
_GOOD_LIFE_S = 60.0
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.5, 10.0
_FINAL_EXIT_CODES = {2, 3}
"""Wrong usage, and errors of the log that no retry repairs; see `volcast.cli.main.EXIT_CODES`."""
_MAX_PORT = 65_535
_PARENT_DEATH_SIGNAL = 1
"""A name in Linux's prctl.h."""
_log = logging.getLogger(__name__)


class WorkersEndedError(Exception):
    """Workers cannot go on; `exit_code` is that of the one that ended first."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class WorkerCommand(NamedTuple):
    """The command of one worker."""

    number: int
    command: tuple[str, ...]


def worker_commands(settings: Settings, arguments: Sequence[str]) -> list[WorkerCommand]:
    """Return the command of each worker. `arguments` are those of this process; of an option given twice the last one counts.

    Raises UserError if the log has one partition only, or if there are fewer ports than workers.
    """
    count, port = settings.workers, settings.metrics_port
    if parse_bus(str(settings.bus)).kind == "sqlite":
        raise UserError(f"--workers {count} needs a log on Kafka: a SQLite file has one partition, and one consumer at a time")
    ports = settings.consumer_ports or [port] * count
    if settings.consumer_ports and settings.consumer_ports[-1] > _MAX_PORT:
        raise UserError(f"--workers {count} needs as many ports from --metrics-port {port} on: the last one is {_MAX_PORT}")
    own = [
        ("--workers", "1")
        + (("--instance-id", f"{settings.instance_id}-{number}") if settings.instance_id else ())
        + (("--metrics-port", str(ports[number])) if port is not None else ())
        for number in range(count)
    ]
    start = (sys.executable, "-P", "-m", "volcast.cli.main", *arguments)
    return [WorkerCommand(number, (*start, *options)) for number, options in enumerate(own)]


async def supervise(commands: Sequence[WorkerCommand], random: Random) -> None:
    """Run the workers until cancelled, and then end them in good order. Raises WorkersEndedError if they cannot go on."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in commands:
                group.create_task(_keep_alive(each, random))
    except* WorkersEndedError as ended:
        raise ended.exceptions[0] from None


async def _keep_alive(worker: WorkerCommand, random: Random) -> None:
    loop, short_lives = asyncio.get_running_loop(), 0
    backoff = Backoff(random, base_s=_FIRST_PAUSE_S, cap_s=_MAX_PAUSE_S, jitter=EQUAL_JITTER)
    while True:
        began_s = loop.time()
        code = await _run(worker)
        if loop.time() - began_s > _GOOD_LIFE_S:
            short_lives = 0
            backoff.reset()
        short_lives += 1
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if code in _FINAL_EXIT_CODES:
            raise WorkersEndedError(f"worker {worker.number} {how}, so all workers end", code)
        if short_lives == MAX_SHORT_LIVES:
            raise WorkersEndedError(f"worker {worker.number} {how}, {short_lives} times in a row, so all workers end", 1)
        pause_s = backoff.pause_s()
        _log.error("worker %d %s; it is started again in %.1f s", worker.number, how, pause_s)
        await asyncio.sleep(pause_s)


async def _run(worker: WorkerCommand) -> int:
    """Run a worker, and return its exit code, the negative number of a signal. If cancelled, end it in good order."""
    process = await asyncio.create_subprocess_exec(
        *worker.command,
        process_group=0,  # Ctrl-C at the terminal reaches only the parent, which passes it on
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # there is no other thread
    )
    _log.info("worker %d started", worker.number, extra={"process_id": process.pid})
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


def _end_with_parent() -> None:
    """Let the system send SIGTERM to this process when its parent dies, even by SIGKILL."""
    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)
