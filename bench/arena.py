"""Scenario paths under the rules of a public competition: `python -m bench.arena CANDLES.csv`.

Synth's one-hour crypto rules score 1000 minute paths by CRPS of price changes over 1 to 60 minutes, plus 5.25 times that of the
realized volatility of blocks of 5, 15 and 60 minutes. The scorer is `crunch-synth` itself, in an environment of its own. Four
forecasters answer each hour of the scored days, from the candles before it alone:

    volcast         scenario paths of an engine with horizons of 60, 15 and 5 minutes, which has learned for up to a year
    tracker         examples/synth_tracker.py: the same from closes alone, and as the densities that the competition takes
    5-day Gaussian  independent normal price changes, with mean and deviation of the five-minute changes of five days
    EWMA            independent normal log returns, with the variance of an EWMA(0.995) of squared minute returns

The goal is a total of price and volatility of at most 0.945 times that of the 5-day Gaussian; the exit code is 1 if it is missed.
Scores by these rules on past prices say nothing about a rank in the live competition.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.random import Generator, default_rng

from examples.synth_tracker import HourForecaster
from volcast.core.arrays import Floats
from volcast.core.engine import Engine
from volcast.core.forecast.distribution.scenarios import scenario_paths
from volcast.core.types import MINUTE_MS, EngineConfig, Signal

from .candles import DAY_MINUTES, Minutes, Recorded, as_arrays
from .environment import python_with

SCORER = "crunch-synth==0.15.0"
GOAL, AIM = 0.945, 0.93
HOUR = 60
COUNT = 1_000
HORIZONS = (60, 15, 5)
STEPS_S = (60, 300, 900, 1_800, 3_600)
GAUSSIAN, EWMA, TRACKER, VOLCAST = "5-day Gaussian", "EWMA", "tracker", "volcast"
GAUSSIAN_DAYS, GAUSSIAN_STEP = 5, 5
TRACKER_DAYS = 30
"""The competition sends so many days of prices at first."""
WARMUP_DAYS, MIN_WARMUP_DAYS = 365, 7
Scores = dict[str, list[list[float]]]


class Period(NamedTuple):
    """Which candles are learned from, and which hours are scored; indices of candles."""

    begin: int
    first: int
    end: int


class Judge(Protocol):
    """What scores the forecasters: `Scorer`."""

    def score(
        self, real: Floats, paths: dict[str, Floats], densities: dict[str, dict[int, Any]], seed: int
    ) -> dict[str, list[float]]:
        """Return price and volatility CRPS of each forecaster's paths (count, 61) or densities against real prices (61,)."""


class Scorer:
    """The scorer's process."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def score(
        self, real: Floats, paths: dict[str, Floats], densities: dict[str, dict[int, Any]], seed: int
    ) -> dict[str, list[float]]:
        """Return price and volatility CRPS of each forecaster's paths (count, 61) or densities against real prices (61,)."""
        assert self._process.stdin and self._process.stdout  # noqa: PT018, S101  # both are pipes
        count, points = next(iter(paths.values())).shape
        frame = {
            "names": list(paths),
            "count": count,
            "points": points,
            "real": real.tolist(),
            "densities": densities,
            "seed": seed,
        }
        self._process.stdin.write(json.dumps(frame).encode() + b"\n")
        for each in paths.values():
            self._process.stdin.write(np.ascontiguousarray(each, dtype="<f8").tobytes())
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("the scorer has ended; its message is above")
        found: dict[str, list[float]] = json.loads(answer)
        return found


