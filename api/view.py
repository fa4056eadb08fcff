"""The latest signal of each symbol, and its status. Pure: signals and times in, answers out.

The signal of the latest candle wins, so reading a signal again changes nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

from volcast.core.types import Restoring, Signal

_REPLAY_PAUSE_S = 5.0
_REPLAY_PAUSES = 3


class Status(StrEnum):
    """What a reader must know before using a number. Of several that apply, the first one in this order is given."""

    RESTORING = "restoring"
    """The API is still reading the log, or the consumer is rebuilding the symbol's state: the signal may be an old one."""
    STALE = "stale"
    """A live source has sent nothing for longer than `stale_after_s`."""
    WARMING = "warming"
    """The rolling mean or the forecaster has not seen enough candles."""
    REPLAYING = "replaying"
    """Signals of the past are arriving from a replay."""
    OK = "ok"


@dataclass(slots=True)
class Latest:
    """A symbol's latest signal, and when it arrived."""

    signal: Signal
    arrived_s: float
    spacing_s: float
    """Time between the arrivals of the previous signal and of this one; 0 for the first."""


class View:
    """What the API knows. All times are seconds of one monotonic clock, the caller's."""

    def __init__(self, stale_after_s: float) -> None:
        self.signals = 0
        """Number of signals read."""
        self.caught_up = False
        """Whether every signal that was on the log at the start has been read."""
        self._stale_after_s = stale_after_s
        self._latest: dict[str, Latest] = {}
        self._rebuilding: set[str] = set()

    def put(self, signal: Signal | Restoring, arrived_s: float) -> None:
        """Take in a record of `signals` that arrived at `arrived_s`."""
        if isinstance(signal, Restoring):
            (self._rebuilding.discard if signal.done else self._rebuilding.add)(signal.symbol)
            return
        self.signals += 1
        latest = self._latest.get(signal.symbol)
        if latest is None:
            self._latest[signal.symbol] = Latest(signal, arrived_s, 0.0)
        elif signal.open_time_ms > latest.signal.open_time_ms:
            latest.signal, latest.spacing_s = signal, arrived_s - latest.arrived_s
            latest.arrived_s = arrived_s

    @property
    def symbols(self) -> list[str]:
        """All symbols that have a signal, sorted."""
        return sorted(self._latest)

    def get(self, symbol: str) -> Latest | None:
        """Return the latest signal of a symbol; None if it has none yet."""
        return self._latest.get(symbol)

    def status(self, latest: Latest, now_s: float) -> Status:
        """Return the status of a latest signal at the time `now_s`."""
        age_s = now_s - latest.arrived_s
        if not self.caught_up or latest.signal.symbol in self._rebuilding:
            return Status.RESTORING
        if latest.signal.live and age_s > self._stale_after_s:
            return Status.STALE
        if not latest.signal.warm:
            return Status.WARMING
        if not latest.signal.live and age_s <= max(_REPLAY_PAUSE_S, _REPLAY_PAUSES * latest.spacing_s):
            return Status.REPLAYING
        return Status.OK
