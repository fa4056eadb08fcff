"""A server of the Model Context Protocol: an assistant asks the API by tools that only read.

An assistant reads an answer once and may repeat it much later. So each answer begins with a sentence that says whether its
numbers may be used now, and until when; numbers that may not are under another key. `results.py` says what an answer has,
`verdict.py` writes that sentence, `tools.py` asks the client, and `server.py` joins them; only that file imports the library
`mcp`, which is an optional extra. docs/mcp.md shows how a host is configured.
"""
