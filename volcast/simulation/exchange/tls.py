"""Certificates of the scripted exchange: the right one, and another host's for when a script wants the wrong one."""

import ssl
from collections.abc import Callable

import trustme


class Certificates:
    """Made anew for each exchange. `wrong` is asked at each handshake whether it shall get the other host's."""

    def __init__(self, wrong: Callable[[], bool]) -> None:
        authority = trustme.CA()
        self.ca_pem: bytes = authority.cert_pem.bytes()
        self.client: ssl.SSLContext = ssl.create_default_context()
        """Trusts it."""
        authority.configure_trust(self.client)
        self.server: ssl.SSLContext = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(self.server)
        another = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("another-host.example").configure_cert(another)

        def choose(handshake: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:  # noqa: ARG001  OpenSSL's signature
            if wrong():
                handshake.context = another

        self.server.sni_callback = choose
