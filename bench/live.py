"""How much load the live producer can take: `python -m bench.live [--seconds 60]`. It prints figures beside the goals.

First the cost of a frame, for each venue, without a socket. Then the real producer, on a log in a temporary folder; another
process serves the venue over a real websocket on this machine, in real time. Measuring starts when there has been data of every
pair. Processor time is that of the producer's process: other load on the machine changes it little, but does change delays.
The producer's memory grows at first: to find duplicates it keeps the trades of some minutes, and the candles of an hour.
"""

import argparse
import asyncio
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from statistics import median

from producer.feeds import VENUES
from producer.feeds.contract import Pair

from .live_frames import cost
from .live_producer import Run, watch

PAIRS = 100
TRADES_PER_S = 2_000.0
ROUNDS, ROUND_FRAMES = 9, 10_000
STREAMED = ("kraken", "coinbase", "bitstamp", "binance")
WINDOWS = 10


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description="Measure how much load the live producer can take.")
    parser.add_argument("--seconds", type=float, default=60.0, help="seconds for each venue, over a socket (60)")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"pairs of each venue ({PAIRS})")
    parser.add_argument("--per-s", type=float, default=TRADES_PER_S, help=f"trades a second, all pairs ({TRADES_PER_S:.0f})")
    parser.add_argument("--venues", nargs="*", choices=tuple(VENUES), default=STREAMED, help="venues to measure over a socket")
    parser.add_argument(
        "--round-frames", type=int, default=ROUND_FRAMES, help=f"frames of a round without socket ({ROUND_FRAMES})"
    )
    given = parser.parse_args(arguments)

    print(f"Cost of a frame without a socket, in µs: medians of {ROUNDS} rounds of {given.round_frames} frames")
    print(f"{'venue':12}{'parse':>10}{'handle':>10}{'both':>10}")
    for venue, feed in VENUES.items():
        found = asyncio.run(cost(feed, pairs_of(venue, given.pairs), given.per_s, ROUNDS, given.round_frames))
        print(f"{venue:12}{found.parse_us:10.1f}{found.handle_us:10.1f}{found.parse_us + found.handle_us:10.1f}", flush=True)

    print(
        f"\nOver a socket, {given.pairs} pairs, {given.seconds:.0f} s; goal: 2000 trades/s at under 50 % of a core, flat memory"
    )
    print(
        f"{'venue':12}{'sent':>9}{'received':>9}{'a second':>10}{'core':>8}{'worst':>8}{'delay: median':>15}{'99 %':>9}{'max':>9}"
        f"{'candles':>9}{'MB: start':>11}{'middle':>8}{'end':>8}"
    )
    for venue in given.venues:
        with ProcessPoolExecutor(1, get_context("spawn")) as processes:  # a process for each venue, as memory is measured
            run = processes.submit(run_venue, venue, given.pairs, given.per_s, given.seconds).result()
        print(row(venue, run), flush=True)


def run_venue(venue: str, pairs: int, per_s: float, seconds: float) -> Run:
    """Measure one venue; the main function of a process."""
    return asyncio.run(watch(venue, pairs_of(venue, pairs), per_s, seconds, WINDOWS))


def pairs_of(venue: str, count: int) -> list[Pair]:
    """Return pairs of coins that do not exist."""
    return [Pair(f"C{number:02}", "USDT" if VENUES[venue].sends_candles else "USD") for number in range(count)]


def row(venue: str, run: Run) -> str:
    """Return a row of the second table; the share of a core is the median over the windows, then the largest."""
    shares = [(b.cpu_s - a.cpu_s) / (b.at_s - a.at_s) for a, b in pairwise(run.readings)]
    first, middle, last = (run.readings[index] for index in (0, len(run.readings) // 2, -1))
    rate = (last.received - first.received) / (last.at_s - first.at_s)
    others = ", ".join(f"{count} {kind}" for kind, count in sorted(run.others.items()))
    return (
        f"{venue:12}{run.sent:9}{run.received:9}{rate:10.0f}{median(shares):8.1%}{max(shares):8.1%}"
        f"{run.median_ms:12} ms{run.p99_ms:6} ms{run.most_ms:6} ms{last.written:9}"
        f"{first.resident_mb:11.1f}{middle.resident_mb:8.1f}{last.resident_mb:8.1f}  also {others}"
    )


if __name__ == "__main__":
    main()
