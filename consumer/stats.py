"""The worker's numbers for its metrics and its progress bar: what this process did, and what the held partitions contain.

Both are read from another thread while the worker runs, so nothing is iterated while it may grow: copies are.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from volcast.core.codec import Reason
from volcast.timing.durations import Durations

from .batch import Batch
from .shard import Shard

CLOSE_TO_SIGNAL_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""A candle built from trades waits for a later trade: of a pair that trades rarely, a minute and more."""


@dataclass(slots=True)
class WorkerStats:
    """Counters of one worker since its process started."""

    restores: int = 0
    """Partitions opened and restored from the log."""
    rebuilds: int = 0
    """Symbols whose snapshot could not be used."""
    fencings: int = 0
    """Commits and openings that the log refused, because another owner had opened the partition."""
    failed_commits: int = 0
    """Commits without an answer from the log."""
    commits: Durations = field(default_factory=Durations)
    """How long the successful commits took."""
    close_to_signal: Durations = field(default_factory=lambda: Durations(CLOSE_TO_SIGNAL_BOUNDS_S))
    """For candles that arrived live, the time from the end of the minute to the commit of its signal."""
    predictions: Durations = field(default_factory=Durations)
    """For each signal, the time from the reading of its candle to the commit."""
    live_end_ms: dict[int, int] = field(default_factory=dict)
    """By partition, the end of the newest minute whose candle arrived live, in milliseconds since 1970."""
    is_behind: bool = True
    """Whether the worker has yet to come to the end of the log, since its start, an outage or the last opened partition."""
    last_iteration_s: float | None = None
    """When the current iteration of the loop began, by the event loop's clock; None before the first."""

    def add_restore(self, shard: Shard) -> None:
        """Take in that a partition was restored from the log."""
        self.restores += 1
        self.is_behind = True
        self.rebuilds += len(shard.state.unusable)

    def add_batch(self, partition: int, batch: Batch, took_s: float, wall_clock: Callable[[], float] | None) -> None:
        """Take in a batch whose signals were committed `took_s` after its records were read; see `Worker` for `wall_clock`."""
        self.predictions.add(took_s, len(batch.signals))
        if batch.live_ends_ms:
            self.live_end_ms[partition] = max(self.live_end_ms.get(partition, 0), *batch.live_ends_ms)
        if wall_clock:
            now_s = wall_clock()
            for end_ms in batch.live_ends_ms:
                self.close_to_signal.add(max(now_s - end_ms / 1_000, 0.0))


def counts_of_symbol(shards: Mapping[int, Shard], symbol: str) -> dict[str, int] | None:
    """Return how many records of a symbol had each verdict other than accepted; None if no held partition has the symbol."""
    for shard in tuple(shards.values()):
        if symbol in shard.engines:
            return dict(shard.counts.get(symbol) or {})  # a new symbol gets its engine first
    return None


def records_processed(shards: Iterable[Shard]) -> int:
    """Return how many records of producers were processed since the beginning of the log, accepted or not."""
    total = 0
    for shard in tuple(shards):
        engines, counts = tuple(shard.engines.values()), tuple(shard.counts.values())
        total += (
            sum(engine.candles + len(engine.dates.waiting) for engine in engines)
            + sum(each.total() for each in counts)
            + shard.state.rejected.total()
        )
    return total


def rejects_by_reason(shards: Iterable[Shard]) -> Counter[str]:
    """Return how many records were rejected since the beginning of the log, by reason."""
    total = Counter[str]()
    for shard in tuple(shards):
        unconfirmed = sum(counts[Reason.UNCONFIRMED_DATE.value] for counts in tuple(shard.counts.values()))
        total += Counter(dict(shard.state.rejected)) + Counter({Reason.UNCONFIRMED_DATE.value: unconfirmed})
    return total


def restored_share(shard: Shard) -> float:
    """Return the share of the records to be read again that have been read: 0 to 1, and 1 if there are none."""
    records = shard.answered_below - shard.replay_from
    return min((shard.next_offset - shard.replay_from) / records, 1.0) if records else 1.0


def newest_open_time_ms(shard: Shard) -> int | None:
    """Return the open time of the newest candle that the shard has taken in; None before the first."""
    return max((engine.last_open_time_ms for engine in tuple(shard.engines.values()) if engine.candles), default=None)
