"""Certificates of the scripted exchange: the right one, and another host's for the fault WRONG_CERTIFICATE.

Apart from the server, because clients in tests and proofs need them too.
"""

import ssl
from collections.abc import Callable

import trustme


class Certificates:
    """Certificates made for one exchange. At each handshake `wrong` decides whether the other host's is presented."""

    def __init__(self, wrong: Callable[[], bool]) -> None:
        authority = trustme.CA()
        self.ca_pem: bytes = authority.cert_pem.bytes()
        self.client: ssl.SSLContext = ssl.create_default_context()
        """A client context that trusts the exchange."""
        authority.configure_trust(self.client)
        self.server: ssl.SSLContext = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(self.server)
        another = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("another-host.example").configure_cert(another)

        def choose(handshake: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:  # noqa: ARG001  OpenSSL's signature
            if wrong():
                handshake.context = another

        self.server.sni_callback = choose
