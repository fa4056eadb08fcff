"""Forecasts in a notebook or a strategy, without a server: `from volcast import Forecaster`.

`forecaster.py` is what users call. `frames.py` reads data frames of pandas, Polars and Arrow as rows of candles, `series.py` runs
the rows of one symbol through the engine, and `columns.py` and `output.py` turn signals into columns of the same frame.
`frame_run.py` checks these rows and takes them in. `forecast.py` answers questions about the last candle, `saved_file.py` keeps a
forecaster in a file, `settings.py` checks its arguments, and `describe.py` and `html.py` show it in a terminal and a notebook.
`errors.py` says what can go wrong. The numbers are those of the stream: rows pass the same decoder and the same engine.
"""
