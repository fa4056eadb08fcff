"""What a forecaster remembers, what it refuses, and that refusing loses nothing."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.volcast.library.market import PRICES, candles_of, sample
from volcast import CandleFrameError, CandleRefusedError, CandlesRefusedWarning, Forecaster, NoForecastError, SymbolError


class TestAgain:
    """A strategy gives the last hours again and again, with one candle more."""

    def test_a_frame_with_rows_more_gets_all_forecasts(self) -> None:
        frame = sample()
        forecaster, whole = Forecaster(), Forecaster().run(frame)
        forecaster.run(frame.head(30))
        found = forecaster.run(frame.tail(20))
        assert found.candle_status.tolist() == ["known"] * 10 + ["accepted"] * 10
        assert found.drop(columns="candle_status").equals(whole.tail(20).drop(columns="candle_status"))

    def test_a_frame_that_ends_after_a_gap_is_completed(self) -> None:
        frame = sample(60)
        later = pd.concat([frame.head(20), frame.tail(20)])
        forecaster = Forecaster()
        assert forecaster.run(later.head(21)).candle_status.iloc[-1] == "waiting"
        found = forecaster.run(later.tail(20))
        assert found.candle_status.eq("accepted").all()
        assert found.equals(Forecaster().run(later).tail(20))

    def test_a_forgotten_frame_is_refused_and_loses_nothing(self) -> None:
        frame = sample()
        forecaster = Forecaster(remember=10)
        forecaster.run(frame)
        before = forecaster.latest().record
        with pytest.raises(CandleFrameError, match="no row is new, and 30 of 40 are too old"):
            forecaster.run(frame)
        assert forecaster.latest().record is before
        assert forecaster.run(frame.tail(10)).candle_status.eq("known").all()

    def test_another_candle_of_the_same_minute_is_refused(self) -> None:
        """As of a venue's last candle, which is not closed yet."""
        frame = sample()
        forecaster = Forecaster()
        forecaster.run(frame)
        changed = candles_of(frame)[-1] | {"close": frame.low.iloc[-1]}
        with pytest.raises(CandleRefusedError, match="this one is different") as refused:
            forecaster.update(**changed)
        assert refused.value.reason == "duplicate"
        assert forecaster.update(**candles_of(frame)[-1]).close == frame.close.iloc[-1]

    def test_an_earlier_candle_is_refused(self) -> None:
        forecaster = Forecaster()
        forecaster.run(sample())
        with pytest.raises(CandleRefusedError, match="later ones after it"):
            forecaster.update(**candles_of(sample())[5])

    def test_a_candle_that_confirms_another_may_wait_itself(self) -> None:
        forecaster, candles = Forecaster(), candles_of(sample(60))
        waiting = [forecaster.update(**candles[at]).waiting for at in (0, 1, 21, 41, 42)]
        assert waiting == [True, False, True, True, False]
        assert forecaster.latest().record.candles == 5


