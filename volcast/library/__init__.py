"""Forecasts in a notebook or a strategy, without a server: `from volcast import Forecaster`.

`forecaster.py` is what users call. `frames.py` reads data frames of pandas, Polars and Arrow as rows of candles, `series.py` runs
the rows of one symbol through the engine, and `columns.py` and `output.py` turn signals into columns of the same frame.
`forecast.py` answers questions about the last candle, `saved_file.py` keeps a forecaster in a file, and `describe.py` says in
words what a notebook shows. `errors.py` says what can go wrong. The numbers are those of the stream: rows pass the same decoder
and the same engine.
"""
