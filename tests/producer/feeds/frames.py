"""Handwritten frames and responses of each venue, for the suites that run on all venues."""

from decimal import Decimal

from producer.feeds.contract import VenueCandle

BINANCE = {
    "closed candle": (
        '{"stream":"ethusdt@kline_1m","data":{"e":"kline","E":1767225660041,"s":"ETHUSDT","k":{"t":1767225600000,"T":1767225659999,'
        '"s":"ETHUSDT","i":"1m","f":700,"L":711,"o":"2981.40000000","c":"2982.15000000","h":"2983.00000000","l":"2980.01000000",'
        '"v":"41.25000000","n":12,"x":true,"q":"122999.50000000","V":"20.1","Q":"59941.1","B":"0"}}}'
    ),
    "open candle, bare": (
        '{"e":"kline","E":1767225662000,"s":"ETHUSDT","k":{"t":1767225660000,"T":1767225719999,"s":"ETHUSDT","i":"1m","f":712,'
        '"L":712,"o":"2982.1","c":"2982.1","h":"2982.1","l":"2982.1","v":"0.5","n":1,"x":false,"q":"1491.05","V":"0","Q":"0","B":"0"}}'
    ),
    "trade": (
        '{"stream":"ethusdt@trade","data":{"e":"trade","E":1767225661500,"s":"ETHUSDT","t":712,"p":"2982.10","q":"0.5",'
        '"T":1767225661499,"m":true,"M":true}}'
    ),
    "aggregate trade, bare": (
        '{"e":"aggTrade","E":1767225661500,"s":"ETHUSDT","a":93,"p":"2982.10","q":"0.5","f":712,"l":713,"T":1767225661499,"m":false}'
    ),
    "acknowledgment": '{"result":null,"id":3}',
    "refusal": '{"code":2,"msg":"Invalid request: unknown property","id":3}',
    "refusal within": '{"error":{"code":3,"msg":"Invalid JSON"},"id":null}',
    "shutdown": '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1767225661500}}',
    "shutdown, bare": '{"e":"serverShutdown","E":1767225661500}',
    "book": '{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":1767225661500,"s":"ETHUSDT","b":[],"a":[]}}',
    "best": '{"stream":"ethusdt@bookTicker","data":{"u":4,"s":"ETHUSDT","b":"2982.0","B":"1","a":"2982.1","A":"2"}}',
    "five minutes": (
        '{"e":"kline","E":1767225662000,"s":"ETHUSDT","k":{"t":1767225600000,"i":"5m","o":"1","c":"1","h":"1","l":"1","v":"0",'
        '"x":true,"q":"0"}}'
    ),
}

