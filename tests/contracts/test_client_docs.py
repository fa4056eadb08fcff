"""The programs in docs/client.md do what is said there, beside a real server."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.volcast.client.live_api import live_api, live_signal, live_view, this_minute_ms
from volcast.client import Client, LatestForecast

PROGRAMS = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs/client.md").read_text(), re.DOTALL)


class Enough(Exception):
    """The test has seen what it wanted."""


async def test_the_first_program_prints_a_range_or_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    view = live_view("BTCUSDT")
    async with live_api(view) as url:
        program = PROGRAMS[0].replace("http://127.0.0.1:8000", url)
        await asyncio.to_thread(exec, program, {})
        assert re.fullmatch(r"[\d.]+ to [\d.]+, for \d+ s more\n", capsys.readouterr().out)
    view = live_view(minutes=0)
    view.put(live_signal("BTCUSDT", this_minute_ms() - 7_200_000), time.monotonic())
    async with live_api(view) as url:
        program = PROGRAMS[0].replace("http://127.0.0.1:8000", url)
        await asyncio.to_thread(exec, program, {})
        assert capsys.readouterr().out.startswith(
            "do not use the forecast of BTCUSDT: status is stale (the feed has sent no candle"
        )


async def test_the_bot_trades_on_what_is_of_now_and_stands_down_when_it_ends() -> None:
    namespace = dict[str, Any]()
    exec(PROGRAMS[1], namespace)  # noqa: S102  # the documentation's own text
    seen = list[str]()
    view = live_view("A", stale_after_s=time.time() - this_minute_ms() / 1_000 - 60 + 2)  # it becomes stale in two seconds

    def trade(forecast: LatestForecast) -> None:
        forecast.require_current()
        seen.append("trade")

    def stand_down(reason: str) -> None:
        seen.append(reason)
        if reason.startswith("no connection"):
            raise Enough

    async with live_api(view) as url:
        client = Client(url)
        bot = asyncio.create_task(asyncio.to_thread(namespace["run"], client, "A", trade, stand_down, every_s=0.05))
        async with asyncio.timeout(60):
            while not seen or seen[-1] == "trade":
                await asyncio.sleep(0.05)
    with pytest.raises(Enough):
        await bot
    client.close()
    kinds = [re.sub(r"( to http)?[:;].*", "", each) for each in seen]
    in_order = ["trade", "do not use the forecast of A", "no connection"]
    assert list(dict.fromkeys(kinds)) == in_order
    assert kinds == sorted(kinds, key=in_order.index)  # no trade after it has stood down


async def test_the_program_that_streams_prints_rows_and_what_is_missing() -> None:
    view, printed = live_view("BTCUSDT", "ETHUSDT"), list[tuple[object, ...]]()

    def record(*values: object) -> None:
        printed.append(values)
        if len(printed) == 4:
            raise Enough

    async with live_api(view) as url:
        program = PROGRAMS[2].replace("Client()", f"Client({url!r})")
        running = asyncio.create_task(asyncio.to_thread(exec, program, {"print": record}))
        async with asyncio.timeout(60):
            while len(printed) < 2:
                await asyncio.sleep(0.05)
        view.put(live_signal("BTCUSDT", this_minute_ms() + 180_000), time.monotonic())
        with pytest.raises(Enough):
            await running
    assert [each[0] for each in printed[:2]] == ["BTCUSDT", "ETHUSDT"]
    assert str(printed[2][0]).startswith("2 rows of BTCUSDT between ")
    assert printed[3][0] == "BTCUSDT"
