"""Whether a partition holds what one undisturbed reader makes of its candles."""

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
def undisturbed_log(config: EngineConfig, max_symbols: int, candles: tuple[Record, ...]) -> Expected:
    """What must have come out; computed once, as many seeds have the same candles."""
    return verifier.undisturbed(config, DECIMALS, max_symbols, candles)


def first_log_difference(number: int, held: Partition, expected: Expected, *, finally_: bool = False) -> str | None:
    """In words: where partition `number` is not as it must be.

    `finally_`, no symbol may be left of which the readers believe that it is being rebuilt.
    """
    found = verifier.first_difference(held.signals, held.rejects, held.positions.position, expected)
    what = found or (_still_restoring(held.signals) if finally_ else None)
    return f"partition {number}: {what}" if what else None


def _still_restoring(signals: Sequence[Record]) -> str | None:
    """A symbol whose readers were told that it is being rebuilt, and never that it is whole again."""
    open_symbols: dict[str, None] = {}
    for record in signals:
        if is_notice(record) and isinstance(notice := decode_signal(record.value), Restoring):
            if notice.done:
                open_symbols.pop(notice.symbol, None)
            else:
                open_symbols[notice.symbol] = None
    return f"{', '.join(open_symbols)} never called whole again" if open_symbols else None
