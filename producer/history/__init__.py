"""A venue's past candles into a CSV file that can be replayed, resumed after an interruption: `volcast download`.

Read first `download.py`: the part file, which is complete up to its last `#covered` line at any moment, and the download over
HTTP. Then `binance_archive.py`, which fills the same part file from the zips of Binance's public archive: faster for months and
years.
"""
