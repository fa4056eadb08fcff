"""What the live mode is built from: venues, symbols, certificates and endpoints, and the messages for wrong ones."""

import ssl
from pathlib import Path

import click
import pytest
import trustme
from pydantic import SecretStr

from producer.feeds import VENUES
from producer.live.producer import LiveConfig
from producer.simulated import Rivals
from volcast.cli.main import UserError
from volcast.cli.params import VenueParam
from volcast.cli.wiring.live import LIVE_SETTINGS, create_tls_context, open_live_producer, open_venue, venue_symbols
from volcast.log.sqlite.log import SqliteLog
from volcast.settings.schema import Settings


@pytest.mark.parametrize("name", VENUES)
def test_a_venue_is_found_by_its_name_in_any_case(name: str) -> None:
    assert VenueParam().convert(name.capitalize(), None, None) is VENUES[name]


def test_an_unknown_venue_is_refused_with_the_list_of_venues() -> None:
    with pytest.raises(click.BadParameter) as caught:
        VenueParam().convert("mtgox", None, None)
    assert caught.value.message == (
        "mtgox is not a supported venue; choose from binance, coinbase, kraken, bybit, okx, bitstamp."
    )


def test_symbols_in_the_spellings_that_users_write() -> None:
    symbols = venue_symbols(VENUES["coinbase"], ("btcusd", "ETH-EUR", "sol/usd"), Settings())
    assert symbols == {"BTCUSD.COINBASE": "BTC-USD", "ETHEUR.COINBASE": "ETH-EUR", "SOLUSD.COINBASE": "SOL-USD"}


@pytest.mark.parametrize(
    ("symbols", "sentence"),
    [
        (("BTCUSDT", "btc-usdt"), "BTCUSDT.BINANCE is given twice"),
        (("B$",), "'B$' is not a pair; a pair like BTCUSDT, BTC-USD or btc/usd is expected."),
        (("BTCXYZ",), "'BTCXYZ' ends in no currency that is known here; write it with a dash, as in BTC-USD."),
        (("ABCDEFGHIJKLMNO-PQRSTUVWXYZ0123", "BTC-BTC"), "'BTC-BTC' is BTC in BTC; "),
    ],
)
def test_invalid_symbols_are_refused(symbols: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        venue_symbols(VENUES["binance"], symbols, Settings())
    assert str(caught.value).startswith(sentence)


def test_the_authorities_in_a_file_are_trusted_in_addition_to_the_systems(tmp_path: Path) -> None:
    authority, file = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    usual, more = create_tls_context(Settings()), create_tls_context(Settings(ca_file=file))
    assert len(more.get_ca_certs()) == len(usual.get_ca_certs()) + 1
    assert more.verify_mode is usual.verify_mode is ssl.CERT_REQUIRED
    assert usual.check_hostname
    assert more.check_hostname


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "it contains no PEM certificates"),
        (b"\x00\xff no certificate", "it contains no PEM certificates"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "it contains no PEM certificates"),
    ],
)
def test_a_ca_file_without_certificates_is_refused(content: bytes | None, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        create_tls_context(Settings(ca_file=file))
    assert str(caught.value) == f"cannot use ca_file {file}: {reason}"


@pytest.mark.parametrize("kind", ["folder", "unreadable name"])
def test_the_message_for_a_ca_file_that_cannot_be_opened_names_the_reason(kind: str, tmp_path: Path) -> None:
    file = tmp_path if kind == "folder" else tmp_path / ("x" * 300)
    with pytest.raises(UserError) as caught:
        create_tls_context(Settings(ca_file=file))
    assert str(caught.value) in {
        f"cannot use ca_file {file}: Is a directory",
        f"cannot use ca_file {file}: File name too long",
    }


async def test_endpoints_are_the_venues_own_unless_a_setting_names_others() -> None:
    feed = VENUES["okx"]
    async with open_venue(feed, Settings()) as (endpoint, rest):
        assert (endpoint.socket_url, endpoint.proxy) == (feed.socket_url, None)
        assert rest.feed is feed
    settings = Settings(
        socket_url="wss://elsewhere.example",
        rest_url="https://rest.example/x",
        proxy=SecretStr("http://me:pw@proxy.example:3128"),
    )
    async with open_venue(feed, settings) as (endpoint, rest):
        assert (endpoint.socket_url, endpoint.proxy) == ("wss://elsewhere.example", "http://me:pw@proxy.example:3128")
        assert str(rest._client.base_url) == "https://rest.example/x/"


async def test_a_socks_proxy_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(UserError, match=r"^ALL_PROXY is a SOCKS proxy, which is not supported: set VOLCAST_PROXY=http://"):
        async with open_venue(VENUES["binance"], Settings()):
            pass


async def test_a_producer_is_configured_by_the_settings() -> None:
    settings = Settings(backfill_minutes=7, backfill_budget_s=11.0, twin="a", append_records=13)
    symbols = {"BTCUSDT.BINANCE": "BTCUSDT"}
    async with SqliteLog(":memory:") as log, open_live_producer(log, VENUES["binance"], symbols, settings) as live:
        assert live._config == LiveConfig(symbols, 7, 11.0, "a", "binance", Rivals(simulated=False, reads_state=True))
        assert live._append_records == 13
        assert live._deadlines.budget == 11_000
    assert live.rest._client.is_closed


@pytest.mark.parametrize(
    ("given", "simulated"),
    [
        ({}, False),
        ({"socket_url": "wss://stream.binance.us:9443", "rest_url": "https://api.binance.us"}, False),
        ({"rest_url": "http://127.0.0.1:9300/binance"}, True),
        ({"socket_url": "ws://192.168.0.9:9300/binance"}, True),
        ({"socket_url": "ws://exchange:9300/binance"}, False),
        ({"socket_url": "ws://exchange:9300/binance", "simulated": "yes"}, True),
        ({"socket_url": "ws://127.0.0.1:9300/binance", "simulated": "no"}, False),
    ],
)
async def test_a_venue_at_a_local_address_counts_as_simulated_unless_a_setting_says_otherwise(
    given: dict[str, str],
    simulated: bool,  # noqa: FBT001  a table's column
) -> None:
    settings, feed = Settings.model_validate(given), VENUES["binance"]
    symbols = venue_symbols(feed, ("BTCUSDT",), settings)
    assert list(symbols) == ["BTCUSDT.BINANCESIM" if simulated else "BTCUSDT.BINANCE"]
    async with SqliteLog(":memory:") as log, open_live_producer(log, feed, symbols, settings) as live:
        assert live._config.source == ("binance-simulated" if simulated else "binance")
        assert live._config.rivals == Rivals(simulated, reads_state=True)
        assert live._endpoint.allow_simulated is simulated
        assert live.rest._allow_simulated is simulated
    async with open_live_producer(log, feed, symbols, Settings.model_validate({**given, "mix_simulated": True})) as live:
        assert live._config.rivals is None


def test_the_settings_of_the_live_mode_exist() -> None:
    assert set(LIVE_SETTINGS) <= set(Settings.model_fields)
