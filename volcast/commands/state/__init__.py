"""`volcast state`: show the state of the engines on a log, export it to a file, or import it into another log.

`command.py` defines the three subcommands. `show.py` describes each snapshot; `transfer.py` reads the current state for an
export and writes an import; `file.py` is the format of the file between them.
"""
