"""A venue's stream onto the log, for months: connections, candles in order, and what is missing fetched over HTTP.

Read in this order: `producer.py` (how the parts are joined), `reconnect.py` and `connection.py` (one websocket after the other,
`watchdog.py` says when it is silent for too long), `dispatch.py` and `subscription.py` (a frame to its symbol, an event to the
log), `candle_builder.py` with `sequence_gaps.py` (candles from trades), `sequencer.py` (one candle a minute, in order),
`backfill.py` (asks the venue for what is missing), `resume.py` (where the log ends), `append_queue.py` (records in front of the
log), `candle.py` (the values that travel), `metrics.py`. Pure, with times as arguments: `candle`, `candle_builder`, `resume`,
`sequence_gaps`, `sequencer`, `watchdog`.
"""
