"""`volcast check`: do forecasts know the future, and how long do they remember where the candles began?

`command.py` defines both subcommands. `candles.py` holds what they share, the candles and the engines; `lookahead.py` and
`warmup.py` run a check of `volcast.backtest.checks` and print what it has found.
"""
