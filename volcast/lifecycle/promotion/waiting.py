"""Waits until signals show a promotion, and tells at which candle each symbol switched.

It reads the signals that came after the promotion was judged, so that the first one by the new model is among them.
"""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from volcast.core.codec import UNDECODABLE, decode_signal
from volcast.core.types import MINUTE_MS, Signal
from volcast.log.contract import Log, Record, Topic

from .promote import Promoted

_READ_RECORDS, _READ_S = 1_000, 0.25
IDLE_MINUTES = 60
"""A symbol whose last candle is older than the newest of all by more than this is not waited for."""


class Shown(NamedTuple):
    """What signals show of a promotion."""

    switched: Mapping[str, int]
    """By symbol: the opening of the first candle whose signal is by the new model, in milliseconds."""
    waiting: tuple[str, ...]
    """Symbols that were waited for in vain."""
    idle: tuple[str, ...]
    """Symbols without a candle for a while: they switch with their next one."""


async def wait_until_shown(
    log: Log, promoted: Promoted, timeout_s: float, now_s: Callable[[], float], *, later: Collection[str] = ()
) -> Shown:
    """Wait until each symbol for which the model was warm has a signal by it, or for so long. Raises Unavailable.

    It does not wait for the symbols of `later`, which a later promotion concerns.
    """
    idle = idle_symbols(promoted)
    expected = set(promoted.readiness.ready) - set(idle) - set(later)
    switched: dict[str, int] = {}
    until_s = now_s() + timeout_s
    async with log.reader(Topic.SIGNALS, promoted.models.signal_ends) as reader:
        while expected - switched.keys() and now_s() < until_s:
            for record in await reader.read(_READ_RECORDS, _READ_S):
                signal = _signal(record)
                if signal and signal.model == promoted.record.model and signal.open_time_ms >= promoted.record.from_ms:
                    switched.setdefault(signal.symbol, signal.open_time_ms)
    own = {symbol: opened for symbol, opened in sorted(switched.items()) if symbol in expected}
    return Shown(own, tuple(sorted(expected - own.keys())), idle)


def idle_symbols(promoted: Promoted) -> tuple[str, ...]:
    """Return the symbols that would switch, but have had no candle for a while."""
    models = promoted.models
    newest_ms = models.last_open_time_ms
    latest = {each: max(models.symbols[each].open_time_ms, models.unanswered.get(each, 0)) for each in promoted.readiness.ready}
    return tuple(sorted(each for each, opened in latest.items() if newest_ms - opened > IDLE_MINUTES * MINUTE_MS))


def _signal(record: Record) -> Signal | None:
    try:
        found = decode_signal(record.value)
    except UNDECODABLE:
        return None
    return found if isinstance(found, Signal) else None
