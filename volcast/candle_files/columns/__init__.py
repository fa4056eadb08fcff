"""Which column of a file is what.

`names.py` decides by the names that people give to columns, or by what the user says; `layouts.py` by the numbers themselves, in
files without names. `plausibility.py` checks whether the numbers are what the names say. `markets.py` reads
the market that a column names.
"""
