"""Which settings do not go together, as one sentence each."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from volcast.settings.combinations import combinations
from volcast.settings.schema import Settings


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shadows": ("two_stage",)}, "shadows: two_stage is already the model: name other models"),
        ({"kafka_username": "me"}, "kafka_username and kafka_password belong together: set both or neither"),
        ({"kafka_password": SecretStr("x")}, "kafka_username and kafka_password belong together: set both or neither"),
        (
            {"kafka_tls": True, "kafka_client_key_file": Path("k")},
            "kafka_client_key_file needs kafka_client_cert_file: set the certificate, too",
        ),
        ({"kafka_ca_file": Path("c")}, "kafka_ca_file needs TLS: set kafka_tls=true"),
        ({"api_tls_cert_file": Path("c")}, "api_tls_cert_file and api_tls_key_file belong together: set both or neither"),
        ({"api_tls_key_file": Path("k")}, "api_tls_cert_file and api_tls_key_file belong together: set both or neither"),
    ],
)
def test_each_mistake_has_its_sentence(changes: dict[str, object], sentence: str) -> None:
    wrong = Settings().model_copy(update=changes)
    assert [text for text, is_wrong in combinations(wrong) if is_wrong] == [sentence]


def test_the_defaults_go_together() -> None:
    assert not any(is_wrong for _, is_wrong in combinations(Settings()))
