"""Draws the picture of docs/distribution.md: `python -m bench.distribution_picture docs/distribution.svg`.

An engine steps through the bundled sample, simulated candles of BTCUSDT; its last signal is drawn: scenario paths with ranges of
the price, and how likely a price is touched or closed beyond. It draws no conclusion and measures nothing.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import pyplot as plt

import volcast
from producer.csv_replay import CsvReplay
from volcast.backtest.run import BacktestReplay
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.forecast.distribution.questions import PriceOutlook
from volcast.core.forecast.distribution.scenarios import scenario_paths
from volcast.core.types import EngineConfig, Signal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAMPLE = Path(volcast.__file__).parent / "simulation" / "sample" / "BTCUSDT-simulated.csv.gz"
SHOWN, DRAWN, SEED = 25, 20_000, 1
BANDS = ((0.9, "#c6dbef"), (0.5, "#9ecae1"))
STOP_DISTANCE = 0.005


def last_signal() -> Signal:
    """Return the signal after the last candle of the sample."""
    source, decoder = CsvReplay(SAMPLE), Decoder()
    engine = Engine(source.symbol, EngineConfig(horizons=(60, 15, 5)), decoder.price_decimals(source.symbol))
    *_, signal = BacktestReplay(engine, decoder).signals(source.candles())
    return signal


def draw(signal: Signal, target: Path) -> None:
    """Draw both parts as an SVG file."""
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "volcast", "font.size": 9, "path.simplify": True})
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    _draw_paths(left, signal)
    _draw_odds(right, signal)
    figure.savefig(target, format="svg", metadata={"Date": None})
    plt.close(figure)


def _draw_paths(axes: "Axes", signal: Signal) -> None:
    closes = scenario_paths(signal, DRAWN, SEED).close
    minutes = np.arange(closes.shape[1])
    for level, color in BANDS:
        low, high = np.quantile(closes, [0.5 - level / 2, 0.5 + level / 2], axis=0)
        axes.fill_between(minutes, low, high, color=color, label=f"{level:.0%} of the paths")
    axes.plot(minutes, closes[:SHOWN].T, color="#08519c", linewidth=0.4, alpha=0.6)
    stop = signal.close * (1 - STOP_DISTANCE)
    axes.axhline(stop, color="#cb181d", linewidth=1, linestyle="--", label=f"a stop at {stop:.0f}")
    axes.set(xlabel="minutes from now", ylabel="price", title=f"{SHOWN} of {DRAWN} scenario paths", xlim=(0, 60))
    axes.legend(frameon=False, loc="upper left", fontsize=8)


def _draw_odds(axes: "Axes", signal: Signal) -> None:
    outlook = PriceOutlook(signal.quantiles, signal.close)
    percent = np.linspace(-1.2, 1.2, 241)
    prices = [signal.close * (1 + each / 100) for each in percent if abs(each) > 1e-9]  # noqa: PLR2004  # not the close itself
    distance = [100 * (price / signal.close - 1) for price in prices]
    touched = [100 * outlook.touched(price).value for price in prices]
    beyond = [100 * (outlook.above(price) if price > signal.close else outlook.below(price)).value for price in prices]
    axes.plot(distance, touched, color="#cb181d", label="touched within the hour")
    axes.plot(distance, beyond, color="#08519c", label="close beyond it at the end")
    axes.axvline(-100 * STOP_DISTANCE, color="#cb181d", linewidth=1, linestyle="--")
    axes.set(xlabel="distance of the price from the close, %", ylabel="probability, %", title="How likely a price is")
    axes.set(xlim=(-1.2, 1.2), ylim=(0, 100))
    axes.legend(frameon=False, loc="upper right", fontsize=8)


if __name__ == "__main__":
    draw(last_signal(), Path(sys.argv[1]))
