"""Judging forecasts on past candles: `volcast backtest`, `compare` and `fit-prior`. Pure, but for Matplotlib in `report/`.

Read `run.py` first: candles through the production engine. `ledger.py` collects what each model forecast and what happened;
`tracks.py` selects the forecasts that are scored; `comparison.py` scores all models on them, with the losses of `scores.py` and
`interval_scores.py`, and by month and hour with `periods.py`. `report/` turns a comparison into text, Markdown or an HTML page.
`mean_prior.py` averages what several symbols have learned.
"""
