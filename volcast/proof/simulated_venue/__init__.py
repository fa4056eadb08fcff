"""`volcast prove --live`: the live producer against the scripted exchange, over real sockets with TLS, in virtual time.

Read `day.py` first: one simulated day of a venue with its faults, restarts and takeovers. `producers.py` starts and replaces the
live producers of that day; `check.py` compares the log with what the exchange published, and is pure; `run.py` simulates many
days in several processes and adds up their results.
"""
