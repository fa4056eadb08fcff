"""`volcast backtest` and `fit-prior`: commands that run files of candles through an engine, without a log.

`command.py` has the options of the backtest and `whole.py` its course: `plan.py` divides the work into jobs (`split.py`: which
models share one), `pool.py` runs them in processes, and each `job.py` leaves its results in `chunks.py` in a folder of
`partials.py`, from which an interrupted run goes on. `series.py` joins them, `files.py` writes what has a row for each candle.
The scores are those of `volcast.backtest`. `fit_prior.py` learns what the forecaster of a new symbol starts from.
"""
