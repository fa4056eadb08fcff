"""The accuracy of forecasts, with limits: `python -m bench.accuracy [CANDLES…] [--cold-start] [--check]`.

It uses simulated markets, always the same ones, and the candles of the given files; with `--cold-start` first weeks instead.
The forecaster is compared with both HARs and, where the market is simulated, with the true variance of the hour to come. The loss
of the true variance is the noise of an hour's realized variance: no forecast can have a smaller one.

With `--check` the exit code is 1 if a figure misses its limit. Figures do not depend on time; another CPU changes a last digit.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from volcast.backtest.comparison import Comparison, compare
from volcast.backtest.ledger import Ledger
from volcast.backtest.run import BacktestReplay
from volcast.backtest.tracks import Track
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig

from .candles import Recorded, Simulated, as_arrays
from .cold_start import cold_starts

CHAMPION, SHADOWS = "two_stage", ("har", "har_diurnal")
TRUTH = "truth"
HORIZON_MINUTES = 60
LEVEL = 0.9
COLD_MARKET = Simulated("BTCUSDT", 240, 4)
COLD_STARTS = 60


class Figures(NamedTuple):
    """The figures of one market. Ratios below 1 are good."""

    qlike: float
    to_har: float
    """QLIKE divided by that of log-HAR."""
    to_har_diurnal: float
    to_truth: float
    """QLIKE divided by that of the true variance; NaN where it is not known."""
    r2_log: float
    coverage: float
    winkler: float
    """The Winkler score divided by that of HAR-diurnal's tracked interval."""


class Limits(NamedTuple):
    """The limits of the figures; infinite where there is no limit."""

    to_har: float
    to_har_diurnal: float
    to_truth: float
    r2_log: float
    coverage: tuple[float, float]
    winkler: float


