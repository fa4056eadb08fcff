"""Which faults are at work at this moment, and which have struck: told once each, when somebody felt it."""

from collections import Counter
from collections.abc import Callable

from .faults import ExchangeFault, FaultKind


class ActiveFaults:
    """Shared by all connections and REST. Times are true wall time, in seconds."""

    def __init__(self, wall: Callable[[], float], on_fault: Callable[[ExchangeFault], None] | None = None) -> None:
        self.happened: Counter[str] = Counter()
        """Faults that somebody felt, by kind."""
        self._wall = wall
        self._on_fault = on_fault
        self._until_s: dict[FaultKind, tuple[float, ExchangeFault]] = {}
        self._told: set[ExchangeFault] = set()

    def begin(self, fault: ExchangeFault) -> None:
        """It is at work from now on, as long as it lasts."""
        until_s = self._wall() + fault.for_s
        standing = self._until_s.get(fault.kind)
        if standing is None or standing[0] <= until_s:
            self._until_s[fault.kind] = until_s, fault

    def active(self, kind: FaultKind) -> ExchangeFault | None:
        """The fault of this kind that is at work."""
        if (standing := self._until_s.get(kind)) is None:
            return None
        until_s, fault = standing
        if self._wall() >= until_s:
            del self._until_s[kind]
            return None
        return fault

    def calm(self) -> bool:
        """True: none is at work."""
        return not self._until_s

    def felt(self, fault: ExchangeFault) -> None:
        """Somebody did."""
        if fault in self._told:
            return
        self._told.add(fault)
        self.happened[fault.kind.value] += 1
        if self._on_fault:
            self._on_fault(fault)

    def feel(self, kind: FaultKind) -> ExchangeFault | None:
        """As `active`, and somebody feels it now."""
        if (fault := self.active(kind)) is not None:
            self.felt(fault)
        return fault
