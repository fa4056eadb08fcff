"""The night: is the day archived, are its candles good, which model should lead, register it, promote it if asked, tell it.

Read `plan.py` first: what a night is about. `results.py` keeps the result of each step in the archive, once for the same inputs,
`steps.py` and `after.py` are the steps, and `run.py` their order and the exit codes. `standings.py` publishes the league.
`programs.py` calls `volcast` for backtests, promotion and notification, each a process of its own, and `message.py` words what is
told.
"""
