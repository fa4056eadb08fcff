"""The streams of a subscription: when the next frame of a pair's candles or trades is due, and what it contains."""

from collections.abc import Callable
from random import Random
from typing import Protocol

from volcast.core.types import MINUTE_MS
from volcast.simulation.exchange.dialects.contract import Dialect, DialectSession

from .active_faults import ActiveFaults
from .faults import MAX_ON_TIME_S, ExchangeFault, FaultKind
from .market import ExchangeMarket
from .trade_generator import MINUTE_US

CLOSED_AFTER_US = (50_000, 200_000)
"""How long after its close a closed candle is published: at least and at most."""


class Delivery(Protocol):
    """The connection to which a stream sends its frames."""

    def send(self, symbol: str, frame: str, *, droppable: bool) -> None:
        """Send a frame now."""

    def send_at(self, due_us: int, symbol: str, frame: Callable[[], str]) -> None:
        """Make and send a frame at a time of the exchange's clock."""


class CandleStream:
    """Sends the open candle every few seconds, and each candle once more when it has closed."""

    def __init__(
        self,
        market: ExchangeMarket,
        dialect: Dialect,
        session: DialectSession,
        delivery: Delivery,
        *,
        active_faults: ActiveFaults,
        random: Random,
        latency_us: int,
        every_us: int,
    ) -> None:
        self._market, self._dialect, self._session, self._delivery = market, dialect, session, delivery
        self._active_faults, self._random = active_faults, random
        self._latency_us, self._every_us = latency_us, every_us
        self._push_us = session.now_us()
        self._open_ms = max(self._push_us // MINUTE_US * MINUTE_MS, market.start_ms)
        self._closed_due_us = self._next_closed_due_us()

    @property
    def due_us(self) -> int:
        """When the next frame is due."""
        return min(self._push_us, self._closed_due_us) + self._latency_us

    def step(self) -> None:
        """Send the next frame."""
        if self._push_us < self._closed_due_us:
            self._push()
        else:
            self._close()

    def _push(self) -> None:
        if self._push_us >= (self._open_ms + MINUTE_MS) * 1_000:
            self._push_us = self._closed_due_us  # the closed candle comes first
            return
        version = self._market.version(self._open_ms, self._push_us)
        self._push_us += self._every_us
        if version is not None:
            frame = self._dialect.candle(self._session, self._market.symbol, self._open_ms, version, closed=False)
            self._delivery.send(self._market.symbol, frame, droppable=True)

    def _close(self) -> None:
        open_ms, close_us = self._open_ms, (self._open_ms + MINUTE_MS) * 1_000
        self._open_ms += MINUTE_MS
        self._closed_due_us = self._next_closed_due_us()
        version = self._market.version(open_ms, close_us)
        if version is None:
            return
        symbol = self._market.symbol
        frame = self._dialect.candle(self._session, symbol, open_ms, version, closed=True)
        if late := self._active_faults.use(FaultKind.LATE):
            self._delivery.send_at(close_us + _delay_us(late) + self._latency_us, symbol, lambda: frame)
        else:
            self._delivery.send(symbol, frame, droppable=True)
        if revision := self._market.revision(open_ms):
            since_us, new = revision
            self._delivery.send_at(
                since_us + self._latency_us,
                symbol,
                lambda: self._dialect.candle(self._session, symbol, open_ms, new, closed=True),
            )

    def _next_closed_due_us(self) -> int:
        return (self._open_ms + MINUTE_MS) * 1_000 + self._random.randint(*CLOSED_AFTER_US)


class TradeStream:
    """Sends each trade when it is published."""

    def __init__(
        self,
        market: ExchangeMarket,
        dialect: Dialect,
        session: DialectSession,
        delivery: Delivery,
        *,
        active_faults: ActiveFaults,
        latency_us: int,
    ) -> None:
        self._market, self._dialect, self._session, self._delivery = market, dialect, session, delivery
        self._active_faults, self._latency_us = active_faults, latency_us
        self._open_ms, self._index = market.first_published(session.now_us())
        self._trades = market.minute(self._open_ms).published

    @property
    def due_us(self) -> int:
        """When the next trade, or the next minute, is due."""
        if self._index < len(self._trades):
            return self._trades[self._index].published_us + self._latency_us
        return (self._open_ms + MINUTE_MS) * 1_000 + self._latency_us

    def step(self) -> None:
        """Send the next trade, or go on to the next minute."""
        if self._index == len(self._trades):
            self._open_ms += MINUTE_MS
            self._trades, self._index = self._market.minute(self._open_ms).published, 0
            return
        trade = self._trades[self._index]
        self._index += 1
        symbol = self._market.symbol
        frame = self._dialect.trades(self._session, symbol, [trade], snapshot=False)
        remaining = len(self._trades) - self._index
        late = self._active_faults.active(FaultKind.LATE)
        if late and trade.time_us == trade.published_us and remaining == self._trades_after_late_one(late):
            self._active_faults.record(late)
            close_us = (self._open_ms + MINUTE_MS) * 1_000
            self._delivery.send_at(close_us + _delay_us(late) + self._latency_us, symbol, lambda: frame)
        else:
            self._delivery.send(symbol, frame, droppable=self._dialect.numbers_frames or remaining > 0)

    def _trades_after_late_one(self, late: ExchangeFault) -> int:
        """Return how many trades of the minute follow the one that is late: none; or one, where the client can see only by a
        later trade of the minute that one is missing.
        """
        return int(late.delay_s > MAX_ON_TIME_S and not self._dialect.numbers_frames)


def _delay_us(late: ExchangeFault) -> int:
    return round(late.delay_s * 1e6)
