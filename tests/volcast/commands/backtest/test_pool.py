"""Jobs in processes: the same results as in this one, a sentence when one is killed, and a stop in good order."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing import active_children
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.volcast.commands.backtest.plans import candles, content, is_done, joined, plan_of, run_all
from volcast.cli.main import UserError
from volcast.cli.own_models.guarded import OwnModelError
from volcast.commands.backtest import plan as plan_module
from volcast.commands.backtest.chunks import ChunkFolder
from volcast.commands.backtest.plan import Plan
from volcast.commands.backtest.pool import Interrupted, run_jobs

FEW_ROWS, MANY_ROWS = 500, 25_000
"""Many are some seconds of work."""


@pytest.fixture(autouse=True)
def few_rows_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes for any number of rows."""
    monkeypatch.setattr(plan_module, "MIN_ROWS", 0)


@pytest.fixture
def long_plan(tmp_path: Path) -> Plan:
    """A plan of two jobs that take seconds."""
    plan = plan_of(candles(tmp_path, MANY_ROWS), signals=False, features=False, processes=2).within(tmp_path)
    assert len(plan.all_jobs) == 2
    return plan


def when(condition: Callable[[], object], act: Callable[[], None]) -> threading.Thread:
    """Start a thread that acts once the condition holds."""

    def wait() -> None:
        until = monotonic() + 60
        while not condition() and monotonic() < until:
            sleep(0.02)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def has_begun(plan: Plan) -> bool:
    return all(any(job.folder.glob("*.chunk")) for job in plan.all_jobs)


@pytest.fixture
def no_process_is_left() -> Iterator[None]:
    """Check that all processes of the pool have ended."""
    yield
    assert active_children() == []


@pytest.mark.usefixtures("no_process_is_left")
def test_processes_give_the_results_of_one(tmp_path: Path) -> None:
    found = []
    for processes in (1, 3):
        folder = tmp_path / str(processes)
        folder.mkdir()
        plan = plan_of(candles(tmp_path, 200), candles(tmp_path, 150, "ethusdt"), processes=processes).within(folder)
        run_jobs(plan.all_jobs, processes)
        found.append([content(series)[3:] for series in joined(plan, folder)])
        assert all(map(is_done, plan.all_jobs))
    assert found[0] == found[1]


@pytest.mark.usefixtures("no_process_is_left")
def test_a_killed_process_is_a_sentence_and_what_is_done_is_kept(long_plan: Plan) -> None:
    def kill() -> None:
        os.kill(active_children()[0].pid or 0, signal.SIGKILL)

    thread = when(lambda: has_begun(long_plan), kill)
    with pytest.raises(
        UserError, match=r"^a process of the backtest was killed, perhaps because memory ran out; what is done is kept"
    ):
        run_jobs(long_plan.all_jobs, 2)
    thread.join()
    assert sum(ChunkFolder(job.folder).kept().number for job in long_plan.all_jobs) >= 2


@pytest.mark.usefixtures("no_process_is_left")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("processes", [1, 2])
def test_a_signal_stops_in_good_order(long_plan: Plan, number: signal.Signals, processes: int) -> None:
    before = signal.getsignal(number)
    jobs = long_plan.all_jobs
    thread = when(lambda: any(jobs[0].folder.glob("*.chunk")), lambda: os.kill(os.getpid(), number))
    with pytest.raises(Interrupted):
        run_jobs(jobs, processes)
    thread.join()
    assert signal.getsignal(number) is before
    last = ChunkFolder(jobs[0].folder).kept().last
    assert last is not None
    assert 0 < last.progress.read < MANY_ROWS


@pytest.mark.usefixtures("no_process_is_left")
def test_an_own_model_works_in_processes_and_its_failure_is_its_own_sentence(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "class Mean:\n"
        "    def __init__(self): self.total = self.count = 0\n"
        "    def learn_one(self, x, y):\n"
        "        self.total, self.count = self.total + y, self.count + 1\n"
        "    def predict_one(self, x): return self.total / self.count if self.count else 0.0\n"
        "class Broken(Mean):\n"
        "    def predict_one(self, x): return 1 / (self.count < 5)\n"
    )
    file = candles(tmp_path, 200)
    good = plan_of(file, models=(f"{tmp_path / 'mine.py'}:Mean", "ewma"), processes=2, signals=False).within(tmp_path)
    run_jobs(good.all_jobs, 2)
    (series,) = joined(good, tmp_path)
    assert any(name.startswith("Mean@") for name, _ in series.predictions)
    (tmp_path / "broken").mkdir()
    bad = plan_of(file, models=(f"{tmp_path / 'mine.py'}:Broken", "ewma"), processes=2, signals=False).within(tmp_path / "broken")
    with pytest.raises(OwnModelError, match=r"mine\.py, line 7, in Broken\.predict_one: ZeroDivisionError"):
        run_jobs(bad.all_jobs, 2)


def test_a_model_without_a_state_begins_again(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "class Zero:\n    def learn_one(self, x, y): pass\n    def predict_one(self, x): return 0.0\n"
    )
    plan = plan_of(candles(tmp_path, 300), models=(f"{tmp_path / 'mine.py'}:Zero",), signals=False).within(tmp_path)
    run_all(plan, tmp_path)
    assert all(map(is_done, plan.all_jobs))
    (job,) = plan.all_jobs
    (job.folder / "000000.chunk").unlink()
    assert ChunkFolder(job.folder).kept().number == 0


def test_only_the_champions_job_has_quantiles_and_all_intervals_are_the_same(tmp_path: Path) -> None:
    file = candles(tmp_path, FEW_ROWS)
    found = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        plan = plan_of(file, models=("har", "ewma", "last", "har_diurnal"), signals=False, features=False, processes=processes)
        assert [len(job.settings.quantile_levels) for job in plan.all_jobs] == [13, 0][:processes]
        plan = plan.within(folder)
        run_all(plan, folder)
        found.append(content(joined(plan, folder)[0])[:6])
    assert found[0] == found[1]
