"""What a proof feeds the pipeline with: simulated candles, and all that can be wrong with them; the same by seed. Pure."""

from collections.abc import Callable, Iterator
from random import Random

from volcast.core.codec import CandleText, encode_candle
from volcast.core.types import MINUTE_MS
from volcast.log.contract import KeyValue
from volcast.simulation.market import simulate_candles

HEADER = "timestamp,open,high,low,close,volume_btc,volume_usd"
START_MS = 1_704_067_200_000
_BEFORE_MS = START_MS - MINUTE_MS
"""Garbage tells of a time before all rows: a producer that finds nothing of its own goes on behind it, and misses none."""
_ODD_SHARE = 0.01
_LATE_BY = 7
"""Rows: a late one comes so many after its place."""


def symbols(count: int, partitions: int, partition_of: Callable[[bytes], int]) -> list[str]:
    """`count` names at least, and two at least in each partition."""
    names: list[str] = []
    held = dict.fromkeys(range(partitions), 0)
    while len(names) < count or min(held.values()) < 2:  # noqa: PLR2004  # so that symbols are interleaved
        names.append(f"COIN{len(names)}")
        held[partition_of(names[-1].encode())] += 1
    return names


def rows(symbol: str, minutes: int, seed: int) -> list[str]:
    """A CSV file's rows, its header left out: `minutes` candles, some of them bad, doubled, late or missing."""
    random = Random(f"{symbol} {seed}")  # noqa: S311  # the same rows each time
    made: list[str] = []
    late: list[tuple[int, str]] = []
    candles = [
        f"{c.open_time_ms},{c.open},{c.high},{c.low},{c.close},{c.volume},{c.quote_volume}"
        for c in simulate_candles(symbol, minutes=minutes, seed=seed, start_ms=START_MS)
    ]
    for number, row in enumerate(candles):
        if late and late[0][0] == number:
            made.append(late.pop(0)[1])
        odd = random.choice(("nan", "negative", "fine", "twice", "late", "missing")) if random.random() < _ODD_SHARE else ""
        time_ms, open_, high, low, close, *volumes = row.split(",")
        if odd in {"nan", "negative", "fine"}:
            close = {"nan": "NaN", "negative": f"-{close}", "fine": f"{close}000000001"}[odd]
            made.append(",".join([time_ms, open_, high, low, close, *volumes]))
        elif odd == "late":
            late.append((number + _LATE_BY, row))
        elif odd != "missing":
            made += [row] * (2 if odd == "twice" else 1)
    return made


def garbage(seed: int, names: list[str]) -> Iterator[KeyValue]:
    """Without end: records that are no candles, under keys that are and that are not symbols."""
    random = Random(f"garbage {seed}")  # noqa: S311  # the same each time
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
