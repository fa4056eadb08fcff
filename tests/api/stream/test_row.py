"""A row says what its signal says, and stays the same when it is packed."""

import msgspec
import pytest

from api.fields import field_descriptions
from api.stream.row import Row, RowAlarm, RowHorizon, RowOutcome, RowShadow, chart_row, packed_row, row_json, unpacked_row
from tests.api.signals import signals
from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.core.forecast.results import HorizonForecast, Outcome, Shadow
from volcast.core.types import Signal

ALARM = DriftAlarm("page_hinkley", Tier.TICKET, 1_000, "it drifts", "loss", 0.1, 0.2, 3.0, 2.0, None)


def rows() -> list[Row]:
    made = [*signals(61)[::20], signals(61)[-1]]
    with_alarm = msgspec.structs.replace(made[-1], drift_alarms=(ALARM,), suspect=True)
    return [chart_row(signal, number, number / 7 if number else None) for number, signal in enumerate([*made, with_alarm])]


@pytest.mark.parametrize("row", rows())
def test_a_row_is_the_same_after_packing(row: Row) -> None:
    assert unpacked_row(row.sequence, row.symbol, row.open_time_ms, packed_row(row), row.drift_alarms) == row


def test_a_row_says_what_its_signal_says() -> None:
    signal = msgspec.structs.replace(signals(61)[-1], drift_alarms=(ALARM,))
    decoded = msgspec.json.decode(row_json(chart_row(signal, 7, 0.5)))
    expected = msgspec.json.decode(msgspec.json.encode(signal))
    del expected["outcome"]["volatility_ewma"]
    assert decoded.pop("sequence") == 7
    assert decoded.pop("usual_volatility") == 0.5
    assert decoded.pop("drift_alarms") == [
        {"detector": "page_hinkley", "tier": "ticket", "open_time_ms": 1_000, "what": "it drifts"}
    ]
    for each in expected["other_horizons"]:
        if each["outcome"]:
            del each["outcome"]["volatility_ewma"]
    for struct, name in ((RowHorizon, "other_horizons"), (RowShadow, "shadows")):
        found = decoded.pop(name)
        assert found == [{field: each[field] for field in struct.__struct_fields__} for each in expected[name]]
        assert len(found) == 2
    assert decoded == {name: expected[name] for name in decoded}


def test_a_row_is_much_smaller_than_its_signal() -> None:
    """What each further horizon and each challenger needs is known, so that memory can be planned."""

    def size(signal: Signal) -> int:
        return len(packed_row(chart_row(signal, 7, 0.5)))

    signal = signals(61)[-1]
    alone = msgspec.structs.replace(signal, other_horizons=(), shadows=())
    assert size(alone) < 300
    horizons = size(msgspec.structs.replace(signal, shadows=())) - size(alone)
    assert horizons < 110 * len(signal.other_horizons)
    assert size(signal) - size(alone) - horizons < 35 * len(signal.shadows)


def test_each_field_is_described() -> None:
    assert all(field_descriptions(Row).values())
    assert set(RowOutcome.__struct_fields__) <= set(Outcome.__struct_fields__)
    assert set(RowAlarm.__struct_fields__) <= set(DriftAlarm.__struct_fields__)
    assert set(RowHorizon.__struct_fields__) <= set(HorizonForecast.__struct_fields__)
    assert set(RowShadow.__struct_fields__) <= set(Shadow.__struct_fields__)
