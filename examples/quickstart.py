"""Forecast volatility from Python: read candles from a CSV file, step them through the engine, print the last forecasts.

    python examples/quickstart.py [CANDLES.csv]

Without a file it uses the bundled sample: simulated candles, not market data. The engine is the one that the streaming pipeline
runs, so these are the signals that a live run over the same candles would have written.
"""

import sys
from collections import deque
from pathlib import Path

import volcast
from producer.csv_replay import CsvReplay
from volcast.backtest.run import BacktestReplay
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig

SAMPLE = Path(volcast.__file__).parent / "simulation" / "sample" / "BTCUSDT-simulated.csv.gz"


def main() -> None:
    """Replay one file, and print the last five signals."""
    source = CsvReplay(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE)
    decoder = Decoder()
    engine = Engine(source.symbol, EngineConfig(horizons=(60,)), decoder.price_decimals(source.symbol))
    signals = BacktestReplay(engine, decoder).signals(source.candles())
    for signal in deque(signals, maxlen=5):
        print(
            f"{signal.symbol} {signal.close:.2f} · next hour ±{signal.volatility:.2%}"
            f" · 90 %: {signal.price_lower:.2f} to {signal.price_upper:.2f}"
        )


if __name__ == "__main__":
    main()
