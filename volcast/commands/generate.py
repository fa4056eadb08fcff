"""`volcast generate`: candles of a simulated market into CSV files, the same bytes for the same arguments."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from volcast.commands.main import UserError

MAX_DAYS = 3_650
FIRST_YEAR, LAST_YEAR = 1975, 2189
"""So that, ten years on, the consumer still takes the candles."""


class Symbols(click.ParamType[tuple[str, ...]]):
    """Symbols with commas between them."""

    name = "symbol,symbol"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """-> each symbol once, in their order."""
        symbols = tuple(dict.fromkeys(symbol.strip() for symbol in str(value).split(",")))
        for symbol in symbols:
            if not re.fullmatch(r"[A-Z0-9]{1,40}", symbol):
                self.fail(
                    f"{symbol!r} is no symbol: up to 40 capitals A-Z and digits are expected, as in BTCUSDT,ETHUSDT.", param, ctx
                )
        return symbols


class Start(click.ParamType[datetime]):
    """A day, which begins at 00:00 UTC."""

    name = "yyyy-mm-dd"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """-> its first moment."""
        try:
            start = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            start = None
        if start is None or not FIRST_YEAR <= start.year <= LAST_YEAR:
            self.fail(f"{value!r} is no day from {FIRST_YEAR}-01-01 to {LAST_YEAR}-12-31, written YYYY-MM-DD.", param, ctx)
        return start


@click.command("generate")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), default=7, show_default=True, help="How many.")
@click.option("--symbols", type=Symbols(), default="BTCUSDT,ETHUSDT", show_default=True, help="Capitals and digits; a file each.")
@click.option("--seed", type=click.IntRange(min=0), default=42, show_default=True, help="Another seed, another market.")
@click.option("--start", type=Start(), default="2024-01-01", show_default=True, help="The first day, UTC.")
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
    from producer.candle_csv import CandleWriter  # noqa: PLC0415
    from volcast.simulation.market import DAY_MINUTES, simulate  # noqa: PLC0415

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out} can't be made a folder: {error.strerror}.") from None
    start_ms = int(start.timestamp()) * 1_000
    minutes = days * DAY_MINUTES
    for symbol in symbols:
        path = out / f"{symbol}.csv.gz"
        with CandleWriter(path, more_columns=["true_volatility"] if true_volatility else ()) as writer:
            for candle in simulate(symbol, minutes=minutes, seed=seed, start_ms=start_ms):
                open_time_ms, *numbers, sigma = candle
                if true_volatility:
                    numbers.append(f"{sigma:.9g}")
                writer.write(open_time_ms, *numbers)
        click.echo(f"{path}: {minutes} simulated candles of {symbol} from {start:%Y-%m-%d} on, seed {seed}")
