"""`volcast doctor` and `volcast health`: commands that examine from outside, and change nothing.

command.py checks whether a venue can be streamed from this machine. health.py asks a running process whether it is healthy, as
the health check of a container does. They share no code.
"""
