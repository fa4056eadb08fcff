# ruff: noqa: B018  # a cell shows its last expression
# %% [markdown]
# # Volatility forecasts in a notebook
# Each `# %%` begins a cell, in VS Code, PyCharm, Spyder and (by Jupytext) Jupyter; as a script the file runs from top to bottom.
# The candles are the bundled sample: simulated, no market data. Yours may be a DataFrame of pandas or Polars, or a pyarrow.Table.

# %%
"""Forecasts in a notebook: run candles of a frame, ask the last forecast, size a position, go on live, save and load."""

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

import volcast
from volcast import CandleRefusedError, Forecaster

SAMPLE = Path(volcast.__file__).parent / "simulation" / "sample" / "BTCUSDT-simulated.csv.gz"
candles = pl.read_csv(SAMPLE, n_rows=6_000)
past, live = candles.head(5_990), candles.tail(10)

# %% [markdown]
# ## All rows at once
# The frame comes back with columns of forecasts. The forecast of a row uses its candle and earlier ones, none that is later.

# %%
forecaster = Forecaster(horizons=(60, 15))
forecasts = forecaster.run(past, symbol="BTCUSDT")
forecasts.select("timestamp", "close", "volatility", "price_lower", "price_upper", "warm").tail(5)

# %% [markdown]
# Were the forecasts right? `outcome_…` is what became of the forecast that was made an hour before the row.

# %%
judged = forecasts.filter(pl.col("warm") & pl.col("outcome_covered").is_not_null())
covered = judged.select(pl.mean("outcome_price_covered")).item()
print(f"the price ended within its 90 % range in {covered:.1%} of {judged.height} cases")

# %% [markdown]
# ## The last forecast
# In a notebook it is shown as a picture.

# %%
forecast = forecaster.latest()
forecast

# %%
print(forecast)
stop = round(forecast.close * 0.995, 2)
print(f"a stop at {stop} is touched with a probability of {forecast.probability_touch(stop).value:.1%}")
loss = forecast.loss(0.99)
print(f"the worst 1 % of hours loses more than {loss.value_at_risk:.2%}, on average {loss.expected_shortfall:.2%}")
soon = forecast.at(15).price_interval(0.8)
print(f"in 15 minutes: {soon.lower:.2f} to {soon.upper:.2f} (80 %)")
paths = forecast.paths(1_000, seed=1)
print(f"of 1000 scenarios {(paths.low.min(axis=1) < stop).mean():.1%} touch the stop")

# %% [markdown]
# ## A position of constant risk
# The size is decided after the candle of a row, from the forecast of that row. What the position is worth is moved by the
# volatility of the *next* hour, which stands as an outcome 60 rows later. To shift by rows, the frame must have no gaps.

# %%
TARGET = 0.0025
held = forecasts.with_columns(
    size=pl.when("warm").then((TARGET / pl.col("volatility")).clip(0.0, 2.0)),
    next_volatility=pl.col("outcome_realized_volatility").shift(-60),
).drop_nulls(["size", "next_volatility"])
is_high = pl.col("volatility") > pl.median("volatility")
for name, size in (("constant size", pl.lit(1.0)), ("sized by the forecast", pl.col("size"))):
    risk = size * pl.col("next_volatility")
    mean = held.select(high=risk.filter(is_high).mean(), low=risk.filter(~is_high).mean()).row(0, named=True)
    print(f"{name}: moved by {mean['high']:.2%} an hour where the forecast is high, by {mean['low']:.2%} where it is low")

# %% [markdown]
# ## Live
# One candle after the other, once its minute is over. Before a forecast is used, ask whether it may be: `is_valid(now)`.

# %%
arriving = live.rename({"timestamp": "open_time", "volume_btc": "volume", "volume_usd": "quote_volume"}).to_dicts()
for candle in arriving:
    forecast = forecaster.update(**candle)
print(f"valid until {forecast.valid_until:%Y-%m-%d %H:%M:%S} UTC, drift alarms: {len(forecast.drift_alarms)}")

# %% [markdown]
# A venue's last candle is not closed yet. If it is given too early, the closed one differs from it, and is refused:

# %%
try:
    forecaster.update(**arriving[-1] | {"volume": arriving[-1]["volume"] + 1.0})
except CandleRefusedError as error:
    print(f"{error.reason}: {error}")

# %% [markdown]
# ## Save and load
# A loaded forecaster goes on to the bit where the saved one stopped.

# %%
with TemporaryDirectory() as folder:
    forecaster.save(Path(folder) / "btcusdt.volcast")
    loaded = Forecaster.load(Path(folder) / "btcusdt.volcast")
print(f"loaded: {loaded.latest()}")