@contextmanager
def scorer() -> Iterator[Scorer]:
    """Run the scorer during the `with` block."""
    command = [str(python_with(SCORER, only_wheels=False)), str(Path(__file__).with_name("arena_scorer.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603  # ours
        yield Scorer(process)


def choose_period(minutes: Minutes, until: datetime | None, days: int) -> Period:
    """Return the scored days before `until`, or before the file's end, and up to a year before them to learn from.

    A file that is too short is scored after its first week. Raises SystemExit if nothing is left.
    """
    times = minutes.open_time_ms
    end = len(times) if until is None else int(np.searchsorted(times, until.timestamp() * 1_000))
    if not end:
        raise SystemExit("there are no candles before that day")
    first_ms = times[end - 1] - days * DAY_MINUTES * MINUTE_MS
    first = max(int(np.searchsorted(times, first_ms)), MIN_WARMUP_DAYS * DAY_MINUTES)
    if end - first < DAY_MINUTES:
        raise SystemExit(f"at least {MIN_WARMUP_DAYS + 1} days of candles are needed")
    return Period(max(first - WARMUP_DAYS * DAY_MINUTES, 0), first, end)


def gaussian(closes: Floats, random: Generator) -> Floats:
    """Return paths (COUNT, 61) after the last of five days of closes (n,)."""
    changes = np.diff(closes[::-GAUSSIAN_STEP][::-1])
    mean, deviation = changes.mean() / GAUSSIAN_STEP, changes.std() / np.sqrt(GAUSSIAN_STEP)
    return _walk(closes[-1], random.normal(mean, deviation, (COUNT, HOUR)))


def ewma(close: float, variance: float, random: Generator) -> Floats:
    """Return paths (COUNT, 61) with a variance of log returns per minute."""
    return close * np.exp(_walk(0.0, random.normal(0.0, np.sqrt(variance), (COUNT, HOUR))))


def _walk(start: float, steps: Floats) -> Floats:
    return start + np.concatenate((np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)), axis=1)


def compete(minutes: Minutes, period: Period, judge: Judge, every: int) -> Scores:
    """Return for each forecaster the price and volatility CRPS of each scored hour; `every` such hour is scored."""
    engine = Engine(minutes.symbol, EngineConfig(horizons=HORIZONS), price_decimals=8)
    scores: Scores = {GAUSSIAN: [], EWMA: [], TRACKER: [], VOLCAST: []}
    forecaster = HourForecaster(minutes.symbol)
    times, history = minutes.open_time_ms, GAUSSIAN_DAYS * DAY_MINUTES
    for index, candle in enumerate(minutes.candles(period.begin, period.end - HOUR), start=period.begin):
        signal = engine.step(candle)
        if index >= period.first - TRACKER_DAYS * DAY_MINUTES:
            forecaster.push(candle.open_time_ms // 1_000, candle.close)
        minute = candle.open_time_ms // MINUTE_MS + 1
        is_whole = times[index + HOUR] - times[index - history] == (HOUR + history) * MINUTE_MS if index >= history else False
        if index < period.first or minute % (HOUR * every) or not is_whole or not isinstance(signal, Signal) or signal.suspect:
            continue
        random = default_rng(minute)
        paths = {
            GAUSSIAN: gaussian(minutes.close[index - history : index + 1], random),
            EWMA: ewma(candle.close, engine.forecaster.market.ewma, random),
            VOLCAST: scenario_paths(signal, COUNT, random, profile=engine.forecaster.market.features.diurnal_profile.means).close,
        }
        densities = {TRACKER: {step_s: forecaster.densities(step_s) for step_s in STEPS_S}}
        for name, found in judge.score(minutes.close[index : index + HOUR + 1], paths, densities, minute).items():
            scores[name].append(found)
    return scores


def report(scores: Scores) -> float:
    """Print the scores beside those of the 5-day Gaussian. Return volcast's total over the Gaussian's."""
    base = np.mean(scores[GAUSSIAN], axis=0)
    print(
        f"\n{'mean CRPS in basis points':28}{'price':>10}{'volatility':>12}{'total':>10}{'/ Gaussian':>12}{'price':>8}{'vol.':>8}"
    )
    ratio = {}
    for name, rows in scores.items():
        price, volatility = np.mean(rows, axis=0)
        ratio[name] = (price + volatility) / base.sum()
        shares = f"{ratio[name]:12.4f}{price / base[0]:8.4f}{volatility / base[1]:8.4f}"
        print(f"{name:28}{price:10.2f}{volatility:12.3f}{price + volatility:10.2f}{shares}")
    return float(ratio[VOLCAST])


def main(arguments: argparse.Namespace) -> int:
    """Score, and print."""
    minutes = as_arrays(Recorded(arguments.candles))
    until = datetime.strptime(arguments.until, "%Y-%m-%d").replace(tzinfo=UTC) if arguments.until else None
    period = choose_period(minutes, until, arguments.days)
    first, last = (datetime.fromtimestamp(minutes.open_time_ms[at] / 1_000, UTC) for at in (period.first, period.end - 1))
    print(f"{minutes.symbol}: scored from {first:%Y-%m-%d} to {last:%Y-%m-%d}", end="")
    print(f", learned from {period.first - period.begin} minutes before", flush=True)
    began_s = perf_counter()
    with scorer() as judge:
        scores = compete(minutes, period, judge, arguments.every)
    if not scores[VOLCAST]:
        raise SystemExit("no hour could be scored: a forecast needs five days without a gap")
    print(f"{len(scores[VOLCAST])} hours by {SCORER}, {perf_counter() - began_s:.0f} s")
    ratio = report(scores)
    print(f"\ngoal: total / Gaussian's at most {GOAL}, better {AIM}: {'reached' if ratio <= GOAL else 'MISSED'}")
    print("This says nothing about a rank in the live competition.")
    return int(ratio > GOAL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Scenario paths under the rules of Synth's one-hour crypto competition.")
    parser.add_argument("candles", type=Path, help="a candle file of at least eight days")
    parser.add_argument("--until", metavar="YYYY-MM-DD", help="score the days before this one  [default: the file's last ones]")
    parser.add_argument("--days", type=int, default=91, help="number of days to score")
    parser.add_argument("--every", type=int, default=1, help="score one hour of so many")
    sys.exit(main(parser.parse_args()))
