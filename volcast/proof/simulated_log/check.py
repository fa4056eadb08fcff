"""Compares a partition of the simulated log with the output that its candles require. The verifier decides."""

from collections.abc import Sequence
from functools import lru_cache

from volcast.core.codec import decode_signal
from volcast.core.types import EngineConfig, Restoring
from volcast.log.contract import Record
from volcast.proof import verifier
from volcast.proof.verifier import Expected, is_notice

from .broker import Partition
from .stream import DECIMALS


@lru_cache(1_024)
def expected_log_output(config: EngineConfig, max_symbols: int, candles: tuple[Record, ...]) -> Expected:
    """Return the output that these candles require. It is cached, as many seeds have the same candles."""
    return verifier.expected_output(config, DECIMALS, max_symbols, candles)


def first_log_difference(number: int, partition: Partition, expected: Expected, *, at_end: bool = False) -> str | None:
    """Return a sentence about the first way in which partition `number` is not as it must be, or None.

    At the end of a run (`at_end`), no symbol may be left whose readers believe that it is being rebuilt.
    """
    difference = verifier.first_difference(partition.signals, partition.rejects, partition.positions.position, expected)
    if difference is None and at_end:
        difference = _still_restoring(partition.signals)
    return f"partition {number}: {difference}" if difference else None


def _still_restoring(signals: Sequence[Record]) -> str | None:
    """Return a sentence about symbols with a notice that a rebuild began and none that it is done, or None."""
    open_symbols: dict[str, None] = {}
    for record in signals:
        if is_notice(record) and isinstance(notice := decode_signal(record.value), Restoring):
            if notice.done:
                open_symbols.pop(notice.symbol, None)
            else:
                open_symbols[notice.symbol] = None
    return f"the rebuild of {', '.join(open_symbols)} was never reported as done" if open_symbols else None
