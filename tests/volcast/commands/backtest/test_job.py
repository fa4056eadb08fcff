"""A job that was stopped anywhere goes on to the last bit, and what is damaged is computed again."""

from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest

from tests.volcast.commands.backtest.plans import candles, content, is_done, joined, plan_of, run_all
from volcast.commands.backtest import job as job_module
from volcast.commands.backtest.chunks import ChunkFolder
from volcast.commands.backtest.job import run_pass
from volcast.core.types import MINUTE_MS
from volcast.settings.schema import Settings

ROWS = 130


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk has 40 rows; after each row it is looked whether to stop."""
    monkeypatch.setattr(job_module, "CHUNK_ROWS", 40)
    monkeypatch.setattr(job_module, "_LOOK_ROWS", 1)


def stops(rows: int) -> Callable[[], bool]:
    """Return a function by which each run is stopped after some rows: asked before them, after each, and once more."""
    answers = cycle([*[False] * rows, True, True])
    return lambda: next(answers)


def results(folder: Path, is_stopped: Callable[[], bool] = lambda: False) -> list[object]:
    """Run a plan in a folder until it is done, and return all results."""
    folder.mkdir()
    plan = plan_of(candles(folder, ROWS, is_odd=True), settings=Settings(horizons=(15, 30))).within(folder)
    run_all(plan, folder, is_stopped)
    (series,) = joined(plan, folder)
    return content(series)


def test_the_results_do_not_depend_on_where_it_was_stopped(tmp_path: Path) -> None:
    undisturbed = results(tmp_path / "undisturbed")
    assert results(tmp_path / "each row", stops(1)) == undisturbed  # also while a candle waits for the next one
    assert results(tmp_path / "each seventh", stops(7)) == undisturbed


def test_the_results_do_not_depend_on_the_size_of_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed = results(tmp_path / "40")
    monkeypatch.setattr(job_module, "CHUNK_ROWS", 1_000)
    monkeypatch.setattr(job_module, "_LOOK_ROWS", 200)
    assert results(tmp_path / "1000") == undisturbed


@pytest.mark.parametrize("damaged", [0, 1, 2])
@pytest.mark.parametrize("how", ["changed", "short", "empty"])
def test_a_damaged_chunk_and_those_after_it_are_computed_again(tmp_path: Path, damaged: int, how: str) -> None:
    undisturbed = results(tmp_path / "undisturbed")
    folder = tmp_path / "damaged"
    folder.mkdir()
    plan = plan_of(candles(folder, ROWS, is_odd=True), settings=Settings(horizons=(15, 30))).within(folder)
    run_all(plan, folder)
    job, _ = plan.all_jobs
    file = job.folder / f"{damaged:06d}.chunk"
    raw = file.read_bytes()
    file.write_bytes({"changed": raw[:900] + bytes([raw[900] ^ 1]) + raw[901:], "short": raw[:-1], "empty": b""}[how])
    kept = ChunkFolder(job.folder).kept()
    assert (kept.number, kept.damaged) == (damaged, file.name)
    assert not is_done(job)
    run_all(plan, folder)
    (series,) = joined(plan, folder)
    assert content(series) == undisturbed


def test_progress_is_told_and_a_finished_job_does_nothing(tmp_path: Path) -> None:
    plan = plan_of(candles(tmp_path, ROWS)).within(tmp_path)
    told: list[int] = []
    job, _ = plan.all_jobs
    run_pass(job, told.append, lambda: False)
    assert told == sorted(told)
    assert told[-1] == job.rows == ROWS
    told.clear()
    run_pass(job, told.append, lambda: False)
    assert told == []


def test_candles_before_a_time_are_learned_from_and_those_after_another_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "part").mkdir()
    file = candles(tmp_path, ROWS)
    whole_plan = plan_of(file).within(tmp_path / "whole")
    run_all(whole_plan, tmp_path)
    (whole,) = joined(whole_plan, tmp_path / "whole")
    from_ms, to_ms = int(whole.open_time_ms[50]), int(whole.open_time_ms[90])
    plan = plan_of(file, from_ms=from_ms, to_ms=to_ms).within(tmp_path / "part")
    run_all(plan, tmp_path, stops(20))
    (part,) = joined(plan, tmp_path / "part")
    assert part.open_time_ms.tolist() == list(range(from_ms, to_ms, MINUTE_MS))
    assert part.progress.learned == 50
    assert b"".join(part.signals()).splitlines() == b"".join(whole.signals()).splitlines()[50:90]
    for key, predictions in whole.predictions.items():
        assert predictions[50:90].tobytes() == part.predictions[key].tobytes()
