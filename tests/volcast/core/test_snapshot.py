"""A restored engine equals the stored one to the last bit; damaged snapshots and other settings are refused with a message."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

import msgspec
import numpy as np
import pytest
from river.__version__ import __version__ as river_version

import volcast.core
from tests.golden import make
from tests.market import DECIMALS, SYMBOL, at, minutes_with_gaps, walk
from volcast.core import snapshot
from volcast.core.codec import decode_signal, encode_signal
from volcast.core.drift.thresholds import Thresholds, shipped_thresholds
from volcast.core.engine import Engine
from volcast.core.models import MODELS
from volcast.core.snapshot import SNAPSHOT_FORMAT, SnapshotError
from volcast.core.timeline import Skip
from volcast.core.types import Candle, EngineConfig, Restoring, Signal

CONFIG = EngineConfig()
EXECUTING = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "importlib", "subprocess"}
SHIPPED_DATA = "importlib.resources"
"""It reads the package's data and executes nothing."""


def restored(raw: bytes, config: EngineConfig = CONFIG) -> Engine:
    return snapshot.decode_snapshot(raw, SYMBOL, config, DECIMALS).engine


def signal_bytes(engine: Engine, one: Candle) -> bytes:
    signal = engine.step(one)
    assert isinstance(signal, Signal)
    return encode_signal(signal)


def engine_after(steps: int, config: EngineConfig = CONFIG) -> Engine:
    engine = Engine(SYMBOL, config, DECIMALS)
    for one in walk(steps):
        engine.step(one)
    return engine


def floats(signal: Signal | Restoring) -> dict[str, float]:
    """Return all floats of a signal and its parts, by path."""
    return {name: value for name, value in flat(msgspec.to_builtins(signal)) if isinstance(value, float)}


def exact(signal: Signal | Restoring) -> dict[str, Any]:
    """Return all other fields, by path."""
    return {name: value for name, value in flat(msgspec.to_builtins(signal)) if not isinstance(value, float)}


