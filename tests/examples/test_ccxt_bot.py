"""The loop with ccxt, run by its command line: real ccxt, a small exchange and a real volcast on this machine, no network."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.examples.bot_environments import FREQTRADE, bot_python, copied, run_bot
from tests.examples.live_api import COLD, FRESH, STALE, live_api
from tests.examples.scripted_exchange import FEE, ScriptedExchange, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
PRICE = 40_000.0
Run = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def python() -> Path:
    """freqtrade depends on ccxt, so that one environment has both."""
    return bot_python(FREQTRADE)


@pytest.fixture(scope="module")
def volcast_url(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The environment is asked for first, because making it takes longer than candles stay fresh."""
    with live_api(tmp_path_factory.mktemp("volcast")) as url:
        yield url


@pytest.fixture
def exchange() -> Iterator[ScriptedExchange]:
    with serving(ScriptedExchange(PRICE)) as running:
        yield running


@pytest.fixture
def bot(tmp_path: Path, python: Path, exchange: ScriptedExchange, volcast_url: str) -> Callable[..., Run]:
    """Run one round in `tmp_path`. The rule always buys: the example's own looks at the last candle, another one each time."""
    script = copied(tmp_path, "sizing.py", "ccxt/bot.py") / "bot.py"
    text = script.read_text()
    assert "return latest.signal == 1" in text
    script.write_text(text.replace("return latest.signal == 1", "return True"))
    keys = {"apiKey": "a", "secret": "b", **exchange.ccxt_options()}
    (tmp_path / "exchange.json").write_text(json.dumps(keys))

    def run(*arguments: str, url: str = volcast_url) -> Run:
        options = ("--volcast", url, "--exchange-config", "exchange.json", "--once")
        return run_bot(tmp_path, python, "bot.py", "BTC/USDT", *options, *arguments)

    return run


def test_by_default_nothing_is_placed(bot: Callable[..., Run], exchange: ScriptedExchange) -> None:
    done = bot("--equity", "10000")
    assert (done.returncode, done.stderr, exchange.orders) == (0, "", [])
    found = re.search(r"BTC/USDT 40000.0: would buy (\S+) for (\S+) USDT, stop at (\S+)\n", done.stdout)
    assert found, done.stdout
    amount, value, stop = map(float, found.groups())
    assert value == pytest.approx(amount * PRICE, rel=1e-3)
    assert 0 < value <= 2_500
    assert PRICE * 0.95 <= stop < PRICE
    assert value * (PRICE - stop) / PRICE <= 10.01


def test_a_smaller_risk_is_a_smaller_position(bot: Callable[..., Run]) -> None:
    values = [float(re.findall(r"for (\S+) USDT", bot("--risk", risk).stdout)[0]) for risk in ("0.0002", "0.0004")]
    assert values[1] == pytest.approx(2 * values[0], rel=0.001)


@pytest.mark.parametrize(
    ("symbol", "reason"),
    [
        (STALE, "do not use the forecast of ETHUSDT: status is finished"),
        (COLD, "do not use the forecast of XRPUSDT: status is warming"),
        ("ADAUSDT", "no signal for 'ADAUSDT'"),
    ],
)
def test_it_stands_down(bot: Callable[..., Run], exchange: ScriptedExchange, symbol: str, reason: str) -> None:
    done = bot("--place-orders", "--volcast-symbol", symbol)
    assert f"nothing to buy, {reason}" in done.stdout
    assert (done.returncode, exchange.orders) == (0, [])


def test_it_stands_down_while_volcast_is_away(bot: Callable[..., Run], exchange: ScriptedExchange) -> None:
    done = bot("--place-orders", url="http://127.0.0.1:9")
    assert "nothing to buy, " in done.stdout
    assert "127.0.0.1:9" in done.stdout
    assert (done.returncode, exchange.orders) == (0, [])


