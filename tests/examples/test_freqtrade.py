"""The freqtrade strategy in freqtrade itself: a backtest, a dry run that asks a real API, and whether it knows the future.

freqtrade asks the exchange for its markets before a backtest, too. Here it asks a small exchange on this machine, by
ccxt's option `urls`; candles are simulated. Nothing asks a network.
"""

import csv
import json
import os
import re
import sqlite3
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from examples.sizing import Rules
from tests.command import volcast
from tests.examples.bot_environments import FREQTRADE, ROOT, bot_python, copied, run_bot
from tests.examples.known_forecasts import forecasts, stop_distance
from tests.examples.live_api import COLD, FRESH, STALE, five_minute_candles, live_api
from tests.examples.scripted_exchange import ScriptedExchange, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
DAYS = 4
GAP = (datetime(2024, 1, 3, 6, tzinfo=UTC), datetime(2024, 1, 3, 12, tzinfo=UTC))
"""In which BTC/USDT has no candles of one minute, though some of five, if the strategy has those."""
Trades = list[dict[str, Any]]


@pytest.fixture(scope="module")
def freqtrade() -> Path:
    return bot_python(FREQTRADE).with_name("freqtrade")


@pytest.fixture(scope="module")
def exchange() -> Iterator[ScriptedExchange]:
    with serving(ScriptedExchange(42_000.0)) as running:
        yield running


def workplace(folder: Path, exchange: ScriptedExchange) -> Path:
    """Make a folder as docs/bots.md has it, and a second config file that says where this exchange is."""
    copied(folder, "freqtrade/config.json", "freqtrade/simulated_candles.py")
    copied(folder / "user_data/strategies", "sizing.py", "freqtrade/volcast_sizing.py")
    local = {"name": "binance", "enable_ws": False, "ccxt_config": exchange.ccxt_options()}
    (folder / "local.json").write_text(json.dumps({"exchange": local}))
    return folder


def with_candles(folder: Path, freqtrade: Path) -> Path:
    """Write simulated candles as the docs say; of BTC/USDT those of one minute have a gap."""
    made = volcast(folder, "generate", "--days", DAYS, "--symbols", "BTCUSDT,ETHUSDT", "--out", "candles")
    assert made.returncode == 0, made.stderr
    python = freqtrade.with_name("python")
    done = run_bot(folder, python, "simulated_candles.py", "candles", "user_data")
    assert done.returncode == 0, done.stderr
    file = folder / "user_data/data/binance/BTC_USDT-1m.feather"
    table = pl.read_ipc(BytesIO(file.read_bytes()))
    table.filter(~pl.col("date").is_between(*GAP, closed="left")).write_ipc(file, compression="lz4")
    return folder


def backtest(folder: Path, freqtrade: Path, *arguments: str) -> Trades:
    words = ("backtesting", "--config", "config.json", "--config", "local.json", "--strategy", "VolcastSizing", "--cache", "none")
    done = run_bot(folder, freqtrade, *words, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    result = max((folder / "user_data/backtest_results").glob("*.zip"), key=lambda file: file.stat().st_mtime_ns)
    with zipfile.ZipFile(result) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".json") and "_config" not in each)
        found: Trades = json.loads(archive.read(name))["strategy"]["VolcastSizing"]["trades"]
    return found


