"""`volcast prove --live`: the live producer against the simulated exchange, over real sockets, in virtual time."""
