"""What the settings say of the API's security, and what is said to the user if it cannot be so."""

import logging
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from volcast.cli.main import UserError
from volcast.cli.wiring.api import API_SETTINGS, create_security, create_server_tls, warn_of_strangers
from volcast.settings.schema import Settings

SECRET = "4CszlvnHXYNhFmK0vhiuFgFr2qYhQ7Bd"
EVERYWHERE = "0.0.0.0"  # noqa: S104


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"page read {SECRET}\n")
    path.chmod(0o600)
    return path


def encrypted(pem: bytes) -> bytes:
    key = load_pem_private_key(pem, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))


def test_every_setting_of_the_api_is_used() -> None:
    assert {name for name in Settings.model_fields if name.startswith("api_")} == set(API_SETTINGS) - {"host", "port"}


def test_the_settings_make_the_security(tokens: Path) -> None:
    settings = Settings(
        api_tokens_file=tokens,
        api_cors_origins=("https://a",),
        api_requests_per_minute=5,
        api_body_bytes=2_000,
        api_trusted_proxies=("10.0.0.0/8",),
    )
    security = create_security(settings)
    assert (len(security.tokens), *security[1:]) == (1, ("https://a",), 5, 2_000, False, ("10.0.0.0/8",))
    assert not create_security(Settings()).tokens
    assert [create_security(Settings(host=host)).is_local for host in ("127.0.0.1", "::1", EVERYWHERE)] == [True, True, False]


def test_tokens_that_cannot_be_used_are_an_error_of_the_user(tokens: Path) -> None:
    tokens.chmod(0o644)
    with pytest.raises(UserError, match=r"^api_tokens_file: the tokens in .* are open to other users .*chmod 600"):
        create_security(Settings(api_tokens_file=tokens))
    tokens.chmod(0o600)
    tokens.write_text(SECRET)
    with pytest.raises(UserError, match="line 1 must have three words") as caught:
        create_security(Settings(api_tokens_file=tokens))
    assert SECRET not in str(caught.value)


def test_a_certificate_that_cannot_be_used_is_an_error_of_the_user(tmp_path: Path) -> None:
    authority = trustme.CA()
    one, two = (authority.issue_cert("127.0.0.1") for _ in range(2))
    for name, certificate in (("one", one), ("two", two)):
        certificate.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.cert")
        certificate.private_key_pem.write_to_path(tmp_path / f"{name}.key")
    (tmp_path / "text").write_text("no PEM")
    (tmp_path / "encrypted.key").write_bytes(encrypted(one.private_key_pem.bytes()))

    def create(cert: str, key: str) -> object:
        return create_server_tls(Settings(api_tls_cert_file=tmp_path / cert, api_tls_key_file=tmp_path / key))

    assert create_server_tls(Settings()) is None
    assert create("one.cert", "one.key") is not None
    for cert, key, sentence in (
        ("none", "one.key", "none cannot be read: No such file"),
        ("one.cert", "none", "none cannot be read: No such file"),
        ("one.cert", "two.key", "the key is not that of the certificate"),
        ("text", "one.key", "they must be PEM files"),
        ("one.cert", "text", "they must be PEM files"),
        ("one.cert", "encrypted.key", "the key not encrypted"),
    ):
        with pytest.raises(UserError, match=sentence):
            create(cert, key)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, None),
        ({"host": "::1"}, None),
        ({"host": "localhost"}, None),
        ({"host": EVERYWHERE}, "whoever can reach this address can read it"),
        ({"host": "192.0.2.1"}, "Set api_tokens_file"),
        ({"host": "example.com"}, "Set api_tokens_file"),
        ({"host": EVERYWHERE, "api_tokens_file": Path("t")}, "without TLS: tokens can be read on their way"),
        ({"host": EVERYWHERE, "api_tokens_file": Path("t"), "api_trusted_proxies": ("10.0.0.1",)}, None),
        ({"host": EVERYWHERE, "api_tokens_file": Path("t"), "api_tls_cert_file": Path("c")}, None),
    ],
)
def test_one_line_warns_if_strangers_can_read(
    changes: dict[str, object], sentence: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_strangers(Settings().model_copy(update=changes))
    assert [sentence in record.getMessage() for record in caplog.records if sentence] == [True] * (sentence is not None)
    assert len(caplog.records) == (sentence is not None)
