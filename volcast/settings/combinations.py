"""Settings that do not go together. They stand apart from the settings because each of them is about several."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .schema import Settings


def combinations(settings: "Settings") -> Iterator[tuple[str, bool]]:
    """Yield each mistake that is possible, as a sentence for the user, and whether it was made."""
    yield f"shadows: {settings.model} is already the model: name other models", settings.model in settings.shadows
    has_one = (settings.kafka_username is None) != (settings.kafka_password is None)
    yield "kafka_username and kafka_password belong together: set both or neither", has_one
    has_key_alone = bool(settings.kafka_client_key_file and not settings.kafka_client_cert_file)
    yield "kafka_client_key_file needs kafka_client_cert_file: set the certificate, too", has_key_alone
    for name in ("kafka_ca_file", "kafka_client_cert_file"):
        yield f"{name} needs TLS: set kafka_tls=true", bool(getattr(settings, name) and not settings.kafka_tls)
    has_one = (settings.api_tls_cert_file is None) != (settings.api_tls_key_file is None)
    yield "api_tls_cert_file and api_tls_key_file belong together: set both or neither", has_one
