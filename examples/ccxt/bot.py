"""A bot in a plain loop with ccxt. It asks volcast for a forecast, sizes the position by it, and stands down without a good one.

docs/bots.md says how to install it. Then:

    volcast run --live binance BTCUSDT          # in another terminal
    python bot.py BTC/USDT --volcast-symbol BTCUSDT.BINANCE

This places nothing: it prints what it would do. With `--place-orders` and `--exchange-config FILE.json`, which has what ccxt
takes, apiKey and secret, it buys at the market, leaves a stop at the exchange, and sells when the horizon of the forecast has
passed. What it holds is in `position.json`, so that a restart goes on. A bot for real money needs more: orders that fill in part,
a crash between an order and its note, and a rule when to buy. The one here is an example and earns nothing.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import ccxt
from sizing import Forecast, Position, Rules, forecast_of, size

from volcast.client import Client, LatestForecast, VolcastError

NOTE = Path("position.json")
PAUSE_S = 10.0


def wants_to_buy(latest: LatestForecast) -> bool:
    """Return whether to buy now. Put your own rule here: a close above its rolling mean is no reason to expect a profit."""
    return latest.signal == 1


class Bot:
    """One symbol on one exchange. `now_ms` is given to each method, so that a test can say what time it is."""

    def __init__(self, exchange: ccxt.Exchange, symbol: str, volcast: Client, volcast_symbol: str, rules: Rules) -> None:
        self.exchange, self.symbol, self.rules = exchange, symbol, rules
        self.volcast, self.volcast_symbol = volcast, volcast_symbol
        self.base, self.quote = symbol.split("/")

    def decide(self, equity: float, now_ms: int) -> tuple[Position, Forecast | None]:
        """Return how much to buy, with the forecast that says so."""
        try:
            latest = self.volcast.latest(self.volcast_symbol)
        except VolcastError as why:  # no answer, none in time, or one that must not be used
            return Position(0.0, 0.0, str(why)), None
        forecast = forecast_of(latest)
        position = size(equity, forecast, now_ms, self.rules)
        if position.value and not wants_to_buy(latest):
            position = Position(0.0, 0.0, "the rule does not want to buy")
        return position, forecast

    def round(self, now_ms: int, equity: float | None) -> None:
        """Do what is due. With an `equity` nothing is placed; with None the account's own is used, and orders are real."""
        if equity is None and NOTE.exists():
            self.watch(json.loads(NOTE.read_text()), now_ms)
            return
        worth = self.exchange.fetch_balance()["total"].get(self.quote, 0.0) if equity is None else equity
        # The forecast is asked for last: what was asked before may have taken long.
        position, forecast = self.decide(worth, now_ms)
        price = self.exchange.fetch_ticker(self.symbol)["last"]
        amount, stop = position.value / price, price * (1 - position.stop_distance)
        least = (self.exchange.market(self.symbol)["limits"]["cost"] or {}).get("min") or 0.0
        if position.value <= least:
            reason = position.reason if not position.value else f"{position.value:.2f} is less than the exchange takes"
            say(f"{self.symbol} {price}: nothing to buy, {reason}")
        elif equity is not None:
            say(f"{self.symbol} {price}: would buy {amount:.6f} for {position.value:.2f} {self.quote}, stop at {stop:.2f}")
        else:
            self.buy(amount, stop, forecast.horizon_end_ms if forecast else now_ms)

    def buy(self, amount: float, stop: float, sell_at_ms: int) -> None:
        """Buy at the market and leave a stop at the exchange; without a stop nothing is kept."""
        order = self.exchange.create_order(self.symbol, "market", "buy", self.exchange.amount_to_precision(self.symbol, amount))
        # A fee paid in the base currency leaves less to sell than was bought.
        have = min(order.get("filled") or amount, self.exchange.fetch_balance()["free"].get(self.base, 0.0))
        note = {"amount": self.exchange.amount_to_precision(self.symbol, have), "sell_at_ms": sell_at_ms, "stop_id": None}
        write(note)
        say(f"{self.symbol}: bought {note['amount']}, sells at {time.strftime('%H:%M:%S', time.gmtime(sell_at_ms / 1000))} UTC")
        try:
            at = {"stopLossPrice": self.exchange.price_to_precision(self.symbol, stop)}
            note["stop_id"] = self.exchange.create_order(self.symbol, "market", "sell", note["amount"], None, at)["id"]
        except ccxt.BaseError as why:
            say(f"{self.symbol}: no stop could be placed, so it sells and ends: {why}")
            self.sell(note)
            raise SystemExit(1) from None  # it would fail again, and each attempt costs fees
        write(note)

    def watch(self, note: dict[str, Any], now_ms: int) -> None:
        """Look after what is held. This needs no forecast: volcast may be down."""
        stopped = note["stop_id"] and self.exchange.fetch_order(note["stop_id"], self.symbol)["status"] == "closed"
        if stopped:
            say(f"{self.symbol}: the stop was touched")
            NOTE.unlink()
        elif now_ms >= note["sell_at_ms"] or note["stop_id"] is None:
            self.sell(note)

    def sell(self, note: dict[str, Any]) -> None:
        """Sell at the market what is held."""
        if note["stop_id"]:
            self.exchange.cancel_order(note["stop_id"], self.symbol)
            write({**note, "stop_id": None})
        self.exchange.create_order(self.symbol, "market", "sell", note["amount"])
        NOTE.unlink()
        say(f"{self.symbol}: sold {note['amount']}")


