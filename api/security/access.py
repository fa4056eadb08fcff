"""Which scope a path needs, and which web pages may change something (pure).

A path that is not listed needs a token that may read, whether it exists or not: what is forgotten here is closed, not open.
/metrics is not open: it has all forecasts, and Prometheus can send a token (`authorization: credentials_file`).
"""

import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import unquote_plus, urlsplit

from .tokens import Scope, Tokens

OPEN_PATHS = frozenset({"/", "/health", "/ready", "/docs", "/openapi.json", "/problems", "/favicon.ico"})
"""What supervisors ask for, who have no token, and the page and its documents, which have no data."""
OPEN_FOLDERS = ("/page/", "/docs/")
ADMIN_PATHS = frozenset({"/config"})
SESSION_PATH = "/session"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_TOKEN_PARAMETERS = frozenset(
    {"token", "access_token", "auth_token", "api_token", "api_key", "apikey", "authorization", "bearer"}
)


def needed_scope(method: str, path: str) -> Scope | None:
    """Return the scope that a request needs; None if it needs no token.

    A line feed at the end of a path changes nothing, because routes are matched by patterns that ignore it.

    >>> needed_scope("GET", "/config" + chr(10)).value
    'admin'
    """
    if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS) or (path == SESSION_PATH and method == "DELETE"):
        return None
    return Scope.ADMIN if path.rstrip() in ADMIN_PATHS else Scope.READ


def token_in_query(query: bytes, tokens: Tokens) -> bool:
    """Return whether the query of an address has a token, or what is called one. Browsers, proxies and logs would keep it."""
    for part in re.split("[&;]", query.decode("latin-1")):
        name, _, value = unquote_plus(part).partition("=")
        if name.lower().replace("-", "_") in _TOKEN_PARAMETERS or any(map(tokens.find, (name, value))):
            return True
    return False


def is_local_name(host: str) -> bool:
    """Return whether a header Host has an IP address or localhost, or is not there.

    A web page can let a name of its own point to this machine, so that a browser takes its requests for those of this server's
    page. The name in the header is then still its own.

    >>> [is_local_name(host) for host in ("127.0.0.1:8000", "[::1]:8000", "localhost", "evil.example:8000")]
    [True, True, True, False]
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        ip_address(name)
    except ValueError:
        return host == "" or bool(re.fullmatch(r"([a-z0-9.-]+\.)?localhost(:[0-9]+)?", host.lower()))
    return True


class Sender(NamedTuple):
    """What a browser says of the page that has sent a request; other programs say nothing."""

    origin: str | None
    """The header Origin."""
    fetch_site: str | None
    """The header Sec-Fetch-Site."""
    host: str
    """The header Host, which the client cannot set from within a page."""

    @classmethod
    def of(cls, headers: Mapping[bytes, bytes]) -> "Sender":
        """Read the headers."""
        found = [headers[name].decode("latin-1") if name in headers else None for name in (b"origin", b"sec-fetch-site")]
        return cls(found[0], found[1], headers.get(b"host", b"").decode("latin-1"))


def may_change(method: str, sender: Sender, allowed_origins: Collection[str]) -> bool:
    """Return whether a request is safe, or does not come from a web page of another origin.

    A current browser says whence a request comes (Sec-Fetch-Site); an older one names the page's origin, which has to be that of
    this server. Whoever sends neither is no browser, so nobody's cookies are used without their knowledge.
    """
    if method in _SAFE_METHODS or "*" in allowed_origins or (sender.origin and sender.origin.lower() in allowed_origins):
        return True
    if sender.fetch_site:
        return sender.fetch_site in {"same-origin", "none"}
    return sender.origin is None or urlsplit(sender.origin).netloc.lower() == sender.host.lower() != ""
