"""The report of fg-data-profiling, by its own environment; without it one sentence says what is missing."""

from pathlib import Path

import polars as pl
import pytest

from volcast.lifecycle.quality.environment import InstallError, python_with_locked
from volcast.lifecycle.quality.profile import LOCK, ProfileError, write_profile

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROWS = pl.DataFrame(
    {
        "symbol": ["BTCUSDT"] * 60,
        "open_time_ms": [1_704_067_200_000 + 60_000 * minute for minute in range(60)],
        **{name: [100.0 + minute for minute in range(60)] for name in ("open", "high", "low", "close", "volume")},
    }
)


def test_the_report_is_written(tmp_path: Path) -> None:
    try:
        python_with_locked(LOCK)
    except InstallError as error:
        pytest.skip(f"fg-data-profiling cannot be installed here, so its report is not tested: {error}")
    write_profile(ROWS, tmp_path / "profile.html", "Candles of 2024-01-01", lambda _: None)
    page = (tmp_path / "profile.html").read_text()
    assert "Candles of 2024-01-01" in page
    assert "volume" in page


def test_without_a_network_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    told: list[str] = []
    with pytest.raises(ProfileError, match=r"--profile: .*requirements-profile\.txt cannot be installed: ") as caught:
        write_profile(ROWS, tmp_path / "profile.html", "Candles", told.append)
    assert "\n" not in str(caught.value)
    assert len(told) == 1
    assert not (tmp_path / "profile.html").exists()
