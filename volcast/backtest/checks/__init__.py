"""Checks of forecasts on a user's candles: do they know the future, how long do they remember where the candles began? Pure.

`recording.py` runs candles through an engine and keeps what it forecasts; `lookahead.py` and `warmup.py` are the two checks of
`volcast check`. `versions.py` compares the live signals with those of a replay from the log, for `volcast replay`.
"""
