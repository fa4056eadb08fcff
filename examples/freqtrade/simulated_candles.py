"""Write candles from `volcast generate` where freqtrade looks for candles of Binance: to try the strategy without an exchange's.

volcast generate --days 5 --symbols BTCUSDT,ETHUSDT --out candles
python simulated_candles.py candles user_data
"""

import sys
from pathlib import Path

import pandas as pd
from freqtrade.data.history import get_datahandler
from freqtrade.enums import CandleType

TIMEFRAMES = {"1m": "1min", "5m": "5min"}
SUMS = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def main() -> None:
    """Write a file for each symbol and timeframe."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2]) / "data/binance"
    target.mkdir(parents=True, exist_ok=True)
    handler = get_datahandler(target, "feather")
    for file in sorted(source.glob("*USDT.csv.gz")):
        candles = pd.read_csv(file, parse_dates=["timestamp"], date_format="%Y-%m-%d %H:%M:%S").rename(columns=plain)
        candles["date"] = candles.pop("timestamp").dt.tz_localize("UTC")
        pair = file.name.removesuffix("USDT.csv.gz") + "/USDT"
        for timeframe, rule in TIMEFRAMES.items():
            whole = candles.set_index("date").resample(rule).agg(SUMS).dropna().reset_index()
            handler.ohlcv_store(pair, timeframe, whole, CandleType.SPOT)
            print(f"{pair} {timeframe}: {len(whole)} candles")


def plain(column: str) -> str:
    """Return `volume` for the volume in the base currency, volume_btc or volume_eth; other names stay as they are."""
    return "volume" if column.startswith("volume_") and column != "volume_usd" else column


if __name__ == "__main__":
    main()
