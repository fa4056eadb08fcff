"""Time as data: how long to wait, how long something took, and whether something has stopped.

All three are pure: the caller passes the times, so that a simulation can drive them.

- `pacing.py`: the pause before the next attempt after a failure (`Backoff`), and the pace of requests (`Pacer`).
- `durations.py`: a bounded histogram of seconds (`Durations`), for metrics.
- `stall.py`: whether work waits while none is done (`StallDetector`).
"""
