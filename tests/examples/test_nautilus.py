"""The Nautilus strategy in Nautilus' own backtest engine, over simulated candles with a gap."""

import csv
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from examples.sizing import Rules
from tests.command import volcast
from tests.examples.bot_environments import NAUTILUS, bot_python, copied, run_bot
from tests.examples.known_forecasts import forecasts, stop_distance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
GAP = (datetime(2024, 1, 3, 6, tzinfo=UTC), datetime(2024, 1, 3, 12, tzinfo=UTC))
Row = dict[str, str]


def workplace(folder: Path) -> Path:
    """Make a folder as docs/bots.md has it; the candles have a gap."""
    copied(folder, "sizing.py", "nautilus/volcast_sizing.py", "nautilus/backtest.py")
    made = volcast(folder, "generate", "--days", 4, "--symbols", "BTCUSDT", "--seed", 7, "--out", "candles")
    assert made.returncode == 0, made.stderr
    file = folder / "candles/BTCUSDT.csv.gz"
    header, *rows = gzip.decompress(file.read_bytes()).decode().splitlines()
    begin, end = (f"{time:%Y-%m-%d %H:%M}" for time in GAP)
    file.write_bytes(gzip.compress("\n".join([header, *(row for row in rows if not begin <= row < end)]).encode()))
    return folder


def run(folder: Path, python: Path) -> str:
    done = run_bot(folder, python, "backtest.py", "candles/BTCUSDT.csv.gz")
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr
    return done.stdout + done.stderr


def table(file: Path) -> list[Row]:
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.fixture(scope="module")
def python() -> Path:
    return bot_python(NAUTILUS)


@pytest.fixture(scope="module")
def log_and_folder(python: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = workplace(tmp_path_factory.mktemp("nautilus"))
    return run(folder, python), folder


@pytest.fixture
def positions(log_and_folder: tuple[str, Path]) -> list[Row]:
    return table(log_and_folder[1] / "positions.csv")


@pytest.fixture
def stops(log_and_folder: tuple[str, Path]) -> list[Row]:
    return [order for order in table(log_and_folder[1] / "orders.csv") if order["type"] == "STOP_MARKET"]


def opened_at(position: Row) -> datetime:
    return datetime.fromisoformat(position["ts_opened"])


def test_size_and_stop_are_those_of_the_forecast_at_that_time(
    positions: list[Row], stops: list[Row], log_and_folder: tuple[str, Path]
) -> None:
    known = forecasts(log_and_folder[1] / "candles/BTCUSDT.csv.gz")
    equity, values = 10_000.0, []
    assert len(positions) == len(stops) > 30
    for position, stop in zip(positions, stops, strict=True):
        forecast, price = known[opened_at(position)], float(position["avg_px_open"])
        assert forecast.warm
        distance = stop_distance(forecast)
        assert float(stop["trigger_price"]) == pytest.approx(price * (1 - distance), abs=0.02)
        values.append(float(position["peak_qty"]) * price)
        assert values[-1] == pytest.approx(min(equity * Rules().risk / distance, equity * Rules().max_share), rel=0.005)
        equity += float(position["realized_pnl"].split()[0])
    assert min(values) < 0.8 * max(values)


def test_nothing_is_opened_before_the_forecaster_is_warm_nor_in_the_gap(
    positions: list[Row], log_and_folder: tuple[str, Path]
) -> None:
    times = list(map(opened_at, positions))
    assert datetime(2024, 1, 2, 1, tzinfo=UTC) <= min(times) < datetime(2024, 1, 2, 3, tzinfo=UTC)
    assert [time for time in times if GAP[0] < time <= GAP[1]] == []
    assert [time for time in times if time > GAP[1]]
    assert "no entry: the forecaster is not warm yet" in log_and_folder[0]


def test_positions_end_at_their_stop_or_with_their_horizon(positions: list[Row], stops: list[Row]) -> None:
    end = datetime(2024, 1, 5, tzinfo=UTC)
    for position, stop in zip(positions, stops, strict=True):
        begin, closed = opened_at(position), datetime.fromisoformat(position["ts_closed"])
        if stop["status"] == "FILLED":
            assert closed <= max(begin + timedelta(hours=1), GAP[1] + timedelta(minutes=1))
        else:
            assert closed == min(begin + timedelta(hours=1), end)
    assert {stop["status"] for stop in stops} == {"FILLED", "CANCELED"}


def test_without_a_stop_nothing_is_kept_and_nothing_more_is_bought(python: Path, tmp_path: Path) -> None:
    """The venue refuses a stop that lies above the price."""
    strategy = workplace(tmp_path) / "volcast_sizing.py"
    text = strategy.read_text()
    assert "(1.0 - position.stop_distance)" in text
    strategy.write_text(text.replace("(1.0 - position.stop_distance)", "(1.0 + position.stop_distance)"))
    assert "an order was rejected" in run(tmp_path, python)
    (position,) = table(tmp_path / "positions.csv")
    assert position["ts_closed"] == position["ts_opened"]
