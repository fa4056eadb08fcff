"""`volcast generate`: write candles of a simulated market as CSV files, the same bytes for the same arguments."""

from datetime import datetime
from pathlib import Path

import click

from volcast.cli.main import UserError
from volcast.cli.params import StartParam, SymbolsParam

MAX_DAYS = 3_650


@click.command("generate")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), default=7, show_default=True, help="Number of days.")
@click.option("--symbols", type=SymbolsParam(), default="BTCUSDT,ETHUSDT", show_default=True, help="Symbols, one file each.")
@click.option("--seed", type=click.IntRange(min=0), default=42, show_default=True, help="Seed of the simulated market.")
@click.option("--start", type=StartParam(), default="2024-01-01", show_default=True, help="First day, UTC.")
@click.option(
    "--true-volatility", is_flag=True, help="Add a column with the true standard deviation of each minute's log return."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for the files SYMBOL.csv.gz; created if missing.",
)
def command(*, days: int, symbols: tuple[str, ...], seed: int, start: datetime, true_volatility: bool, out: Path) -> None:
    """Write one-minute candles of a simulated market: stochastic volatility with a daily pattern, clustering and jumps.

    The candles are not market data; use them to try volcast out, or to compare forecasts with the true volatility. An existing
    file is replaced once the new one is complete.
    """
    # NumPy and the modules that need it are imported here: they are not needed by --help.
    from volcast.candle_files.writer import CandleWriter  # noqa: PLC0415
    from volcast.core.market.clock import DAY_MINUTES  # noqa: PLC0415
    from volcast.simulation.market import simulate_candles  # noqa: PLC0415

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot create the folder {out}: {error.strerror}") from None
    start_ms = int(start.timestamp()) * 1_000
    minutes = days * DAY_MINUTES
    for symbol in symbols:
        path = out / f"{symbol}.csv.gz"
        with CandleWriter(path, more_columns=["true_volatility"] if true_volatility else ()) as writer:
            for candle in simulate_candles(symbol, minutes=minutes, seed=seed, start_ms=start_ms):
                open_time_ms, *numbers, sigma = candle
                if true_volatility:
                    numbers.append(f"{sigma:.9g}")
                writer.write(open_time_ms, *numbers)
        click.echo(f"{path}: {minutes} simulated candles of {symbol} from {start:%Y-%m-%d}, seed {seed}")
