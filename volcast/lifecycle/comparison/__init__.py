"""The nightly comparison: champion and challengers on the same past candles, and which of them should lead.

Read `verdict.py` first: the rule, a pure function of evidence. `outcomes.py` reads the scored outcomes that backtests have
written, `evidence.py` makes of them what the rule judges, and `scores.py` what is only shown. `window.py` gets the candles of
the archive and their hash, `run.py` runs a process for each model, and `compared.py` puts all together. `result.py` is
comparison.json, `losers.py` the challengers of all nights that did not lead; `charts.py`, `markdown.py` and `page.py` show it.
"""