COINBASE = {
    "trades": (
        '{"channel":"market_trades","client_id":"","timestamp":"2026-01-01T00:01:01.500123Z","sequence_num":17,"events":['
        '{"type":"update","trades":[{"trade_id":"5002","product_id":"ETH-USD","price":"2982.11","size":"0.25","side":"SELL",'
        '"time":"2026-01-01T00:01:01.400002Z"},{"trade_id":"5001","product_id":"ETH-USD","price":"2982.10","size":"0.5",'
        '"side":"BUY","time":"2026-01-01T00:01:01.400001Z"}]}]}'
    ),
    "snapshot": (
        '{"channel":"market_trades","timestamp":"2026-01-01T00:01:00Z","sequence_num":2,"events":[{"type":"snapshot","trades":['
        '{"trade_id":"5000","product_id":"ETH-USD","price":"2982","size":"1","side":"BUY","time":"2026-01-01T00:00:59.9999999Z"}]}]}'
    ),
    "snapshot and update": (
        '{"channel":"market_trades","timestamp":"2026-01-01T00:01:00Z","sequence_num":3,"events":[{"type":"snapshot","trades":[]},'
        '{"type":"update","trades":[{"trade_id":"5003","product_id":"ETH-USD","price":"2982","size":"1","side":"BUY",'
        '"time":"2026-01-01T00:01:00Z"}]}]}'
    ),
    "heartbeat": (
        '{"channel":"heartbeats","client_id":"","timestamp":"2026-01-01T00:01:02.25Z","sequence_num":18,"events":[{"current_time":'
        '"2026-01-01 00:01:02.250000000+00:00","heartbeat_counter":9}]}'
    ),
    "acknowledgment": (
        '{"channel":"subscriptions","timestamp":"2026-01-01T00:01:00Z","sequence_num":0,"events":[{"subscriptions":'
        '{"market_trades":["ETH-USD","BTC-USD"]}}]}'
    ),
    "candles of five minutes": (
        '{"channel":"candles","timestamp":"2026-01-01T00:01:00Z","sequence_num":4,"events":[{"type":"update","candles":[{"start":'
        '"1767225600","high":"2","low":"1","open":"1","close":"2","volume":"3","product_id":"ETH-USD"}]}]}'
    ),
    "refusal": '{"type":"error","message":"Failed to subscribe","reason":"no such product"}',
    "match": (
        '{"type":"match","trade_id":71,"sequence":900,"maker_order_id":"a","taker_order_id":"b","time":"2026-01-01T00:01:03.000009Z",'
        '"product_id":"ETH-USD","size":"0.1","price":"2982.5","side":"buy"}'
    ),
    "last match": (
        '{"type":"last_match","trade_id":70,"time":"2026-01-01T00:00:03Z","product_id":"ETH-USD","size":"0.1","price":"2982.5"}'
    ),
    "older heartbeat": (
        '{"type":"heartbeat","sequence":90,"last_trade_id":71,"product_id":"ETH-USD","time":"2026-01-01T00:01:04.5Z"}'
    ),
    "older acknowledgment": '{"type":"subscriptions","channels":[{"name":"matches","product_ids":["ETH-USD"]}]}',
    "older book": '{"type":"l2update","product_id":"ETH-USD","changes":[["buy","1","2"]],"time":"2026-01-01T00:01:04.5Z"}',
}

KRAKEN = {
    "trades": (
        '{"channel":"trade","type":"update","data":[{"symbol":"ETH/USD","side":"buy","price":2982.10,"qty":0.50000000,'
        '"ord_type":"limit","trade_id":880,"timestamp":"2026-01-01T00:01:01.400001Z"},{"symbol":"ETH/USD","side":"sell","price":2982,'
        '"qty":1.5e-7,"ord_type":"market","trade_id":881,"timestamp":"2026-01-01T00:01:01.400001999Z"}]}'
    ),
    "snapshot": (
        '{"channel":"trade","type":"snapshot","data":[{"symbol":"ETH/USD","side":"buy","price":2981.0,"qty":0.1,"ord_type":"limit",'
        '"trade_id":879,"timestamp":"2026-01-01T00:00:01.4Z"}]}'
    ),
    "candle": (
        '{"channel":"ohlc","type":"update","timestamp":"2026-01-01T00:01:02.806315597Z","data":[{"symbol":"ETH/USD","open":2981.4,'
        '"high":2983.0,"low":2980.01,"close":2982.15,"vwap":2981.8,"trades":12,"volume":41.25000001,"interval_begin":'
        '"2026-01-01T00:01:00.000000000Z","interval":1,"timestamp":"2026-01-01T00:02:00.000000Z"}]}'
    ),
    "candle of five minutes": (
        '{"channel":"ohlc","type":"update","timestamp":"2026-01-01T00:01:02Z","data":[{"symbol":"ETH/USD","open":1,"high":1,"low":1,'
        '"close":1,"vwap":1,"trades":1,"volume":1,"interval_begin":"2026-01-01T00:00:00Z","interval":5}]}'
    ),
    "heartbeat": '{"channel":"heartbeat"}',
    "status": (
        '{"channel":"status","type":"update","data":[{"system":"online","api_version":"v2","connection_id":12,"version":"2.0.9"}]}'
    ),
    "pong": '{"method":"pong","req_id":4,"time_in":"2026-01-01T00:01:02.1Z","time_out":"2026-01-01T00:01:02.100045Z"}',
    "acknowledgment": (
        '{"method":"subscribe","result":{"channel":"trade","symbol":"ETH/USD","snapshot":false},"success":true,'
        '"time_in":"2026-01-01T00:01:00.1Z","time_out":"2026-01-01T00:01:00.2Z","req_id":1}'
    ),
    "refusal": (
        '{"error":"Currency pair not supported ETH/XYZ","method":"subscribe","req_id":1,"success":false,"symbol":"ETH/XYZ",'
        '"time_in":"2026-01-01T00:01:00.1Z","time_out":"2026-01-01T00:01:00.2Z"}'
    ),
}

