"""`volcast generate`: candles of a simulated market into CSV files, the same bytes for the same arguments."""

from datetime import datetime
from pathlib import Path

import click

from volcast.cli.main import UserError
from volcast.cli.params import StartParam, SymbolsParam

MAX_DAYS = 3_650


@click.command("generate")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), default=7, show_default=True, help="How many.")
@click.option(
    "--symbols", type=SymbolsParam(), default="BTCUSDT,ETHUSDT", show_default=True, help="Capitals and digits; a file each."
)
@click.option("--seed", type=click.IntRange(min=0), default=42, show_default=True, help="Another seed, another market.")
@click.option("--start", type=StartParam(), default="2024-01-01", show_default=True, help="The first day, UTC.")
@click.option(
    "--true-volatility", is_flag=True, help="A further column: the true standard deviation of each minute's log return."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Where SYMBOL.csv.gz goes; made if it isn't there.",
)
def command(*, days: int, symbols: tuple[str, ...], seed: int, start: datetime, true_volatility: bool, out: Path) -> None:
    """Write one-minute candles of a simulated market: stochastic volatility with a daily rhythm, clustering and jumps.

    Made for trying out and for judging forecasts; no market data. A file that is there already is replaced, whole or not at all.
    """
    # numpy and what needs it: not for `--help`.
    from volcast.candle_files.writer import CandleWriter  # noqa: PLC0415
    from volcast.core.market.clock import DAY_MINUTES  # noqa: PLC0415
    from volcast.simulation.market import simulate_candles  # noqa: PLC0415

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out} can't be made a folder: {error.strerror}.") from None
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
        click.echo(f"{path}: {minutes} simulated candles of {symbol} from {start:%Y-%m-%d} on, seed {seed}")
