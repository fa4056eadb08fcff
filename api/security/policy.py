"""The security of an API as one value. It stands alone because all parts of this package and the command line use it."""

from typing import NamedTuple

from .tokens import Tokens

BODY_BYTES = 2_097_152
"""Room for a week of minutes for /predict."""


class Security(NamedTuple):
    """Who may ask, and how much. By default whoever can reach the server, as often as they like, but no web page of others."""

    tokens: Tokens = Tokens()
    """Tokens that clients need; without any, nobody needs one."""
    cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may read the answers; `*` for all."""
    requests_per_minute: int = 0
    """Requests of one client in a minute; 0 for no limit."""
    body_bytes: int = BODY_BYTES
    """Maximum size of a request's body."""
    is_local: bool = False
    """Whether only programs of this machine can reach the server. Then nobody has another name for it than localhost."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."""
