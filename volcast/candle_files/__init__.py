"""Candles in CSV files, shared by the producer, the backtest and the commands; nothing here is slow to import.

Read first `reader.py`: the format, and which mistakes make a file unusable. Then `check.py`: what makes a file unusable although
each of its rows looks sound. `reversal.py` reads files that begin with their newest row. `timestamps.py` says which texts are
read as the time a candle opened. Last `writer.py`: gzipped files of the same format, complete or not there at all.
"""
