"""The faults that are in effect now, and a record of those that a client has noticed."""

from collections import Counter
from collections.abc import Callable

from .faults import ExchangeFault, FaultKind


class ActiveFaults:
    """The state of all lasting faults, shared by all connections and REST. Times are true wall time, in seconds."""

    def __init__(self, wall: Callable[[], float], on_fault: Callable[[ExchangeFault], None] | None = None) -> None:
        self.happened: Counter[str] = Counter()
        """How many faults of each kind have affected a client."""
        self._wall = wall
        self._on_fault = on_fault
        self._until_s: dict[FaultKind, tuple[float, ExchangeFault]] = {}
        self._recorded: set[ExchangeFault] = set()

    def begin(self, fault: ExchangeFault) -> None:
        """Put a fault into effect for as long as it lasts. Of two faults of a kind, the one that ends later counts."""
        until_s = self._wall() + fault.for_s
        current = self._until_s.get(fault.kind)
        if current is None or current[0] <= until_s:
            self._until_s[fault.kind] = until_s, fault

    def active(self, kind: FaultKind) -> ExchangeFault | None:
        """Return the fault of this kind that is in effect, or None."""
        if (current := self._until_s.get(kind)) is None:
            return None
        until_s, fault = current
        if self._wall() >= until_s:
            del self._until_s[kind]
            return None
        return fault

    def none_active(self) -> bool:
        """Return whether no fault is in effect."""
        return not self._until_s

    def record(self, fault: ExchangeFault) -> None:
        """Record that a fault has affected a client. Only the first call for a fault counts."""
        if fault in self._recorded:
            return
        self._recorded.add(fault)
        self.happened[fault.kind.value] += 1
        if self._on_fault:
            self._on_fault(fault)

    def use(self, kind: FaultKind) -> ExchangeFault | None:
        """Return the fault of this kind that is in effect, or None, and record that it affects a client now."""
        if (fault := self.active(kind)) is not None:
            self.record(fault)
        return fault