class TestRefusals:
    def test_a_bad_row_has_nulls_and_a_reason(self) -> None:
        frame = sample()
        frame.loc[7, "close"] = -1.0
        frame.loc[9, [*PRICES]] = np.nan
        frame.loc[9, ["volume_btc", "volume_usd"]] = 0.0
        with pytest.warns(CandlesRefusedWarning, match="2 of 40 rows have no forecast: 1 not_positive, 1 no_price"):
            found = Forecaster().run(frame)
        assert len(found) == 40
        assert found.candle_status[7] == "not_positive"
        assert found.candle_detail[7] == "close is -1.0; a price must be above 0"
        assert found.loc[7, ["volatility", "signal", "warm", "valid_until"]].isna().all()
        assert found.missing_minutes.iloc[-1] == 2

    @pytest.mark.parametrize("minutes", [5, 60, 1_440])
    def test_longer_candles_are_refused_one_by_one(self, minutes: int) -> None:
        forecaster = Forecaster()
        candle = candles_of(sample())[0]
        times = [pd.Timestamp("2024-01-01") + step * pd.Timedelta(minutes=minutes) for step in range(21)]
        for time in times[:-1]:
            forecaster.update(**candle | {"open_time": time})
        with pytest.raises(CandleRefusedError, match="candles of one minute are expected") as refused:
            forecaster.update(**candle | {"open_time": times[-1]})
        assert refused.value.reason == "wrong_interval"

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"close": "42 000"}, "not_a_number"),
            ({"close": None}, "not_a_number"),
            ({"close": True}, "not_a_number"),
            ({"close": float("nan")}, "not_a_number"),
            ({"close": 1.0}, "outside_high_low"),
            ({"close": 42_000.123456789}, "too_many_decimals"),
            ({"volume": -1}, "not_positive"),
            ({"open_time": "yesterday"}, "bad_time"),
            ({"open_time": None}, "bad_time"),
            ({"open_time": 20_240_101}, "bad_time"),
            ({"open_time": "2024-01-01 00:00:30"}, "bad_time"),
        ],
    )
    def test_a_single_candle_that_is_not_sound(self, change: dict[str, Any], reason: str) -> None:
        forecaster = Forecaster()
        with pytest.raises(CandleRefusedError) as refused:
            forecaster.update(**candles_of(sample())[0] | change)
        assert refused.value.reason == reason
        assert forecaster.symbols == ()

    def test_which_symbol_is_meant_must_be_clear(self) -> None:
        forecaster = Forecaster()
        forecaster.run(sample(), symbol="BTC/USDT")
        forecaster.run(sample(), symbol="ETH/USDT")
        with pytest.raises(SymbolError, match="there are candles of BTCUSDT, ETHUSDT; say which"):
            forecaster.latest()
        with pytest.raises(SymbolError, match="'BTC-USDT' and 'BTC/USDT' would both be BTCUSDT"):
            forecaster.run(sample(), symbol="BTC-USDT")
        for name in ("…", "", 5):
            with pytest.raises(SymbolError, match="is no symbol"):
                forecaster.run(sample(), symbol=name)  # type: ignore[arg-type]  # a number is what is tested
        with pytest.raises(CandleFrameError, match="has a column of symbols"):
            forecaster.run(sample().assign(symbol="A"), symbol="B")
        with pytest.raises(NoForecastError, match="there is no forecast of SOLUSDT yet"):
            forecaster.latest("SOL/USDT")
        assert forecaster.latest("BTCUSDT").symbol == forecaster.latest("BTC/USDT").symbol == "BTCUSDT"

    def test_another_market_without_a_name_is_refused(self) -> None:
        forecaster = Forecaster()
        forecaster.run(sample())
        later = sample(80).tail(40)
        with pytest.raises(CandleFrameError, match="the price jumps from"):
            forecaster.run(later.assign(**{name: later[name] / 20 for name in PRICES}).round(4))
        assert forecaster.run(later).candle_status.eq("accepted").all()

    def test_candles_with_and_without_volumes_are_not_mixed(self) -> None:
        forecaster = Forecaster()
        forecaster.run(sample().drop(columns=["volume_btc", "volume_usd"]))
        with pytest.raises(CandleFrameError, match="a column of volumes"):
            forecaster.run(sample(80))
        with pytest.raises(CandleRefusedError, match="had no volumes"):
            forecaster.update(**candles_of(sample(41))[-1])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"horizons": (3,)}, "horizons is 3; a whole number from 5 to 1440"),
        ({"model": "garch"}, "unknown model: garch"),
        ({"window": 0}, "window is 0; a whole number from 1 to 10080 is expected"),
        ({"window": 5.5}, "window is 5.5; a whole number"),
        ({"horizons": "60"}, "horizons is '60'; a whole number"),
        ({"remember": True}, "remember is True; a whole number"),
        ({"interval_level": 0.999}, "interval_level is 0.999"),
        ({"quantile_levels": (0.5, 0.1, 0.9)}, "quantile_levels are"),
        ({"prior": Path("nowhere.json")}, "nowhere.json can't be read"),
        ({"warmup": "never"}, "'zero' or 'exclude'"),
        ({"stale_after_s": float("inf")}, "stale_after_s is inf"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Forecaster(**arguments)


def pickled(forecaster: Forecaster) -> Forecaster:
    restored = pickle.loads(pickle.dumps(forecaster))  # noqa: S301  # its own bytes
    assert isinstance(restored, Forecaster)
    return restored


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_a_copy_goes_its_own_way(copied: Callable[[Forecaster], Forecaster]) -> None:
    forecaster = Forecaster(shadows="ewma")
    forecaster.run(sample())
    other = copied(forecaster)
    found = other.run(sample(60))
    assert forecaster.latest().record.candles == 40
    assert found.equals(forecaster.run(sample(60)))


def test_the_package_is_imported_without_the_library() -> None:
    """`volcast --help` must not wait for River and NumPy."""
    code = "import sys, volcast; assert 'Forecaster' in dir(volcast); print({'numpy', 'river', 'narwhals'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_frames_of_pandas_need_no_polars_and_of_polars_no_pandas() -> None:
    code = """
import sys
from volcast import Forecaster
{make}
assert Forecaster().run(frame).shape[0] == 3
assert {other!r} not in sys.modules
"""
    times = "['2024-01-01 00:00', '2024-01-01 00:01', '2024-01-01 00:02']"
    columns = f"dict(open_time={times}, open=[1.0] * 3, high=[1.0] * 3, low=[1.0] * 3, close=[1.0] * 3, volume=[1.0] * 3)"
    for library, other in (("pandas", "polars"), ("polars", "pandas")):
        make = f"import {library}; frame = {library}.DataFrame({columns})"
        subprocess.run([sys.executable, "-c", code.format(make=make, other=other)], check=True)
