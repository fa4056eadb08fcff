"""Notifications of `volcast run --live`, and `volcast notify`.

Pure: `rules.py` is the language of the thresholds that a trader sets, `usual.py` the level that they compare with, `drift.py`
has the drift alarms, `health.py` the rest of what can be wrong. They make conditions (`events.py`); `alarms.py` decides what is
told of them, and when. Around them: `outbox.py` keeps on disk what is to be sent, `senders.py` sends it in threads of their own,
`notifier.py` joins the parts, `wiring.py` reads settings and pipeline, `metrics.py` counts; `command.py` is
`volcast notify`.
"""
