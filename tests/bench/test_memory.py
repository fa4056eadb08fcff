"""The bench of memory runs the real worker, and ends if the worker does."""

import asyncio

import pytest

from bench.memory import EndlessLog, main


def test_a_row_is_printed_for_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(main(2, candles=1_000))
    header, *rows, last = capsys.readouterr().out.splitlines()
    assert header.split() == ["candles", "resident", "a", "second"]
    assert [int(row.split()[0].replace(",", "")) >= least for row, least in zip(rows, (1_000, 2_000), strict=True)] == [
        True,
        True,
    ]
    assert last.startswith("from the first row to the last:")


def test_a_worker_that_fails_ends_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(EndlessLog, "commit", fail)
    with pytest.raises(RuntimeError, match="planted"):
        asyncio.run(main(1, candles=100_000))
