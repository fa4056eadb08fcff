"""The worker's memory over millions of candles: `python -m bench.memory [millions]`. It prints figures beside the goal.

The real worker, with ten symbols, runs on a log that generates its candles as they are read and discards what is written. So the
figure is that of the worker alone, and a log of millions needs no disk.
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


class EndlessLog:
    """The consumer's side of a log: candles of ten symbols, a minute apart, with the prices of one simulated day repeated."""

    def __init__(self, records: int) -> None:
        self.records, self.given = records, 0
        self._rows = [cycle(list(simulate_candles(symbol, minutes=1_440, seed=1, start_ms=0))) for symbol in SYMBOLS]
        self._last: deque[bytes] = deque(maxlen=1)

    @asynccontextmanager
    async def consumer(self) -> AsyncIterator[Consumer]:
        """Give the log itself as the consumer."""
        yield self

    async def assignment(self) -> Mapping[int, int]:
        """Assign the only partition."""
        return {0: 1}

    async def open(self, partition: int) -> Restored:  # noqa: ARG002  # there is only one
        """Restore an empty state."""
        return Restored()

    async def seek(self, partition: int, offset: int) -> None:
        """Do nothing: the log is read once, from its beginning."""

    async def end(self, partition: int) -> int:  # noqa: ARG002  # as above
        """Return the end, which grows as the log is read."""
        return self.given

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:  # noqa: ARG002  # there is always more
        """Return the next candles."""
        await asyncio.sleep(0)
        return {0: [self._next() for _ in range(max_records)]}

    def _next(self) -> Record:
        number = self.given % len(SYMBOLS)
        row = next(self._rows[number])._replace(open_time_ms=START_MS + self.given // len(SYMBOLS) * MINUTE_MS)
        candle = CandleText(SYMBOLS[number], *row[:7], source="bench", closed_by="file")
        self.given += 1
        return Record(0, self.given - 1, SYMBOLS[number].encode(), encode_candle(candle))

    async def commit(self, partition: int, commit: Commit) -> None:  # noqa: ARG002  # as above
        """Keep the last signal only."""
        self._last.extend(signal.value for signal in commit.signals)

    async def close(self, partition: int) -> None:
        """Do nothing: nothing is open."""

    def partition_of(self, key: bytes) -> int:  # noqa: ARG002  # there is only one
        """Return the only partition."""
        return 0


def resident_mb() -> float:
    """Return the resident memory of this process, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KB / 1_000


async def main(steps: int, candles: int = MILLION) -> None:
    """Measure after each million candles, or so many, and print a table. Raises what the worker raises."""
    log = EndlessLog(steps * candles)
    worker = Worker(log, RULES, 4_000, Random(1))  # type: ignore[arg-type]  # the worker uses this side of a log only
    running = asyncio.create_task(worker.run())
    print(f"{'candles':>12}{'resident':>12}{'a second':>12}")
    began_s, first_mb = perf_counter(), 0.0
    for done in range(1, steps + 1):
        while log.given < done * candles:
            await asyncio.wait([running], timeout=0.01)
            if running.done():
                running.result()
        first_mb = first_mb or resident_mb()
        print(f"{log.given:12,}{resident_mb():9.1f} MB{log.given / (perf_counter() - began_s):12,.0f}", flush=True)
    running.cancel()
    await asyncio.wait([running])
    print(f"from the first row to the last: {resident_mb() / first_mb - 1:+.1%}  (goal: within 5 %)")


RULES = Rules(EngineConfig(), Decoder(), len(SYMBOLS), snapshot_records=5_000)

if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
