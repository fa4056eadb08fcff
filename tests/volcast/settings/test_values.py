"""Types of settings. The URL of the log is parsed, or refused with a message that never contains a password."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from volcast.settings.schema import Settings
from volcast.settings.values import Bus, KafkaBus, SqliteBus, parse_bus


@pytest.mark.parametrize(
    ("url", "bus"),
    [
        ("sqlite:///volcast.db", SqliteBus(Path("volcast.db"))),
        ("sqlite:///data/x.db", SqliteBus(Path("data/x.db"))),
        ("sqlite:////var/x.db", SqliteBus(Path("/var/x.db"))),
        ("kafka://localhost:9092", KafkaBus("localhost:9092")),
        ("kafka://a:1,b.c-d:65535", KafkaBus("a:1,b.c-d:65535")),
        ("kafka://[::1]:9092", KafkaBus("[::1]:9092")),
    ],
)
def test_a_bus_is_parsed(url: str, bus: Bus) -> None:
    assert parse_bus(url) == bus
    assert Settings(bus=url).bus == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "begins with"), ("volcast.db", "begins with"), ("redis://x:1", "begins with"), ("kafka:x:1", "begins with"),
        ("sqlite://x.db", "three slashes"), ("sqlite://", "three slashes"), ("sqlite:///", "missing"), ("sqlite:////", "missing"),
        ("sqlite:///data/", "missing"), ("sqlite:///:memory:", "in memory"),
        ("kafka://", "host:port"), ("kafka://a", "needs a port"), ("kafka://a:1,b", "needs a port"),
        ("kafka://a:1,", "host:port"), ("kafka://a:", "host:port"), ("kafka://:1", "host:port"), ("kafka://a:0", "1 to 65535"),
        ("kafka://a:65536", "1 to 65535"),
        ("kafka://a:1/x", "host:port"), ("kafka://a:1?x=y", "host:port"), ("kafka://a:b", "host:port"),
        ("kafka://u:hunter2@a:1", "VOLCAST_KAFKA_USERNAME and VOLCAST_KAFKA_PASSWORD"),
    ],
)  # fmt: skip
def test_a_wrong_bus_is_refused_with_a_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_bus(url)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ValidationError):
        Settings(bus=url)


def test_an_origin_is_spelled_as_browsers_send_it() -> None:
    origins = Settings.model_validate({"api_cors_origins": "https://Charts.Example.com, http://[::1]:3000"}).api_cors_origins
    assert origins == ("https://charts.example.com", "http://[::1]:3000")
    assert Settings.model_validate({"api_cors_origins": "*"}).api_cors_origins == ("*",)
    for wrong in ("example.com", "https://example.com/", "https://*.example.com", "null", "ftp://a", "https://a b"):
        with pytest.raises(ValidationError, match="is not an origin"):
            Settings.model_validate({"api_cors_origins": wrong})


def test_a_proxy_is_an_address_or_a_network() -> None:
    networks = Settings.model_validate({"api_trusted_proxies": "127.0.0.1,10.0.0.0/8,2001:DB8::/32,0::1"}).api_trusted_proxies
    assert networks == ("127.0.0.1", "10.0.0.0/8", "2001:db8::/32", "::1")
    for wrong in ("*", "localhost", "10.0.0.1/8", "10.0.0.0/33", "300.0.0.1"):
        with pytest.raises(ValidationError, match="neither an IP address nor a network"):
            Settings.model_validate({"api_trusted_proxies": wrong})
