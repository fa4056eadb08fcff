"""The streams of a subscription: when the next frame of a pair's candles or trades is due, and what it says."""

from collections.abc import Callable
from random import Random
from typing import Protocol

from volcast.core.types import MINUTE_MS
from volcast.simulation.exchange.dialects.contract import Dialect, DialectSession

from .active_faults import ActiveFaults
from .draw import MINUTE_US
from .faults import MAX_ON_TIME_S, ExchangeFault, FaultKind
from .market import ExchangeMarket

CLOSED_AFTER_US = (50_000, 200_000)
"""A closed candle is told so long after the close."""


class Delivery(Protocol):
    """Where frames go: one connection."""

    def send(self, symbol: str, frame: str, *, droppable: bool) -> None:
        """Now."""

    def send_at(self, due_us: int, symbol: str, frame: Callable[[], str]) -> None:
        """At a time of the exchange's clock; the frame is made then."""


class CandleStream:
    """An open candle every few seconds, and each one once more when it has closed."""

    def __init__(
        self,
        market: ExchangeMarket,
        dialect: Dialect,
        talk: DialectSession,
        outlet: Delivery,
        *,
        strikes: ActiveFaults,
        random: Random,
        latency_us: int,
        every_us: int,
    ) -> None:
        self._market, self._dialect, self._talk, self._outlet = market, dialect, talk, outlet
        self._strikes, self._random = strikes, random
        self._latency_us, self._every_us = latency_us, every_us
        self._push_us = talk.now_us()
        self._open_ms = max(self._push_us // MINUTE_US * MINUTE_MS, market.start_ms)
        self._told_us = self._next_told_us()

    @property
    def due_us(self) -> int:
        """Of the next frame."""
        return min(self._push_us, self._told_us) + self._latency_us

    def step(self) -> None:
        """Sends it."""
        if self._push_us < self._told_us:
            self._push()
        else:
            self._close()

    def _push(self) -> None:
        if self._push_us >= (self._open_ms + MINUTE_MS) * 1_000:
            self._push_us = self._told_us  # the closed one comes first
            return
        version = self._market.version(self._open_ms, self._push_us)
        self._push_us += self._every_us
        if version is not None:
            frame = self._dialect.candle(self._talk, self._market.symbol, self._open_ms, version, closed=False)
            self._outlet.send(self._market.symbol, frame, droppable=True)

    def _close(self) -> None:
        open_ms, close_us = self._open_ms, (self._open_ms + MINUTE_MS) * 1_000
        self._open_ms += MINUTE_MS
        self._told_us = self._next_told_us()
        version = self._market.version(open_ms, close_us)
        if version is None:
            return
        symbol = self._market.symbol
        frame = self._dialect.candle(self._talk, symbol, open_ms, version, closed=True)
        if late := self._strikes.feel(FaultKind.LATE):
            self._outlet.send_at(close_us + _delay_us(late) + self._latency_us, symbol, lambda: frame)
        else:
            self._outlet.send(symbol, frame, droppable=True)
        if revision := self._market.revision(open_ms):
            since_us, new = revision
            self._outlet.send_at(
                since_us + self._latency_us, symbol, lambda: self._dialect.candle(self._talk, symbol, open_ms, new, closed=True)
            )

    def _next_told_us(self) -> int:
        return (self._open_ms + MINUTE_MS) * 1_000 + self._random.randint(*CLOSED_AFTER_US)


class TradeStream:
    """Each trade as it is told."""

    def __init__(
        self,
        market: ExchangeMarket,
        dialect: Dialect,
        talk: DialectSession,
        outlet: Delivery,
        *,
        strikes: ActiveFaults,
        latency_us: int,
    ) -> None:
        self._market, self._dialect, self._talk, self._outlet = market, dialect, talk, outlet
        self._strikes, self._latency_us = strikes, latency_us
        self._open_ms, self._index = market.first_told(talk.now_us())
        self._told = market.minute(self._open_ms).told

    @property
    def due_us(self) -> int:
        """Of the next trade, or of the next minute."""
        if self._index < len(self._told):
            return self._told[self._index].told_us + self._latency_us
        return (self._open_ms + MINUTE_MS) * 1_000 + self._latency_us

    def step(self) -> None:
        """Sends it, or goes on to the next minute."""
        if self._index == len(self._told):
            self._open_ms += MINUTE_MS
            self._told, self._index = self._market.minute(self._open_ms).told, 0
            return
        trade = self._told[self._index]
        self._index += 1
        symbol = self._market.symbol
        frame = self._dialect.trades(self._talk, symbol, [trade], snapshot=False)
        after = len(self._told) - self._index
        late = self._strikes.active(FaultKind.LATE)
        if late and trade.time_us == trade.told_us and after == self._from_last(late):
            self._strikes.felt(late)
            close_us = (self._open_ms + MINUTE_MS) * 1_000
            self._outlet.send_at(close_us + _delay_us(late) + self._latency_us, symbol, lambda: frame)
        else:
            self._outlet.send(symbol, frame, droppable=self._dialect.counts_frames or after > 0)

    def _from_last(self, late: ExchangeFault) -> int:
        """Which trade of a minute comes late, counted from its end: the last; or the one before it, where only a later trade of
        the minute shows that one is missing.
        """
        return int(late.delay_s > MAX_ON_TIME_S and not self._dialect.counts_frames)


def _delay_us(late: ExchangeFault) -> int:
    return round(late.delay_s * 1e6)
