"""Stream processors beside volcast: `python -m bench.peers`, with `--latency` for the time from a candle to its signal.

In one run on one broker, round by round, each program in turn: the rolling mean and its signal, then the same with River's
standardized linear regression and ADWIN. The results of all programs must be equal before a figure is printed. Markdown on
standard output; with `--json FILE` the figures as JSON. Returns 1 if volcast is less fast than needed. Environments for the
others are made in the user's cache folder. With an environment variable KAFKA_BOOTSTRAP, that broker is used.
"""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from bench.environment import InstallError
from volcast.proof.processes.broker import bootstrap

from .contestants import ALL, CSP, FLECHTWERK, OURS, PRODUCT, QUIX, QUIX_COMMIT_S, Contestant
from .latency import compare_latency
from .machine import machine, versions
from .report import Rate, as_json, check_results, markdown, rows
from .runs import WARM, ProgramError, measure
from .topics import Expected, WrongResultsError, candle_values, expected_results

ROUNDS, CANDLES = 5, 60_000
TITLES = {
    "none": "Rolling mean and signal",
    "memory": "The same with River's model and ADWIN, kept in memory only",
    "stored": "The same with a model that survives a crash",
}
NEEDED = {
    ("none", QUIX.name): 4.0,
    ("memory", QUIX.name): 2.0,
    ("stored", QUIX.name): 2.0,
    ("none", FLECHTWERK.name): 2.0,
    ("memory", FLECHTWERK.name): 1.5,
    ("stored", FLECHTWERK.name): 1.5,
}
"""How many times as fast volcast has to be. In `memory`, too, volcast stores its model; the others do not."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print Markdown, and return the exit code."""
    parser = argparse.ArgumentParser(description="Compare stream processors with volcast on one broker.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds ({ROUNDS})")
    parser.add_argument("--candles", type=int, default=CANDLES, help=f"candles of a round ({CANDLES})")
    parser.add_argument("--models", default="none,memory,stored", help="which of none, memory and stored")
    parser.add_argument("--latency", action="store_true", help="measure latency instead of throughput")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    given = parser.parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a new topic is without a leader for a moment; failures are raised
    contestants = [each for each in ALL if _is_available(each)]
    print(f"{machine()}\n")
    for each in contestants:
        print(f"- {each.name}: {versions(each)}")
    print()
    with tempfile.TemporaryDirectory() as folder, bootstrap(Path(folder)) as address:
        try:
            if given.latency:
                is_good, figures = asyncio.run(compare_latency(address))
            else:
                is_good, figures = asyncio.run(
                    compare(address, contestants, given.models.split(","), given.rounds, given.candles)
                )
        except (WrongResultsError, ProgramError) as error:
            print(error, file=sys.stderr)
            return 1
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if is_good else 1


def _is_available(contestant: Contestant) -> bool:
    """Return whether the program's environment is there; say why if not."""
    try:
        contestant.python()
    except InstallError as error:
        print(f"{contestant.name} is left out: {error}")
        return False
    return True


async def compare(
    address: str, contestants: Sequence[Contestant], models: Sequence[str], rounds: int, candles: int
) -> tuple[bool, dict[str, object]]:
    """Measure each job, print its table; return whether all is as fast as needed, and the figures."""
    values = candle_values(WARM + candles)
    figures: dict[str, object] = {"machine": machine(), "versions": {each.name: versions(each) for each in contestants}}
    is_good = True
    for model in models:
        job = _Job(model, values, expected_results(values, has_model=model != "none"))
        entered = [each for each in contestants if _does(each, model)]
        rates: dict[str, list[Rate]] = {each.name: [] for each in entered}
        for number in range(rounds):
            await _round(address, Random(number).sample(entered, len(entered)), job, rates)
        table = rows(rates, {each.name: each.guarantee for each in entered}, OURS.name)
        print(markdown(TITLES[model], table), flush=True)
        figures[model] = as_json(table)
        for row in table:
            needed = NEEDED.get((model, row.name), 0.0)
            if row.faster < needed:
                print(f"**{TITLES[model]}: {row.faster:.2f} times as fast as {row.name}; needed: {needed:g}**\n", flush=True)
                is_good = False
    return is_good, figures


def _does(contestant: Contestant, model: str) -> bool:
    """Return whether a program does this job. volcast stores a model always, so it does both; as delivered it has its own."""
    return {"none": True, "memory": contestant is not PRODUCT, "stored": contestant not in (CSP, PRODUCT)}[model]


class _Job(NamedTuple):
    model: str
    values: Sequence[bytes]
    expected: Expected


async def _round(address: str, order: Sequence[Contestant], job: _Job, rates: dict[str, list[Rate]]) -> None:
    """Run each program once. Raises WrongResultsError unless all results are those of the job."""
    for each in order:
        part = job.values[: WARM + round((len(job.values) - WARM) * each.share)]
        run = await measure(each, address, job.model, QUIX_COMMIT_S, part)
        rates[each.name].append(Rate(run.candles / run.wall_s, run.cpu_s / run.candles * 1e6))
        check_results(each.name, run.results, job.expected)


if __name__ == "__main__":
    sys.exit(main())
