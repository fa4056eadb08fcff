"""Who may ask the API, how much, and what browsers may do with its answers.

Read `policy.py` first: all of it as one value, with safe defaults. `guard.py` is the middleware that applies it to each request:
`tokens.py` with `token_file.py` knows the tokens, `sessions.py` the cookies that stand for one, `access.py` which scope a path
needs and which web pages may ask, `clients.py` counts requests, and `headers.py` tells browsers what they may do.
"""
