"""A freqtrade strategy that sizes each position by a volatility forecast, and opens none without a good one.

Stake and stop come from `sizing.py`: a touched stop costs about the same share of the account in calm and in wild hours. In dry
and live runs volcast's API is asked right before an order. A backtest makes the forecasts itself, by the same code, from
freqtrade's own candles of one minute. When to buy is your own matter: the rule below is an example that earns nothing.
docs/bots.md says how to install it.
"""

import logging
import os
from datetime import UTC, datetime

import pandas as pd
from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy, stoploss_from_absolute
from sizing import Forecast, Position, Rules, forecast_of, size

from volcast import CandleRefusedError, Forecaster
from volcast.client import Client, VolcastError

logger = logging.getLogger(__name__)
MINUTE = "1m"


class VolcastSizing(IStrategy):
    """Long only, one entry a trade; a trade ends at its stop, or when the horizon of its forecast is over."""

    INTERFACE_VERSION = 3
    # Another timeframe works as well; the forecasts are made from candles of one minute all the same. With this one
    # `freqtrade lookahead-analysis` can check them: it cuts off all candles that begin later, so longer ones would lose minutes.
    timeframe = "1m"
    startup_candle_count = 60
    minimal_roi = {"0": 100.0}  # never
    use_custom_stoploss = True
    # If the forecast's own stop is lost. It has to be wider than Rules.max_stop, because freqtrade takes the closer of the two.
    stoploss = -0.06
    rules = Rules()

    def bot_start(self, **_) -> None:
        """Open the connection to the API; in a backtest none is needed."""
        self.sized: dict[str, tuple[Position, Forecast]] = {}
        self.is_live = self.dp.runmode.value in {"live", "dry_run"}
        if self.is_live:
            options = self.config["volcast"]
            self.symbols = options["symbols"]
            # A late answer is no answer: freqtrade waits here, with all other pairs.
            self.client = Client(options["url"], token=os.environ.get("VOLCAST_TOKEN"), timeout_s=5.0)

    def populate_indicators(self, dataframe: pd.DataFrame, metadata: dict) -> pd.DataFrame:
        """Add what the rule needs, and in a backtest the forecasts."""
        dataframe["mean"] = dataframe["close"].rolling(60).mean()
        if self.is_live:
            return dataframe
        forecasts = forecasts_of(self.dp.get_pair_dataframe(metadata["pair"], MINUTE))
        # No lookahead: a candle is dated by its beginning and known at its end, so it gets the last forecast that was made by its
        # end. After a gap that one is old, and `size` refuses it.
        known_at = dataframe["date"] + pd.Timedelta(self.timeframe)
        found = pd.merge_asof(known_at.rename("known_at").to_frame(), forecasts, left_on="known_at", right_index=True)
        return dataframe.join(found[list(Forecast._fields)])

    def populate_entry_trend(self, dataframe: pd.DataFrame, metadata: dict) -> pd.DataFrame:
        """Put your own rule here. A close above its mean is no reason to expect a profit."""
        dataframe.loc[(dataframe["close"] > dataframe["mean"]) & (dataframe["volume"] > 0), "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: pd.DataFrame, metadata: dict) -> pd.DataFrame:
        """Trades end by time or by their stop."""
        return dataframe

    def forecast(self, pair: str) -> Forecast | None:
        """Return the latest forecast. Raises VolcastError if the API has none that may be used."""
        if self.is_live:
            return forecast_of(self.client.latest(self.symbols[pair]))
        dataframe, _ = self.dp.get_analyzed_dataframe(pair, self.timeframe)  # freqtrade cuts it at the time of the backtest
        if dataframe.empty or not isinstance(dataframe.iloc[-1]["alarms"], tuple):
            return None
        found = Forecast(*dataframe.iloc[-1][list(Forecast._fields)])
        return found._replace(valid_until_ms=None) if pd.isna(found.valid_until_ms) else found

    def custom_stake_amount(self, pair: str, current_time: datetime, min_stake: float | None, max_stake: float, **_) -> float:
        """Return the stake; 0 opens nothing."""
        # If this raised an exception, freqtrade would log it and stake what it had proposed itself. So it must not.
        try:
            forecast = self.forecast(pair)
            position = size(self.wallets.get_total_stake_amount(), forecast, round(current_time.timestamp() * 1000), self.rules)
        except VolcastError as why:
            position, forecast = Position(0.0, 0.0, str(why)), None
        except Exception:
            logger.exception("%s: no entry, because the size cannot be calculated", pair)
            return 0.0
        if forecast is None or position.value == 0.0 or position.value < (min_stake or 0.0):
            # freqtrade would raise a stake that is a little too small for the exchange. That would be more than is to be risked.
            logger.info("%s: no entry: %s", pair, position.reason if position.value == 0.0 else "less than the exchange takes")
            return 0.0
        self.sized[pair] = position, forecast
        logger.info("%s: %.2f, %s", pair, position.value, position.reason)
        return min(position.value, max_stake)

    def order_filled(self, pair: str, trade: Trade, order, current_time: datetime, **_) -> None:
        """Keep stop and end with the trade, in freqtrade's database, so that they outlive a restart."""
        if order.ft_order_side == trade.entry_side and pair in self.sized:
            position, forecast = self.sized.pop(pair)
            trade.set_custom_data("stop_price", trade.open_rate * (1.0 - position.stop_distance))
            trade.set_custom_data("horizon_end", forecast.horizon_end_ms / 1000)

    def custom_stoploss(self, trade: Trade, current_rate: float, **_) -> float | None:
        """Return the distance to the stop that was set at the entry. It stays where it is."""
        stop_price = trade.get_custom_data("stop_price")
        # Of a price that is below the stop already, freqtrade would take the distance 0 for no stop at all.
        return None if stop_price is None else max(stoploss_from_absolute(stop_price, current_rate), 0.0001)

    def custom_exit(self, trade: Trade, current_time: datetime, **_) -> str | None:
        """End the trade when its forecast says nothing more about the price."""
        horizon_end = trade.get_custom_data("horizon_end", default=trade.open_date_utc.timestamp() + 3_600)
        return "horizon over" if current_time >= datetime.fromtimestamp(horizon_end, UTC) else None


def forecasts_of(candles: pd.DataFrame) -> pd.DataFrame:
    """Return the forecast after each candle of one minute, by the end of its minute; the columns are those of `Forecast`."""
    forecaster, made = Forecaster(), []
    # freqtrade fills gaps with candles that nobody traded. Here a gap has to stay one.
    for row in candles[candles["volume"] > 0].itertuples():
        try:
            answer = forecaster.update(
                open_time=row.date, open=row.open, high=row.high, low=row.low, close=row.close, volume=row.volume
            )
        except CandleRefusedError:
            continue
        if not answer.waiting:
            made.append(forecast_of(answer))
    if not made:
        raise ValueError(f"{len(candles)} candles of one minute make no forecast; download them with --timeframes 1m")
    table = pd.DataFrame(made, columns=list(Forecast._fields))
    return table.set_index(pd.to_datetime(table["made_at_ms"], unit="ms", utc=True).rename("at"))
