"""What a URL says: whether a password is in it, and whether its host is this machine or a private network. Pure.

It stands alone because settings, the HTTP client, the connections and the doctor all print URLs, and none of them is below the
others.
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

_MASK = "********"
"""Shown in place of a user and a password."""
_url = re.compile(r"(?<=://)((?:(?!://)\S)*)@")
_SHORTEST_SECRET = 6
"""Shorter parts are words: to mask them would make other text unreadable."""
_ordinary_host = re.compile(r"localhost|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_plain_host = re.compile(r"(\[[0-9a-fA-F:.%]*\]|[^\s/?#:@]*)(:[0-9]*)?[/?#]")
"""A host without a user before it, and what ends it. A path may contain an @, too."""


def without_passwords(text: str) -> str:
    """Return the text with the user and password of each URL in it masked, whatever characters they are made of.

    >>> without_passwords("wss://me:secret@example.com/ws can't be reached")
    "wss://********@example.com/ws can't be reached"
    """
    return _url.sub(lambda found: found[0] if _plain_host.match(found[1]) else f"{_MASK}@", text)


def password_in(url: str) -> str:
    """Return the password in the URL, or its user if there is none, who may be a token; empty without a user.

    >>> password_in("wss://me:secret@example.com"), password_in("https://token@example.com/x"), password_in("https://example.com")
    ('secret', 'token', '')
    """
    found = _url.search(url)
    if found is None or _plain_host.match(found[1]):
        return ""
    user, _, password = found[1].partition(":")
    return password or user


def secret_parts(url: str) -> list[str]:
    """Return the URL of a notification service and its parts that may be secret: all but the service and an ordinary host.

    >>> secret_parts("ntfy://tk_12345678@ntfy.example.com/my-topic")[1:]
    ['tk_12345678', 'my-topic']
    """
    rest = url.partition("://")[2]
    parts = [part for part in re.split(r"[/?&=@:,]", rest) if len(part) >= _SHORTEST_SECRET]
    return [url, *(part for part in parts if not _ordinary_host.fullmatch(part))]


def is_local(url: str) -> bool:
    """Return whether the host is this machine, or an address of a private network. Names are not looked up.

    >>> is_local("ws://localhost:9300/binance"), is_local("http://10.0.0.7"), is_local("wss://stream.binance.com:9443")
    (True, True, False)
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_private or address.is_loopback or address.is_link_local
