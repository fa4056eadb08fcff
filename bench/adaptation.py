"""Would a faster-forgetting copy of the champion help? `python -m bench.adaptation [CANDLES…]`, `make bench-adaptation`.

Beside the champion runs a copy that forgets six times as fast. The table has the mean QLIKE of hourly outcomes of the champion,
of the copy, and of a switch: it hands over to the copy while the copy's discounted loss is the lower one, to begin with by 2 %.
It learns the loss of an hour only after it has chosen for it. Simulated markets break after 30 days and count from then on; of
candle files, the first minutes count. Equal arguments print the same table on the same machine; it takes some minutes.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from volcast.core.arrays import Floats
from volcast.core.engine import Engine
from volcast.core.forecast.prior import bundled
from volcast.core.market.clock import DAY_MINUTES, HOUR_MINUTES
from volcast.core.models import is_known, register
from volcast.core.models.contract import Learned, Model
from volcast.core.models.two_stage import TwoStage
from volcast.core.types import MINUTE_MS, Candle, EngineConfig, Signal
from volcast.simulation.breaks import Break, BreakKind

from .drift_streams import PRICE_DECIMALS, START_MS, recorded, simulated

COPY = "two_stage_forgetful"
FORGETTING = 6.0
MEMORY_DAYS = (3, 14)
MARGIN = 0.02
BREAK_DAY, DAYS = 30, 60
SEEDS = (1, 2)
BREAKS = (("variance ×2.25", BreakKind.VARIANCE, 2.25), ("clock shifted by 6 h", BreakKind.RHYTHM, 6.0))
REAL_MINUTES = 200_000


class Switched(NamedTuple):
    """What a switch between two models gives."""

    loss: float
    """Its mean loss."""
    share: float
    """The share of hours of the copy."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="bench.adaptation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("candles", nargs="*", type=Path, metavar="CANDLES", help="candle files of one real market, in order")
    parser.add_argument("--days", type=int, default=DAYS, metavar="N", help="of each simulated market (%(default)s)")
    parser.add_argument("--minutes", type=int, default=REAL_MINUTES, metavar="N", help="of the real one (%(default)s)")
    arguments = parser.parse_args(argv)
    if arguments.days <= BREAK_DAY:
        parser.error(f"--days must be more than {BREAK_DAY}, the day of the break")
    if not is_known(COPY):
        register(COPY, forgetful)
    switches = "".join(f" switch, {days} days | time on the copy |" for days in MEMORY_DAYS)
    print(f"| market | hours | champion | copy | copy - champion (± 2 standard errors) |{switches}")
    print("|---|" + "---|" * (4 + 2 * len(MEMORY_DAYS)), flush=True)
    for name, symbol, candles, from_ms in markets(arguments.candles, arguments.days, arguments.minutes):
        print(row(name, losses(symbol, candles, from_ms)), flush=True)
    if not arguments.candles:
        print("\nNO REAL MARKET: no candle file was given (make bench-adaptation CANDLES=FILE).")
    return 0


def forgetful(horizon_minutes: int, _: Learned | None) -> Model:
    """Return the champion's copy, with the same prior."""
    return TwoStage(horizon_minutes, bundled().learned[horizon_minutes], FORGETTING)


def markets(paths: Sequence[Path], days: int, minutes: int) -> Iterator[tuple[str, str, Iterable[Candle], int]]:
    """Yield the name, the symbol and the candles of each market, and the time from which on its outcomes count."""
    at_ms = START_MS + BREAK_DAY * DAY_MINUTES * MINUTE_MS
    for label, kind, number in BREAKS:
        for seed in SEEDS:
            candles = simulated("BTCUSDT", days, seed, [Break(kind=kind, at_ms=at_ms, number=number)])
            yield f"{label}, seed {seed}", "BTCUSDT", candles, at_ms
    if paths:
        symbol, candles = recorded(paths)
        yield f"{paths[0].name}, {minutes} minutes", symbol, islice(candles, minutes), 0


def losses(symbol: str, candles: Iterable[Candle], from_ms: int) -> Floats:
    """Return (hours, 2) QLIKE of the champion and of the copy, of outcomes at the ends of hours, once the symbol is warm."""
    engine = Engine(symbol, EngineConfig(shadows=(COPY,)), PRICE_DECIMALS)
    found = []
    for candle in candles:
        signal = engine.step(candle)
        if not isinstance(signal, Signal):
            continue
        is_hour_end = signal.open_time_ms // MINUTE_MS % HOUR_MINUTES == HOUR_MINUTES - 1
        if is_hour_end and signal.warm and signal.open_time_ms >= from_ms and signal.outcome is not None:
            found.append((signal.outcome.qlike, signal.shadows[0].qlike))
    return np.array(found, np.float64).reshape(len(found), 2)


def switched(found: Floats, memory_days: float) -> Switched:
    """Return what the switch gives on hourly losses (hours, 2) of champion and copy.

    >>> switched(np.array([[1.0, 0.5]] * 4), 3)
    Switched(loss=0.625, share=0.75)
    """
    keep = 2.0 ** (-1.0 / (24 * memory_days))
    champion = copy = total = 0.0
    hours, is_copy = 0, False
    for of_champion, of_copy in found.tolist():
        total += of_copy if is_copy else of_champion
        hours += is_copy
        champion, copy = champion * keep + of_champion, copy * keep + of_copy
        is_copy = copy < (champion if is_copy else (1.0 - MARGIN) * champion)
    return Switched(total / len(found), hours / len(found))


def row(name: str, found: Floats) -> str:
    """Return the table's row of a market. Hours are taken as independent for the standard error."""
    gaps = found[:, 1] - found[:, 0]
    error = 2 * float(gaps.std()) / len(gaps) ** 0.5
    cells = [name, str(len(found)), *(f"{loss:.4f}" for loss in found.mean(axis=0)), f"{gaps.mean():+.4f} ± {error:.4f}"]
    for each in map(partial(switched, found), MEMORY_DAYS):
        cells += [f"{each.loss:.4f}", f"{100 * each.share:.0f} %"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    raise SystemExit(main())
