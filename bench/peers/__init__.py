"""Stream processors beside volcast on one broker: the same job over the same candles, see docs/peers.md.

`python -m bench.peers` runs it. `programs/` has one program for each peer, written as its own documents have it; each runs in an
environment of its own and imports nothing of the pipeline but `job.py`, which is the work that all of them do.
"""