BYBIT = {
    "closed candle": (
        '{"topic":"kline.1.ETHUSDT","type":"snapshot","ts":1767225660020,"data":[{"start":1767225600000,"end":1767225659999,'
        '"interval":"1","open":"2981.4","close":"2982.15","high":"2983","low":"2980.01","volume":"41.25","turnover":"122999.5",'
        '"confirm":true,"timestamp":1767225660010}]}'
    ),
    "open candle": (
        '{"topic":"kline.1.ETHUSDT","type":"snapshot","ts":1767225661020,"data":[{"start":1767225660000,"end":1767225719999,'
        '"interval":"1","open":"2982.1","close":"2982.1","high":"2982.1","low":"2982.1","volume":"0","turnover":"0",'
        '"confirm":false,"timestamp":1767225661000}]}'
    ),
    "five minutes": (
        '{"topic":"kline.5.ETHUSDT","type":"snapshot","ts":1767225661020,"data":[{"start":1767225600000,"end":1767225899999,'
        '"interval":"5","open":"1","close":"1","high":"1","low":"1","volume":"1","turnover":"1","confirm":true,"timestamp":1}]}'
    ),
    "trades": (
        '{"topic":"publicTrade.ETHUSDT","type":"snapshot","ts":1767225661501,"data":[{"T":1767225661499,"s":"ETHUSDT","S":"Buy",'
        '"v":"0.5","p":"2982.10","i":"2290000000067299876","BT":false},{"T":1767225661500,"s":"ETHUSDT","S":"Sell","v":"0.1",'
        '"p":"2982.00","i":"2290000000067299877","BT":false}]}'
    ),
    "trades of a derivative": (
        '{"topic":"publicTrade.ETHUSDT","type":"snapshot","ts":1767225661501,"data":[{"T":1767225661499,"s":"ETHUSDT","S":"Buy",'
        '"v":"0.5","p":"2982.10","i":"0b9f3d51-77aa-5d0a-9a60-0a2b3c4d5e6f","BT":false}]}'
    ),
    "book": '{"topic":"orderbook.1.ETHUSDT","type":"delta","ts":1767225661501,"data":{"s":"ETHUSDT","b":[],"a":[]}}',
    "acknowledgment": '{"success":true,"ret_msg":"","conn_id":"c-1","req_id":"2","op":"subscribe"}',
    "refusal": '{"success":false,"ret_msg":"Invalid topic: kline.1.ETHXYZ","conn_id":"c-1","req_id":"2","op":"subscribe"}',
    "refusal of nothing known": '{"success":false,"ret_msg":"Params Error","conn_id":"c-1","req_id":"","op":""}',
    "pong": '{"success":true,"ret_msg":"pong","conn_id":"c-1","op":"ping"}',
    "other pong": '{"req_id":"7","op":"pong","args":["1767225661501"],"conn_id":"c-1"}',
}

OKX = {
    "closed candle": (
        '{"arg":{"channel":"candle1m","instId":"ETH-USDT"},"data":[["1767225600000","2981.4","2983","2980.01","2982.15","41.25",'
        '"122999.5","122999.5","1"]]}'
    ),
    "open candle": (
        '{"arg":{"channel":"candle1m","instId":"ETH-USDT"},"data":[["1767225660000","2982.1","2982.1","2982.1","2982.1","0","0","0",'
        '"0"]]}'
    ),
    "a day": ('{"arg":{"channel":"candle1Dutc","instId":"ETH-USDT"},"data":[["1767225600000","1","1","1","1","1","1","1","1"]]}'),
    "trades": (
        '{"arg":{"channel":"trades","instId":"ETH-USDT"},"data":[{"instId":"ETH-USDT","tradeId":"4411","px":"2982.1","sz":"0.5",'
        '"side":"buy","ts":"1767225661499","count":"3"}]}'
    ),
    "ticker": '{"arg":{"channel":"tickers","instId":"ETH-USDT"},"data":[{"instId":"ETH-USDT","last":"2982.1"}]}',
    "acknowledgment": '{"event":"subscribe","arg":{"channel":"candle1m","instId":"ETH-USDT"},"connId":"a1"}',
    "refusal": '{"event":"error","code":"60018","msg":"Wrong URL or channel doesn\'t exist","connId":"a1"}',
    "upgrade": '{"event":"notice","code":"64008","msg":"This connection closes soon for an upgrade.","connId":"a1"}',
    "notice": '{"event":"notice","code":"60099","msg":"something else","connId":"a1"}',
    "pong": "pong",
}

