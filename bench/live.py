"""Whether the live producer keeps up, beside the aims: `python -m bench.live [--seconds 60]`. It judges nothing.

First what a frame costs, for each venue, without a socket. Then the producer as it is, on a log in a temporary folder; another
process plays the venue over a real websocket on this machine, at real time. What it does is measured from the moment when it has
heard every pair; processor time is that of its whole process, so other load on the machine moves it little, but does move delays.
Its memory grows at first: for duplicates it remembers the trades of some minutes, and the candles of an hour.
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
    parser = argparse.ArgumentParser(description="Whether the live producer keeps up.")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each venue, over a socket (60)")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"of each venue ({PAIRS})")
    parser.add_argument("--per-s", type=float, default=TRADES_PER_S, help=f"trades, of all pairs together ({TRADES_PER_S:.0f})")
    parser.add_argument("--venues", nargs="*", choices=tuple(VENUES), default=STREAMED, help="over a socket")
    parser.add_argument("--round-frames", type=int, default=ROUND_FRAMES, help=f"without a socket ({ROUND_FRAMES})")
    given = parser.parse_args(arguments)

    print(f"A frame without a socket, µs: medians of {ROUNDS} rounds of {given.round_frames}")
    print(f"{'venue':12}{'parsed':>10}{'heard':>10}{'both':>10}")
    for venue, feed in VENUES.items():
        found = asyncio.run(cost(feed, pairs_of(venue, given.pairs), given.per_s, ROUNDS, given.round_frames))
        print(f"{venue:12}{found.parse_us:10.1f}{found.hear_us:10.1f}{found.parse_us + found.hear_us:10.1f}", flush=True)

    print(f"\nOver a socket, {given.pairs} pairs, {given.seconds:.0f} s; aim: 2000 trades/s at under 50 % of a core, memory flat")
    print(
        f"{'venue':12}{'sent':>9}{'heard':>9}{'a second':>10}{'core':>8}{'worst':>8}{'delay: median':>15}{'99 %':>9}{'most':>9}"
        f"{'candles':>9}{'MB: start':>11}{'middle':>8}{'end':>8}"
    )
    for venue in given.venues:
        with ProcessPoolExecutor(1, get_context("spawn")) as processes:  # each in one of its own: so is the memory
            run = processes.submit(watched, venue, given.pairs, given.per_s, given.seconds).result()
        print(row(venue, run), flush=True)


def watched(venue: str, pairs: int, per_s: float, seconds: float) -> Run:
    return asyncio.run(watch(venue, pairs_of(venue, pairs), per_s, seconds, WINDOWS))


def pairs_of(venue: str, count: int) -> list[Pair]:
    """Of coins that don't exist."""
    return [Pair(f"C{number:02}", "USDT" if VENUES[venue].sends_candles else "USD") for number in range(count)]


def row(venue: str, run: Run) -> str:
    """For the second table; the share of a core is the median of the windows, beside the largest."""
    shares = [(b.cpu_s - a.cpu_s) / (b.at_s - a.at_s) for a, b in pairwise(run.readings)]
    first, middle, last = (run.readings[index] for index in (0, len(run.readings) // 2, -1))
    rate = (last.heard - first.heard) / (last.at_s - first.at_s)
    others = ", ".join(f"{count} {kind}" for kind, count in sorted(run.others.items()))
    return (
        f"{venue:12}{run.sent:9}{run.heard:9}{rate:10.0f}{median(shares):8.1%}{max(shares):8.1%}"
        f"{run.median_ms:12} ms{run.p99_ms:6} ms{run.most_ms:6} ms{last.written:9}"
        f"{first.resident_mb:11.1f}{middle.resident_mb:8.1f}{last.resident_mb:8.1f}  beside {others}"
    )


if __name__ == "__main__":
    main()
