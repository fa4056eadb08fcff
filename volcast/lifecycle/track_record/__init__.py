"""The track record: what was forecast, sealed before it was known what became of it, and `volcast audit`, which verifies that.

Read `findings.py` first: what an audit may find, and what it counts. `walk.py` follows the chain of commits from its beginning,
`files.py` verifies the data files, `seals.py` the seals and their times, `scores.py` computes the outcomes again. `audit.py` runs
all of them. `league.py` is the table of models over time, `league_page.py` shows it.
"""
