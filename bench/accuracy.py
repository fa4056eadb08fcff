"""Whether forecasts are as good as they were: `python -m bench.accuracy [CANDLES…] [--cold-start] [--check]`.

Simulated markets, always the same ones, and the candles of files where some are given; with `--cold-start` first weeks instead.
The forecaster is compared with both HARs and, where the market is simulated, with one who knows the variance of each minute to
come: what is left to him is the noise of an hour's realized variance, and below his loss no forecast can come.

`--check` ends with 1 where a figure falls behind its limit. Figures hang on no clock: another CPU changes a last digit.
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
    """Of one market; a ratio below 1 is good."""

    qlike: float
    to_har: float
    """QLIKE / that of log-HAR."""
    to_har_diurnal: float
    to_truth: float
    """QLIKE / that of one who knows the variances to come; NaN where nobody does."""
    r2_log: float
    coverage: float
    winkler: float
    """To that of HAR-diurnal's tracked interval."""


class Limits(NamedTuple):
    """What a figure must not pass, infinite where there is no limit."""

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
"""With limits a little behind what was reached: accuracy may rise, and fall no further than by a percent or two."""
SHORT = Simulated("BTCUSDT", 14, 7)
SHORT_LIMITS = Limits(0.790, 0.865, 2.41, 0.540, (0.89, 0.93), 0.905)
"""What the tests can wait for."""
REAL_LIMITS = Limits(0.87, 0.89, np.inf, -np.inf, (0.88, 0.92), 0.97)
"""As promised for coins and years that nothing was chosen on."""
COLD_LIMITS = (1.0, 1.0)


def main(words: Sequence[str] | None = None) -> int:
    """-> the exit code."""
    parser = argparse.ArgumentParser(
        prog="bench.accuracy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("candles", nargs="*", type=Path, metavar="CANDLES", help="CSV files of real minutes, a symbol each")
    parser.add_argument("--cold-start", action="store_true", help="first weeks, from the bundled prior, instead")
    parser.add_argument("--starts", type=int, default=COLD_STARTS, metavar="N", help="so many of them (%(default)s)")
    parser.add_argument("--from-share", type=float, default=0.4, metavar="SHARE", help="score from there on (%(default)s)")
    parser.add_argument("--check", action="store_true", help="end with 1 where a figure falls behind its limit")
    arguments = parser.parse_args(words)
    if arguments.cold_start:
        wrong = list(cold_start_table(arguments.candles, arguments.starts, arguments.from_share))
    else:
        wrong = list(accuracy_table(arguments.candles, arguments.from_share))
    if not arguments.candles:
        print("\nREAL MONTHS WERE NOT SCORED: no file of candles was given (make bench-accuracy CANDLES=FILE).")
    for sentence in wrong:
        print(f"BEHIND ITS LIMIT: {sentence}")
    return 1 if arguments.check and wrong else 0


def accuracy_table(files: list[Path], from_share: float) -> Iterator[str]:
    """Print it as it grows; -> what lies behind its limit."""
    print(f"{'':28}{'QLIKE':>8}{'/ HAR':>8}{'/ HAR-d':>8}{'/ truth':>8}{'R² log':>8}{'cover':>8}{'Winkler':>8}")
    for market, limits in MARKETS.items():
        yield from _line(f"simulated {market.symbol}, {market.days} d", figures(market), limits)
    for path in files:
        stream = Recorded(path)
        yield from _line(path.name.removesuffix(".gz"), figures(stream, from_share), REAL_LIMITS)


def cold_start_table(files: list[Path], starts: int, from_share: float) -> Iterator[str]:
    """The same for first weeks."""
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
    """One pass over a market."""
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
    """The champion, both HARs in its shadow, and the truth where it is known."""
    decoder = Decoder()
    engine = Engine(stream.symbol, EngineConfig(horizons=(HORIZON_MINUTES,), interval_level=LEVEL, shadows=SHADOWS), 8)
    replay, ledger = BacktestReplay(engine, decoder), Ledger(stream.minutes, CHAMPION, SHADOWS, HORIZON_MINUTES)
    for signal in replay.signals(stream.rows()):
        ledger.add(signal, engine.forecaster.last_predictions)
    tracks = ledger.tracks()
    if isinstance(stream, Simulated):
        tracks.append(_known(stream))
    return compare(ledger.truth(), tracks, CHAMPION, symbol=stream.symbol, level=LEVEL, from_share=from_share)


def _known(stream: Simulated) -> Track:
    """The sum of the variances of the hour to come: what only a simulation can tell."""
    nothing = np.full(stream.minutes, np.nan)
    variance = nothing.copy()
    variance[:-HORIZON_MINUTES] = sliding_window_view(stream.true_variance()[1:], HORIZON_MINUTES).sum(axis=1)
    return Track(
        name=TRUTH, variance=variance, median=nothing, lower=nothing, upper=nothing, return_lower=nothing, return_upper=nothing
    )


def behind(name: str, found: Figures, limits: Limits) -> Iterator[str]:
    """What lies behind its limit, each in a sentence."""
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
