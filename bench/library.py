"""What a data frame costs beside the engine: `python -m bench.library`.

The bundled candles run through `Forecaster.run` as a frame of Polars, and through the same decoder and engine without a frame.
Times are processor time; each is the lowest of some rounds, in turns, so that other work on the machine counts little.
"""

import argparse
from pathlib import Path
from time import process_time

import polars as pl

import volcast
from volcast import Forecaster
from volcast.backtest.run import BacktestReplay
from volcast.candle_files.reader import read_candles
from volcast.core.codec import CandleText
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig

SAMPLE = f"{volcast.__path__[0]}/simulation/sample/BTCUSDT-simulated.csv.gz"


def frame_s(frame: pl.DataFrame) -> float:
    """Return the time of `Forecaster.run`."""
    forecaster = Forecaster()
    start = process_time()
    found = forecaster.run(frame)
    spent = process_time() - start
    if not found["candle_status"].eq("accepted").all():
        raise SystemExit("not every row has a forecast")
    return spent


def engine_s(candles: list[CandleText]) -> float:
    """Return the time of the same candles from record to signal."""
    replay = BacktestReplay(Engine("BTCUSDT", EngineConfig(), 8), Decoder())
    start = process_time()
    count = sum(1 for _ in replay.signals(candles))
    spent = process_time() - start
    if count != len(candles):
        raise SystemExit("not every candle has a signal")
    return spent


def main() -> None:
    """Print the time of a row in both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    frame = pl.read_csv(SAMPLE, try_parse_dates=True).head(asked.rows)
    rows = [row for row, _ in zip(read_candles(Path(SAMPLE)), range(len(frame)), strict=False)]
    candles = [CandleText("BTCUSDT", row.open_time_ms, *row[2:], "sample", "file") for row in rows]
    rounds = [(frame_s(frame), engine_s(candles)) for _ in range(asked.rounds)]
    whole, alone = (1e6 * min(times) / len(frame) for times in zip(*rounds, strict=True))
    print(
        f"a row through Forecaster.run: {whole:.1f} µs; from record to signal: {alone:.1f} µs; the frame: {whole - alone:.1f} µs"
    )
    print(f"the frame as a share of the rest: {(whole - alone) / alone:.1%}")


if __name__ == "__main__":
    main()