MARKETS = {
    Simulated("BTCUSDT", 90, 1): Limits(0.785, 0.825, 2.90, 0.775, (0.89, 0.91), 0.92),
    Simulated("ETHUSDT", 90, 2): Limits(0.750, 0.795, 4.08, 0.720, (0.885, 0.91), 0.885),
    Simulated("SOLUSDT", 90, 3): Limits(0.675, 0.730, 4.52, 0.745, (0.89, 0.915), 0.845),
}
"""The limits are a little worse than the measured figures: accuracy may rise, but not fall by more than a percent or two."""
SHORT = Simulated("BTCUSDT", 14, 7)
SHORT_LIMITS = Limits(0.790, 0.865, 2.41, 0.530, (0.89, 0.93), 0.925)
"""A market that is short enough for the tests."""
REAL_LIMITS = Limits(0.87, 0.89, np.inf, -np.inf, (0.88, 0.92), 0.97)
"""The promised figures for coins and years on which nothing was tuned."""
COLD_LIMITS = (1.0, 1.0)


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="bench.accuracy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "candles", nargs="*", type=Path, metavar="CANDLES", help="CSV files of real one-minute candles, one for each symbol"
    )
    parser.add_argument("--cold-start", action="store_true", help="measure first weeks, from the bundled prior, instead")
    parser.add_argument("--starts", type=int, default=COLD_STARTS, metavar="N", help="number of cold starts (%(default)s)")
    parser.add_argument(
        "--from-share", type=float, default=0.4, metavar="SHARE", help="score after this share of the candles (%(default)s)"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 if a figure misses its limit")
    arguments = parser.parse_args(argv)
    if arguments.cold_start:
        missed = list(cold_start_table(arguments.candles, arguments.starts, arguments.from_share))
    else:
        missed = list(accuracy_table(arguments.candles, arguments.from_share))
    if not arguments.candles:
        print("\nREAL MONTHS WERE NOT SCORED: no candle file was given (make bench-accuracy CANDLES=FILE).")
    for sentence in missed:
        print(f"LIMIT MISSED: {sentence}")
    return 1 if arguments.check and missed else 0


def accuracy_table(files: list[Path], from_share: float) -> Iterator[str]:
    """Print the accuracy of each market, and yield a sentence for each figure that misses its limit."""
    print(f"{'':28}{'QLIKE':>8}{'/ HAR':>8}{'/ HAR-d':>8}{'/ truth':>8}{'R² log':>8}{'cover':>8}{'Winkler':>8}")
    for market, limits in MARKETS.items():
        yield from _line(f"simulated {market.symbol}, {market.days} d", figures(market), limits)
    for path in files:
        stream = Recorded(path)
        yield from _line(path.name.removesuffix(".gz"), figures(stream, from_share), REAL_LIMITS)


def cold_start_table(files: list[Path], starts: int, from_share: float) -> Iterator[str]:
    """Print the losses of cold starts, and yield a sentence for each ratio that misses its limit."""
    print(f"{starts} starts{'':18}{'hours 2-24':>12}{'warm EWMA':>12}{'ratio':>8}{'days 2-7':>12}{'warm HAR':>12}{'ratio':>8}")
    for stream in map(Recorded, files) if files else (COLD_MARKET,):
        found = cold_starts(as_arrays(stream), starts, from_share)
        name = f"{'' if files else 'simulated '}{stream.symbol}"
        day = f"{found.first_day:12.4f}{found.first_day_ewma:12.4f}{found.first_day_ratio:8.3f}"
        print(f"{name:27}{day}{found.first_week:12.4f}{found.first_week_har:12.4f}{found.first_week_ratio:8.3f}", flush=True)
        for what, ratio, limit in zip(
            ("hours 2 to 24 / warm EWMA", "days 2 to 7 / warm log-HAR"),
            (found.first_day_ratio, found.first_week_ratio),
            COLD_LIMITS,
            strict=True,
        ):
            if not ratio <= limit:
                yield f"{name}: {what} is {ratio:.4f}, at most {limit} is allowed"


def figures(stream: Simulated | Recorded, from_share: float = 0.4) -> Figures:
    """Return the figures of one pass over a market."""
    scores = {model.model: model for model in compared(stream, from_share).models}
    mine, har, diurnal = (scores[name] for name in (CHAMPION, *SHADOWS))
    known = scores[TRUTH].qlike if TRUTH in scores else None
    return Figures(
        _number(mine.qlike),
        _ratio(mine.qlike, har.qlike),
        _ratio(mine.qlike, diurnal.qlike),
        _ratio(mine.qlike, known),
        _number(mine.r2_log_median),
        _number(mine.coverage),
        _ratio(mine.winkler, diurnal.winkler),
    )


def compared(stream: Simulated | Recorded, from_share: float) -> Comparison:
    """Compare the champion, both HARs as shadows, and the true variance where it is known."""
    decoder = Decoder()
    engine = Engine(stream.symbol, EngineConfig(horizons=(HORIZON_MINUTES,), interval_level=LEVEL, shadows=SHADOWS), 8)
    replay, ledger = BacktestReplay(engine, decoder), Ledger(stream.minutes, CHAMPION, SHADOWS, (HORIZON_MINUTES,))
    for signal in replay.signals(stream.rows()):
        ledger.add(signal, engine.forecaster.last_predictions, engine.prices.last)
    tracks = ledger.tracks()
    if isinstance(stream, Simulated):
        tracks.append(_known(stream))
    return compare(ledger.truth(), tracks, CHAMPION, symbol=stream.symbol, level=LEVEL, from_share=from_share)


def _known(stream: Simulated) -> Track:
    """Return a track of the true variance of the hour to come, which only a simulation knows."""
    nothing = np.full(stream.minutes, np.nan)
    variance = nothing.copy()
    variance[:-HORIZON_MINUTES] = sliding_window_view(stream.true_variance()[1:], HORIZON_MINUTES).sum(axis=1)
    return Track(
        name=TRUTH, variance=variance, median=nothing, lower=nothing, upper=nothing, return_lower=nothing, return_upper=nothing
    )


def behind(name: str, found: Figures, limits: Limits) -> Iterator[str]:
    """Return a sentence for each figure that misses its limit."""
    for field in ("to_har", "to_har_diurnal", "to_truth", "winkler"):
        value, limit = getattr(found, field), getattr(limits, field)
        if limit < np.inf and not value <= limit:
            yield f"{name}: {field} is {value:.4f}, at most {limit} is allowed"
    if limits.r2_log > -np.inf and not found.r2_log >= limits.r2_log:
        yield f"{name}: r2_log is {found.r2_log:.4f}, at least {limits.r2_log} is expected"
    lowest, highest = limits.coverage
    if not lowest <= found.coverage <= highest:
        yield f"{name}: coverage is {found.coverage:.4f}, from {lowest} to {highest} is expected"


def _line(name: str, found: Figures, limits: Limits) -> Iterator[str]:
    print(f"{name:28}{found.qlike:8.4f}{''.join(f'{value:8.3f}' for value in found[1:])}", flush=True)
    yield from behind(name, found, limits)


def _ratio(value: float | None, by: float | None) -> float:
    return _number(value) / _number(by)


def _number(value: float | None) -> float:
    return np.nan if value is None else value


if __name__ == "__main__":
    sys.exit(main())
