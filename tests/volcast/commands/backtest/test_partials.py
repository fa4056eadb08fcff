"""Results are kept under a name that says what they depend on, for one run at a time, and removed once it has succeeded."""

import os
from pathlib import Path

import pytest

from tests.volcast.commands.backtest.plans import candles, plan_of
from volcast.commands.backtest.partials import key_of, partial_folder
from volcast.settings.schema import Settings


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "volcast" / "backtests"


def test_whatever_the_results_depend_on_is_in_the_key(tmp_path: Path) -> None:
    file = candles(tmp_path, 100)
    keys = [
        plan_of(file).key,
        plan_of(file, settings=Settings(window=6)).key,
        plan_of(file, settings=Settings(model="har"), models=("two_stage", "ewma")).key,
        plan_of(file, settings=Settings(price_decimals=7)).key,
        plan_of(file, settings=Settings(prior="none")).key,
        plan_of(file, models=("har",)).key,
        plan_of(file, from_ms=60_000).key,
        plan_of(file, to_ms=1_800_000_000_000).key,
        plan_of(file, signals=False).key,
        plan_of(file, features=False).key,
    ]
    assert len(set(keys)) == len(keys)
    assert plan_of(file).key == keys[0]
    file.write_text(file.read_text().replace("42", "43", 1))
    assert plan_of(file).key not in keys


def test_the_code_beside_an_own_model_is_in_the_key(tmp_path: Path) -> None:
    assert key_of(["two_stage"], 1) == key_of(["two_stage"], 1) != key_of(["two_stage"], 2)
    (tmp_path / "mine.py").write_text(
        "from helper import FACTOR\nclass Mean:\n    def learn_one(self, x, y): self.y = y * FACTOR\n"
        "    def predict_one(self, x): return getattr(self, 'y', 0.0)\n"
    )
    (tmp_path / "helper.py").write_text("FACTOR = 1\n")
    file = candles(tmp_path, 100)
    before = plan_of(file, models=(f"{tmp_path / 'mine.py'}:Mean",)).key
    (tmp_path / "helper.py").write_text("FACTOR = 2\n")
    assert plan_of(file, models=(f"{tmp_path / 'mine.py'}:Mean",)).key != before


def _write_and_fail(folder: Path) -> None:
    (folder / "result").write_text("a")
    folder.mkdir()


def test_a_failed_run_leaves_its_folder_and_a_successful_one_removes_it(cache: Path) -> None:
    with pytest.raises(FileExistsError), partial_folder("key", keep=True) as folder:
        _write_and_fail(folder)
    with partial_folder("key", keep=True) as folder:
        assert folder == cache / "key"
        assert (folder / "result").read_text() == "a"
    assert list(cache.iterdir()) == []


def test_small_runs_leave_nothing(cache: Path) -> None:
    with pytest.raises(FileExistsError), partial_folder("key", keep=False) as folder:
        folder.mkdir()
    assert not cache.exists()
    assert not folder.exists()


def test_two_runs_at_the_same_time_do_not_share_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    with partial_folder("key", keep=True) as one, partial_folder("key", keep=True) as other:
        assert one != other
    assert "the same backtest is running already" in capsys.readouterr().err


def test_a_cache_that_cannot_be_used_is_told(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache.parent.parent.mkdir()
    cache.parent.write_text("a file where a folder should be")
    with partial_folder("key", keep=True) as folder:
        assert folder.is_dir()
    assert capsys.readouterr().err == f"this run cannot be continued if it is interrupted: {cache}: Not a directory\n"


def test_what_nobody_continued_for_a_month_is_removed(cache: Path) -> None:
    for name, days in (("old", 31), ("young", 29)):
        (cache / name).mkdir(parents=True)
        file = cache / name / "result"
        file.write_text("a")
        past_s = file.stat().st_mtime - days * 86_400
        for path in (file, cache / name):
            os.utime(path, (past_s, past_s))
    with partial_folder("key", keep=True):
        pass
    assert [path.name for path in cache.iterdir()] == ["young"]
