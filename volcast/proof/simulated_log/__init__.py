"""`volcast prove --bus simulated`: the real worker on a log in memory, with faults drawn from a seed, in virtual time.

Read `scenario.py` first: one run, from the first candle to the result; `run.py` judges one seed and many. Below it: `broker.py`
(what the log holds, and the guarantees that it gives), `group.py` (which member owns which partition), `log.py` (the log's
contract on top of both), `script.py` (which fault happens where), `stream.py` (the candles), and `check.py` (the comparison with
the required output).
"""