def write(note: dict[str, Any]) -> None:
    """Write down what is held, whole or not at all."""
    draft = NOTE.with_suffix(".new")
    draft.write_text(json.dumps(note))
    draft.replace(NOTE)


def say(text: str) -> None:
    """Print a line with the time."""
    print(time.strftime("%H:%M:%S", time.gmtime()), text, flush=True)


def pair(text: str) -> str:
    """Return a symbol of the spot market, as ccxt writes it."""
    if len(text.split("/")) != 2 or ":" in text:  # noqa: PLR2004  # base and quote
        raise argparse.ArgumentTypeError(f"{text!r} is no pair of the spot market; BTC/USDT is one")
    return text


def config(text: str) -> dict[str, Any]:
    """Return what is in a JSON file."""
    try:
        return dict(json.loads(Path(text).read_text()))
    except (OSError, ValueError, TypeError) as why:
        raise argparse.ArgumentTypeError(f"{text} cannot be read as a JSON object: {why}") from None


def share(text: str) -> float:
    """Return a share between 0 and 1."""
    if not 0.0 < float(text) < 1.0:
        raise argparse.ArgumentTypeError(f"{text} is no share between 0 and 1; 0.001 is 0.1 %")
    return float(text)


def main() -> None:
    """Run the bot until it is interrupted, or for one round."""
    parser = argparse.ArgumentParser(description="A bot with ccxt that places nothing unless told to.")
    parser.add_argument("symbol", type=pair, help="as ccxt writes it, such as BTC/USDT")
    parser.add_argument("--volcast", default="http://127.0.0.1:8000", help="address of volcast's API")
    parser.add_argument("--volcast-symbol", help="as volcast writes it; by default the symbol without the slash")
    parser.add_argument("--exchange", choices=ccxt.exchanges, default="binance", metavar="NAME", help="as ccxt writes it")
    parser.add_argument(
        "--exchange-config", type=config, default={}, metavar="FILE.json", help="what ccxt takes: apiKey, secret, …"
    )
    parser.add_argument("--equity", type=float, default=10_000.0, help="what is assumed while nothing is placed")
    parser.add_argument("--risk", type=share, default=Rules().risk, help="share of the equity that a touched stop costs")
    parser.add_argument("--place-orders", action="store_true", help="place real orders with real money")
    parser.add_argument("--once", action="store_true", help="one round only")
    options = parser.parse_args()
    exchange = getattr(ccxt, options.exchange)({"enableRateLimit": True, "timeout": 10_000, **options.exchange_config})
    client = Client(options.volcast, token=os.environ.get("VOLCAST_TOKEN"), timeout_s=5.0)
    name = options.volcast_symbol or options.symbol.replace("/", "")
    bot = Bot(exchange, options.symbol, client, name, Rules(risk=options.risk))
    while True:
        try:
            exchange.load_markets()  # asks the exchange once
            bot.round(time.time_ns() // 1_000_000, None if options.place_orders else options.equity)
        except ccxt.BaseError as why:  # the next round tries again; a stop waits at the exchange meanwhile
            say(f"{options.exchange}: {type(why).__name__}: {why}")
            if options.once:
                raise SystemExit(1) from None
        if options.once:
            return
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
