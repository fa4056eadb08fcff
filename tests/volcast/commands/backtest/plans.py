"""Plans and results of small backtests, without the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tests.market import CSV_HEADER, csv_text
from volcast.cli.wiring.backtest import replays_by_symbol
from volcast.commands.backtest.chunks import ChunkFolder
from volcast.commands.backtest.job import Job, run_pass
from volcast.commands.backtest.plan import Plan, Wanted, create_plan
from volcast.commands.backtest.series import Series, join_jobs
from volcast.settings.schema import Settings


def candles(folder: Path, count: int, symbol: str = "btcusdt", *, is_odd: bool = False) -> Path:
    """Write a file of candles; an odd one has bad rows, a gap, a duplicate, a wrong date, and a last row that is far away."""
    rows = csv_text(count).splitlines()[1:]
    if is_odd:
        rows[30:30] = [rows[20], "2024-01-01 00:40:00,1,1,1,NaN,1,1", "2031-01-01 00:00:00,1,1,1,1,1,1"]
        del rows[60:90]
        rows.append("2031-01-01 00:00:00,1,1,1,1,1,1")
    path = folder / f"{symbol}.csv"
    path.write_text("\n".join([CSV_HEADER, *rows]) + "\n")
    return path


def plan_of(*files: Path, settings: Settings | None = None, **wanted: Any) -> Plan:
    """Return the plan of a backtest that wants everything, with changes."""
    chosen: dict[str, Any] = {
        "models": ("har", "ewma"),
        "from_ms": 0,
        "to_ms": None,
        "signals": True,
        "features": True,
        "processes": 1,
    } | wanted
    return create_plan(replays_by_symbol(files, ()), Wanted(settings or Settings(), **chosen))


def run_all(plan: Plan, folder: Path, is_stopped: Callable[[], bool] = lambda: False) -> None:
    """Run all jobs of a plan that was put into a folder, again and again until they are done."""
    for job in plan.all_jobs:
        while not is_done(job):
            run_pass(job, lambda _: None, is_stopped)


def is_done(job: Job) -> bool:
    """Return whether the last chunk of a job is its end."""
    last = ChunkFolder(job.folder).kept().last
    return last is not None and last.progress.done


def joined(plan: Plan, folder: Path) -> list[Series]:
    """Return the results of all symbols."""
    found = []
    for number, jobs in enumerate(plan.jobs.values()):
        (folder / f"joined-{number}").mkdir()
        found.append(join_jobs(jobs, plan.config, 8, folder / f"joined-{number}"))
    return found


def content(series: Series) -> list[object]:
    """Return everything in the results of a symbol, as values that can be compared."""
    return [
        series.open_time_ms.tobytes(),
        series.prices.tobytes(),
        series.quantiles.levels,
        series.quantiles.open_time_ms.tobytes(),
        series.quantiles.values.tobytes(),
        {key: array.tobytes() for key, array in series.predictions.items()},
        b"".join(series.signals()),
        b"".join(lines for _, lines in series.features()),
        msgspec.json.encode(series.facts),
        msgspec.json.encode(series.progress),
    ]
