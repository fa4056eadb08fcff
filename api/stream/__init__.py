"""The rows of the chart: one per signal, kept for a while and sent to whoever listens.

Read row.py first: what a row says; then history.py: the last rows of each symbol, written by one thread and read by another;
broadcast.py: each new row, encoded once, to the queue of each client; response.py: one client's stream of events, from the first
row it has not seen. usual.py says what volatility is usual at this time of day, metrics.py how many clients there are. The routes
are in api/routes.
"""