def flat(fields: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and the value of each field that is neither a list nor an object."""
    parts = fields.items() if isinstance(fields, dict) else enumerate(fields) if isinstance(fields, list | tuple) else None
    if parts is None:
        yield name, fields
    else:
        for key, part in parts:
            yield from flat(part, f"{name}.{key}")


def repacked(raw: bytes, **changes: Any) -> bytes:
    """Return the snapshot with other fields and a matching checksum."""
    payload = msgspec.msgpack.encode({**msgspec.msgpack.decode(raw[8:]), **changes})
    return raw[:4] + crc32(payload).to_bytes(4, "little") + payload


@pytest.mark.parametrize(("model", "steps"), [("two_stage", 10_000), ("ewma", 3_000)])
def test_a_restored_engine_continues_bit_for_bit(model: str, steps: int) -> None:
    """One engine is restored at 40 random points, the other never: all signals and all later snapshots are the same bytes."""
    config = EngineConfig(model=model, horizons=(60, 240), shadows=("har",))
    candles = walk(minutes_with_gaps(steps, seed=11, share=0.003), seed=11)
    random = Random(11)  # the same points each time
    points = {0, 1, 4, 5, 59, 60, 61, *random.sample(range(steps), 40)}
    never, often = Engine(SYMBOL, config, DECIMALS), Engine(SYMBOL, config, DECIMALS)
    for count, one in enumerate(candles):
        if count in points:
            raw = snapshot.encode_snapshot(never, 0)
            assert snapshot.encode_snapshot(often, 0) == raw
            often = restored(raw, config)
            assert snapshot.encode_snapshot(often, 0) == raw
        assert signal_bytes(often, one) == signal_bytes(never, one)
    assert never.timeline.gaps > 5
    assert snapshot.encode_snapshot(often, 0) == snapshot.encode_snapshot(never, 0)


def test_a_restored_engine_still_knows_duplicates_from_late_candles() -> None:
    minutes = minutes_with_gaps(300, share=0.2)
    engine = Engine(SYMBOL, CONFIG, DECIMALS)
    for one in walk(minutes):
        engine.step(one)
    again = restored(snapshot.encode_snapshot(engine, 0))
    skips = [(engine.step(one), again.step(one)) for one in walk(range(minutes[-1] + 1))]
    assert all(first is second for first, second in skips)
    assert {first for first, _ in skips} == {Skip.DUPLICATE, Skip.LATE}


@pytest.mark.parametrize("model", MODELS)
def test_a_snapshot_is_small(model: str) -> None:
    """All ring buffers are full."""
    config = EngineConfig(model=model)
    engine = Engine(SYMBOL, config, DECIMALS)
    for one in walk(minutes_with_gaps(3_000, share=0.03)):
        engine.step(one)
    assert engine.timeline.gaps > 32
    assert len(
        snapshot.encode_snapshot(engine, 10**12, {"duplicate": 10**9, "late": 10**9, "gap": 10**9, "revision": 10**9})
    ) <= (100_000 if model == "two_stage" else 192_000)


def test_the_size_of_a_snapshot_does_not_grow_with_the_candles() -> None:
    young, old = len(snapshot.encode_snapshot(engine_after(3_000), 0)), len(snapshot.encode_snapshot(engine_after(6_000), 0))
    assert old - young < 64


def test_position_and_counts_are_restored() -> None:
    counts = {"duplicate": 3, "late": 10**12}
    _, position, found = snapshot.decode_snapshot(snapshot.encode_snapshot(engine_after(3), 7, counts), SYMBOL, CONFIG, DECIMALS)
    assert (position, found) == (7, counts)


def test_a_snapshot_is_described_without_restoring_it() -> None:
    description = snapshot.describe_snapshot(snapshot.encode_snapshot(engine_after(3), 7))
    assert (description.symbol, description.config, description.price_decimals, description.format) == (
        SYMBOL,
        CONFIG,
        DECIMALS,
        SNAPSHOT_FORMAT,
    )
    assert (description.position, description.candles, description.last_open_time_ms) == (7, 3, at(2))
    assert description.versions == snapshot.VERSIONS
    assert (description.versions["river"], description.versions["numpy"]) == (river_version, np.__version__)
    other = snapshot.describe_snapshot(snapshot.encode_snapshot(engine_after(3, EngineConfig(window=20)), 7))
    same = snapshot.describe_snapshot(snapshot.encode_snapshot(engine_after(9), 9))
    assert description.fingerprint == same.fingerprint != other.fingerprint
    with pytest.raises(SnapshotError, match="damaged"):
        snapshot.describe_snapshot(b"VCS1????")


def test_a_snapshot_can_be_moved_to_another_log() -> None:
    raw = snapshot.encode_snapshot(engine_after(3), 7, {"late": 1})
    assert snapshot.moved(raw, 99) == snapshot.encode_snapshot(engine_after(3), 99, {"late": 1})


def test_another_minor_version_of_river_is_refused_and_another_patch_is_accepted() -> None:
    raw = snapshot.encode_snapshot(engine_after(10), 0)
    major, minor, _ = river_version.split(".")
    restored(repacked(raw, versions={"river": f"{major}.{minor}.99", "numpy": "1.0"}))
    with pytest.raises(SnapshotError, match=rf"^it was made with River 0\.9, but {major}\.{minor} is required now$"):
        restored(repacked(raw, versions={"river": "0.9.1"}))


def test_a_damaged_byte_is_detected() -> None:
    raw = snapshot.encode_snapshot(engine_after(100), 0)
    random = Random(5)  # the same damage each time
    for position in [*range(300), *range(300, len(raw), 97)]:
        damaged = bytearray(raw)
        damaged[position] ^= 1 << random.randrange(8)
        with pytest.raises(SnapshotError, match=r"^its checksum does not match: it is damaged$"):
            restored(bytes(damaged))


def test_a_truncation_is_detected() -> None:
    raw = snapshot.encode_snapshot(engine_after(100), 0)
    for length in [*range(300), *range(300, len(raw), 97)]:
        with pytest.raises(SnapshotError, match="it is damaged"):
            restored(raw[:length])
    with pytest.raises(SnapshotError, match="it is damaged"):
        restored(raw + b"\x00")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"window": 20}, "it was made with window 5, but 20 is required now"),
        ({"warmup": "exclude"}, "it was made with warmup zero, but exclude is required now"),
        ({"rate_window": 60}, "it was made with rate_window 1440, but 60 is required now"),
        ({"horizons": (60, 15)}, r"it was made with horizons \(60,\), but \(60, 15\) is required now"),
        ({"interval_level": 0.8}, r"it was made with interval_level 0\.9, but 0\.8 is required now"),
        ({"quantile_levels": (0.5,)}, r"it was made with quantile_levels \(0\.005, .*\), but \(0\.5,\) is required now"),
        ({"model": "ewma"}, "it was made with model two_stage, but ewma is required now"),
        ({"shadows": ("har",)}, r"it was made with shadows \(\), but \('har',\) is required now"),
        ({"prior": "none"}, "it was made with prior bundled, but none is required now"),
        (
            {"drift_thresholds": Thresholds("by hand", shipped_thresholds().detectors)},
            "it was made with drift_thresholds shipped, but [0-9a-f]{8} is required now",
        ),
    ],
)
def test_other_settings_are_refused_by_name(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SnapshotError, match=f"^{sentence}$"):
        restored(snapshot.encode_snapshot(engine_after(10), 0), EngineConfig(**changes))


def test_all_settings_are_compared() -> None:
    known: tuple[str, ...] = ("window", "warmup", "rate_window", "horizons", "interval_level", "quantile_levels", "model")
    known += ("shadows", "prior", "drift_thresholds")
    assert EngineConfig.__struct_fields__ == known, "add the new one to the test above"


def test_another_symbol_and_other_decimals_are_refused() -> None:
    raw = snapshot.encode_snapshot(engine_after(10), 0)
    with pytest.raises(SnapshotError, match=r"^it was made with symbol BTCUSDT, but ETHUSDT is required now$"):
        snapshot.decode_snapshot(raw, "ETHUSDT", CONFIG, DECIMALS)
    with pytest.raises(SnapshotError, match=r"^it was made with price_decimals 2, but 8 is required now$"):
        snapshot.decode_snapshot(raw, SYMBOL, CONFIG, 8)


@pytest.mark.parametrize("other", [{}, {"state": [], "config": 1, "symbol": None}])
def test_another_format_is_refused_by_its_number_whatever_its_content(other: dict[str, Any]) -> None:
    raw = repacked(snapshot.encode_snapshot(engine_after(10), 0), format=SNAPSHOT_FORMAT + 1, **other)
    with pytest.raises(SnapshotError, match=r"^it was made with format 9, but 8 is required now$"):
        restored(raw)


BROKEN_STATES: list[dict[str, Any]] = [
    {},
    {"prices": b"\x00" * 13},
    {"prices": b"\x00" * 12 * 6},
    {"signals": b""},
    {"remembered_gaps": 5},
    {"candles": "many"},
    {"last_close": None},
    {"forecaster": {}},
]


def refuse_state(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Expect that a state is refused whose checksum matches: it may come from an imported file."""
    raw = snapshot.encode_snapshot(engine_after(10), 0)
    with pytest.raises(SnapshotError, match=r"^its state can't be read: "):
        restored(repacked(raw, state=change(msgspec.msgpack.decode(raw[8:])["state"])))


@pytest.mark.parametrize("change", BROKEN_STATES, ids=lambda change: "-".join(change) or "empty")
def test_a_state_that_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    refuse_state(lambda state: state | change if change else {})


@pytest.mark.parametrize("change", [{"last_close": 0.0}, {"last_close": -1.0}, {"ones": "7"}, {"gaps": 1.5}])
def test_a_state_that_no_engine_could_leave_is_refused(change: dict[str, Any]) -> None:
    refuse_state(lambda state: state | change)


@pytest.mark.parametrize("part", ["market", "leader", "learners", "succession"])
@pytest.mark.parametrize("value", [None, b"", {"60": {}}, b"\x00" * 7])
def test_a_forecaster_that_does_not_fit_is_refused(part: str, value: object) -> None:
    refuse_state(lambda state: state | {"forecaster": state["forecaster"] | {part: value}})


@pytest.mark.parametrize("part", ["drift", "observer"])
@pytest.mark.parametrize("value", [None, [], {}, {"grid": [0.0] * 5}])
def test_drift_detectors_that_do_not_fit_are_refused(part: str, value: object) -> None:
    refuse_state(lambda state: state | {part: value})


def test_nothing_in_the_core_can_execute_what_it_reads() -> None:
    sources = sorted(Path(volcast.core.__file__ or "").parent.rglob("*.py"))
    assert len(sources) > 8
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.module != SHIPPED_DATA else []
            names += [node.func.id] if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else []
            assert not {name.partition(".")[0] for name in names} & (EXECUTING | {"eval", "exec", "__import__"}), source


def test_a_stored_snapshot_of_this_format_continues_as_it_did_then() -> None:
    """Floats are compared to 1e-9 only, since kernels of another CPU differ in the last digits."""
    engine, position, counts = snapshot.decode_snapshot(make.SNAPSHOT.read_bytes(), SYMBOL, make.CONFIG, DECIMALS)
    assert (position, counts) == (make.POSITION, make.COUNTS)
    now = [decode_signal(raw) for raw in make.signals_of(engine, make.CANDLES.read_bytes().splitlines())]
    then = [decode_signal(raw) for raw in make.SIGNALS.read_bytes().splitlines()]
    assert len(then) == 8
    assert isinstance(then[5], Signal)
    assert isinstance(then[6], Signal)
    assert then[5].outcome is not None
    assert then[6].gaps == then[5].gaps + 1
    assert [exact(one) for one in now] == [exact(one) for one in then]
    assert [floats(one) for one in now] == [pytest.approx(floats(one), rel=1e-9) for one in then]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 7])
def test_a_snapshot_of_an_older_format_is_refused_by_its_number(number: int) -> None:
    """Nothing is lost: the consumer rebuilds the state from the log."""
    with pytest.raises(SnapshotError, match=rf"^it was made with format {number}, but 8 is required now$"):
        restored(make.of_format(number, "snapshot").read_bytes())
