"""What all commands share, below `volcast.commands`.

Read `main.py` first: the table of commands, how one is loaded, and how each kind of error becomes a message and an exit code.
Then `options.py` and `params.py` (command-line options made from the settings, and parameter types), and the package
`wiring` (settings to objects). `services.py` and `http.py` run a process until it is stopped;
`log_format.py`, `progress.py` and `tables.py` are what a user sees. Only `main.py` is imported for `volcast --help`.
"""
