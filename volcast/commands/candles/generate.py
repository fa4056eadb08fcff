"""`volcast generate`: write candles of a simulated market as CSV files, the same bytes for the same arguments."""

from datetime import datetime
from pathlib import Path

import click

from volcast.cli.main import UserError
from volcast.cli.outputs import STANDARD_OUTPUT, output
from volcast.cli.params import StartParam, SymbolsParam
from volcast.core.types import MINUTE_MS

MAX_DAYS = 3_650


@click.command("generate")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), default=7, show_default=True, help="Number of days.")
@click.option("--symbols", type=SymbolsParam(), default="BTCUSDT,ETHUSDT", show_default=True, help="Symbols, one file each.")
@click.option("--seed", type=click.IntRange(min=0), default=42, show_default=True, help="Seed of the simulated market.")
@click.option("--start", type=StartParam(), default="2024-01-01", show_default=True, help="First day, UTC.")
@click.option(
    "--correlation",
    type=click.FloatRange(0.0, 1.0),
    default=0.0,
    show_default=True,
    help="Correlation of the symbols' one-minute returns.",
)
@click.option(
    "--volatility-correlation",
    type=click.FloatRange(0.0, 1.0),
    help="Correlation of the symbols' log variances, beside the daily rhythm, which all share.  [default: that of the returns]",
)
@click.option(
    "--breaks",
    "breaks_path",
    type=click.Path(path_type=Path),
    metavar="FILE.yaml",
    help="Breaks to plant in the market or its feed: see docs/simulation.md.",
)
@click.option(
    "--true-volatility", is_flag=True, help="Add a column with the true standard deviation of each minute's log return."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the files SYMBOL.csv.gz, created if missing; - writes one symbol as CSV to standard output.",
)
def command(
    *,
    days: int,
    symbols: tuple[str, ...],
    seed: int,
    start: datetime,
    correlation: float,
    volatility_correlation: float | None,
    breaks_path: Path | None,
    true_volatility: bool,
    out: Path,
) -> None:
    """Write one-minute candles of a simulated market: stochastic volatility with a daily pattern, clustering and jumps.

    The candles are not market data; use them to try volcast out, to compare forecasts with the true volatility, or to see what
    detects a planted break. The same arguments give the same bytes. An existing file is replaced once the new one is complete.
    """
    # NumPy and the modules that need it are imported here: they are not needed by --help.
    from volcast.candle_files.writer import CandleWriter  # noqa: PLC0415
    from volcast.core.market.clock import DAY_MINUTES  # noqa: PLC0415
    from volcast.simulation.breaks import BreakError, check_breaks  # noqa: PLC0415
    from volcast.simulation.draws import Correlation  # noqa: PLC0415
    from volcast.simulation.market import simulate_candles  # noqa: PLC0415

    from .breaks_file import read_breaks  # noqa: PLC0415

    to_stdout = out == STANDARD_OUTPUT
    if to_stdout and len(symbols) > 1:
        raise UserError(f"--out - (standard output) takes one symbol, not {len(symbols)}: give one with --symbols, or a folder")
    start_ms = int(start.timestamp()) * 1_000
    minutes = days * DAY_MINUTES
    breaks = read_breaks(breaks_path) if breaks_path else []
    try:
        check_breaks(breaks, symbols, start_ms, minutes)
    except BreakError as error:
        raise UserError(f"{breaks_path}: {error}") from None
    try:
        alike = Correlation.of(correlation, volatility_correlation)
        simulated = {
            symbol: simulate_candles(symbol, minutes=minutes, seed=seed, start_ms=start_ms, breaks=breaks, correlation=alike)
            for symbol in symbols
        }
    except ValueError as error:
        raise UserError(f"--correlation: {error}") from None
    try:
        if not to_stdout:
            out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot create the folder {out}: {error.strerror}") from None
    for each in breaks:
        click.echo(f"planted: {each.describe(start_ms + minutes * MINUTE_MS)}", err=to_stdout)
    for symbol, candles in simulated.items():
        path, count = (out if to_stdout else out / f"{symbol}.csv.gz"), 0
        stream = output(out) if to_stdout else None
        try:
            with CandleWriter(path, more_columns=["true_volatility"] if true_volatility else (), stream=stream) as writer:
                for open_time_ms, *numbers, sigma in candles:
                    writer.write(open_time_ms, *numbers, *([f"{sigma:.9g}"] if true_volatility else []))
                    count += 1
        except OverflowError as error:
            raise UserError(f"{symbol}: {error}") from None
        click.echo(f"{path}: {count} simulated candles of {symbol} from {start:%Y-%m-%d}, seed {seed}", err=to_stdout)
