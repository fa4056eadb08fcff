"""The commands of `volcast`: one module each, or a package where a command has subcommands or several modes.

Read `consume.py` first: it is the shortest, and shows how every command is built from options, wiring and services. Then
`produce.py` and `serve.py`, the rest of the pipeline; `run/` is the three of them in one process. `backtest/` has the commands
that forecast from files; `rejects/` and `state/` work on a log; `lifecycle/` has what happens over days; `prove.py` and `doctor/`
check the system. No command imports another one: what they share is in `volcast.cli`.
"""
