"""From settings to a venue: names, symbols, certificates and addresses, and the sentences for what is wrong with them."""

import ssl
from pathlib import Path

import click
import pytest
import trustme
from pydantic import SecretStr

from producer.feeds import VENUES
from volcast.cli.main import UserError
from volcast.cli.params import VenueParam
from volcast.cli.wiring_live import LIVE_SETTINGS, live_of, reach, symbols_of, tls_of
from volcast.log.sqlite.log import SqliteLog
from volcast.settings.schema import Settings


@pytest.mark.parametrize("name", VENUES)
def test_a_venue_is_found_by_its_name_in_any_case(name: str) -> None:
    assert VenueParam().convert(name.capitalize(), None, None) is VENUES[name]


def test_an_unknown_venue_is_told_with_those_that_there_are() -> None:
    with pytest.raises(click.BadParameter) as caught:
        VenueParam().convert("mtgox", None, None)
    assert caught.value.message == ("mtgox is no venue of ours; there are binance, coinbase, kraken, bybit, okx, bitstamp")


def test_symbols_as_people_write_them() -> None:
    symbols = symbols_of(VENUES["coinbase"], ("btcusd", "ETH-EUR", "sol/usd"))
    assert symbols == {"BTCUSD.COINBASE": "BTC-USD", "ETHEUR.COINBASE": "ETH-EUR", "SOLUSD.COINBASE": "SOL-USD"}


@pytest.mark.parametrize(
    ("symbols", "sentence"),
    [
        (("BTCUSDT", "btc-usdt"), "BTCUSDT.BINANCE stands there twice; once is enough"),
        (("B$",), "'B$' is no pair; a pair like BTCUSDT, BTC-USD or btc/usd is expected."),
        (("BTCXYZ",), "'BTCXYZ' ends in no currency that is known here; write it with a dash, as in BTC-USD."),
        (("ABCDEFGHIJKLMNO-PQRSTUVWXYZ0123", "BTC-BTC"), "'BTC-BTC' is BTC in BTC; "),
    ],
)
def test_symbols_that_are_none(symbols: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        symbols_of(VENUES["binance"], symbols)
    assert str(caught.value).startswith(sentence)


def test_authorities_of_a_file_are_trusted_beside_the_systems(tmp_path: Path) -> None:
    authority, file = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    usual, more = tls_of(Settings()), tls_of(Settings(ca_file=file))
    assert len(more.get_ca_certs()) == len(usual.get_ca_certs()) + 1
    assert more.verify_mode is usual.verify_mode is ssl.CERT_REQUIRED
    assert usual.check_hostname
    assert more.check_hostname


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "it holds no PEM certificates"),
        (b"\x00\xff no certificate", "it holds no PEM certificates"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "it holds no PEM certificates"),
    ],
)
def test_a_ca_file_that_is_none(content: bytes | None, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        tls_of(Settings(ca_file=file))
    assert str(caught.value) == f"ca_file {file} can't be used: {reason}"


@pytest.mark.parametrize("kind", ["folder", "unreadable name"])
def test_a_ca_file_that_is_no_file_is_not_said_to_hold_no_certificates(kind: str, tmp_path: Path) -> None:
    file = tmp_path if kind == "folder" else tmp_path / ("x" * 300)
    with pytest.raises(UserError) as caught:
        tls_of(Settings(ca_file=file))
    assert str(caught.value) in {
        f"ca_file {file} can't be used: Is a directory",
        f"ca_file {file} can't be used: File name too long",
    }


async def test_addresses_are_the_venues_own_unless_a_setting_names_others() -> None:
    feed = VENUES["okx"]
    async with reach(feed, Settings()) as (place, rest):
        assert (place.socket_url, place.proxy) == (feed.socket_url, None)
        assert rest.feed is feed
    settings = Settings(
        socket_url="wss://elsewhere.example",
        rest_url="https://rest.example/x",
        proxy=SecretStr("http://me:pw@proxy.example:3128"),
    )
    async with reach(feed, settings) as (place, rest):
        assert (place.socket_url, place.proxy) == ("wss://elsewhere.example", "http://me:pw@proxy.example:3128")
        assert str(rest._client.base_url) == "https://rest.example/x/"


async def test_a_socks_proxy_is_told_before_anything_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(UserError, match=r"^ALL_PROXY names a SOCKS proxy, which volcast can't use: set VOLCAST_PROXY=http://"):
        async with reach(VENUES["binance"], Settings()):
            pass


async def test_a_producer_wants_what_the_settings_say() -> None:
    settings = Settings(backfill_minutes=7, backfill_budget_s=11.0, twin="a", append_records=13)
    symbols = {"BTCUSDT.BINANCE": "BTCUSDT"}
    async with SqliteLog(":memory:") as log, live_of(log, VENUES["binance"], symbols, settings) as live:
        assert live._wish == (symbols, 7, 11.0, "a")
        assert live._append_records == 13
        assert live._waits.budget == 11_000
    assert live.rest._client.is_closed


def test_all_settings_of_the_live_mode_are_settings() -> None:
    assert set(LIVE_SETTINGS) <= set(Settings.model_fields)
