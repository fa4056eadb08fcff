"""One run of one program: it is started on topics of its own, warmed up, and timed.

It first answers WARM candles, so that imports, the group and its state are there. Then all candles of the round become visible at
one moment, and its time runs from there to the broker's time of the last result.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from .contestants import Contestant
from .job import Options
from .topics import Result, Topics

ROOT = Path(__file__).parents[2]
WARM = 3_000
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_STOP_S = 20.0


class ProgramError(Exception):
    """A program ended by itself; the message has the end of its output."""


class Measured(NamedTuple):
    """A run."""

    candles: int
    wall_s: float
    cpu_s: float
    """The program's processor time, all threads."""
    results: Sequence[Result]


class Program(NamedTuple):
    """A program that runs."""

    topics: Topics
    process: asyncio.subprocess.Process
    end: "asyncio.Future[None]"
    """Raises ProgramError once the program has ended by itself."""

    def cpu_s(self) -> float:
        """Return the processor time that the program has had."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S


@asynccontextmanager
async def running(contestant: Contestant, bootstrap: str, model: str, commit_s: float) -> AsyncIterator[Program]:
    """Start a program on topics of its own, and end it afterwards."""
    prefix = f"bench-{uuid4().hex[:8]}."
    topics = Topics(bootstrap, prefix)
    await topics.create()
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "output.log").open("w+b") as output:
        options = Options(bootstrap, topics.candles, topics.signals, f"{prefix}group", Path(folder), model, commit_s)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
        process = await asyncio.create_subprocess_exec(
            *contestant.command(options),
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env=environment | {"OPENBLAS_NUM_THREADS": "1"},
            process_group=0,
        )

        async def ended() -> None:
            code = await process.wait()
            output.seek(0)
            raise ProgramError(
                f"{contestant.name} ended by itself with {code}:\n{output.read().decode(errors='replace')[-3_000:]}"
            )

        end = asyncio.create_task(ended())
        try:
            yield Program(topics, process, end)
        finally:
            end.cancel()
            await asyncio.gather(end, return_exceptions=True)
            if process.returncode is None:
                process.terminate()
            try:
                async with asyncio.timeout(_STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
            await topics.delete()


async def measure(contestant: Contestant, bootstrap: str, model: str, commit_s: float, values: Sequence[bytes]) -> Measured:
    """Run a program on these candles, of which the first WARM are not timed."""
    async with running(contestant, bootstrap, model, commit_s) as program:
        await program.topics.append(values[:WARM])
        await program.topics.answers(WARM, program.end)
        began_cpu_s = program.cpu_s()
        began_s = await program.topics.append(values[WARM:])
        answers = await program.topics.answers(len(values), program.end)
        return Measured(len(values) - WARM, answers.last_s - began_s, program.cpu_s() - began_cpu_s, answers.results)
