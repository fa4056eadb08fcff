"""A short `volcast prove` on processes, with a promotion and a rollback, ends with EXACT and leaves nothing behind."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import process_group
from tests.forking import PROOF
from tests.forms import long_form
from tests.stories.waiting import until
from volcast.proof.processes.processes import Process, ProcessGroup

TIMEOUT_S = 240.0
"""The seeds are chosen so that faults of every kind come, and workers are killed between a promotion and its rollback."""


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessGroup]:
    """A group of processes with temporary files in the test's folder, which is stopped, not killed, so that it stops its own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with process_group(tmp_path) as group:
        yield group
        for process in group.processes:
            process.end()


async def run_proof(parts: ProcessGroup, *arguments: str) -> Process:
    """Run the proof and return its process once it has ended."""
    process = parts.start(PROOF, *arguments)
    async with asyncio.timeout(TIMEOUT_S):
        while process.exit_code is None:
            await asyncio.sleep(0.1)
    return process


@pytest.mark.timeout(300)
async def test_sqlite(parts: ProcessGroup) -> None:
    kills, seed = long_form(("4", "43"), ("8", "25"))
    process = await run_proof(parts, "--kills", kills, "--seed", seed, "--promotions", "2")
    check(process, f"{kills} ended or killed")


@pytest.mark.timeout(300)
async def test_kafka(parts: ProcessGroup) -> None:
    kills, seed = long_form(("4", "32"), ("6", "32"))
    bus = ("--bus", "kafka", "--workers", "2", "--partitions", "2")
    process = await run_proof(parts, *bus, "--kills", kills, "--seed", seed, "--promotions", "2")
    check(process, f"{kills} ended or killed")


def check(process: Process, kills: str) -> None:
    output = process.read_output()
    assert process.exit_code == 0, output
    assert output.splitlines()[-1] == "EXACT"
    assert kills in output
    assert "2 × model promoted or taken back" in output
    assert "signals by ewma" in output
    for fault in ("worker terminated", "worker killed", "burst of kills", "worker paused for longer than its session"):
        assert f"1 × {fault}" in output or f"2 × {fault}" in output
    assert files_beside(process) == []


async def test_a_proof_that_is_stopped_stops_its_processes(parts: ProcessGroup, tmp_path: Path) -> None:
    """None of them is forked: they are started as for a user."""
    process = Process(tmp_path / "prove.log", PROOF, "--kills", "100")
    parts.processes.append(process)
    await until(lambda: any("restored" in log.read_text() for log in tmp_path.glob("*/*-consume.log")), "a worker", process)
    children = children_of(process.process_id)
    assert len(children) == 5  # two workers, two producers, an API
    assert process.end() == 130
    assert not children & set(all_processes())
    assert files_beside(process) == []


def files_beside(process: Process) -> list[str]:
    """Return the other files and folders in the folder of the output."""
    return [path.name for path in process.output.parent.iterdir() if path != process.output]


def children_of(process_id: int) -> set[int]:
    return {child for child, parent in all_processes().items() if parent == process_id}


def all_processes() -> dict[int, int]:
    """Return the id of each process on this machine with that of its parent."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607  # the system's own ps
    return {int(child): int(parent) for child, parent in map(str.split, table.stdout.splitlines())}
