"""The rows of the past over HTTP: pages, times, CSV, and sentences for what cannot be answered."""

import csv
from io import StringIO

import httpx
import pytest

from api.routes.history import (
    RowAlarmResponse,
    RowHorizonResponse,
    RowOutcomeResponse,
    RowResponse,
    RowShadowResponse,
)
from api.stream.row import Row, RowAlarm, RowHorizon, RowOutcome, RowShadow
from tests.api.routes.served import row_signal, served, view_of
from volcast.core.drift.alarms import DriftAlarm, Tier

ALARM = DriftAlarm("page_hinkley", Tier.TICKET, 1_000, "it drifts", "loss", 0.1, 0.2, 3.0, 2.0, None)


async def get(path: str, minutes: int = 10, **headers: str) -> httpx.Response:
    async with served(view_of("A", "B", minutes=minutes, before=100)) as client:
        return await client.get(path, headers=headers)


def minutes_of(response: httpx.Response) -> list[int]:
    return [row["open_time_ms"] // 60_000 for row in response.json()["rows"]]


async def test_the_pages_of_a_symbol_are_its_history() -> None:
    async with served(view_of("A", "B", minutes=25)) as client:
        url, rows = "/history/a?limit=10", []
        while url:
            response = await client.get(url)
            page = response.json()
            rows += page["rows"]
            url = response.links["next"]["url"] if page["next"] else ""
            assert bool(url) == bool(page["next"])
    assert [(row["symbol"], row["open_time_ms"] // 60_000) for row in rows] == [("A", minute) for minute in range(25)]
    assert [row["sequence"] for row in rows] == list(range(1, 51, 2))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("from=1970-01-01T00:03:00Z&to=1970-01-01T00:05:00Z", [3, 4]),
        ("from=180000&to=300000", [3, 4]),
        ("from=0&to=1970-01-01T00:02:00Z", [0, 1]),
        ("to=1704067200000&limit=2", [0, 1]),
        ("from=1970-01-01T02:08:00%2B02:00", [8, 9]),
        ("from=1970-01-01T02:08:00+02:00", [8, 9]),
        ("from=1970-01-01 00:08", [8, 9]),
        ("to=1970-01-01T00:01:00.001Z", [0, 1]),
        ("from=2024-01-01T00:00:00Z", []),
        ("from=1704067200000", []),
        ("from=1970-01-01T00:05:00Z&to=1970-01-01T00:03:00Z", []),
        ("from=1970-01-01T00:03:00Z&limit=2", [3, 4]),
    ],
)
async def test_a_page_is_of_the_times_that_were_asked_for(query: str, expected: list[int]) -> None:
    assert minutes_of(await get(f"/history/A?{query}")) == expected


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize("text", ["yesterday", "2024-13-01T00:00:00Z", "2024-01-01", "-5", "1e12", "", "٣"])
async def test_a_time_that_cannot_be_read_gets_a_sentence(name: str, text: str) -> None:
    response = await get(f"/history/A?{name}={text}")
    expected = f"{name} is a time such as 2024-01-31T23:59:00Z, or milliseconds since 1970; got {text!r}"
    problem = response.json()
    assert (response.status_code, problem["detail"], problem["parameter"]) == (422, expected, name)


@pytest.mark.parametrize("number", ["1704067200", "1230768000"])
async def test_seconds_are_not_taken_for_milliseconds(number: str) -> None:
    response = await get(f"/history/A?from={number}")
    expected = f"from is {number}, which is a time in seconds; multiply it by 1000"
    assert (response.status_code, response.json()["detail"], response.json()["parameter"]) == (422, expected, "from")


@pytest.mark.parametrize(("query", "status"), [("limit=0", 422), ("limit=99999", 422), ("after=x", 422), ("format=xml", 422)])
async def test_a_parameter_that_is_out_of_range_is_refused(query: str, status: int) -> None:
    assert (await get(f"/history/A?{query}")).status_code == status


@pytest.mark.parametrize(("after", "minutes"), [(99, 10), (121, 10), (101, 2_000)])
async def test_rows_that_cannot_be_continued_are_gone(after: int, minutes: int) -> None:
    response = await get(f"/history/A?after={after}", minutes)
    assert response.status_code == 409
    assert response.json()["detail"].endswith(": begin again without after")


async def test_an_unknown_symbol_gets_the_known_ones() -> None:
    response = await get("/history/C")
    assert (response.status_code, response.json()["known"]) == (404, ["A", "B"])


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("text/csv;q=0.5, */*", "application/json"),
        ("application/json, text/csv", "application/json"),
        ("*/*", "application/json"),
        ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("", "application/json"),
    ],
)
async def test_the_header_accept_decides_about_the_form(accept: str, kind: str) -> None:
    response = await get("/history/A", accept=accept)
    assert (response.headers["content-type"].partition(";")[0], response.headers["vary"]) == (kind, "Accept")


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=nonsense", "application/json;q=0"])
async def test_who_accepts_no_form_is_told_which_there_are(accept: str) -> None:
    response = await get("/history/A", accept=accept)
    assert (response.status_code, response.json()["type"]) == (406, "about:blank")
    assert "application/vnd.apache.parquet" in response.json()["detail"]


@pytest.mark.parametrize(("form", "begins"), [("arrow", b"\xff\xff\xff\xff"), ("parquet", b"PAR1")])
async def test_tables_have_pages_too(form: str, begins: bytes) -> None:
    response = await get(f"/history/A?format={form}&limit=3")
    assert (response.status_code, response.content[:4]) == (200, begins)
    assert response.headers["link"].endswith('>; rel="next"')
    assert f"format={form}" in response.headers["link"]


async def test_the_form_can_be_asked_for() -> None:
    csv_form, json_form = await get("/history/A?format=csv"), await get("/history/A?format=json", accept="text/csv")
    rows = list(csv.DictReader(StringIO(csv_form.text)))
    assert [row["close"] for row in rows] == [str(row["close"]) for row in json_form.json()["rows"]]
    assert csv_form.text.count("\n") == 11


async def test_the_answer_has_the_documented_fields() -> None:
    parts = ((RowOutcome, RowOutcomeResponse), (RowHorizon, RowHorizonResponse), (RowShadow, RowShadowResponse))
    for struct, model in ((Row, RowResponse), (RowAlarm, RowAlarmResponse), *parts):
        assert list(struct.__struct_fields__) == list(model.model_fields)
        assert all(field.description for field in model.model_fields.values())
    async with served(view_of("A")) as client:
        view_row = (await client.get("/history/A?limit=1")).json()["rows"][0]
    assert RowResponse.model_validate(view_row).open_time_ms == row_signal("A", 0).open_time_ms
