"""Candles in CSV files, shared by the producer, the backtest and the commands; nothing here is slow to import.

Read first `reader.py`: the format, and which mistakes make a file unusable. Then `timestamps.py`: which texts are read as the
time a candle opened. Last `writer.py`: gzipped files of the same format, complete or not there at all.
"""
