"""The settings in effect over HTTP."""

import httpx

from api.app import create_app
from api.routes.config import PlainSetting
from api.view import View

SETTING: PlainSetting = {
    "name": "kafka_password",
    "value": "********",
    "from": "environment",
    "default": None,
    "allowed": "text",
    "sentence": "Password at the broker.",
}


async def config(*settings: PlainSetting) -> object:
    transport = httpx.ASGITransport(create_app(View(180), settings=settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://volcast") as client:
        return (await client.get("/config")).json()


async def test_settings_are_answered_as_they_were_passed_in() -> None:
    assert await config(SETTING) == {"settings": [SETTING]}


async def test_values_of_every_kind() -> None:
    for value in (60, 0.9, True, None, [60, 15], {"BTCUSDT": 2}):
        answer = await config({**SETTING, "value": value})
        assert answer == {"settings": [{**SETTING, "value": value}]}


async def test_an_app_without_settings_has_none() -> None:
    assert await config() == {"settings": []}
