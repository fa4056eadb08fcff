"""What the rounds say: equality of results, medians, ratios, and the tables of them as text, Markdown and JSON. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isclose
from statistics import median

from .topics import Expected, Result, WrongResultsError

_TOLERANCE = 1e-9
"""Of means and forecasts, relative: another build of River or Python may differ in the last digit."""


@dataclass(frozen=True, slots=True)
class Row:
    """The medians of one program, and how much faster volcast is."""

    name: str
    guarantee: str
    candles_per_s: float
    slowest: float
    fastest: float
    cpu_us: float
    """The program's processor time for a candle."""
    faster: float
    """Candles a second of volcast doing the same job, by those of this program; medians of the same rounds."""
    cheaper: float
    """Processor time of this program for a candle, by that of volcast doing the same job."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One run of a program."""

    candles_per_s: float
    cpu_us: float


def check_results(name: str, found: Sequence[Result], expected: Expected) -> None:
    """Raise WrongResultsError unless these results are those of the first of the candles."""
    if not 0 < len(found) <= len(expected.results):
        raise WrongResultsError(f"{name} has {len(found)} results, {len(expected.results)} are expected")
    for number, (one, other) in enumerate(zip(found, expected.results, strict=False)):
        is_equal = (
            one.open_time_ms == other.open_time_ms
            and (one.signal == other.signal or one.open_time_ms in expected.ties)
            and _is_close(one.rolling_mean, other.rolling_mean)
            and _is_close(one.forecast, other.forecast)
            and one.alarms == other.alarms
        )
        if not is_equal:
            raise WrongResultsError(f"{name}: result {number} is {one}, that of the job is {other}")


def _is_close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return isclose(one, other, rel_tol=_TOLERANCE)


def rows(rates: Mapping[str, Sequence[Rate]], guarantees: Mapping[str, str], ours: str) -> list[Row]:
    """Return a row for each program, in the given order; `ours` is volcast doing the same job."""
    own_rate, own_cpu_us = _medians(rates[ours])
    found = []
    for name, each in rates.items():
        rate, cpu_us = _medians(each)
        speeds = [one.candles_per_s for one in each]
        ratios = own_rate / rate, cpu_us / own_cpu_us
        found.append(Row(name, guarantees[name], rate, min(speeds), max(speeds), cpu_us, *ratios))
    return found


def _medians(rates: Sequence[Rate]) -> tuple[float, float]:
    return median(each.candles_per_s for each in rates), median(each.cpu_us for each in rates)


def markdown(title: str, table: Sequence[Row]) -> str:
    """Return a table in Markdown."""
    lines = [
        f"### {title}",
        "",
        "| program | guarantee | candles/s (slowest to fastest) | CPU µs a candle | volcast is faster | and takes less CPU |",
        "|---|---|---|---|---|---|",
    ]
    for row in table:
        speed = f"{row.candles_per_s:,.0f} ({row.slowest:,.0f} to {row.fastest:,.0f})"
        ratios = f"{row.faster:.2f} × | {row.cheaper:.2f} ×"
        lines.append(f"| {row.name} | {row.guarantee} | {speed} | {row.cpu_us:.1f} | {ratios} |")
    return "\n".join([*lines, ""])


def as_json(table: Sequence[Row]) -> list[dict[str, object]]:
    """Return the rows as plain values."""
    return [asdict(row) for row in table]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of all values do not exceed.

    >>> percentile([5, 1, 4, 2, 3], 0.5), percentile([5, 1, 4, 2, 3], 0.99)
    (3, 5)
    """
    ordered = sorted(values)
    return ordered[max(-int(-share * len(ordered) // 1), 1) - 1]
