"""The tables of the drift bench: rates with Poisson intervals, and delays with the share found in time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from scipy.stats import binomtest  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.backtest.drift_calibration import MONTH_MINUTES, poisson_interval
from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.core.types import MINUTE_MS

IN_TIME_MINUTES = 360


def share_cell(hits: int, runs: int) -> str:
    """Return a share with its exact 95 % interval (Clopper & Pearson, 1934).

    >>> share_cell(19, 20)
    '95 % (75–100)'
    """
    interval = binomtest(hits, runs).proportion_ci(method="exact")
    return f"{100 * hits / runs:.0f} % ({100 * interval.low:.0f}–{100 * interval.high:.0f})"


def false_alarm_rows(rows: Iterable[tuple[str, str, int]], minutes: int) -> Iterator[str]:
    """Yield a table of alarms per symbol and month; `rows` hold detector, tier and count."""
    months = minutes / MONTH_MINUTES
    yield f"| detector | tier | alarms in {months:.0f} symbol-months | per symbol and month (95 %) |"
    yield "|---|---|---|---|"
    for name, tier, count in rows:
        low, high = poisson_interval(count)
        yield f"| {name} | {tier} | {count} | {count / months:.3f} ({low / months:.3f}–{high / months:.3f}) |"


class Delays:
    """The delays until each detector finds each break, in minutes; runs in which it does not count as endless."""

    def __init__(self) -> None:
        self.runs_by_break: dict[str, list[dict[str, int]]] = {}

    def add(self, label: str, at_minute: int, first: Mapping[str, DriftAlarm]) -> None:
        """Add a run: the first alarm of each detector since the break at `at_minute`."""
        delays = {name: alarm.open_time_ms // MINUTE_MS - at_minute + 1 for name, alarm in first.items()}
        pages = [delays[name] for name, alarm in first.items() if alarm.tier is Tier.PAGE]
        self.runs_by_break.setdefault(label, []).append(delays | ({"any page": min(pages)} if pages else {}))

    def extend(self, other: "Delays") -> None:
        """Add the runs of another table."""
        for label, runs in other.runs_by_break.items():
            self.runs_by_break.setdefault(label, []).extend(runs)

    def table(self) -> Iterator[str]:
        """Yield a table: for each break and each detector that found it in a tenth of the runs, how often and how soon."""
        yield "\n### Delay until a break is found\n"
        yield "| break | detector | runs | found within 6 h (95 %) | within 5 days | median, minutes | 95th percentile |"
        yield "|---|---|---|---|---|---|---|"
        for label, runs in self.runs_by_break.items():
            names = ["any page", *sorted({name for run in runs for name in run} - {"any page"})]
            for name in names:
                delays = [run.get(name, np.inf) for run in runs]
                if name == "any page" or 10 * sum(map(np.isfinite, delays)) >= len(delays):
                    yield f"| {label} | {name} | {len(runs)} | {' | '.join(_cells(delays))} |"


def _cells(delays: Sequence[float]) -> list[str]:
    found = sum(map(bool, np.isfinite(delays)))
    quantiles = [float(np.quantile(delays, level, method="higher")) for level in (0.5, 0.95)]
    return [
        share_cell(sum(delay <= IN_TIME_MINUTES for delay in delays), len(delays)),
        f"{100 * found / len(delays):.0f} %",
        *(f"{each:.0f}" if np.isfinite(each) else "–" for each in quantiles),
    ]