BITSTAMP = {
    "trade": (
        '{"event":"trade","channel":"live_trades_ethusd","data":{"id":300000001,"timestamp":"1767225661","microtimestamp":'
        '"1767225661499001","amount":0.5,"amount_str":"0.50000000","price":2982.1,"price_str":"2982.10","type":1,'
        '"buy_order_id":1,"sell_order_id":2}}'
    ),
    "book": (
        '{"event":"data","channel":"diff_order_book_ethusd","data":{"timestamp":"1767225661","microtimestamp":"1767225661499001",'
        '"bids":[],"asks":[]}}'
    ),
    "acknowledgment": '{"event":"bts:subscription_succeeded","channel":"live_trades_ethusd","data":{}}',
    "refusal": '{"event":"bts:error","channel":"","data":{"code":null,"message":"Bad subscription string."}}',
    "reconnect": '{"event":"bts:request_reconnect","channel":"","data":""}',
    "pong": '{"event":"bts:heartbeat","channel":"","data":{"status":"success"}}',
}

FRAMES = {"binance": BINANCE, "coinbase": COINBASE, "kraken": KRAKEN, "bybit": BYBIT, "okx": OKX, "bitstamp": BITSTAMP}

PAGES = {
    "binance": (
        b'[[1767225600000,"2981.4","2983.0","2980.01","2982.15","41.25",1767225659999,"122999.5",12,"20","59000","0"],'
        b'[1767225660000,"2982.1","2982.1","2982.1","2982.1","0",1767225719999,"0",0,"0","0","0"]]'
    ),
    "coinbase": (
        b'{"candles":[{"start":"1767225660","low":"2982.1","high":"2982.1","open":"2982.1","close":"2982.1","volume":"0"},'
        b'{"start":"1767225600","low":"2980.01","high":"2983.0","open":"2981.4","close":"2982.15","volume":"41.25"}]}'
    ),
    "kraken": (
        b'{"error":[],"result":{"XETHZUSD":[[1767225600,"2981.4","2983.0","2980.01","2982.15","2981.8","41.25",12],'
        b'[1767225660,"2982.1","2982.1","2982.1","2982.1","0","0",0]],"last":1767225600}}'
    ),
    "bybit": (
        b'{"retCode":0,"retMsg":"OK","result":{"category":"spot","symbol":"ETHUSDT","list":['
        b'["1767225660000","2982.1","2982.1","2982.1","2982.1","0","0"],'
        b'["1767225600000","2981.4","2983","2980.01","2982.15","41.25","122999.5"]]},"retExtInfo":{},"time":1767225661000}'
    ),
    "okx": (
        b'{"code":"0","msg":"","data":[["1767225660000","2982.1","2982.1","2982.1","2982.1","0","0","0","1"],'
        b'["1767225600000","2981.4","2983","2980.01","2982.15","41.25","122999.5","122999.5","1"]]}'
    ),
    "bitstamp": (
        b'{"data":{"pair":"ETH/USD","ohlc":[{"timestamp":"1767225600","open":"2981.4","high":"2983.0","low":"2980.01",'
        b'"close":"2982.15","volume":"41.25"},{"timestamp":"1767225660","open":"2982.1","high":"2982.1","low":"2982.1",'
        b'"close":"2982.1","volume":"0"}]}}'
    ),
}


def first_minute(pair: str, *, closed: bool = True, quote: bool = True) -> VenueCandle:
    """Return the candle of 2026-01-01 00:00 that most of the frames contain."""
    prices = (Decimal("2981.4"), Decimal(2983), Decimal("2980.01"), Decimal("2982.15"))
    return VenueCandle(pair, 1_767_225_600_000, *prices, Decimal("41.25"), Decimal("122999.5") if quote else None, closed)
