"""The quality gate: candles are checked before anything is computed from them, and a failed gate stops the night with its report.

Read `gate.py` first: thresholds, facts, and the one function that judges them. `facts.py` counts the facts of a frame of candles,
with the schema of `schemas.py` (pandera) and the distributions of `shift.py`. `frames.py` makes frames of candle files.
`report.py` shows a verdict; `profile.py` adds the report of fg-data-profiling, which lives in an environment of its own that
`environment.py` makes.
"""
