"""`volcast mcp` as a host starts it, with the library's own client, beside a real `volcast serve`."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import mcp
import pytest
from mcp.types import TextContent

from tests.command import address, process_group, volcast
from tests.stories.waiting import until
from tests.volcast.client.live_api import live_signal, this_minute_ms
from tests.volcast.commands.signals.test_serve import is_ready
from volcast.core.codec import encode_signal
from volcast.core.types import MINUTE_MS, Signal
from volcast.log.contract import Commit, KeyValue
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.processes import VOLCAST, Process

pytestmark = pytest.mark.slow
TOKEN = "aUc9Qe7dT2mK4rWx8pZsLb3n"


async def commit(path: Path, *signals: Signal) -> None:
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await consumer.open(0)
        await consumer.commit(0, Commit(0, [KeyValue(each.symbol.encode(), encode_signal(each)) for each in signals]))


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Process]:
    """Serve a live symbol and an old one to whoever has the token."""
    now_ms = this_minute_ms()
    past = [live_signal("LIVE", now_ms - minute * MINUTE_MS) for minute in range(9, -1, -1)]
    await commit(folder / "log.db", *past, live_signal("OLD", now_ms - 600 * MINUTE_MS))
    tokens = folder / "tokens"
    tokens.touch(0o600)
    tokens.write_text(f"assistant read {TOKEN}\n")
    with process_group(folder) as parts:
        api = parts.start("serve", "--bus", "sqlite:///log.db", "--port", "0", "--api-tokens-file", str(tokens))
        await until(lambda: address(api), "the address", api)
        await until(lambda: is_ready(address(api)), "readiness", api)
        yield api


@asynccontextmanager
async def asking(folder: Path, url: str | None, token: str = TOKEN) -> AsyncIterator[mcp.Client]:
    environment = {"VOLCAST_CLIENT_URL": str(url), "VOLCAST_CLIENT_TOKEN": token}
    host = mcp.StdioServerParameters(command=str(VOLCAST), args=["mcp"], env=environment, cwd=folder)
    async with mcp.Client(host, read_timeout_seconds=60) as client:
        yield client


async def ask(client: mcp.Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    found: dict[str, Any] = result.structured_content
    [content] = result.content
    assert isinstance(content, TextContent)
    assert content.text.startswith(found["summary"])
    return found


async def refusal(client: mcp.Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


async def test_an_assistant_is_told_what_may_be_used_now_and_what_not(tmp_path: Path) -> None:
    async with serving(tmp_path) as api, asking(tmp_path, address(api)) as client:
        tools = (await client.list_tools()).tools
        assert sorted(tool.name for tool in tools) == ["drift", "history", "latest", "probability", "symbols"]
        for tool in tools:
            assert tool.annotations
            assert (tool.annotations.read_only_hint, tool.annotations.destructive_hint) == (True, False)
            assert tool.output_schema
            assert tool.description

        live = await ask(client, "latest", symbol="live")
        assert live["summary"].startswith("USABLE NOW: the candle of LIVE ended ")
        assert (live["usable_now"], live["status"], live["not_for_use"]) == (True, "ok", None)
        assert f"until {live['valid_until'].replace('T', ' ').replace('Z', ' UTC')}; ask again after that." in live["summary"]
        assert live["current"]["price_lower"] < live["current"]["close"] < live["current"]["price_upper"]
        assert 0 <= live["age_seconds"] <= 180

        old = await ask(client, "latest", symbol="OLD")
        assert old["summary"].startswith("DO NOT USE AS CURRENT: this is not of now; OLD: status is stale (the feed has sent no")
        assert (old["usable_now"], old["current"]) == (False, None)
        assert old["not_for_use"]["horizon_minutes"] == 60

        close = live["current"]["close"]
        likely = await ask(client, "probability", symbol="LIVE", question="above", price=close * 0.5)
        assert likely["usable_now"]
        assert likely["current"]["probability"] > 0.9
        between = await ask(client, "probability", symbol="OLD", question="between", price=close * 0.5, upper_price=close * 2)
        assert between["summary"].startswith("DO NOT USE AS CURRENT")
        assert (between["current"], between["not_for_use"]["upper_price"]) == (None, close * 2)

        assert (await ask(client, "drift", symbol="LIVE"))["summary"].endswith("No drift alarms are on.")
        assert (await ask(client, "drift", symbol="OLD"))["summary"].endswith("No drift alarms were on.")
        symbols = await ask(client, "symbols")
        assert symbols["summary"].startswith("1 of 2 symbols have a forecast that may be used now")
        assert [(each["symbol"], each["usable_now"]) for each in symbols["symbols"]] == [("LIVE", True), ("OLD", False)]


async def test_the_history_is_bounded_and_goes_back_page_by_page(tmp_path: Path) -> None:
    async with serving(tmp_path) as api, asking(tmp_path, address(api)) as client:
        page = await ask(client, "history", symbol="LIVE", rows=4)
        assert page["summary"].startswith(
            "FORECASTS OF THE PAST: none of these may be given as the forecast of now; `latest` has"
        )
        assert (page["usable_now"], len(page["rows"])) == (False, 4)
        times = [row["open_time"] for row in page["rows"]]
        while page["before"]:
            page = await ask(client, "history", symbol="LIVE", rows=4, before=page["before"])
            times = [row["open_time"] for row in page["rows"]] + times
        assert len(times) == len(set(times)) == 10
        assert times == sorted(times)
        assert "less than or equal to 200" in await refusal(client, "history", symbol="LIVE", rows=201)


async def test_what_cannot_be_answered_is_told_in_a_sentence_without_the_token(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        async with asking(tmp_path, address(api), token="wrong-token-000") as client:
            text = await refusal(client, "latest", symbol="LIVE")
            assert "NO ANSWER: " in text
            assert "token" in text
            assert "wrong-token-000" not in text
        async with asking(tmp_path, address(api)) as client:
            assert "NO ANSWER: no signal for 'X'; symbols with a signal: LIVE, OLD" in await refusal(client, "latest", symbol="X")
            assert "NO ANSWER: the question between needs" in await refusal(
                client, "probability", symbol="LIVE", question="between", price=1
            )
            api.kill()
            assert f"NO ANSWER: no connection to {address(api)}/latest/LIVE: " in await refusal(client, "latest", symbol="LIVE")


@pytest.mark.parametrize("variable", ["", "VOLCAST_CLIENT_URL=https://me:pw@x", "VOLCAST_CLIENT_TOKEN=two words"])
def test_wrong_settings_are_one_sentence(tmp_path: Path, variable: str) -> None:
    (tmp_path / ".env").write_text(variable)
    result = volcast(tmp_path, "mcp", *([] if variable else ["--client-url", "ftp://x"]))
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "pw" not in result.stderr
    assert "two words" not in result.stderr


@pytest.mark.parametrize("hidden", ["mcp", "mcp.server.mcpserver"])
def test_without_the_library_or_with_an_old_one_it_says_how_to_install_it(tmp_path: Path, hidden: str) -> None:
    code = f"import sys; sys.modules[{hidden!r}] = None\nfrom volcast.cli.main import main\nmain(['mcp'])"  # None: not to be had
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    command = f"{sys.executable} -m pip install 'mcp>=2.3,<3'"
    assert (result.returncode, result.stderr) == (
        2,
        f"volcast: `volcast mcp` needs the library mcp; install it with `{command}`\n",
    )
    assert '\nmcp = ["mcp>=2.3,<3"]' in (Path(__file__).parents[4] / "pyproject.toml").read_text()


async def test_it_serves_programs_of_this_machine_over_http(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        (tmp_path / ".env").write_text(f"VOLCAST_CLIENT_URL={address(api)}\nVOLCAST_CLIENT_TOKEN={TOKEN}\n")
        with process_group(tmp_path) as parts:
            server = parts.start("mcp", "--http", "0", "--log-level", "warning")
            await until(lambda: address(server, "/mcp"), "the address", server)
            url = f"{address(server, '/mcp')}/mcp"
            async with mcp.Client(url, read_timeout_seconds=60) as client:
                assert (await ask(client, "latest", symbol="LIVE"))["usable_now"]
            async with httpx.AsyncClient() as web:  # as a web page would that the user looks at
                assert (await web.post(url, headers={"origin": "http://evil.example"}, json={})).status_code == 403
                assert (await web.post(url, headers={"host": "evil.example"}, json={})).status_code in {400, 421}
            port = url.split(":")[2].partition("/")[0]
            second = volcast(tmp_path, "mcp", "--http", port)
            assert (
                second.stderr
                == f"volcast: cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --http\n"
            )
            assert server.end() == 0
