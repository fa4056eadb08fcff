"""The forms of rows beside JSON, read again by the libraries that people read them with."""

import csv
import subprocess
import sys
from io import BytesIO, StringIO

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.routes.formats import COLUMNS, RowFormat, column_descriptions, encode_rows, preferred_format, rows_csv
from api.stream.row import Row, RowAlarm, RowOutcome, chart_row
from tests.api.signals import signals
from volcast.core.drift.alarms import Tier

ALARM = RowAlarm("price_frozen", Tier.PAGE, 0, "The price is frozen.")
ROWS = [chart_row(signal, 7 + at, 0.01 if at % 2 else None) for at, signal in enumerate(signals(70))]
ROWS[-1] = msgspec.structs.replace(ROWS[-1], drift_alarms=(ALARM, ALARM))
JSON, CSV, ARROW, PARQUET = RowFormat


def frame_of(rows: list[Row], form: RowFormat) -> pl.DataFrame:
    content = BytesIO(encode_rows(rows, form))
    return pl.read_ipc_stream(content) if form is ARROW else pl.read_parquet(content)


@pytest.mark.parametrize("form", [ARROW, PARQUET])
def test_a_table_says_what_the_rows_say(form: RowFormat) -> None:
    frame = frame_of(ROWS, form)
    assert frame.columns == COLUMNS
    for cells, row in zip(frame.iter_rows(named=True), ROWS, strict=True):
        fields = msgspec.to_builtins(row)
        outcome = fields.pop("outcome") or {}
        assert cells.pop("drift_alarms") == [each["detector"] for each in fields.pop("drift_alarms")]
        expected = fields | {f"outcome_{name}": outcome.get(name) for name in RowOutcome.__struct_fields__}
        assert cells == {name: expected[name] for name in cells}


@pytest.mark.parametrize("form", [ARROW, PARQUET])
@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS[-1:]])
def test_the_types_do_not_depend_on_the_rows(form: RowFormat, rows: list[Row]) -> None:
    assert frame_of(rows, form).schema == frame_of(ROWS, form).schema


def test_other_libraries_read_them_too() -> None:
    stream = pa.ipc.open_stream(BytesIO(encode_rows(ROWS, ARROW))).read_all()
    table = pq.read_table(BytesIO(encode_rows(ROWS, PARQUET)))
    for each in (stream, table):
        assert (each.num_rows, each.column_names) == (len(ROWS), COLUMNS)
        assert each.column("close").to_pylist() == [row.close for row in ROWS]
        assert each.column("drift_alarms").to_pylist()[-1] == ["price_frozen", "price_frozen"]
    assert "string_view" not in str(stream.schema)


def test_parquet_has_the_units_of_its_columns() -> None:
    metadata = pq.read_metadata(BytesIO(encode_rows(ROWS, PARQUET))).metadata
    described = msgspec.json.decode(metadata[b"volcast.columns"])
    assert described == column_descriptions()
    assert described["close"] == {"unit": "quote currency", "meaning": "The candle's close."}
    assert described["outcome_open_time_ms"]["unit"] == "ms since 1970-01-01 UTC"
    assert all(each["meaning"] for each in described.values())


def test_a_row_of_csv_says_what_the_row_says() -> None:
    [cells] = csv.DictReader(StringIO(rows_csv([ROWS[-1]])))
    assert list(cells) == COLUMNS
    assert cells["drift_alarms"] == "price_frozen price_frozen"
    decoded = msgspec.json.decode(msgspec.json.encode(ROWS[-1]))
    outcome = {f"outcome_{name}": value for name, value in decoded.pop("outcome").items()}
    for name in ("other_horizons", "shadows", "drift_alarms"):
        del decoded[name]
    expected = {name: "" if value is None else str(value) for name, value in (decoded | outcome).items()}
    assert {name: cells[name] for name in expected} == {
        name: text.lower() if text in {"True", "False"} else text for name, text in expected.items()
    }


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("text/csv", CSV),
        ("TEXT/CSV ; Q=0.5", CSV),
        ("text/*", CSV),
        ("text/csv, application/json;q=0.5", CSV),
        ("text/csv;q=0.5, */*", JSON),
        ("application/json, text/csv", JSON),
        ("text/csv;q=0, */*", JSON),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        (ARROW.value, ARROW),
        (f"{PARQUET.value};q=0.9, {ARROW.value};q=0.8, application/json;q=0.1", PARQUET),
        ("application/*", JSON),
        ("application/json;q=0, application/*", ARROW),
        ("image/png", None),
        ("application/json;q=0", None),
        ("text/csv;q=nonsense", None),
        ("text/csv;q=nan", None),
        ("text/csv;q=2", None),
        (";;;,,,;q=", None),
        (" , ", JSON),
    ],
)  # fmt: skip
def test_the_header_accept_decides(accept: str, form: RowFormat | None) -> None:
    assert preferred_format(accept) is form


@given(st.text())
def test_no_header_is_too_odd(accept: str) -> None:
    assert preferred_format(accept) in {None, *RowFormat}


@pytest.mark.slow
def test_polars_is_imported_by_the_first_who_asks_for_a_table() -> None:
    """It takes a third of a second, which nobody should wait for at the start."""
    code = "import sys; import api.app; assert 'polars' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
