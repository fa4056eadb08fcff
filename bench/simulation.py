"""The simulated market beside real ones: `python -m bench.simulation [CANDLES…] [--months 20] [--correlations]`.

Two tables in Markdown: the statistics of `market_statistics.py`, and volatility by hour of the day. There is a column for months
of the simulated market, and one for each file. A statistic is computed for each month: where a column has several, its cells are
the median and, in parentheses, the lowest and the highest. A calendar month counts if it has nine tenths of its minutes. With
`--correlations` there is another table instead: how correlated symbols are, beside how correlated they should be. Equal arguments
print the same tables; another CPU may change a last digit.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from volcast.core.arrays import Floats
from volcast.core.types import MINUTE_MS
from volcast.simulation.draws import Correlation
from volcast.simulation.market import parameters_of, simulate_candles

from .candles import DAY_MINUTES, START_MS, Minutes, Recorded, Simulated, as_arrays
from .market_statistics import hourly_profile, market_of, statistics_of

MONTH_DAYS = 31
CORRELATED = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
CORRELATIONS = (
    Correlation(0.3, 0.3),
    Correlation(0.6, 0.6),
    Correlation(0.6, 0.0),
    Correlation(0.8, 0.95),
    Correlation(0.9, 0.9),
)
FULL_SHARE = 0.9


class Column(NamedTuple):
    """A column of both tables: for each month its statistics, and its volatility by hour."""

    title: str
    statistics: list[dict[str, float]]
    profiles: list[dict[str, float]]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="bench.simulation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("candles", nargs="*", type=Path, metavar="CANDLES", help="candle files of real markets, a column each")
    parser.add_argument("--symbol", default="BTCUSDT", help="symbol of the simulated market (%(default)s)")
    parser.add_argument("--months", type=int, default=20, metavar="N", help="simulated months, with seeds from 1 (%(default)s)")
    parser.add_argument("--correlations", action="store_true", help="measure the correlations of symbols instead")
    arguments = parser.parse_args(argv)
    if arguments.correlations:
        print("\n".join(correlation_table(arguments.months)))
        return 0
    seeds = range(1, arguments.months + 1)
    simulated = (as_arrays(Simulated(arguments.symbol, MONTH_DAYS, seed)) for seed in seeds)
    columns = [column(f"simulated {arguments.symbol}, {arguments.months} × {MONTH_DAYS} days", simulated)]
    for path in arguments.candles:
        found = list(months(as_arrays(Recorded(path))))
        if not found:
            sys.exit(f"{path} has no month with {FULL_SHARE:.0%} of its minutes")
        columns.append(column(path.name.split(".")[0] + (f", {len(found)} months" if len(found) > 1 else ""), found))
    print("\n".join(table("statistic", columns, [each.statistics for each in columns])))
    print()
    print("\n".join(table("volatility by hour, UTC", columns, [each.profiles for each in columns])))
    if not arguments.candles:
        print("\nNO REAL MARKET: no candle file was given (make bench-simulation CANDLES=FILE).")
    return 0


def column(title: str, found: Iterable[Minutes]) -> Column:
    """Compute a column."""
    markets = [market_of(minutes) for minutes in found]
    profiles = [{f"{hour:02d}": float(value) for hour, value in enumerate(hourly_profile(market))} for market in markets]
    return Column(title, [statistics_of(market) for market in markets], profiles)


def months(minutes: Minutes) -> Iterator[Minutes]:
    """Yield each full calendar month, UTC."""
    days = minutes.open_time_ms // MINUTE_MS // DAY_MINUTES
    label = [datetime.fromtimestamp(int(day) * 86_400, UTC).strftime("%Y-%m") for day in np.unique(days)]
    of_day = dict(zip(np.unique(days).tolist(), label, strict=True))
    month = np.array([of_day[day] for day in days.tolist()])
    for each in dict.fromkeys(label):
        [chosen] = np.nonzero(month == each)
        year, number = map(int, each.split("-"))
        after = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
        length = (after - datetime(year, number, 1, tzinfo=UTC)).days * DAY_MINUTES
        if chosen.size >= FULL_SHARE * length:
            yield Minutes(minutes.symbol, minutes.open_time_ms[chosen], minutes.numbers[chosen])


def correlation_table(count: int) -> Iterator[str]:
    """Yield the lines of a table: the correlations asked for, and those of the pairs of three symbols in `count` months."""
    yield "| asked for: returns, log variances | measured: returns | log variances |"
    yield "|---|---|---|"
    for asked in CORRELATIONS:
        found: list[Floats] = []
        for seed in range(1, count + 1):
            runs = [_moves(symbol, seed, asked) for symbol in CORRELATED]
            found += [np.diag(np.corrcoef(one, other)[:2, 2:]) for one, other in combinations(runs, 2)]
        cells = [f"{mean:.3f} ± {std:.3f}" for mean, std in zip(np.mean(found, axis=0), np.std(found, axis=0), strict=True)]
        yield f"| {asked.returns:g}, {asked.volatilities:g} | {' | '.join(cells)} |"


def _moves(symbol: str, seed: int, correlation: Correlation) -> Floats:
    """Return (2, minutes - 1): log returns, and log variances of the diffusion, of a month without the rhythm that all share."""
    p = replace(parameters_of(symbol), day_amplitude=0.0, weekend_log_variance=0.0)
    minutes = MONTH_DAYS * DAY_MINUTES
    run = simulate_candles(symbol, minutes=minutes, seed=seed, start_ms=START_MS, parameters=p, correlation=correlation)
    close, sigma = np.array([(float(candle.close), candle.true_volatility) for candle in run]).T
    return np.vstack([np.diff(np.log(close)), np.log(sigma[1:] ** 2 - p.jump_variance)])


def table(title: str, columns: Sequence[Column], values: Sequence[list[dict[str, float]]]) -> Iterator[str]:
    """Yield the lines of a table, in the order of the first column's names."""
    yield f"| {title} | {' | '.join(each.title for each in columns)} |"
    yield f"|---|{'---|' * len(columns)}"
    for name in values[0][0]:
        yield f"| {name} | {' | '.join(cell([month[name] for month in column]) for column in values)} |"


def cell(numbers: Sequence[float]) -> str:
    """Return a number, or the median with the range of several; months without it are left out."""
    known = [number for number in numbers if np.isfinite(number)]
    if len(known) < 2:  # noqa: PLR2004  one has no range
        return shown(known[0] if known else np.nan)
    return f"{shown(float(np.median(known)))} ({shown(min(known))} to {shown(max(known))})"


def shown(number: float) -> str:
    """Return three significant digits, at most three decimals, without trailing zeros, and nothing for what is not known."""
    if not np.isfinite(number):
        return "–"
    return f"{number:.0f}" if abs(number) >= 100 else f"{round(float(f'{number:.3g}'), 3) + 0.0:g}"  # noqa: PLR2004


if __name__ == "__main__":
    sys.exit(main())
