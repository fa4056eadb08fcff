"""Data files of the batch job for tests, and what their signals are by the definition, in fractions."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

HEADER = "timestamp,open,high,low,close,volume_btc,volume_usd"
BEGIN = datetime(2024, 1, 1)  # noqa: DTZ001  # a text without a zone is written
SAMPLE = Path(__file__).parents[3] / "volcast/simulation/sample/BTCUSDT-simulated.csv.gz"


def time_of(row: int) -> str:
    return str(BEGIN + timedelta(minutes=row))


def candle_lines(closes: Iterable[str]) -> list[str]:
    """Return the header and a row for each close."""
    return [HEADER, *(f"{time_of(row)},1,2,0.5,{close},10,{row}.5" for row, close in enumerate(closes))]


def write_text(path: Path, lines: Iterable[str], end: str = "\n") -> Path:
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def write_candles(path: Path, closes: Iterable[str], end: str = "\n") -> Path:
    return write_text(path, candle_lines(closes), end)


def ones_by_definition(closes: Sequence[str], window: int) -> int:
    numbers = [Fraction(close) for close in closes]
    means = {at: sum(numbers[at - window + 1 : at + 1]) / window for at in range(window - 1, len(numbers))}
    return sum(numbers[at] > mean for at, mean in means.items())
