"""`volcast logs list` and `delete`: the SQLite logs that `volcast run` has left in the user's data folder.

`command.py` defines the two subcommands. `folder.py` finds the logs, describes what each contains, says whether a process uses
one, and deletes a log with the files beside it. Logs elsewhere (`--db`, `--bus`) are not touched.
"""
