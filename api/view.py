"""The last signal of each symbol. Pure: signals and times in, answers out. Newest event time wins: twice is as good as once."""

from dataclasses import dataclass
from enum import StrEnum

from volcast.core.types import Restoring, Signal

_REPLAY_PAUSE_S = 5.0
_REPLAY_PAUSES = 3


class Status(StrEnum):
    """What a reader must know before using a number; the first that holds."""

    RESTORING = "restoring"
    """The log is still being read, or the consumer rebuilds the symbol's state: this may be an old signal."""
    STALE = "stale"
    """A live source has been silent for longer than it should be."""
    WARMING = "warming"
    """The rolling mean or the forecaster has not seen enough."""
    REPLAYING = "replaying"
    """Signals of the past are arriving from a file."""
    OK = "ok"


@dataclass(slots=True)
class Latest:
    """A symbol's last signal, and when it came."""

    signal: Signal
    arrived_s: float
    spacing_s: float
    """Between its arrival and the one before."""


class View:
    """What the API knows. `now_s` and `arrived_s` are of one monotonic clock, the caller's."""

    def __init__(self, stale_after_s: float) -> None:
        self.signals = 0
        self.caught_up = False
        self._stale_after_s = stale_after_s
        self._latest: dict[str, Latest] = {}
        self._rebuilt: set[str] = set()

    def put(self, signal: Signal | Restoring, arrived_s: float) -> None:
        """Take in a record of `signals`."""
        if isinstance(signal, Restoring):
            (self._rebuilt.discard if signal.done else self._rebuilt.add)(signal.symbol)
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
        """All that have a signal, sorted."""
        return sorted(self._latest)

    def get(self, symbol: str) -> Latest | None:
        """None where the symbol has no signal yet."""
        return self._latest.get(symbol)

    def status(self, latest: Latest, now_s: float) -> Status:
        """What to think of `latest` at `now_s`."""
        age_s = now_s - latest.arrived_s
        if not self.caught_up or latest.signal.symbol in self._rebuilt:
            return Status.RESTORING
        if latest.signal.live and age_s > self._stale_after_s:
            return Status.STALE
        if not latest.signal.warm:
            return Status.WARMING
        if not latest.signal.live and age_s <= max(_REPLAY_PAUSE_S, _REPLAY_PAUSES * latest.spacing_s):
            return Status.REPLAYING
        return Status.OK
