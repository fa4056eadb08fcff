"""Simulated data: candles of a known stochastic process, and a scripted exchange for the live producer.

`market.py` generates one-minute candles whose true volatility is known; `volcast generate`, the proofs and the benches use it.
Its random numbers, which symbols may share, come from `draws.py`. `breaks.py` says which breaks can be planted and does those of
the market; `broken_feed.py` does those of the feed. `candle.py` turns numbers into text.
`exchange/` is a local server that speaks the protocols of real venues and injects faults by a script; read its `__init__`. The
package imports the core and nothing else of this project, so it shares no code with the producer that it tests.
"""
