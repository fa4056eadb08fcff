"""`volcast rejects`: list the records that the consumer rejected, or append them to the topic `candles` again.

`command.py` defines the two subcommands. `read.py` reads the topic `candles.rejected` with a filter, on which `list.py` (table,
lines or JSON) and `replay.py` (append again) are built.
"""
