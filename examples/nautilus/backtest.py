"""Run the strategy in Nautilus' backtest engine over candles of one minute, and write what it did as two CSV files.

    volcast generate --days 4 --symbols BTCUSDT --out candles
    python backtest.py candles/BTCUSDT.csv.gz

The candles of `volcast generate` are simulated: they show how the strategy behaves, and nothing about any market.
"""

import sys
from pathlib import Path

import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.objects import Money
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from volcast_sizing import VolcastSizing, VolcastSizingConfig

EQUITY = 10_000


def bars_of(file: Path, bar_type: BarType, instrument: object) -> list[Bar]:
    """Return the candles of a file as bars, which are dated by their end."""
    candles = pd.read_csv(file, parse_dates=["timestamp"], index_col="timestamp").rename(columns={"volume_btc": "volume"})
    candles.index = candles.index.tz_localize("UTC") + pd.Timedelta("1min")
    return BarDataWrangler(bar_type, instrument).process(candles[["open", "high", "low", "close", "volume"]])


def main() -> None:
    """Run the backtest."""
    instrument = TestInstrumentProvider.btcusdt_binance()
    bar_type = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(log_level="INFO")))
    engine.add_venue(instrument.venue, OmsType.NETTING, AccountType.CASH, [Money(EQUITY, USDT)])
    engine.add_instrument(instrument)
    engine.add_data(bars_of(Path(sys.argv[1]), bar_type, instrument))
    engine.add_strategy(VolcastSizing(VolcastSizingConfig(instrument_id=instrument.id, bar_type=bar_type)))
    engine.run()
    engine.trader.generate_positions_report().to_csv("positions.csv")
    engine.trader.generate_orders_report().to_csv("orders.csv")
    engine.dispose()


if __name__ == "__main__":
    main()
