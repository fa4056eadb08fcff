"""Access to the brokers: may we in, what does a port speak, and is all of that still so while a process runs?

`security.py` is TLS and sign-in, and a check of them at the start. `ports.py` finds out why a broker closes a connection at once.
`watch.py` notices a topic that is deleted, and a user who is refused, while the log is in use.
`log_filter.py` limits what aiokafka tells about all that.
"""
