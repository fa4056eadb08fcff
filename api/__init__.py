"""The API: follows the signals on the log and serves the latest of each symbol, those before it and those that come, over HTTP.

Read view.py first: the latest signal of each symbol, without I/O; then status.py: its age and its status. follower.py reads the
log into the view. stream/ keeps a row of each signal and sends it to clients. routes/ has the routes, a file for each subject,
and app.py joins them; symbols.py is what all routes of one symbol share. responses.py builds the answers of /latest, outlook.py
decides whether a forecast may still answer /probability, statistics/ counts from the signals for /drift, /models and /quality,
and builds /metrics. fields.py reads the descriptions of a signal's fields from volcast.core.types, for all of them and the docs.
page/ is the live page. security/ decides who may ask.
"""
