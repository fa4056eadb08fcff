"""The forms of the rows of /history beside JSON: CSV, an Arrow stream and Parquet, and which of them a header Accept prefers."""

import csv
from collections.abc import Sequence
from enum import StrEnum
from io import BytesIO, StringIO
from typing import Any, get_args, get_type_hints

from msgspec import json

from api.fields import field_descriptions
from api.stream.row import Row, RowOutcome
from volcast.core.forecast.results import Outcome


class RowFormat(StrEnum):
    """The forms, in the order in which they are preferred if a client accepts several alike; the values are media types."""

    JSON = "application/json"
    CSV = "text/csv"
    ARROW = "application/vnd.apache.arrow.stream"
    PARQUET = "application/vnd.apache.parquet"


FORMAT_NAMES = {each.name.lower(): each for each in RowFormat}
"""By the value of the parameter `format`."""
_NESTED = {"outcome", "other_horizons", "shadows", "drift_alarms"}
_PLAIN = [name for name in Row.__struct_fields__ if name not in _NESTED]
_OUTCOME = "outcome_"
COLUMNS = [*_PLAIN, *(_OUTCOME + name for name in RowOutcome.__struct_fields__), "drift_alarms"]
"""The columns of all forms but JSON: of the signal's own horizon and model."""
_QUOTE, _LOG = "quote currency", "log return over horizon_minutes"
_UNITS = {
    **dict.fromkeys(("open", "high", "low", "close", "rolling_mean", "price_lower", "price_upper"), _QUOTE),
    "volume": "base currency",
    **dict.fromkeys((name for name in COLUMNS if "volatility" in name), _LOG),
    **{name: "ms since 1970-01-01 UTC" for name in COLUMNS if name.endswith("_ms")},
    **{name: "minutes" for name in COLUMNS if name.endswith("_minutes")},
}


def preferred_format(accept: str) -> RowFormat | None:
    """Return the form to which a header Accept gives most weight (RFC 9110, 12.5.1); None if it accepts none of them.

    >>> preferred_format("text/csv;q=0.5, application/*"), preferred_format("image/png"), preferred_format("")
    (<RowFormat.JSON: 'application/json'>, None, <RowFormat.JSON: 'application/json'>)
    """
    ranges = dict(map(_media_range, filter(None, (part.strip() for part in accept.lower().split(",")))))
    if not ranges:
        return RowFormat.JSON

    def weight(form: RowFormat) -> float:
        kind = form.partition("/")[0]
        return next((ranges[name] for name in (form.value, f"{kind}/*", "*/*") if name in ranges), 0.0)

    best = max(RowFormat, key=weight)  # of several the first
    return best if weight(best) > 0 else None


def _media_range(part: str) -> tuple[str, float]:
    name, *parameters = (each.strip() for each in part.split(";"))
    for each in parameters:
        key, _, value = each.partition("=")
        if key.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return name, 0.0
            return name, weight if 0.0 <= weight <= 1.0 else 0.0
    return name, 1.0


def encode_rows(rows: Sequence[Row], form: RowFormat) -> bytes:
    """Return the rows in a form other than JSON. The last two need Polars, which takes a third of a second to import at first."""
    if form is RowFormat.CSV:
        return rows_csv(rows).encode()
    from polars import CompatLevel, DataFrame  # noqa: PLC0415  # see above

    columns = list(zip(*map(_values, rows), strict=True)) or [()] * len(COLUMNS)
    frame = DataFrame(dict(zip(COLUMNS, columns, strict=True)), schema=_schema())
    content = BytesIO()
    if form is RowFormat.ARROW:
        frame.write_ipc_stream(content, compat_level=CompatLevel.oldest())
    else:
        frame.write_parquet(content, metadata={"volcast.columns": json.encode(column_descriptions()).decode()})
    return content.getvalue()


def rows_csv(rows: Sequence[Row]) -> str:
    """Return the rows as CSV with a header: what is not known is empty, alarms are names of detectors separated by spaces."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        *values, alarms = _values(row)
        writer.writerow([*(str(each).lower() if isinstance(each, bool) else each for each in values), " ".join(alarms)])
    return text.getvalue()


def column_descriptions() -> dict[str, dict[str, str]]:
    """Return by column its `unit`, empty if it has none, and its `meaning`."""
    meanings = field_descriptions(Row) | {
        _OUTCOME + name: text for name, text in field_descriptions(Outcome).items() if name in RowOutcome.__struct_fields__
    }
    return {name: {"unit": _UNITS.get(name, ""), "meaning": meanings[name]} for name in COLUMNS}


def _values(row: Row) -> list[Any]:
    """Return the values of `COLUMNS`."""
    outcome = [getattr(row.outcome, name, None) for name in RowOutcome.__struct_fields__]
    return [*(getattr(row, name) for name in _PLAIN), *outcome, [each.detector for each in row.drift_alarms]]


def _schema() -> dict[str, Any]:
    """Return the types of the columns in Polars. They are the same for every page, also for one without a row or an outcome."""
    from polars import Boolean, Float64, Int64, List, String  # noqa: PLC0415  # see encode_rows

    hints = get_type_hints(Row) | {_OUTCOME + name: hint for name, hint in get_type_hints(RowOutcome).items()}
    types = {int: Int64, float: Float64, bool: Boolean, str: String}
    known = {name: next(types[one] for one in (hints[name], *get_args(hints[name])) if one in types) for name in COLUMNS[:-1]}
    return {**known, "drift_alarms": List(String)}
