"""A user without rights on the broker: each command ends with a sentence and exit code 3, instead of trying for ever."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import volcast
from volcast.proof.processes.broker import PASSWORD, USER, Broker, broker

STANDARD_AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}
"""Whoever signs in has no rights; the broker itself and the topics' owner are not signed in."""


@pytest.fixture(scope="module")
def strict_broker() -> Iterator[Broker]:
    with broker(extra_properties=STANDARD_AUTHORIZER) as running:
        yield running


@pytest.mark.parametrize("command", [("consume",), ("serve", "--port", "0"), ("produce", "replay", "candles.csv")])
@pytest.mark.parametrize("has_topics", [False, True])
def test_a_command_without_rights_ends(
    strict_broker: Broker,
    command: tuple[str, ...],
    has_topics: bool,  # noqa: FBT001  # a table
    tmp_path: Path,
) -> None:
    (tmp_path / "candles.csv").write_text(
        "timestamp,open,high,low,close,volume_btc,volume_usd\n2024-01-01 00:00:00,1,1,1,1,1,1\n"
    )
    prefix = f"{has_topics}-{command[0]}.".lower()
    if has_topics:
        own = volcast(
            tmp_path, "produce", "replay", "candles.csv", "--bus", f"kafka://{strict_broker.bootstrap}", "--topic-prefix", prefix
        )
        assert own.returncode == 0, own.stderr
    (tmp_path / ".env").write_text(f"VOLCAST_KAFKA_USERNAME={USER}\nVOLCAST_KAFKA_PASSWORD={PASSWORD}\n")
    bus = f"kafka://{strict_broker.bootstrap_for_users}"
    refused = volcast(tmp_path, *command, "--bus", bus, "--kafka-sasl-mechanism", "PLAIN", "--topic-prefix", prefix)
    output = refused.stdout + refused.stderr
    assert refused.returncode == 3, output
    assert "AuthorizationFailed" in output
    assert "docs/reference/settings.md" in output
    assert "Traceback" not in output
