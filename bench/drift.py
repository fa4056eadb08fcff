"""Drift detectors: false alarms and delays: `python -m bench.drift [CANDLES…] [--symbols 20] [--days 120]`, `make bench-drift`.

Tables in Markdown. False alarms are those on simulated markets without a break, per symbol and month of 30 days, with exact
Poisson intervals of 95 %. Delays count from the first broken minute: of forecasts, broken at several times of each market, and of
breaks in candles, once in each. With candle files, their page-tier alarms are listed, too. Detectors of River are beside
ours on the same streams. Equal arguments print the same tables, with any number of workers; another CPU may change a last digit.
A symbol of 120 days takes about 20 s.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from river.drift import ADWIN, PageHinkley

from volcast.backtest.drift_calibration import MONTH_MINUTES, poisson_interval
from volcast.candle_files.timestamps import format_open_time
from volcast.core.drift.alarms import DriftAlarm, Tier, begun
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.drift.observation import Observation
from volcast.core.drift.outcomes import OutcomeGrid
from volcast.core.market.clock import DAY_MINUTES
from volcast.core.types import MINUTE_MS
from volcast.simulation.breaks import Break, BreakKind

from .drift_streams import FORECAST_BREAKS, START_MS, break_forecast, first_alarms, new_engine, observed, recorded, simulated
from .drift_table import Delays, false_alarm_rows

SEED = 14
FIRST_BREAK_DAY, EVERY_DAYS, WATCHED_DAYS = 20, 8, 5
CANDLE_BREAK_DAY = 30
CANDLE_BREAKS = (
    ("market variance ×1.5", BreakKind.VARIANCE, 1.5),
    ("market variance ×2.25", BreakKind.VARIANCE, 2.25),
    ("volume ×5", BreakKind.VOLUME, 5.0),
    ("volume ×0.001", BreakKind.VOLUME, 0.001),
    ("clock shifted by 6 h", BreakKind.RHYTHM, 6.0),
    ("price frozen", BreakKind.FROZEN_PRICE, None),
    ("last candle repeated", BreakKind.REPEATED_CANDLE, None),
)


class Found(NamedTuple):
    """What was measured so far."""

    alarms: list[DriftAlarm]
    """Those without a break."""
    minutes: int
    river: dict[str, int]
    """Alarms of River's detectors, without a break."""
    delays: Delays


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="bench.drift", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("candles", nargs="*", type=Path, metavar="CANDLES", help="candle files of one real market, in order")
    parser.add_argument("--symbols", type=int, default=20, metavar="N", help="simulated markets (%(default)s)")
    parser.add_argument("--days", type=int, default=120, metavar="N", help="days of each (%(default)s)")
    parser.add_argument("--false-alarms-only", action="store_true", help="break nothing: no delays")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes at the same time (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the upper ends of the rates' intervals there, too")
    arguments = parser.parse_args(argv)
    if arguments.symbols and arguments.days < CANDLE_BREAK_DAY + WATCHED_DAYS + 1:
        parser.error(f"--days must be at least {CANDLE_BREAK_DAY + WATCHED_DAYS + 1}")
    with ProcessPoolExecutor(arguments.workers) as pool:
        last = pool.submit(measure_real, arguments.candles) if arguments.candles else None
        found = joined(
            pool.map(partial(measure, days=arguments.days, breaks=not arguments.false_alarms_only), range(arguments.symbols))
        )
        real = last.result() if last else None
    if arguments.symbols:
        show(found, f"simulated, {arguments.symbols} symbols × {arguments.days} days")
        if not arguments.false_alarms_only:
            print("\n".join(found.delays.table()))
    measured = [found] if arguments.symbols else []
    if real is not None:
        measured.append(real)
        show(real, f"{arguments.candles[0].name}, {real.minutes} minutes")
        print("\n".join(real.delays.table()))
        for line in listed(real.alarms):
            print(line)
    else:
        print("\nNO REAL MARKET: no candle file was given (make bench-drift CANDLES=FILE).")
    if arguments.json:
        arguments.json.write_text(json.dumps(highest_rates(measured), indent=1) + "\n")
    return 0


def highest_rates(measured: Sequence[Found]) -> dict[str, float]:
    """Return by detector the upper end of the interval of its rate, per symbol and month; the highest of what was measured."""
    rates: dict[str, float] = {}
    for found in measured:
        for name, count in counts(found.alarms).items():
            rate = poisson_interval(count)[1] / (found.minutes / MONTH_MINUTES)
            rates[name] = max(rates.get(name, 0.0), round(rate, 3))
    return rates


def joined(parts: Iterable[Found]) -> Found:
    """Return what several markets show together."""
    whole = Found([], 0, {}, Delays())
    for part in parts:
        river = {name: whole.river.get(name, 0) + count for name, count in part.river.items()}
        whole.delays.extend(part.delays)
        whole = Found(whole.alarms + part.alarms, whole.minutes + part.minutes, river, whole.delays)
    return whole


def measure(number: int, days: int, *, breaks: bool) -> Found:
    """Return what one simulated market shows, without a break and, if `breaks`, after several."""
    symbol = ("BTCUSDT", "ETHUSDT")[number] if number < 2 else f"COIN{number}USDT"  # noqa: PLR2004  two with known levels
    rng = np.random.default_rng([SEED, number])
    engine = new_engine(symbol)
    candles = simulated(symbol, days, SEED)
    break_minute = CANDLE_BREAK_DAY * DAY_MINUTES + int(rng.integers(DAY_MINUTES))
    closes: list[float] = []
    stream = list(observed(engine, islice(candles, break_minute), closes))
    state = engine.dump()
    stream += observed(engine, candles, closes)
    found = unbroken(stream, closes)
    if not breaks:
        return found
    broken_forecasts(found.delays, stream, EVERY_DAYS, rng)
    for label, kind, value in CANDLE_BREAKS:
        at_ms = START_MS + break_minute * MINUTE_MS
        how = Break(kind=kind, at_ms=at_ms, number=value)
        other = new_engine(symbol)
        other.load(state)
        broken = islice(simulated(symbol, CANDLE_BREAK_DAY + WATCHED_DAYS + 1, SEED, [how]), break_minute, None)
        monitor = monitor_after(stream[:break_minute])
        raised = alarms(monitor, observed(other, islice(broken, WATCHED_DAYS * DAY_MINUTES)))
        found.delays.add(label, at_ms // MINUTE_MS, first_alarms(raised))
    return found


def measure_real(paths: Sequence[Path]) -> Found:
    """Return what a real market shows; its forecasts are broken once a month."""
    symbol, candles = recorded(paths)
    closes: list[float] = []
    stream = list(observed(new_engine(symbol), candles, closes))
    found = unbroken(stream, closes)
    broken_forecasts(found.delays, stream, 30, np.random.default_rng(SEED))
    return found


def unbroken(stream: Sequence[Observation], closes: Sequence[float]) -> Found:
    """Return the alarms on a stream without a break, ours and those of River's detectors."""
    return Found(list(alarms(DriftMonitor(), stream)), len(stream), dict(river_alarms(stream, closes)), Delays())


def broken_forecasts(delays: Delays, stream: Sequence[Observation], every_days: int, rng: np.random.Generator) -> None:
    """Break the forecasts at several times, and add how soon each detector finds it."""
    monitor, at = DriftMonitor(), 0
    for day in range(FIRST_BREAK_DAY, len(stream) // DAY_MINUTES - WATCHED_DAYS - 1, every_days):
        start = day * DAY_MINUTES + int(rng.integers(DAY_MINUTES))
        for seen in stream[at:start]:
            monitor.push(seen)
        at, state, minute = start, monitor.dump(), stream[start].minute
        for how in FORECAST_BREAKS:
            other = DriftMonitor()
            other.load(state)
            broken = break_forecast(stream[start : start + WATCHED_DAYS * DAY_MINUTES], minute, how, stream[start - 1])
            delays.add(how.label, minute, first_alarms(alarms(other, broken)))


def monitor_after(stream: Iterable[Observation]) -> DriftMonitor:
    """Return a monitor that has seen a stream."""
    monitor = DriftMonitor()
    for seen in stream:
        monitor.push(seen)
    return monitor


def alarms(monitor: DriftMonitor, stream: Iterable[Observation]) -> Iterator[DriftAlarm]:
    """Yield each alarm that begins."""
    for seen in stream:
        before = monitor.alarms
        monitor.push(seen)
        if monitor.alarms != before:
            yield from begun(before, monitor.alarms)


def river_alarms(stream: Sequence[Observation], closes: Sequence[float]) -> Iterator[tuple[str, int]]:
    """Yield the alarms of River's detectors, with their defaults, on what they are usually given, and on our own scores."""
    grid = OutcomeGrid()
    sizes = np.abs(np.diff(np.log(closes)))
    fed = {"absolute return / its mean, each minute": list(sizes / np.mean(sizes[:DAY_MINUTES]))}
    fed |= {"QLIKE gap, each hour": [], "normal score, each hour": []}
    for seen in stream:
        if scored := grid.push(seen):
            fed["QLIKE gap, each hour"].append(min(max(scored.loss_gap, -1.0), 2.0))
            fed["normal score, each hour"].append(min(max(scored.volatility_score, -3.0), 3.0))
    for name, values in fed.items():
        for kind in (ADWIN, PageHinkley):
            detector: Any = kind()
            count = 0
            for value in values:
                detector.update(value)
                count += detector.drift_detected
            yield f"River {kind.__name__} on {name}", count


def counts(found: Sequence[DriftAlarm]) -> dict[str, int]:
    """Return how often each detector's alarm began."""
    result = {detector.name: 0 for detector in DriftMonitor().detectors}
    for alarm in found:
        result[alarm.detector] += 1
    return result


def show(found: Found, title: str) -> None:
    """Print the table of false alarms."""
    rows = [(detector.name, detector.tier.value, counts(found.alarms)[detector.name]) for detector in DriftMonitor().detectors]
    pages = sum(alarm.tier is Tier.PAGE for alarm in found.alarms)
    rows += [("all pages", "page", pages), *((name, "", count) for name, count in found.river.items())]
    print(f"\n### {title}: alarms without a break\n")
    print("\n".join(false_alarm_rows(rows, found.minutes)))


def listed(found: Sequence[DriftAlarm]) -> Iterator[str]:
    """Yield a line for each page or ticket."""
    yield "\n| from | tier | detector | before | after |\n|---|---|---|---|---|"
    for alarm in found:
        if alarm.tier is not Tier.INFO:
            cells = (format_open_time(alarm.open_time_ms), alarm.tier.value, alarm.detector)
            yield f"| {' | '.join(cells)} | {alarm.before:.3g} | {alarm.after:.3g} |"


if __name__ == "__main__":
    raise SystemExit(main())
