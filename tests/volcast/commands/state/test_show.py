"""The report of a state: the description of each snapshot, and why one cannot be used."""

import io
import json
from zlib import crc32

import msgspec
import pytest
from rich.console import Console

from tests.market import SYMBOL, at, walk
from volcast.commands.state.show import report_state, show_state, state_as_json
from volcast.core import snapshot
from volcast.core.engine import Engine
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS
from volcast.core.types import EngineConfig
from volcast.log.contract import Restored

CONFIG = EngineConfig(window=7)


def raw(position: int = 40, candles: int = 3, symbol: str = SYMBOL) -> bytes:
    engine = Engine(symbol, CONFIG, 2)
    for one in walk(candles):
        engine.step(one)
    return snapshot.encode_snapshot(engine, position)


def of_time(time_ms: int) -> bytes:
    """Return a snapshot whose last candle has this open time."""
    written = msgspec.msgpack.decode(raw()[8:])
    written["state"]["timeline"]["last_ms"] = time_ms
    payload = msgspec.msgpack.encode(written)
    return b"VCS1" + crc32(payload).to_bytes(4, "little") + payload


STATE = {
    1: Restored(5, {}, 5, 5),
    0: Restored(100, {b"ETHUSDT": b"VCS1" + bytes(9), b"BTCUSDT": raw(), b"@rejected": b"\xff" * 7, b"\xff": b""}, 30, 2),
}


def test_a_report_has_the_whole_description_of_a_snapshot() -> None:
    zeroth, first = json.loads(state_as_json(report_state(STATE)))
    assert (first.pop("symbols"), first.pop("bookkeeping")) == ([], {})
    assert first == {"partition": 1, "position": 5, "replay_from": 5, "earliest": 5}
    assert (zeroth["position"], zeroth["replay_from"], zeroth["earliest"]) == (100, 30, 2)
    assert zeroth["bookkeeping"] == {"@rejected": 7}
    sound, damaged, nameless = zeroth["symbols"]
    places = {"symbol": "BTCUSDT", "bytes": len(raw()), "candles": 3, "last_candle": "2024-01-01T00:02:00Z", "behind": 60}
    made_by = {"format": snapshot.SNAPSHOT_FORMAT, "versions": dict(snapshot.VERSIONS), "price_decimals": 2, "problem": None}
    made_with = {
        "settings": json.loads(msgspec.json.encode(CONFIG)),
        "fingerprint": snapshot.describe_snapshot(raw()).fingerprint,
    }
    assert sound == places | made_by | made_with
    assert (damaged["symbol"], damaged["bytes"]) == ("ETHUSDT", 13)
    assert damaged["problem"] == nameless["problem"] == "its checksum does not match: it is damaged"
    assert {value for name, value in damaged.items() if name not in {"symbol", "bytes", "problem"}} == {None}


@pytest.mark.parametrize(("position", "behind"), [(0, 70), (30, 70), (31, 69), (100, 0), (120, 0)])
def test_records_before_the_replay_do_not_count_as_behind(position: int, behind: int) -> None:
    ((report,),) = (each.symbols for each in report_state({0: Restored(100, {b"BTCUSDT": raw(position)}, 30, 0)}))
    assert report.behind == behind


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [(at(0), "2024-01-01T00:00:00Z"), (2**62, f"{2**62} ms"), (-(2**62), f"{-(2**62)} ms"), (0, "1970-01-01T00:00:00Z")],
)
def test_any_time_can_be_shown(time_ms: int, text: str) -> None:
    ((report,),) = (each.symbols for each in report_state({0: Restored(0, {b"BTCUSDT": of_time(time_ms)})}))
    assert report.last_candle == text


def test_a_snapshot_without_candles_has_no_time() -> None:
    ((report,),) = (each.symbols for each in report_state({0: Restored(0, {b"BTCUSDT": raw(candles=0)})}))
    assert (report.candles, report.last_candle) == (0, None)


def test_a_snapshot_of_another_symbol_is_unusable() -> None:
    ((report,),) = (each.symbols for each in report_state({0: Restored(0, {b"BTCUSDT": raw(symbol="X")})}))
    assert report.problem == "it belongs to another symbol, X"


def test_a_pipe_gets_a_line_for_each_symbol_and_each_empty_partition() -> None:
    pipe = io.StringIO()
    show_state(report_state(STATE), Console(file=pipe))
    rows = [line.split("\t") for line in pipe.getvalue().splitlines()]
    assert rows[0] == [
        *(
            "partition",
            "position",
            "replay from",
            "first candle",
            "symbol",
            "candles",
            "last candle",
            "behind",
            "bytes",
            "made with",
        )
    ]
    assert rows[1][:9] == ["0", "100", "30", "2", "BTCUSDT", "3", "2024-01-01T00:02:00Z", "60", str(len(raw()))]
    levels = ", ".join(map(str, QUANTILE_LEVELS))
    forecast = f"horizons=60 interval_level=0.9 quantile_levels={levels} model=two_stage shadows=none"
    forecast += " prior=bundled drift_thresholds=shipped"
    assert rows[1][9].startswith(f"window=7 warmup=zero rate_window=1440 {forecast} price_decimals=2 (")
    assert rows[2][4:] == ["ETHUSDT", "", "", "", "13", "unusable: its checksum does not match: it is damaged"]
    assert rows[3][4] == "�"
    assert rows[4][4:] == ["@rejected", "", "", "", "7", "bookkeeping"]
    assert rows[5] == ["1", "5", "5", "5", "", "", "", "", "", ""]
    assert len(rows) == 6


@pytest.mark.parametrize("width", [70, 100, 200])
def test_cells_wrap_on_a_terminal_and_are_not_truncated(width: int) -> None:
    out = io.StringIO()
    show_state(report_state(STATE), Console(file=out, width=width, force_terminal=True, color_system=None))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    wide = io.StringIO()
    show_state(report_state(STATE), Console(file=wide, width=500, force_terminal=True, color_system=None))
    assert set(wide.getvalue().split()) - set(text.split()) == set()
