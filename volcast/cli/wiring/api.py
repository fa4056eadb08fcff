"""Build what the API's server needs from the settings: its security and its certificate; and say who can reach it."""

import ipaddress
import logging
import ssl
from typing import TYPE_CHECKING

from volcast.cli.main import UserError
from volcast.settings.schema import Settings

if TYPE_CHECKING:
    from api.security.policy import Security

API_SETTINGS = (
    "host",
    "port",
    "api_tokens_file",
    "api_cors_origins",
    "api_requests_per_minute",
    "api_body_bytes",
    "api_tls_cert_file",
    "api_tls_key_file",
    "api_trusted_proxies",
)
_log = logging.getLogger(__name__)


def create_security(settings: Settings) -> "Security":
    """Return who may ask the API, and how much. Raises UserError if the tokens cannot be used."""
    from api.security.policy import Security  # noqa: PLC0415  # not needed by --help
    from api.security.token_file import TokenFileError, read_tokens  # noqa: PLC0415
    from api.security.tokens import Tokens  # noqa: PLC0415

    try:
        tokens = read_tokens(settings.api_tokens_file) if settings.api_tokens_file else Tokens()
    except TokenFileError as error:
        raise UserError(f"api_tokens_file: {error}") from None
    return Security(
        tokens=tokens,
        cors_origins=settings.api_cors_origins,
        requests_per_minute=settings.api_requests_per_minute,
        body_bytes=settings.api_body_bytes,
        is_local=_is_loopback(settings.host) and not settings.api_trusted_proxies,
        trusted_proxies=settings.api_trusted_proxies,
    )


def create_server_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS context of the API's server, or None if it speaks HTTP. Raises UserError if the files cannot be used."""
    cert, key = settings.api_tls_cert_file, settings.api_tls_key_file
    if cert is None or key is None:
        return None
    for path in (cert, key):
        try:
            path.open("rb").close()
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}; see api_tls_cert_file and api_tls_key_file") from None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        is_other = "KEY_VALUES_MISMATCH" in str(error)
        reason = "the key is not that of the certificate" if is_other else "they must be PEM files, the key not encrypted"
        raise UserError(f"cannot use api_tls_cert_file {cert} with api_tls_key_file {key}: {reason}") from None
    return context


def warn_of_strangers(settings: Settings) -> None:
    """Log one line if other machines can reach the API and either need no token or send it for all to read."""
    if _is_loopback(settings.host):
        return
    if settings.api_tokens_file is None:
        _log.warning(
            "the API listens on %s: whoever can reach this address can read it. Set api_tokens_file, unless only those can reach "
            "it who may",
            settings.host,
        )
    elif settings.api_tls_cert_file is None and not settings.api_trusted_proxies:
        _log.warning(
            "the API listens on %s without TLS: tokens can be read on their way. Set api_tls_cert_file, or put a proxy in front "
            "and name it in api_trusted_proxies",
            settings.host,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _no_password() -> str:
    """Refuse to ask on the terminal, as OpenSSL would."""
    raise ValueError("the key is encrypted")
