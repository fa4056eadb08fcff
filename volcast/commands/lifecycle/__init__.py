"""Commands of the long loop: `volcast archive`, `ingest`, `gate`, `compare`, `models`, `nightly` and `audit`.

Each is a thin shell over a package of `volcast.lifecycle`, whose libraries are an extra: a command says what to install if they
are missing. `models.py` needs none of them.
"""
