"""GET /drift and /drift/{symbol}: what is on, on what evidence, what happened, and a command that computes it again."""

import json
import re
import shlex
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from api.app import create_app
from api.routes.drift import DriftEventResponse, DriftEvidenceResponse, DriftResponse, SymbolDriftResponse
from api.view import View
from tests.api.signals import alarm, now_at, signals
from tests.market import at
from volcast.candle_files.writer import CandleWriter
from volcast.cli.main import main
from volcast.cli.wiring.backtest import backtest_signals, create_backtest, replays_by_symbol
from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.core.types import Signal
from volcast.settings.schema import Settings
from volcast.simulation.breaks import Break, BreakKind
from volcast.simulation.market import simulate_candles

ROOT = Path(__file__).parents[3]
FROZEN = alarm("price_frozen", at(1))
BIASED = alarm("forecast_biased", at(1), Tier.TICKET)


def signal(minute: int, *alarms: DriftAlarm, symbol: str = "BTCUSDT", ratio: float = 0.0) -> Signal:
    return msgspec.structs.replace(
        signals(1)[0], symbol=symbol, open_time_ms=at(minute), drift_alarms=alarms, data_drift_ratio=ratio, warm=True, live=True
    )


def view_of(*made: Signal) -> View:
    view = View(180)
    view.caught_up = True
    for each in made:
        view.put(each, 1_000.0)
    return view


async def get(view: View, path: str, age_s: float = 2.5) -> httpx.Response:
    app = create_app(view, now=lambda: now_at(signal(2), age_s, 1_000.0))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
        return await client.get(path)


async def test_a_symbol_has_the_alarms_that_are_on_with_their_evidence() -> None:
    view = view_of(signal(0), signal(1, FROZEN, BIASED), signal(2, BIASED, ratio=0.25))
    answer = (await get(view, "/drift/btcusdt")).json()
    assert (answer["symbol"], answer["status"], answer["age_seconds"]) == ("BTCUSDT", "ok", 2.5)
    assert answer["data_drift_ratio"] == 0.25
    assert answer["alarms_on"] == {"page": 0, "ticket": 1, "info": 0}
    [on] = answer["alarms"]
    assert on["timestamp"] == "2024-01-01T00:01:00Z"
    assert {name: on[name] for name in ("detector", "tier", "before", "after", "statistic", "threshold")} == {
        "detector": "forecast_biased", "tier": "ticket", "before": 0.01, "after": 1.0, "statistic": 31.0, "threshold": 30.0
    }  # fmt: skip
    assert on["false_alarms_per_month"] == 0.184
    assert on["runbook"] == "docs/runbook.md#forecastbiased"
    assert answer["events_since"] == "2024-01-01T00:00:00Z"
    assert [(each["event"], each["timestamp"], each["alarm"]["detector"]) for each in answer["events"]] == [
        ("ended", "2024-01-01T00:02:00Z", "price_frozen"),
        ("began", "2024-01-01T00:01:00Z", "forecast_biased"),
        ("began", "2024-01-01T00:01:00Z", "price_frozen"),
    ]


async def test_alarms_of_an_old_signal_come_with_its_age() -> None:
    answer = (await get(view_of(signal(2, FROZEN)), "/drift/BTCUSDT", age_s=3_600.0)).json()
    assert (answer["status"], answer["age_seconds"]) == ("stale", 3_600.0)
    assert answer["alarms_on"]["page"] == 1


async def test_all_symbols_are_counted_and_their_events_are_together() -> None:
    view = view_of(signal(0), signal(0, symbol="ETHUSDT"), signal(2, FROZEN), signal(2, FROZEN, BIASED, symbol="ETHUSDT"))
    answer = (await get(view, "/drift")).json()
    assert answer["alarms_on"] == {"page": 2, "ticket": 1, "info": 0}
    assert list(answer["symbols"]) == ["BTCUSDT", "ETHUSDT"]
    one = (await get(view, "/drift/ETHUSDT")).json()
    assert answer["symbols"]["ETHUSDT"] == {name: one[name] for name in one if name not in {"events", "events_since"}}
    assert [each["symbol"] for each in answer["events"]] == ["ETHUSDT", "ETHUSDT", "BTCUSDT"]
    assert DriftResponse.model_validate(answer).alarms_on.page == 2


async def test_before_the_first_signal_there_is_nothing() -> None:
    answer = (await get(View(180), "/drift")).json()
    assert answer == {"alarms_on": {"page": 0, "ticket": 0, "info": 0}, "events": [], "symbols": {}}
    assert (await get(View(180), "/drift/BTCUSDT")).status_code == 404


async def test_the_command_names_settings_that_are_not_the_default() -> None:
    other = msgspec.structs.replace(signal(2, FROZEN), horizon_minutes=15, interval_level=0.95)
    answer = (await get(view_of(other), "/drift/BTCUSDT")).json()
    for each in (answer["alarms"][0], answer["events"][0]["alarm"]):
        assert each["replay"].endswith(" --horizons 15 --interval-level 0.95")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Signal]]:
    """A file whose price is frozen for an hour, and its signals as a consumer makes them."""
    path = tmp_path_factory.mktemp("candles") / "candles.csv"
    freeze = Break(kind=BreakKind.FROZEN_PRICE, at_ms=at(200), minutes=60)
    with CandleWriter(path) as writer:
        for time_ms, *numbers, _ in simulate_candles("BTCUSDT", minutes=300, seed=5, start_ms=at(0), breaks=[freeze]):
            writer.write(time_ms, *numbers)
    (symbol, sources) = next(iter(replays_by_symbol((path,), ("BTCUSDT.BINANCE",)).items()))
    _, replay = create_backtest(Settings(), symbol, horizons=(60,))
    with backtest_signals(replay, sources) as made:
        return path, list(made)


async def test_the_command_computes_the_alarm_again(broken: tuple[Path, list[Signal]], tmp_path: Path) -> None:
    path, made = broken
    answer = (await get(view_of(*made), "/drift/BTCUSDT.BINANCE")).json()
    assert answer["alarms"] == []
    assert [each["event"] for each in answer["events"]] == ["ended", "began"]
    for event in answer["events"]:
        command = shlex.split(event["alarm"]["replay"].replace("FILES", shlex.quote(str(path))))
        result = CliRunner().invoke(main, [*command[1:], "--json", str(tmp_path / "drift.json")])
        assert result.exit_code == 0, result.output
        [symbol] = json.loads((tmp_path / "drift.json").read_text())["symbols"]
        [period] = symbol["alarms"]
        again = period["alarm"]
        assert symbol["symbol"] == "BTCUSDT.BINANCE"
        for name in ("detector", "before", "after", "statistic", "threshold"):
            assert again[name] == event["alarm"][name]
        assert again["open_time_ms"] == made[230].drift_alarms[0].open_time_ms == at(230)
        assert (period["to_ms"] is None) == (event["event"] == "began")


@pytest.mark.parametrize("answer", [DriftResponse, SymbolDriftResponse, DriftEventResponse, DriftEvidenceResponse])
def test_each_field_is_documented(answer: type[BaseModel]) -> None:
    section = (ROOT / "docs/reference/api.md").read_text().partition("## Drift\n")[2].partition("\n## ")[0]
    assert [name for name in answer.model_fields if not re.search(rf"`(\w+\[?\]?\.)*{name}(\[\])?`", section)] == []
    assert [name for name, field in answer.model_fields.items() if not field.description] == []
