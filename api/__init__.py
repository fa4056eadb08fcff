"""The API: follows the signals on the log and serves the latest of each symbol over HTTP.

Read view.py first: the latest signal of each symbol, without I/O; then status.py: its age and its status. follower.py reads the
log into the view; app.py defines the routes over it, symbols.py what all routes of one symbol share. responses.py builds the
answers of /latest, probability.py those of /probability (outlook.py decides whether a forecast may still answer), drift.py those
of /drift (drift_history.py keeps the last alarms), metrics.py those of /metrics. fields.py reads the descriptions of a signal's
fields from volcast.core.types, for all of them and the docs.
"""
