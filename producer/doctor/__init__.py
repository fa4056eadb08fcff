"""The checks of `volcast doctor`: can a venue be followed live from this machine, and does it behave as its feed describes?

Read first `examine.py`: the order of the checks, and the comparison of one candle with the venue's own. `check.py` has the result
of a check, and the target of an examination. `network.py` checks names, proxy, HTTP, clock and candles; `stream.py` connects and
watches the stream until a minute has closed, with `recorder.py` counting what arrives. All use the parts of the live producer.
"""
