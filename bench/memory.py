"""Whether memory stays flat, whatever has come: `python -m bench.memory [millions]`. It judges nothing.

The worker as it is, with ten symbols, on a log that makes its candles as they are read and forgets what is written: so the figure
is the engine room's own, and a log of millions needs no disk.
"""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from random import Random
from time import perf_counter

from consumer.rules import Rules
from consumer.worker import Worker
from volcast.core.codec import CandleText, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.types import MINUTE_MS, EngineConfig
from volcast.log.contract import Commit, Consumer, Record, Restored
from volcast.simulation.market import simulate_candles

SYMBOLS = [f"S{number}" for number in range(10)]
START_MS = 1_704_067_200_000
MILLION = 1_000_000
PAGE_KB = 4


class Endless:
    """A log's consuming end: `records` candles of ten symbols, a day of simulated prices over and over, a minute apart."""

    def __init__(self, records: int) -> None:
        self.records, self.given = records, 0
        self._rows = [cycle(list(simulate_candles(symbol, minutes=1_440, seed=1, start_ms=0))) for symbol in SYMBOLS]
        self._last: deque[bytes] = deque(maxlen=1)

    @asynccontextmanager
    async def consumer(self) -> AsyncIterator[Consumer]:
        """Itself."""
        yield self

    async def assignment(self) -> Mapping[int, int]:
        """One partition."""
        return {0: 1}

    async def open(self, partition: int) -> Restored:  # noqa: ARG002  # there is but one
        """Nothing is there yet."""
        return Restored()

    async def seek(self, partition: int, offset: int) -> None:
        """It is read once, from its beginning."""

    async def end(self, partition: int) -> int:  # noqa: ARG002  # as above
        """It grows as it is read."""
        return self.given

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:  # noqa: ARG002  # there is always more
        """The next candles."""
        await asyncio.sleep(0)
        return {0: [self._next() for _ in range(max_records)]}

    def _next(self) -> Record:
        number = self.given % len(SYMBOLS)
        row = next(self._rows[number])._replace(open_time_ms=START_MS + self.given // len(SYMBOLS) * MINUTE_MS)
        candle = CandleText(SYMBOLS[number], *row[:7], source="bench", closed_by="file")
        self.given += 1
        return Record(0, self.given - 1, SYMBOLS[number].encode(), encode_candle(candle))

    async def commit(self, partition: int, commit: Commit) -> None:  # noqa: ARG002  # as above
        """Keep the last record only."""
        self._last.extend(signal.value for signal in commit.signals)

    async def close(self, partition: int) -> None:
        """Nothing is open."""


def resident_mb() -> float:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KB / 1_000


async def main(millions: int) -> None:
    """Measure after each million."""
    log = Endless(millions * MILLION)
    worker = Worker(log, RULES, 500, Random(1))  # type: ignore[arg-type]  # of a log, the worker uses this end only
    running = asyncio.create_task(worker.run())
    print(f"{'candles':>12}{'resident':>12}{'a second':>12}")
    began_s, first_mb = perf_counter(), 0.0
    for done in range(1, millions + 1):
        while log.given < done * MILLION:
            await asyncio.sleep(0.01)
        first_mb = first_mb or resident_mb()
        print(f"{log.given:12,}{resident_mb():9.1f} MB{log.given / (perf_counter() - began_s):12,.0f}", flush=True)
    running.cancel()
    await asyncio.wait([running])
    print(f"from the first million to the last: {resident_mb() / first_mb - 1:+.1%}  (aim: within 5 %)")


RULES = Rules(EngineConfig(), Decoder(), len(SYMBOLS), snapshot_records=5_000)

if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
