"""A venue over HTTP: pages of closed candles, and the time on the venue's own clock.

Read first `client.py`: RestClient asks for a page and decides which of its candles are closed. Then `response.py`: one bounded
GET, and what its status and headers mean. `throttle.py` spaces the requests and repeats those that failed for the moment.
`clock.py` estimates how far the venue's clock is from ours: whether a candle is closed is decided by the venue's clock.
"""
