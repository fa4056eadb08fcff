"""Pages of a history: no row twice and none left out, though the API lets go of rows or is started anew between two pages."""

from datetime import UTC, datetime

import msgspec
import pytest

from api.stream.history import PositionLost
from api.stream.row import row_json
from api.view import View
from tests.api.routes.served import row_signal, view_of
from volcast.client.errors import RefusedError, UnknownSymbolError
from volcast.client.freshness import Ticks
from volcast.client.history import HistoryReader
from volcast.client.rows import ForecastRow
from volcast.client.wire import Received

NOW = Ticks(0, 0)


def answer(view: View, path: str, params: dict[str, str | int]) -> Received:
    """Return what the API answers, without a connection."""
    symbol = path.rpartition("/")[2]
    if view.get(symbol) is None:
        problem = {"type": "/problems#unknown-symbol", "title": "Unknown symbol", "detail": "no signal"}
        return Received(path, 404, {}, msgspec.json.encode(problem), NOW, NOW)
    begin, end, after = int(params.get("from", 0)), int(params.get("to", 2**62)), params.get("after")
    try:
        stored, has_more = view.rows.page(symbol, begin, end, None if after is None else int(after), int(params["limit"]))
    except PositionLost:
        return Received(path, 409, {}, b'{"title": "Rows are not kept any more"}', NOW, NOW)
    rows = [each.row() for each in stored]
    body = msgspec.json.encode(
        {"symbol": symbol, "rows": [msgspec.Raw(row_json(row)) for row in rows], "next": rows[-1].sequence if has_more else None}
    )
    return Received(path, 200, {}, body, NOW, NOW)


def read(reader: HistoryReader, *views: View, page_rows: int = 3) -> list[int]:
    """Return the minutes of all rows; each page is of the next view, the last one answers all further ones."""
    found, number = list[ForecastRow](), 0
    while question := reader.question():
        view = views[min(number, len(views) - 1)]
        params = {**question.params, "limit": min(page_rows, int(question.params["limit"]))}
        found += reader.take(question.read(answer(view, question.path, params)))
        number += 1
        assert number < 100
    return [row.open_time_ms // 60_000 for row in found]


def test_all_pages_are_read() -> None:
    view = view_of("A", "B", minutes=20)
    assert read(HistoryReader("A"), view) == list(range(20))
    assert read(HistoryReader("A", 5 * 60_000, datetime(1970, 1, 1, 0, 10, tzinfo=UTC)), view) == [5, 6, 7, 8, 9]
    assert read(HistoryReader("A", limit=7), view) == list(range(7))
    with pytest.raises(UnknownSymbolError, match="no signal"):
        read(HistoryReader("X"), view)
    assert read(HistoryReader("X", is_filling=True), view) == []


def test_a_restart_between_two_pages_is_not_seen() -> None:
    assert read(HistoryReader("A"), view_of("A"), view_of("A", minutes=12, before=9_000)) == list(range(12))


def test_rows_that_have_gone_between_two_pages_are_told() -> None:
    later = View(180, 9_000)
    for minute in range(7, 12):
        later.put(row_signal("A", minute), 0.0)
    with pytest.raises(RefusedError, match=r"4 rows of A between .*T00:02Z and .*T00:07Z are missing: they have left the API's"):
        read(HistoryReader("A"), view_of("A"), later)
    assert read(HistoryReader("A", is_filling=True), view_of("A"), later) == [0, 1, 2, 7, 8, 9, 10, 11]


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(ValueError, match="limit is a number of rows above 0; got 0"):
        HistoryReader("A", limit=0)
    with pytest.raises(ValueError, match="from_ has no time zone"):
        HistoryReader("A", datetime(2026, 1, 1))  # noqa: DTZ001  # the mistake
