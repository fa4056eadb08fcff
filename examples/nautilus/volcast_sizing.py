"""A NautilusTrader strategy that sizes each position by a volatility forecast, and opens none without a good one.

The forecaster runs inside the strategy and learns from its bars of one minute, so a backtest and a live run share every line, and
no server is needed. Size and stop come from `sizing.py`. When to buy is your own matter: the rule below is an example that earns
nothing. docs/bots.md says how to install it.
"""

from datetime import timedelta

import pandas as pd
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import OrderSide, OrderType
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy
from sizing import Forecast, Position, Rules, forecast_of, size

from volcast import CandleRefusedError, Forecaster

MINUTE_NS = 60_000_000_000


class VolcastSizingConfig(StrategyConfig, frozen=True):
    """What to trade, and how much of the account to risk; see `sizing.Rules`."""

    instrument_id: InstrumentId
    bar_type: BarType
    risk: float = Rules().risk
    max_share: float = Rules().max_share
    history_days: int = 3
    """Bars that are asked of the venue at the start. The forecaster needs more than a day of them to be warm."""


class VolcastSizing(Strategy):
    """Long only. A position ends at its stop, or when the horizon of its forecast is over."""

    def __init__(self, config: VolcastSizingConfig) -> None:
        super().__init__(config)
        self.forecaster = Forecaster()
        self.rules = Rules(risk=config.risk, max_share=config.max_share)
        self.sized: tuple[Position, Forecast] | None = None

    def on_start(self) -> None:
        """Ask for past bars, and then follow those that come."""
        self.instrument = self.cache.instrument(self.config.instrument_id)
        start = self.clock.utc_now() - timedelta(days=self.config.history_days)
        # One after the other: a forecaster that had seen a new bar would refuse the past ones.
        self.request_bars(self.config.bar_type, start=start, callback=lambda _: self.subscribe_bars(self.config.bar_type))

    def on_historical_data(self, data: object) -> None:
        """Learn from a past bar."""
        if isinstance(data, Bar):
            self.learn(data)

    def on_bar(self, bar: Bar) -> None:
        """Learn from a bar that has closed, and perhaps buy."""
        forecast = self.learn(bar)
        busy = self.cache.orders_open_count(strategy_id=self.id) or self.cache.orders_inflight_count(strategy_id=self.id)
        if busy or not self.portfolio.is_flat(self.config.instrument_id) or not self.wants_to_buy(bar):
            return
        account = self.portfolio.account(self.config.instrument_id.venue)
        equity = account.balance_total(self.instrument.quote_currency).as_double()
        # The time is the clock's, not the bar's: a bar that comes late is stale.
        position = size(equity, forecast, self.clock.timestamp_ms(), self.rules)
        least = self.instrument.min_notional.as_double() if self.instrument.min_notional else 0.0
        if forecast is None or position.value <= least:
            self.log.info(f"no entry: {position.reason if position.value == 0.0 else 'less than the venue takes'}")
            return
        self.sized = position, forecast
        quantity = self.instrument.make_qty(position.value / bar.close.as_double(), round_down=True)
        self.submit_order(self.order_factory.market(self.config.instrument_id, OrderSide.BUY, quantity))

    def wants_to_buy(self, bar: Bar) -> bool:
        """Put your own rule here. A bar that closes above its open is no reason to expect a profit."""
        return bar.close > bar.open

    def learn(self, bar: Bar) -> Forecast | None:
        """Take in a bar, and return the forecast after it; None if there is none."""
        # Nautilus dates a bar by its end, some venues a millisecond before; volcast by its beginning.
        begin_ms = (bar.ts_event - 1) // MINUTE_NS * MINUTE_NS // 1_000_000
        numbers = {name: str(getattr(bar, name)) for name in ("open", "high", "low", "close", "volume")}
        try:
            answer = self.forecaster.update(open_time=begin_ms, **numbers)
        except CandleRefusedError as why:
            self.log.warning(f"the bar was refused: {why}")
            return None
        return None if answer.waiting else forecast_of(answer)

    def on_position_opened(self, event: object) -> None:
        """Leave a stop at the venue, and set the time of the end."""
        position, forecast = self.sized
        stop = self.instrument.make_price(event.avg_px_open * (1.0 - position.stop_distance))
        self.submit_order(self.order_factory.stop_market(event.instrument_id, OrderSide.SELL, event.quantity, stop))
        end = pd.Timestamp(forecast.horizon_end_ms, unit="ms", tz="UTC")
        self.clock.set_time_alert(f"end-{event.position_id}", end, lambda _: self.leave())
        self.log.info(f"{position.value:.2f}, {position.reason}")

    def on_order_rejected(self, event: object) -> None:
        """Hold nothing without a stop, and end: the next one would be rejected, too, and each attempt costs fees."""
        self.log.error(f"an order was rejected: {event.reason}")
        if self.cache.order(event.client_order_id).order_type == OrderType.STOP_MARKET:
            self.stop()

    def on_order_denied(self, event: object) -> None:
        """Hold nothing without a stop, whoever refuses it: the venue, or Nautilus' own check of risks."""
        self.on_order_rejected(event)

    def on_position_closed(self, event: object) -> None:
        """Forget the end of a position that was stopped before."""
        if (name := f"end-{event.position_id}") in self.clock.timer_names:
            self.clock.cancel_timer(name)

    def on_stop(self) -> None:
        """Hold nothing while the strategy does not run."""
        self.leave()

    def leave(self) -> None:
        """Sell what is held."""
        self.cancel_all_orders(self.config.instrument_id)
        self.close_all_positions(self.config.instrument_id)
