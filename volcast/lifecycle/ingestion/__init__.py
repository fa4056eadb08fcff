"""Hourly candles from an interface over HTTP, for users without a stream: `volcast ingest`.

Read first `interval.py`: the hours that are ingested, each at most once. Then `raw.py`: what is kept of an hour, the answers
included. `coincap.py` says what is asked of CoinCap and what its answers mean (pure), and `coincap_client.py` asks. `run.py` puts
an hour into the archive. Candles of a venue come from the code of `volcast download`, which the command passes in.
"""
