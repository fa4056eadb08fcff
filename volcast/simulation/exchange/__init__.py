"""A scripted exchange: a real websocket and REST server on this machine that speaks the protocol of a venue.

Read `server.py` first. The data: `trade_generator.py` draws trades, `market.py` turns them into candles, `candle_sums.py` adds
them up. Delivery: `connection.py` serves one client, `streams.py` times its frames, `websocket.py` is its socket; `rest.py`
responds over HTTP, `tls.py` makes certificates; `dialects/` has the message formats, a file for each venue. Faults: `faults.py`
(the script), `fault_player.py` (applies it), `active_faults.py` (those in effect now), `corruption.py` (what they do to frames).
"""
