"""An engine's snapshot in this version's format, the candles after it and their signals: later versions are held to them.

Made once, by `python -m tests.golden.make`. A change of the format makes new ones; of the old, the snapshot stays: it must be
refused by its number.
"""

from pathlib import Path

from tests.market import DECIMALS, SYMBOL, prices, record
from volcast.core import snapshot
from volcast.core.codec import encode_signal
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import Candle, EngineConfig, Signal


def of_format(number: int, kind: str) -> Path:
    """A file that a version of this format has made."""
    return Path(__file__).parent / f"engine-format-{number}.{kind}"


SNAPSHOT, CANDLES, SIGNALS = (
    of_format(snapshot.SNAPSHOT_FORMAT, kind) for kind in ("snapshot", "candles.jsonl", "signals.jsonl")
)
POSITION = 3_001
CONFIG = EngineConfig(horizons=(60, 15), shadows=("ewma",), prior="none")
COUNTS = {"duplicate": 2, "late": 1}


def follow(engine: Engine, records: list[bytes]) -> list[bytes]:
    """-> the signals of these records of `candles`."""
    candles = [one for one in (Decoder(DECIMALS).decode(SYMBOL.encode(), value) for value in records) if isinstance(one, Candle)]
    return [encode_signal(answer) for answer in map(engine.step, candles) if isinstance(answer, Signal)]


def main() -> None:
    """Write the three files: 3000 candles with a gap, then eight more, a gap before the last two."""
    minutes = [*range(1_000), *range(1_030, 3_036), 3_100, 3_101]
    records = [record(minute, close) for minute, close in zip(minutes, prices(len(minutes), seed=2024), strict=True)]
    engine = Engine(SYMBOL, CONFIG, DECIMALS)
    follow(engine, records[:3_000])
    SNAPSHOT.write_bytes(snapshot.encode_snapshot(engine, POSITION, COUNTS))
    CANDLES.write_bytes(b"\n".join(records[3_000:]) + b"\n")
    SIGNALS.write_bytes(b"\n".join(follow(engine, records[3_000:])) + b"\n")


if __name__ == "__main__":
    main()
