"""The input of a simulated run, by seed: candles of a few symbols, with every kind of bad or unusual record in between."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import exp
from random import Random

from volcast.core.codec import CandleText, encode_candle, encode_gap, encode_revision
from volcast.core.forecast.promotion import Promotion
from volcast.core.types import MINUTE_MS, EngineConfig, Gap
from volcast.log.contract import KeyValue

from .broker import simulated_partition_of

STREAMS = 64
"""The number of different streams; the expected output of each is computed only once."""
DECIMALS = 2
_START_MS = 1_704_067_200_000
_AHEAD_MINUTES = (16, 600, 43_200, 100_000)
"""So far ahead that a candle waits for the next one, and is rejected as `unconfirmed_date` if that does not follow it."""
_FOR_ALL_SHARE = 0.8
_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT")
_UNUSUAL = (
    "duplicate",
    "late",
    "gap",
    "missing",
    "revision",
    "text",
    "negative",
    "fine",
    "other_symbol",
    "bytes",
    "version",
    "wrong_date",
    "jump",
)


@dataclass(frozen=True, slots=True)
class InputStream:
    """The records of one stream, and the settings of the consumer that reads them."""

    config: EngineConfig
    max_symbols: int
    chunks: tuple[tuple[tuple[KeyValue, ...], ...], ...]
    """By partition: the batches of records, in the order in which they are appended."""
    last: tuple[KeyValue, ...]
    """One further candle of each symbol, appended after the run."""

    @property
    def partitions(self) -> int:
        """The number of partitions."""
        return len(self.chunks)

    def promotions(self, random: Random) -> list[Promotion]:
        """Return some promotions of its models, and of one that it does not have; none if it has no challenger."""
        models = (self.config.model, *self.config.shadows, *self.config.shadows)
        return [
            Promotion(
                f"{number:06}",
                random.choice((*models, "unknown")),
                _START_MS + random.randint(0, 60) * MINUTE_MS,
                () if random.random() < _FOR_ALL_SHARE else tuple(random.sample(_SYMBOLS, 2)),
            )
            for number in range(1, random.randint(1, 4) if self.config.shadows else 1)
        ]


@lru_cache(STREAMS)
def input_stream_of(seed: int) -> InputStream:
    """Return the stream of a seed, which is always the same."""
    random = Random(seed)  # noqa: S311  # the same candles each time
    partitions = random.randint(1, 3)
    walks = [_Walk(symbol, random) for symbol in _SYMBOLS[: random.randint(1, len(_SYMBOLS))]]
    records = [record for _ in range(random.randint(15, 32)) for record in random.choice(walks).next()]
    config = EngineConfig(
        window=random.randint(1, 4),
        warmup=random.choice(("zero", "exclude")),
        rate_window=random.choice((8, 20)),
        model="two_stage" if seed % 4 == 0 else "ewma",
        shadows=("last",) if seed % 4 == 1 else (),  # they cost time, so only some streams have them
    )
    chunks = tuple(
        tuple(_chunks([record for record in records if simulated_partition_of(record.key, partitions) == partition], random))
        for partition in range(partitions)
    )
    return InputStream(config, random.choice((1, 2, 10, 10, 10)), chunks, tuple(walk.candle() for walk in walks))


def _chunks(records: list[KeyValue], random: Random) -> Iterator[tuple[KeyValue, ...]]:
    while records:
        size = random.randint(1, 8)
        yield tuple(records[:size])
        records = records[size:]


class _Walk:
    """Generates one symbol's records along a random walk of its price: mostly one good candle a minute."""

    def __init__(self, symbol: str, random: Random) -> None:
        self._key, self._symbol, self._random = symbol.encode(), symbol, random
        self._unusual_share = random.choice((0.0, 0.2, 0.5))
        self._minute, self._close = 0, 100.0

    def next(self) -> Iterator[KeyValue]:
        """Return the next record, or the next few where they belong together."""
        kind = self._random.choice(_UNUSUAL) if self._random.random() < self._unusual_share else ""
        match kind:
            case "duplicate":
                candle = self.candle()
                yield from (candle, candle)
            case "late":
                self._minute += 3
                yield self.candle()
                yield self._of_minute(self._minute - 2)
            case "gap":
                self._minute += 5
                start_ms = _START_MS + (self._minute - 4) * MINUTE_MS
                yield self._record(encode_gap(Gap(self._symbol, start_ms, start_ms + 5 * MINUTE_MS, "simulated", "outage")))
            case "missing":
                self._minute += self._random.randint(1, 90)
                yield self.candle()
            case "revision":
                yield self.candle()
                yield self._record(encode_revision(self._text(self._minute)))
            case "wrong_date":  # a single candle far ahead: it is rejected, and has no effect on what follows
                yield self._of_minute(self._minute + self._random.choice(_AHEAD_MINUTES))
                yield self.candle()
            case "jump":  # as far ahead, but confirmed by a second candle, which is accepted
                self._minute += self._random.choice(_AHEAD_MINUTES)
                yield from (self.candle(), self.candle())
            case "":
                yield self.candle()
            case _:
                yield self._bad(kind)

    def candle(self) -> KeyValue:
        """Return the next good candle."""
        self._minute += 1
        if self._random.random() < 0.8:  # noqa: PLR2004  # otherwise the close does not change
            self._close = max(self._close * exp(self._random.gauss(0.0, 0.002)), 1.0)
        return self._of_minute(self._minute)

    def _of_minute(self, minute: int, price: str | None = None) -> KeyValue:
        return self._record(encode_candle(self._text(minute, price)))

    def _bad(self, kind: str) -> KeyValue:
        good = self.candle()
        match kind:
            case "text" | "negative" | "fine":
                price = {"text": "NaN", "negative": "-1", "fine": "1.2345678901"}[kind]
                return self._of_minute(self._minute, price)
            case "other_symbol":
                return KeyValue(self._key, good.value.replace(self._key, b"DOGEUSDT"))
            case "version":
                return KeyValue(self._key, good.value.replace(b'"v":1', b'"v":2'))
            case _:
                return self._record(self._random.randbytes(9))

    def _text(self, minute: int, price: str | None = None) -> CandleText:
        price = price or f"{self._close:.{DECIMALS}f}"
        open_time_ms = _START_MS + minute * MINUTE_MS
        return CandleText(
            self._symbol, open_time_ms, price, price, price, price, "1.5", "63.0", "simulated", "file", line=minute + 2
        )

    def _record(self, value: bytes) -> KeyValue:
        return KeyValue(self._key, value)
