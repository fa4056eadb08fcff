"""Drift detectors: what has gone wrong with a symbol's forecasts or its candles, judged by what follows from it.

Read `observation` (what a detector sees of a minute), `alarms` (what an alarm says), `monitor` (all detectors of a symbol), and
then the detectors: `failure` (a forecast that stands still, or is suddenly wrong), `skill` (losses beside the baseline's, and
bias) and `calibration` (the spread of outcomes, which `outcomes` selects), `data_quality` (frozen prices, repeated candles, gaps)
and `inputs` (features that moved). `thresholds.json` says how each threshold was made; `docs/drift.md` has the measured false
alarms and delays.
"""
