"""`volcast replay`: runs the candles on a log through fresh engines, and compares what they say with the live signals.

`command.py` has the options; `read.py` reads candles and signals and runs the engines; `show.py` prints what was found. Nothing
is written to the log, and nobody who works on it notices.
"""