@pytest.fixture(scope="module")
def folder(freqtrade: Path, exchange: ScriptedExchange, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_candles(workplace(tmp_path_factory.mktemp("whole"), exchange), freqtrade)


@pytest.fixture(scope="module", params=["1m", "5m"])
def trades(folder: Path, freqtrade: Path, request: pytest.FixtureRequest) -> Trades:
    return backtest(folder, freqtrade, "--timeframe", request.param)


def opened_at(trade: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(trade["open_timestamp"] / 1_000, UTC)


def test_stake_and_stop_are_those_of_the_forecast_at_that_time(folder: Path, trades: Trades) -> None:
    known = {
        "BTC/USDT": forecasts(folder / "candles/BTCUSDT.csv.gz", without=GAP),
        "ETH/USDT": forecasts(folder / "candles/ETHUSDT.csv.gz"),
    }
    assert len(trades) > 50
    for trade in trades:
        answer = known[trade["pair"]][opened_at(trade)]
        distance = stop_distance(answer)
        assert answer.warm
        assert trade["stop_loss_abs"] == pytest.approx(trade["open_rate"] * (1 - distance), abs=0.02)
        closed = sum(each["profit_abs"] for each in trades if each["close_timestamp"] <= trade["open_timestamp"])
        equity = (10_000 + closed) * 0.99  # freqtrade keeps 1 % back
        allowed = min(equity * Rules().risk / distance, equity * Rules().max_share)
        assert trade["stake_amount"] == pytest.approx(allowed, rel=0.005)
    stakes = [trade["stake_amount"] for trade in trades]
    assert min(stakes) < 0.8 * max(stakes)


def test_nothing_is_opened_before_the_forecaster_is_warm_nor_while_it_is_stale(trades: Trades) -> None:
    first = min(map(opened_at, trades))
    assert datetime(2024, 1, 2, 1, tzinfo=UTC) <= first < datetime(2024, 1, 2, 6, tzinfo=UTC)
    times = [opened_at(trade) for trade in trades if trade["pair"] == "BTC/USDT"]
    in_gap = [time for time in times if GAP[0] + timedelta(minutes=3) <= time <= GAP[1] + timedelta(minutes=1)]
    assert not in_gap
    assert [time for time in times if time > GAP[1]], "it has to go on after the gap"
    others = [opened_at(trade) for trade in trades if trade["pair"] == "ETH/USDT"]
    assert [time for time in others if GAP[0] <= time < GAP[1]], "ETH/USDT has no gap"


def test_trades_end_at_their_stop_or_with_their_horizon(trades: Trades) -> None:
    for trade in trades:
        assert trade["trade_duration"] <= 60
        if "stop" in trade["exit_reason"]:
            loss = trade["stake_amount"] * -trade["profit_ratio"]
            fees = trade["stake_amount"] * 0.002
            assert loss <= 10_000 * Rules().risk + fees + 0.1
    reasons = {trade["exit_reason"] for trade in trades}
    assert {"horizon over", "trailing_stop_loss"} <= reasons <= {"horizon over", "trailing_stop_loss", "force_exit"}


STOPS = """
from volcast_sizing import VolcastSizing

class Held:
    def get_custom_data(self, name):
        return {"stop_price": 100.0}[name]

print(*[VolcastSizing({}).custom_stoploss(trade=Held(), current_rate=rate) for rate in (125.0, 100.0, 90.0)])
"""


def test_a_price_below_the_stop_has_a_stop_all_the_same(tmp_path: Path, freqtrade: Path) -> None:
    """freqtrade ignores a distance of 0."""
    folder = copied(tmp_path, "sizing.py", "freqtrade/volcast_sizing.py")
    done = run_bot(folder, freqtrade.with_name("python"), "-c", STOPS)
    assert list(map(float, done.stdout.split())) == pytest.approx([0.2, 0.0001, 0.0001]), done.stderr


def test_freqtrade_itself_finds_no_lookahead(folder: Path, freqtrade: Path) -> None:
    words = ("lookahead-analysis", "--config", "config.json", "--config", "local.json", "--strategy", "VolcastSizing")
    few = ("--timerange", "1704067200-1704168000", "--minimum-trade-amount", "1", "--targeted-trade-amount", "2")
    done = run_bot(folder, freqtrade, *words, *few, "--pairs", "ETH/USDT", "--lookahead-analysis-exportfilename", "found.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    with (folder / "found.csv").open() as file:
        (found,) = csv.DictReader(file)
    assert (found["has_bias"], found["biased_indicators"], found["total_signals"]) == ("False", "", "2")


def test_a_dry_run_asks_the_api_and_stands_down_where_it_has_no_good_forecast(
    freqtrade: Path, exchange: ScriptedExchange, tmp_path: Path
) -> None:
    """For a third pair the symbol is not configured: an error in the strategy, for which freqtrade would take its own stake."""
    with live_api(tmp_path / "volcast") as url:
        place = workplace(tmp_path / "bot", exchange)
        # The exchange has candles of now for all; that volcast has none of one of them for two hours, only volcast knows.
        exchange.candles = dict.fromkeys((FRESH, STALE, COLD), five_minute_candles(tmp_path / f"volcast/{FRESH}.csv"))
        exchange.price = float(exchange.candles[FRESH][-1][4])
        local = json.loads((place / "local.json").read_text())
        local["exchange"]["pair_whitelist"] = ["BTC/USDT", "ETH/USDT", "XRP/USDT"]
        local |= {"volcast": {"url": url, "symbols": {"BTC/USDT": FRESH, "ETH/USDT": STALE}}, "max_open_trades": 3}
        local["internals"] = {"process_throttle_secs": 1}
        (place / "local.json").write_text(json.dumps(local))
        strategy = place / "user_data/strategies/volcast_sizing.py"
        rule = '(dataframe["close"] > dataframe["mean"]) & (dataframe["volume"] > 0)'
        assert rule in strategy.read_text()
        strategy.write_text(strategy.read_text().replace(rule, 'dataframe["volume"] > 0'))
        log = dry_run(place, freqtrade)
    found = re.search(r"BTC/USDT: (\d+\.\d\d), stop (\d\.\d\d)% below the entry", log)
    assert found, log
    assert re.search("ETH/USDT: no entry: do not use the forecast of ETHUSDT", log)
    assert "XRP/USDT: no entry, because the size cannot be calculated" in log
    (trade,) = trades_in(place)
    pair, stake, open_rate, stop = trade
    assert pair == "BTC/USDT"
    assert stake == pytest.approx(float(found[1]), rel=0.005)
    assert stop == pytest.approx(open_rate * (1 - float(found[2]) / 100), rel=0.0001)
    assert stake <= 10_000 * 0.99 * Rules().risk / (1 - stop / open_rate) * 1.01


def trades_in(place: Path) -> list[tuple[str, float, float, float]]:
    with closing(sqlite3.connect(place / "tradesv3.dryrun.sqlite")) as database:
        return list(database.execute("SELECT pair, stake_amount, open_rate, stop_loss FROM trades"))


def dry_run(place: Path, freqtrade: Path) -> str:
    """Run `freqtrade trade` until it has seen all pairs and moved a stop, end it, and return its log."""
    words = ("trade", "--dry-run", "--config", "config.json", "--config", "local.json", "--strategy", "VolcastSizing")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}

    def logged() -> str:
        return " ".join((place / "log").read_text().split())  # freqtrade breaks lines anywhere

    with (place / "log").open("w") as output:
        process = subprocess.Popen([freqtrade, *words], cwd=place, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            for _ in range(600):
                time.sleep(0.1)
                log = logged()
                if process.poll() is not None:
                    break
                if "XRP/USDT: no entry" in log and any(stop > open_rate * 0.95 for _, _, open_rate, stop in trades_in(place)):
                    break
        finally:
            process.terminate()
            process.wait(30)
    return logged()
