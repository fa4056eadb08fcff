"""All forecasts of one symbol: models, their calibration and intervals, and the parameters that a new symbol starts from.

Read `forecaster.py` first: one market, a champion for each horizon, and challengers as shadows. `learner.py` runs one model on
one horizon: it resolves the forecasts that have come due, learns from them, calibrates, and forecasts. `pending.py` keeps its
forecasts until they are due, and `losses.py` defines QLIKE. `distribution/` is what a forecast says beyond its mean: quantiles,
and what follows from them. `intake.py` is how candles come in. `prior.py` reads `prior.json`, the parameters learned on another
market. `whole.py` says whether a signal has all its numbers.
"""
