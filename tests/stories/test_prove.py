"""`volcast prove` as a user runs it, in short: it ends EXACT, and leaves nothing behind."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.pipeline import until
from volcast.proof.processes.processes import Process, ProcessGroup, process_group

WITHIN_S = 240.0


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessGroup]:
    """What it starts has its temporary files in the test's folder, and is told to end: killed, it could not end its own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with process_group(tmp_path) as made:
        yield made
        for process in made.processes:
            process.end()


async def proven(parts: ProcessGroup, *arguments: str) -> Process:
    """It has run to its end."""
    process = parts.start("prove", *arguments)
    async with asyncio.timeout(WITHIN_S):
        while process.exit_code is None:
            await asyncio.sleep(0.1)
    return process


@pytest.mark.timeout(300)
async def test_sqlite(parts: ProcessGroup) -> None:
    process = await proven(parts, "--kills", "8", "--seed", "32")
    check(process, "8 ended or killed")


@pytest.mark.timeout(300)
async def test_kafka(parts: ProcessGroup) -> None:
    process = await proven(parts, "--bus", "kafka", "--kills", "6", "--workers", "2", "--partitions", "2", "--seed", "35")
    check(process, "6 ended or killed")


def check(process: Process, kills: str) -> None:
    said = process.read_output()
    assert process.exit_code == 0, said
    assert said.splitlines()[-1] == "EXACT"
    assert kills in said
    assert "1 × worker paused for longer than its session" in said
    assert left_beside(process) == []


async def test_told_to_end_it_ends_all_that_it_started(parts: ProcessGroup, tmp_path: Path) -> None:
    process = parts.start("prove", "--kills", "100")
    await until(lambda: any("restored" in log.read_text() for log in tmp_path.glob("*/*-consume.log")), "a worker", process)
    children = children_of(process.process_id)
    assert len(children) == 5  # two workers, two producers, an API
    assert process.end() == 130
    assert not children & set(all_processes())
    assert left_beside(process) == []


def left_beside(process: Process) -> list[str]:
    """Files and folders in that of its output."""
    return [path.name for path in process.output.parent.iterdir() if path != process.output]


def children_of(process_id: int) -> set[int]:
    return {child for child, parent in all_processes().items() if parent == process_id}


def all_processes() -> dict[int, int]:
    """Each with its parent."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607  # the system's own
    return {int(child): int(parent) for child, parent in map(str.split, table.stdout.splitlines())}
