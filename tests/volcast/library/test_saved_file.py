"""A saved forecaster goes on to the bit where it stopped, and a file that can't is refused."""

import pickle
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.volcast.library.market import candles_of, sample
from volcast import Forecaster, SavedForecasterError
from volcast.core.codec import encode_signal
from volcast.core.forecast.forecaster import SymbolForecaster
from volcast.core.forecast.prior import encode_prior

ROWS = 120


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, ROWS - 1), gap=st.integers(0, 40), symbols=st.integers(1, 2))
def test_a_loaded_one_goes_on_to_the_bit(tmp_path: Path, cut: int, gap: int, symbols: int) -> None:
    """Wherever it is cut, also where a candle waits, and after any gap."""
    frame = sample(ROWS + 60)
    before, after = frame.head(cut), frame.iloc[cut + gap : cut + gap + 60]
    kept = Forecaster(horizons=(15, 5), window=3, stale_after_s=90.5)
    for number in range(symbols):
        kept.run(before, symbol=f"COIN/{number}")
    kept.save(tmp_path / "saved")
    loaded = Forecaster.load(tmp_path / "saved")
    assert loaded.symbols == kept.symbols
    for symbol in ("COIN/0", "COIN/1"):
        assert loaded.run(after, symbol=symbol).equals(kept.run(after, symbol=symbol))
        assert loaded.run(frame.tail(5), symbol=symbol).equals(kept.run(frame.tail(5), symbol=symbol))
        assert encode_signal(loaded.latest(symbol).record) == encode_signal(kept.latest(symbol).record)
        assert loaded.latest(symbol)._repr_html_() == kept.latest(symbol)._repr_html_()


def test_single_candles_go_on_too(tmp_path: Path) -> None:
    forecaster = Forecaster()
    candles = candles_of(sample(30))
    for candle in candles[:20]:
        forecaster.update(**candle)
    forecaster.save(str(tmp_path / "saved"))
    loaded = Forecaster.load(str(tmp_path / "saved"))
    assert loaded.update(**candles[19]).volatility == forecaster.latest().volatility
    for candle in candles[20:]:
        assert loaded.update(**candle).record == forecaster.update(**candle).record


def test_a_prior_of_ones_own_is_saved_with_it(tmp_path: Path) -> None:
    prior = SymbolForecaster((60,)).learned("a test")
    (tmp_path / "prior.json").write_bytes(encode_prior(prior))
    forecaster = Forecaster(prior=tmp_path / "prior.json")
    forecaster.run(sample())
    forecaster.save(tmp_path / "saved")
    (tmp_path / "prior.json").unlink()
    assert Forecaster.load(tmp_path / "saved").run(sample(60)).equals(forecaster.run(sample(60)))


def test_a_file_is_replaced_as_a_whole_or_not(tmp_path: Path) -> None:
    forecaster = Forecaster()
    forecaster.run(sample())
    forecaster.save(tmp_path / "saved")
    before = (tmp_path / "saved").read_bytes()
    forecaster.save(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]
    with pytest.raises(SavedForecasterError, match="can't be written: No such file or directory"):
        forecaster.save(tmp_path / "nowhere" / "saved")


def test_a_foreign_or_damaged_file_is_refused(tmp_path: Path) -> None:
    forecaster = Forecaster()
    forecaster.run(sample())
    path = tmp_path / "saved"
    forecaster.save(path)
    raw = path.read_bytes()

    def refused(changed: bytes, sentence: str) -> None:
        path.write_bytes(changed)
        with pytest.raises(SavedForecasterError, match=sentence):
            Forecaster.load(path)

    def with_checksum(payload: bytes) -> bytes:
        return raw[:4] + crc32(payload).to_bytes(4, "little") + payload

    content = msgspec.msgpack.decode(raw[8:])
    refused(b"", "is no saved forecaster")
    refused(pickle.dumps(1), "is no saved forecaster")
    refused(raw[:6], "is damaged")
    refused(raw[:-1], "is damaged: its checksum does not match")
    refused(raw[:100] + bytes([raw[100] ^ 1]) + raw[101:], "is damaged")
    refused(with_checksum(b"\xc1"), "can't be continued here")
    refused(with_checksum(msgspec.msgpack.encode(content | {"format": 99})), "it has format 99, and this version reads 1")
    refused(with_checksum(msgspec.msgpack.encode(content | {"price_decimals": 3})), "can't be continued here: .*price_decimals 8")
    symbol = content["symbols"]["UNNAMED"]
    for name, value in (
        ("snapshot", b"VCS1"),
        ("remembered", {}),
        ("remembered", symbol["remembered"] | {"remembered": {1: b"x"}}),
    ):
        changed = content | {"symbols": {"UNNAMED": symbol | {name: value}}}
        refused(with_checksum(msgspec.msgpack.encode(changed)), "can't be continued here")
    with pytest.raises(SavedForecasterError, match="can't be read: No such file"):
        Forecaster.load(tmp_path / "nowhere")
    path.write_bytes(raw)
    assert Forecaster.load(path).symbols == ("UNNAMED",)
