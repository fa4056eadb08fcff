"""The market of one symbol: what all forecasting models see of its candles. Everything is causal and of bounded size.

Read `state.py` first: its `Market` takes each candle and updates all parts. `features.py` turns candles into log ratios of
exponentially weighted means, which `ewma.py` computes; these are what the models learn from. `realized_variance.py` (windows of
the HAR models), `noise.py` (bid-ask bounce) and `indicators.py` (figures for people) stand beside it. `clock.py` converts UTC to
New York time, and `releases.py` knows when economic news is published.
"""
