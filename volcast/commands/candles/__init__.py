"""Commands about candles: `volcast download`, `volcast generate`, `volcast signal` and `volcast simulate-exchange`.

`download.py` fetches past candles of a venue over HTTP, or from Binance's monthly archive; `generate.py` draws candles of a known
random process. What they write is read by every command that takes candle files. `signal.py` is the batch job, and
`simulate_exchange.py` runs a scripted venue to try the live producer on. None of them needs a log.
"""
