"""Passwords in URLs are never shown, wherever a URL is printed; and which hosts are local."""

import json
import logging
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.doctor.check import failed, ok, warning
from producer.live.connection import ConnectError
from producer.rest.response import printable_text
from volcast.cli.log_format import JsonLines
from volcast.settings.describe import text
from volcast.settings.schema import Settings
from volcast.urls import is_local, password_in, without_passwords

SECRET = st.text(ascii_letters + digits + "!$&'()*+,;=%-._~@:", min_size=6, max_size=30).map(lambda middle: f"q7{middle}z9")
USER = st.text(ascii_letters + digits, min_size=1, max_size=10)
SCHEME = st.sampled_from(["ws", "wss", "http", "https"])
REST = st.sampled_from(["", "/", ":9300/binance", "/a@b", "/x?y=1"])


@given(SCHEME, USER, SECRET, REST, st.sampled_from(["{}", "{} can't be reached", "'{}': no", "at {}, and {}"]))
def test_a_password_in_a_url_is_shown_nowhere(scheme: str, user: str, secret: str, rest: str, sentence: str) -> None:
    url = f"{scheme}://{user}:{secret}@venue.example{rest}"
    line = sentence.format(url, url)
    shown = [
        without_passwords(line),
        printable_text(line),
        str(ConnectError("unreachable", line)),
        text(url),
        *(result.found + result.advice for result in (ok("x", line), warning("x", line, line), failed("x", line, line))),
    ]
    for each in shown:
        assert secret not in each
    assert "venue.example" in without_passwords(line) or "@" in rest


@given(SCHEME, SECRET, REST)
def test_a_token_in_place_of_a_user_is_not_shown_either(scheme: str, secret: str, rest: str) -> None:
    assert secret not in without_passwords(f"{scheme}://{secret}@venue.example{rest}")


@given(SCHEME, st.sampled_from(["venue.example", "127.0.0.1", "[::1]"]), REST)
def test_a_url_without_a_password_is_left_as_it_is(scheme: str, host: str, rest: str) -> None:
    url = f"{scheme}://{host}{rest}"
    assert without_passwords(f"see {url} there") == f"see {url} there"
    assert password_in(url) == ""


@pytest.mark.parametrize("name", ["socket_url", "rest_url", "archive_url"])
def test_the_log_masks_passwords_of_url_settings_in_any_spelling(name: str) -> None:
    scheme = "wss" if name == "socket_url" else "https"
    settings = Settings.model_validate({name: f"{scheme}://me:hunter%22two@venue.example"})
    assert settings.secrets() == ("hunter%22two",)
    formatter = JsonLines(settings.secrets())
    record = logging.LogRecord("x", logging.INFO, "f", 1, "asked %s", (getattr(settings, name),), None)
    assert "hunter" not in json.loads(formatter.format(record))["message"]


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("ws://127.0.0.1:9300/binance", True),
        ("http://127.3.2.1", True),
        ("ws://localhost:1", True),
        ("ws://LocalHost.:1", True),
        ("ws://me:pw@exchange.localhost", True),
        ("http://[::1]:9300", True),
        ("http://[fe80::1%25eth0]:9300", True),
        ("http://192.168.1.7", True),
        ("http://10.1.2.3", True),
        ("http://172.20.0.3:9300", True),
        ("wss://stream.binance.com:9443", False),
        ("https://data-api.binance.vision", False),
        ("https://8.8.8.8", False),
        ("http://exchange:9300/binance", False),
        ("http://localhost.example.com", False),
        ("", False),
    ],
)
def test_which_hosts_are_local(url: str, local: bool) -> None:  # noqa: FBT001  a table's column
    assert is_local(url) is local
