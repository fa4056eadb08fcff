"""The real worker on a simulated log: faults by seed, time that costs nothing, and a verdict.

loop.py    time without waiting           broker.py    what the log holds      group.py  who has which partition
log.py     the log's contract on them     script.py    what goes wrong, by seed  stream.py  the candles, by seed
check.py   what must have come out        scenario.py  one run                 run.py    the verdict on a seed, and on many
"""
