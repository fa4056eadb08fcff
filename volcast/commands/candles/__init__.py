"""Commands that make candle files: `volcast download` and `volcast generate`.

`download.py` fetches past candles of a venue over HTTP, or from Binance's monthly archive; `generate.py` draws candles of a known
random process. Neither needs a log. What they write is read by every command that takes candle files.
"""
