"""`volcast backtest`, `compare` and `fit-prior`: commands that run CSV files of candles through an engine, without a log.

`command.py` writes the forecasts of the production model; `compare.py` scores several models; `fit_prior.py` learns what the
forecaster of a new symbol starts from. All three are built on `volcast.cli.wiring.backtest` and `volcast.backtest`.
"""
