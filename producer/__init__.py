"""Everything that puts candles onto the log, from files or from a venue.

Start with `replay.py`, the smallest producer: CSV files onto the log, at any speed. It stands on `csv_replay.py` (rows as
candles, files of one symbol as one stream), `file_names.py` (the symbol of a file) and `resume.py` (where the log ends). The
live producer is `live/`, on top of `feeds/` (one pure parser for each venue) and `rest/` (a venue's HTTP interface);
`symbols.py` maps pairs to symbols on the log. `history/` downloads past candles into a CSV file, and `doctor/` checks whether a
venue can be followed from this machine. Only `replay.py` and `live/` write to the log, through volcast/log/contract.py.
"""
