"""Plays a script of faults: each one at its time, upon all connections that stand then, upon REST, or upon the market."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from .active_faults import ActiveFaults
from .connection import ClientSession
from .draw import MINUTE_US
from .faults import REFUSES_REST, ExchangeFault, FaultKind
from .market import ExchangeMarket

_INSTANT = frozenset(
    {FaultKind.CUT, FaultKind.HALF_OPEN, FaultKind.SILENCE, FaultKind.SHUTDOWN_NOTICE, FaultKind.HUGE_FRAME, FaultKind.REVISED}
)


class FaultPlayer:
    """Times are true wall time, in seconds. What was over before it began is left out."""

    def __init__(
        self,
        script: Sequence[ExchangeFault],
        strikes: ActiveFaults,
        lines: Collection[ClientSession],
        markets: Mapping[str, ExchangeMarket],
        *,
        wall: Callable[[], float],
        now_us: Callable[[], int],
    ) -> None:
        self.refusals: list[tuple[float, float]] = []
        self._script = sorted(script, key=lambda fault: fault.at_s)
        self._strikes, self._lines, self._markets, self._wall, self._now_us = strikes, lines, markets, wall, now_us
        self._handshakes_again_s = 0.0

    async def run(self) -> None:
        """Until the script's end."""
        begin_s = self._wall()
        for fault in self._script:
            if fault.at_s + fault.for_s < begin_s:
                continue
            while (wait_s := fault.at_s - self._wall()) > 0.0:  # noqa: ASYNC110  the wall's clock may be slower than the loop's
                await asyncio.sleep(wait_s)
            self.strike(fault)

    def handshakes_refused(self) -> bool:
        """In the first time of a refusal."""
        return self._wall() < self._handshakes_again_s

    def strike(self, fault: ExchangeFault) -> None:
        """Now."""
        if fault.kind is FaultKind.REVISED:
            self._revise(fault)
        elif fault.kind not in _INSTANT:
            self._begin(fault)
        elif [line for line in list(self._lines) if self._hit(line, fault)]:
            self._strikes.felt(fault)

    def _hit(self, line: ClientSession, fault: ExchangeFault) -> bool:
        """-> whether this connection feels it."""
        if line.wire.deaf:
            return False
        match fault.kind:
            case FaultKind.CUT:
                line.wire.cut()
            case FaultKind.HALF_OPEN:
                line.wire.go_deaf()
            case FaultKind.SILENCE:
                symbols = list(self._markets)
                return line.silence(symbols[fault.number % len(symbols)])
            case FaultKind.SHUTDOWN_NOTICE:
                line.give_notice()
            case _:
                line.spoiler.huge(two=fault.number % 2 == 1)
        return True

    def _revise(self, fault: ExchangeFault) -> None:
        markets = list(self._markets.values())
        market = markets[fault.number % len(markets)]
        now_us = self._now_us()
        market.minute(max(now_us // MINUTE_US * 60_000, market.start_ms))
        market.revise_next(round(fault.delay_s * 1e6), lambda: self._strikes.felt(fault))

    def _begin(self, fault: ExchangeFault) -> None:
        self._strikes.begin(fault)
        now_s = self._wall()
        if fault.kind in REFUSES_REST:
            self.refusals.append((now_s, now_s + fault.for_s))
        self._handshakes_again_s = max(self._handshakes_again_s, now_s + fault.handshakes_s)
        for line in list(self._lines) if fault.cut else ():
            if not line.wire.deaf:
                line.wire.cut()
                self._strikes.felt(fault)
