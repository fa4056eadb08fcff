"""Headers that tell browsers what they may do with an answer. By default that is nothing but to show it as what it is.

Strict-Transport-Security is not among them: it is about a whole host with all of its ports, so a proxy in front may add it.
"""

from collections.abc import Sequence

from starlette.types import Message, Send

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy of a page with scripts and styles of its own: nothing inline, nothing from another host."""
_DATA_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content security policy of everything else."""
_HEADERS: Sequence[tuple[bytes, bytes]] = (
    (b"content-security-policy", _DATA_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_NAMES = frozenset(name for name, _ in _HEADERS)


def with_security_headers(send: Send) -> Send:
    """Return a `send` that adds to an answer the headers that it does not have yet."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = message.get("headers") or ()
            names = {name for name, _ in own}
            more = _HEADERS if names.isdisjoint(_NAMES) else [each for each in _HEADERS if each[0] not in names]
            message = {**message, "headers": [*own, *more]}
        await send(message)

    return send_with_headers
