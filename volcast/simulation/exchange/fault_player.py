"""Applies each fault of a script at its time: to all open connections, to REST, or to the market."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from .active_faults import ActiveFaults
from .connection import ClientSession
from .faults import REFUSES_REST, ExchangeFault, FaultKind
from .market import ExchangeMarket
from .trade_generator import MINUTE_US

_INSTANT = frozenset(
    {FaultKind.CUT, FaultKind.HALF_OPEN, FaultKind.SILENCE, FaultKind.SHUTDOWN_NOTICE, FaultKind.HUGE_FRAME, FaultKind.REVISED}
)


class FaultPlayer:
    """Plays a script of faults. Times are true wall time, in seconds. Faults that ended before the start are left out."""

    def __init__(
        self,
        script: Sequence[ExchangeFault],
        active_faults: ActiveFaults,
        sessions: Collection[ClientSession],
        markets: Mapping[str, ExchangeMarket],
        *,
        wall: Callable[[], float],
        now_us: Callable[[], int],
    ) -> None:
        self.refusals: list[tuple[float, float]] = []
        """Periods (from, to) in which REST refuses requests."""
        self._script = sorted(script, key=lambda fault: fault.at_s)
        self._active_faults, self._sessions, self._markets = active_faults, sessions, markets
        self._wall, self._now_us = wall, now_us
        self._handshakes_refused_until_s = 0.0

    async def run(self) -> None:
        """Apply each fault at its time, until the end of the script."""
        begin_s = self._wall()
        for fault in self._script:
            if fault.at_s + fault.for_s < begin_s:
                continue
            while (wait_s := fault.at_s - self._wall()) > 0.0:  # noqa: ASYNC110  the wall clock may be slower than the loop's
                await asyncio.sleep(wait_s)
            self.apply(fault)

    def handshakes_refused(self) -> bool:
        """Return whether websocket handshakes are refused now."""
        return self._wall() < self._handshakes_refused_until_s

    def apply(self, fault: ExchangeFault) -> None:
        """Apply a fault now."""
        if fault.kind is FaultKind.REVISED:
            self._revise(fault)
        elif fault.kind not in _INSTANT:
            self._activate(fault)
        elif [session for session in list(self._sessions) if self._apply_to(session, fault)]:
            self._active_faults.record(fault)

    def _apply_to(self, session: ClientSession, fault: ExchangeFault) -> bool:
        """Apply a fault of a single moment to one connection, and return whether its client is affected."""
        if session.socket.half_open:
            return False
        match fault.kind:
            case FaultKind.CUT:
                session.socket.cut()
            case FaultKind.HALF_OPEN:
                session.socket.become_half_open()
            case FaultKind.SILENCE:
                symbols = list(self._markets)
                return session.silence(symbols[fault.number % len(symbols)])
            case FaultKind.SHUTDOWN_NOTICE:
                session.announce_cut()
            case _:
                session.corruption.send_oversized(two=fault.number % 2 == 1)
        return True

    def _revise(self, fault: ExchangeFault) -> None:
        markets = list(self._markets.values())
        market = markets[fault.number % len(markets)]
        now_us = self._now_us()
        market.minute(max(now_us // MINUTE_US * 60_000, market.start_ms))
        market.revise_next(round(fault.delay_s * 1e6), lambda: self._active_faults.record(fault))

    def _activate(self, fault: ExchangeFault) -> None:
        self._active_faults.begin(fault)
        now_s = self._wall()
        if fault.kind in REFUSES_REST:
            self.refusals.append((now_s, now_s + fault.for_s))
        self._handshakes_refused_until_s = max(self._handshakes_refused_until_s, now_s + fault.handshakes_s)
        for session in list(self._sessions) if fault.cut else ():
            if not session.socket.half_open:
                session.socket.cut()
                self._active_faults.record(fault)
