"""Promotion: which model leads from which candle on, who decided it and why. It needs no library of the extra.

Read `record.py` first: a promotion is a record on the topic `models`, chained to the one before by its SHA-256. `trail.py` reads
and verifies that chain, and compares it with the markers on `candles`. `readiness.py` reads from the log which model leads each
symbol and which challengers are warm. `promote.py` writes a promotion and looks whether it came in time, `rollback.py` plans the
way back, `waiting.py` waits until signals show it, and `evidence.py` reads a comparison. `losses.py` compares two models.
"""
