"""Writes the golden files: an engine's snapshot in the current format, the candles that follow it, and their signals.

They are written once per format, by `python -m tests.golden.make`, and later versions must reproduce the signals. When the format
changes, new files are written, and of the old ones the snapshot stays: it must be refused by its number.
"""

from pathlib import Path

from tests.market import DECIMALS, SYMBOL, prices, record
from volcast.core import snapshot
from volcast.core.codec import encode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Signal


def of_format(number: int, kind: str) -> Path:
    """Return the path of a golden file of this format."""
    return Path(__file__).parent / f"engine-format-{number}.{kind}"


SNAPSHOT, CANDLES, SIGNALS = (
    of_format(snapshot.SNAPSHOT_FORMAT, kind) for kind in ("snapshot", "candles.jsonl", "signals.jsonl")
)
POSITION = 3_001
CONFIG = EngineConfig(horizons=(60, 15), shadows=("ewma",), prior="none")
COUNTS = {"duplicate": 2, "late": 1}


def signals_of(engine: Engine, records: list[bytes]) -> list[bytes]:
    """Return the signals of these records of `candles`, encoded."""
    candles = [one for one in (Decoder(DECIMALS).decode(SYMBOL.encode(), value) for value in records) if isinstance(one, Candle)]
    return [encode_signal(signal) for signal in map(engine.step, candles) if isinstance(signal, Signal)]


def main() -> None:
    """Write the three files: a snapshot after 3000 candles with a gap, then eight candles with a gap before the last two."""
    minutes = [*range(1_000), *range(1_030, 3_036), 3_100, 3_101]
    records = [record(minute, close) for minute, close in zip(minutes, prices(len(minutes), seed=2024), strict=True)]
    engine = Engine(SYMBOL, CONFIG, DECIMALS)
    signals_of(engine, records[:3_000])
    SNAPSHOT.write_bytes(snapshot.encode_snapshot(engine, POSITION, COUNTS))
    CANDLES.write_bytes(b"\n".join(records[3_000:]) + b"\n")
    SIGNALS.write_bytes(b"\n".join(signals_of(engine, records[3_000:])) + b"\n")


if __name__ == "__main__":
    main()
