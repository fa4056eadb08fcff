"""Checks of forecasts on a user's candles: whether they know the future, and how long they remember where they began. Pure.

`recording.py` runs candles through an engine and keeps what it forecasts; `lookahead.py` and `warmup.py` are the two checks. The
commands in `volcast/commands/check` print what they find.
"""
