"""A small exchange on this machine that speaks Binance's REST as far as ccxt needs it: markets, prices, orders.

Orders fill at once at `price`; a stop waits until `touch_stops` is called. ccxt is pointed at it by its own option `urls`.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

FEE = 0.001
"""Of what is bought; taken from it, as exchanges do."""


def market(base: str) -> dict[str, Any]:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.0", "stepSize": "0.00001"},
        {"filterType": "NOTIONAL", "minNotional": "5.0", "applyMinToMarket": True, "maxNotional": "9000000.0"},
    ]
    return {
        "symbol": f"{base}USDT", "status": "TRADING", "baseAsset": base, "quoteAsset": "USDT", "baseAssetPrecision": 8,
        "quotePrecision": 8, "orderTypes": ["LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"], "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False, "filters": filters, "permissions": ["SPOT"],
    }  # fmt: skip


class ScriptedExchange:
    """What the exchange knows. `refuse_stops` makes it refuse new stops; `down` makes it answer 503."""

    def __init__(self, price: float, cash: float = 10_000.0) -> None:
        self.price, self.refuse_stops, self.down = price, False, False
        self.balances = {"USDT": cash, "BTC": 0.0}
        self.orders: list[dict[str, Any]] = []
        self.candles: dict[str, list[list[Any]]] = {}
        """By symbol: its candles of five minutes, as Binance has them."""
        self.address = ""
        self._lock = Lock()

    def ccxt_options(self) -> dict[str, Any]:
        """Return what makes ccxt's binance speak to this exchange alone."""
        hosts = ("public", "private", "v1", "sapi", "sapiV2", "sapiV3", "sapiV4", "fapiPublic", "dapiPublic", "eapiPublic")
        api = dict.fromkeys(hosts, f"{self.address}/api/v3")  # whatever it asked elsewhere is not scripted, and fails here
        options = {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False, "defaultType": "spot"}
        return {"urls": {"api": api}, "options": options}

    def touch_stops(self) -> None:
        with self._lock:
            for order in self.orders:
                if order["status"] == "NEW":
                    self._fill(order, float(order["stopPrice"]))

    def answer(self, method: str, path: str, asked: dict[str, str]) -> tuple[int, Any]:
        with self._lock:
            if self.down:
                return 503, {"msg": "down"}
            if path == "/api/v3/order":
                return self._order(method, asked)
            answers: dict[str, Callable[[], Any]] = {
                "/api/v3/exchangeInfo": lambda: {
                    "timezone": "UTC",
                    "serverTime": 0,
                    "symbols": list(map(market, ("BTC", "ETH", "XRP"))),
                },
                "/api/v3/time": lambda: {"serverTime": time.time_ns() // 1_000_000},
                "/api/v3/klines": lambda: self.candles[asked["symbol"]][-int(asked.get("limit", "500")) :],
                "/api/v3/ticker/24hr": lambda: self._ticker(asked["symbol"]),
                "/api/v3/depth": lambda: {
                    "lastUpdateId": 1,
                    "bids": [[str(self.price), "99"]],
                    "asks": [[str(self.price), "99"]],
                },
                "/api/v3/account": self._account,
            }
            if method == "GET" and path in answers:
                return 200, answers[path]()
            return 404, {"code": -1, "msg": f"{method} {path} is not scripted"}

    def _ticker(self, symbol: str) -> dict[str, Any]:
        last = str(self.price)
        return {"symbol": symbol, "lastPrice": last, "bidPrice": last, "askPrice": last, "closeTime": 0}

    def _account(self) -> dict[str, Any]:
        locked = sum(float(each["origQty"]) for each in self.orders if each["status"] == "NEW")
        cash = {"asset": "USDT", "free": str(self.balances["USDT"]), "locked": "0"}
        coins = {"asset": "BTC", "free": str(self.balances["BTC"] - locked), "locked": str(locked)}
        return {"balances": [cash, coins]}

    def _order(self, method: str, asked: dict[str, str]) -> tuple[int, Any]:
        if method != "POST":
            order = self.orders[int(asked["orderId"]) - 1]
            if method == "DELETE":
                if order["status"] != "NEW":
                    return 400, {"code": -2011, "msg": "Unknown order sent."}
                order["status"] = "CANCELED"
            return 200, order
        if asked["type"] != "MARKET" and self.refuse_stops:
            return 400, {"code": -2010, "msg": "Stop loss orders are not supported for this symbol."}
        number = len(self.orders) + 1
        order = {
            "symbol": asked["symbol"], "orderId": number, "side": asked["side"], "type": asked["type"], "status": "NEW",
            "origQty": asked["quantity"], "executedQty": "0", "cummulativeQuoteQty": "0", "price": "0", "timeInForce": "GTC",
            "stopPrice": asked.get("stopPrice", "0"), "transactTime": 1, "time": 1, "updateTime": 1, "isWorking": True,
        }  # fmt: skip
        if asked["type"] == "MARKET":
            enough = self.price * float(asked["quantity"]) <= self.balances["USDT"]
            if not (enough if asked["side"] == "BUY" else float(asked["quantity"]) <= self.balances["BTC"]):
                return 400, {"code": -2010, "msg": "Account has insufficient balance for requested action."}
            self._fill(order, self.price)
        self.orders.append(order)
        return 200, order

    def _fill(self, order: dict[str, Any], price: float) -> None:
        quantity, sign = float(order["origQty"]), 1 if order["side"] == "BUY" else -1
        order.update(status="FILLED", executedQty=order["origQty"], cummulativeQuoteQty=str(quantity * price))
        self.balances["USDT"] -= sign * quantity * price
        self.balances["BTC"] += sign * quantity * (1 - FEE if sign > 0 else 1)


@contextmanager
def serving(exchange: ScriptedExchange) -> Iterator[ScriptedExchange]:
    """Serve the exchange on a free port, and set its `address`."""

    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            status, answer = exchange.answer(self.command, parts.path, dict(parse_qsl(parts.query) + parse_qsl(body)))
            raw = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_DELETE = _respond  # noqa: N815  # the names that http.server calls

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    exchange.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield exchange
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
