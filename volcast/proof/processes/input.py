"""The input of a proof with real processes: simulated candles, with every kind of bad row in between, by seed. Pure."""

from collections.abc import Callable, Iterator
from random import Random

from volcast.core.codec import CandleText, encode_candle
from volcast.core.types import MINUTE_MS
from volcast.log.contract import KeyValue
from volcast.simulation.market import simulate_candles

HEADER = "timestamp,open,high,low,close,volume_btc,volume_usd"
START_MS = 1_704_067_200_000
_BEFORE_MS = START_MS - MINUTE_MS
"""The time of garbage candles, before all rows: a producer that resumes after one of them still sends every row."""
_BAD_SHARE = 0.01
_LATE_ROWS = 7
"""A late row comes this many rows after its place."""


def symbols(count: int, partitions: int, partition_of: Callable[[bytes], int]) -> list[str]:
    """Return at least `count` symbols, and at least two in each partition."""
    names: list[str] = []
    per_partition = dict.fromkeys(range(partitions), 0)
    while len(names) < count or min(per_partition.values()) < 2:  # noqa: PLR2004  # so that symbols are interleaved
        names.append(f"COIN{len(names)}")
        per_partition[partition_of(names[-1].encode())] += 1
    return names


def rows(symbol: str, minutes: int, seed: int) -> list[str]:
    """Return the rows of a CSV file without its header: `minutes` candles, some of them bad, duplicated, late or missing."""
    random = Random(f"{symbol} {seed}")  # noqa: S311  # not a secret: a seed must repeat its rows
    result: list[str] = []
    late: list[tuple[int, str]] = []
    candles = [
        f"{c.open_time_ms},{c.open},{c.high},{c.low},{c.close},{c.volume},{c.quote_volume}"
        for c in simulate_candles(symbol, minutes=minutes, seed=seed, start_ms=START_MS)
    ]
    for number, row in enumerate(candles):
        if late and late[0][0] == number:
            result.append(late.pop(0)[1])
        defect = random.choice(("nan", "negative", "fine", "twice", "late", "missing")) if random.random() < _BAD_SHARE else ""
        time_ms, open_, high, low, close, *volumes = row.split(",")
        if defect in {"nan", "negative", "fine"}:
            close = {"nan": "NaN", "negative": f"-{close}", "fine": f"{close}000000001"}[defect]
            result.append(",".join([time_ms, open_, high, low, close, *volumes]))
        elif defect == "late":
            late.append((number + _LATE_ROWS, row))
        elif defect != "missing":
            result += [row] * (2 if defect == "twice" else 1)
    return result


def garbage(seed: int, names: list[str]) -> Iterator[KeyValue]:
    """Generate records that are not valid candles, without end, under keys that are symbols and keys that are not."""
    random = Random(f"garbage {seed}")  # noqa: S311  # not a secret: a seed must repeat its records
    while True:
        name = random.choice(names)
        candle = encode_candle(CandleText(name, _BEFORE_MS, "1", "1", "1", "1", "1", "1", source="proof", closed_by="nobody"))
        yield random.choice(
            (
                KeyValue(name.encode(), random.randbytes(random.randint(0, 200))),
                KeyValue(random.choice(names).encode() + b"X", candle),
                KeyValue(name.encode(), candle[: random.randint(0, len(candle) - 1)]),
                KeyValue(name.encode(), candle.replace(b'"v":1', b'"v":2')),
                KeyValue(name.encode(), candle.replace(b":60000", b":300000")),
                KeyValue(name.encode(), candle.replace(b'"1"', b'"1e300"')),
                KeyValue(name.encode(), b"\0" * 70_000),
                KeyValue(b"\xff\xfe", b"\xff"),
            )
        )
