"""Rows of a snapshot and of the stream become one series, whatever comes first: `store.js`, called in the browser."""

from typing import Any

import pytest

from tests.page.conftest import OpenPage

Step = tuple[Any, ...]
PLAY = """async steps => {
  const {Rows} = await import('/page/store.js');
  const rows = new Rows();
  const row = minute => ({open_time_ms: minute * 60000, close: 100 + minute, volatility: 0.01});
  const other = minute => ({...row(minute), close: 200});
  let rounds = [];
  for (const [name, ...minutes] of steps) {
    if (name === 'ask') rounds.push(rows.restart());
    if (name === 'stream') for (const minute of minutes) rows.push(row(minute));
    if (name === 'answer') rows.load(minutes.map(row), rounds.shift());
    if (name === 'other') rows.load(minutes.map(other), rounds.shift());
  }
  return rows.all.map(each => each.open_time_ms / 60000);
}"""


@pytest.mark.parametrize(
    ("steps", "minutes"),
    [
        ([("ask",), ("stream", 4, 5), ("answer", 1, 2, 3, 4), ("stream", 5, 6)], [1, 2, 3, 4, 5, 6]),
        ([("ask",), ("answer", 1, 2), ("stream", 2, 3, 3, 2)], [1, 2, 3]),
        ([("ask",), ("stream", 3), ("ask",), ("stream", 4), ("answer", 1, 2), ("answer", 1, 2, 3)], [1, 2, 3, 4]),
        ([("ask",), ("answer", 1, 2, 3), ("ask",), ("stream", 7), ("answer", 3, 4, 5, 6)], [1, 2, 3, 4, 5, 6, 7]),
        ([("ask",), ("answer", 1, 2, 3), ("ask",), ("answer", 8, 9)], [8, 9]),
        ([("ask",), ("answer", 7, 8, 9), ("ask",), ("other", 1, 2)], [1, 2]),
        ([("ask",), ("answer", 1, 2, 3), ("ask",), ("other", 2, 3)], [2, 3]),
    ],
    ids=[
        *("rows come before the answer", "rows come twice", "an answer that was overtaken", "a connection was lost"),
        *("it was lost for too long", "the log begins anew", "the log is another one"),
    ],
)
def test_snapshot_and_stream_are_joined(open_page: OpenPage, steps: list[Step], minutes: list[int]) -> None:
    assert open_page().evaluate(PLAY, steps) == minutes


def test_old_rows_are_forgotten(open_page: OpenPage) -> None:
    steps: list[Step] = [("ask",), ("answer", 0), ("stream", *range(1, 20_000))]
    minutes = open_page().evaluate(PLAY, steps)
    assert len(minutes) < 6_000
    assert minutes == list(range(20_000 - len(minutes), 20_000))
