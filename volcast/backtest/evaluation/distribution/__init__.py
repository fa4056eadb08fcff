"""Scores of forecast quantiles: of the return, of the highest and the lowest price, and of realized volatility. Pure.

`forecasts.py` holds quantiles and outcomes; `quantile_scores.py` has CRPS, coverage by level and the PIT; `baseline.py` makes
the simple distribution to compare with; `rows.py` makes quantiles continuous; with it `touch.py` scores probabilities that a
price is touched, and `shortfall.py` tests value at risk and expected shortfall. `judged.py` puts all together for `compare`.
"""