def test_an_exchange_that_is_away_is_told_in_one_line(bot: Callable[..., Run], exchange: ScriptedExchange) -> None:
    exchange.down = True
    done = bot()
    assert (done.returncode, done.stderr) == (1, "")
    assert re.fullmatch(r"\S+ binance: \w+: .*\n", done.stdout)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("BTCUSDT",), "'BTCUSDT' is no pair of the spot market"),
        (("BTC/USDT:USDT",), "is no pair of the spot market"),
        (("BTC/USDT", "--exchange-config", "nowhere.json"), "nowhere.json cannot be read as a JSON object"),
        (("BTC/USDT", "--exchange", "binanc"), "invalid choice: 'binanc'"),
        (("BTC/USDT", "--risk", "5"), "5 is no share between 0 and 1"),
        (("BTC/USDT", "--risk", "nan"), "nan is no share"),
    ],
)
def test_wrong_words_get_a_sentence(tmp_path: Path, python: Path, words: tuple[str, ...], sentence: str) -> None:
    done = run_bot(copied(tmp_path, "sizing.py", "ccxt/bot.py"), python, "bot.py", *words, "--once")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_less_than_the_exchange_takes_is_not_bought(bot: Callable[..., Run], exchange: ScriptedExchange) -> None:
    exchange.balances["USDT"] = 10.0
    assert "is less than the exchange takes" in bot("--place-orders").stdout
    assert exchange.orders == []


def test_it_buys_leaves_a_stop_and_sells_after_the_horizon_even_without_volcast(
    bot: Callable[..., Run], exchange: ScriptedExchange, tmp_path: Path
) -> None:
    assert "bought" in bot("--place-orders").stdout
    bought, stop = exchange.orders
    assert (bought["side"], bought["type"], stop["side"], stop["type"]) == ("BUY", "MARKET", "SELL", "STOP_LOSS")
    assert float(stop["origQty"]) <= float(bought["origQty"]) * (1 - FEE)
    assert PRICE * 0.95 <= float(stop["stopPrice"]) < PRICE
    assert float(bought["origQty"]) * PRICE <= 2_500
    note = json.loads((tmp_path / "position.json").read_text())
    assert bot("--place-orders", url="http://127.0.0.1:9").stdout == ""
    assert len(exchange.orders) == 2
    (tmp_path / "position.json").write_text(json.dumps({**note, "sell_at_ms": 1}))
    assert "sold" in bot("--place-orders", url="http://127.0.0.1:9").stdout
    assert [order["status"] for order in exchange.orders] == ["FILLED", "CANCELED", "FILLED"]
    assert exchange.balances["BTC"] < 0.00001
    assert not (tmp_path / "position.json").exists()


def test_a_touched_stop_ends_the_position(bot: Callable[..., Run], exchange: ScriptedExchange, tmp_path: Path) -> None:
    bot("--place-orders")
    exchange.touch_stops()
    assert "the stop was touched" in bot("--place-orders").stdout
    assert not (tmp_path / "position.json").exists()
    assert exchange.balances["USDT"] >= 10_000 - 10 - 2_500 * FEE


def test_without_a_stop_nothing_is_kept(bot: Callable[..., Run], exchange: ScriptedExchange, tmp_path: Path) -> None:
    exchange.refuse_stops = True
    done = bot("--place-orders")
    assert "no stop could be placed, so it sells and ends" in done.stdout
    assert done.returncode == 1
    assert [order["side"] for order in exchange.orders] == ["BUY", "SELL"]
    assert not (tmp_path / "position.json").exists()


def test_the_rule_of_the_example_decides(tmp_path: Path, python: Path, exchange: ScriptedExchange, volcast_url: str) -> None:
    copied(tmp_path, "sizing.py", "ccxt/bot.py")
    (tmp_path / "exchange.json").write_text(json.dumps(exchange.ccxt_options()))
    words = ("BTC/USDT", "--volcast", volcast_url, "--volcast-symbol", FRESH, "--exchange-config", "exchange.json", "--once")
    done = run_bot(tmp_path, python, "bot.py", *words)
    assert "would buy" in done.stdout or "the rule does not want to buy" in done.stdout
