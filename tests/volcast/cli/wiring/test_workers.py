"""Worker processes and their supervisor, with small programs in the place of consumers."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from random import Random

import pytest

from tests.stories.waiting import until
from volcast.cli.main import UserError
from volcast.cli.wiring import workers
from volcast.cli.wiring.workers import WorkerCommand, WorkersEndedError, supervise, worker_commands
from volcast.settings.schema import Settings

LIVE = "open('{}', 'a').write(f'{{os.getpid()}}\\n'); signal.pause()"


def settings(**values: object) -> Settings:
    return Settings.model_validate({"bus": "kafka://localhost:9092", "workers": 3, **values})


def program(number: int, text: str) -> WorkerCommand:
    return WorkerCommand(number, (sys.executable, "-c", f"import os, signal, sys; {text}"))


def living(folder: Path, number: int) -> WorkerCommand:
    return program(number, LIVE.format(folder / str(number)))


def process_ids(folder: Path, number: int) -> list[int]:
    file = folder / str(number)
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def options(command: WorkerCommand) -> list[str]:
    words = command.command
    return list(words[words.index("volcast.cli.main") + 1 :])


def test_each_worker_has_a_name_and_a_port_of_its_own() -> None:
    given = ["consume", "--workers", "3", "--instance-id", "a"]
    commands = worker_commands(settings(instance_id="a", metrics_port=9_100), given)
    assert [options(each) for each in commands] == [
        [*given, "--workers", "1", "--instance-id", f"a-{number}", "--metrics-port", str(9_100 + number)] for number in range(3)
    ]


def test_without_a_name_members_are_dynamic_and_port_0_is_free_for_each() -> None:
    assert [options(each) for each in worker_commands(settings(), [])] == [["--workers", "1"]] * 3
    assert [options(each)[2:] for each in worker_commands(settings(metrics_port=0), [])] == [["--metrics-port", "0"]] * 3


def test_workers_that_cannot_be_are_refused() -> None:
    with pytest.raises(UserError, match="--workers 3 needs a log on Kafka: a SQLite file has one partition"):
        worker_commands(settings(bus="sqlite:///log.db"), [])
    with pytest.raises(UserError, match="needs as many ports from --metrics-port 65534 on"):
        worker_commands(settings(metrics_port=65_534), [])


async def test_a_worker_that_dies_is_started_again_and_all_end_when_the_parent_is_stopped(tmp_path: Path) -> None:
    supervising = asyncio.create_task(supervise([living(tmp_path, 0), living(tmp_path, 1)], Random(1)))
    await until(lambda: process_ids(tmp_path, 0) and process_ids(tmp_path, 1), "both workers to start")
    os.kill(process_ids(tmp_path, 0)[0], signal.SIGKILL)
    await until(lambda: len(process_ids(tmp_path, 0)) == 2, "the first worker to start again")
    assert len(process_ids(tmp_path, 1)) == 1
    supervising.cancel()
    await asyncio.wait([supervising])
    assert supervising.cancelled()
    assert not any(is_running(each) for number in (0, 1) for each in process_ids(tmp_path, number))


@pytest.mark.parametrize("code", [2, 3])
async def test_an_error_that_only_a_person_can_repair_ends_all_workers(tmp_path: Path, code: int) -> None:
    other = tmp_path / "1"
    wait = f"import time\nwhile not os.path.exists('{other}'): time.sleep(0.01)\nsys.exit({code})"
    commands = [WorkerCommand(0, (sys.executable, "-c", f"import os, sys\n{wait}")), living(tmp_path, 1)]
    with pytest.raises(WorkersEndedError, match=f"worker 0 ended with exit code {code}, so all workers end") as caught:
        await supervise(commands, Random(1))
    assert caught.value.exit_code == code
    assert not is_running(process_ids(tmp_path, 1)[0])


async def test_a_worker_that_cannot_stay_alive_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_FIRST_PAUSE_S", 0.01)
    with pytest.raises(
        WorkersEndedError, match="worker 0 ended with exit code 1, 5 times in a row, so all workers end"
    ) as caught:
        await supervise([program(0, "sys.exit(1)")], Random(1))
    assert caught.value.exit_code == 1


async def test_a_worker_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "STOP_S", 0.2)
    deaf = program(0, "signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LIVE.format(tmp_path / "0"))
    supervising = asyncio.create_task(supervise([deaf], Random(1)))
    await until(lambda: process_ids(tmp_path, 0), "the worker to start")
    supervising.cancel()
    await asyncio.wait([supervising])
    assert not is_running(process_ids(tmp_path, 0)[0])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
async def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    child = tmp_path / "child.py"
    child.write_text("import os, signal\n" + LIVE.format(tmp_path / "0"))
    code = (
        "import asyncio, sys; from random import Random; from volcast.cli.wiring.workers import WorkerCommand, supervise; "
        f"asyncio.run(supervise([WorkerCommand(0, (sys.executable, '{child}'))], Random(1)))"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    await until(lambda: process_ids(tmp_path, 0), "the worker to start")
    parent.kill()
    await parent.wait()
    await until(lambda: not is_running(process_ids(tmp_path, 0)[0]), "the worker to end")
