"""`volcast prove --live` prints EXACT or NOT EXACT, and the command that repeats a failed day."""

from collections import Counter
from pathlib import Path

import click
import pytest

import volcast.proof.simulated_venue.run
from tests.command import volcast as run_volcast
from volcast.commands.prove import prove_live
from volcast.proof.simulated_venue.day import VenueProofConfig, VenueProofResult
from volcast.proof.simulated_venue.run import VenueProofTotals


def test_two_short_days_are_exact(tmp_path: Path) -> None:
    result = run_volcast(tmp_path, "prove", "--live", "okx", "--seeds", "2", "--hours", "1")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:2] == ["venue      okx, seeds 1 to 2, 1 hours each", "days       2"]
    assert lines[2].startswith("candles    ")
    assert "× flag" in lines[2]
    assert lines[-1] == "EXACT"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_venue_is_refused(tmp_path: Path) -> None:
    result = run_volcast(tmp_path, "prove", "--live", "mtgox")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "mtgox is not a supported venue; choose from binance, " in result.stderr


def test_days_that_differ_are_printed_with_the_command_that_repeats_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def days(wanted: list[VenueProofConfig], on_day: object) -> VenueProofTotals:
        summary = VenueProofTotals()
        for each in wanted:
            difference = "minute 7 was expected" if each.seed % 2 else ""
            summary.add(VenueProofResult(each.seed, difference, 120, Counter(flag=120), Counter(cut=1)))
        return summary

    monkeypatch.setattr(volcast.proof.simulated_venue.run, "run_days", days)
    with pytest.raises(click.exceptions.Exit) as caught:
        prove_live("kraken", range(10, 18), 1.5, lambda _share, _what: None, 2)
    assert caught.value.exit_code == 1
    assert capsys.readouterr().out.splitlines() == [
        "venue      kraken, seeds 10 to 17, 1.5 hours each",
        "days       8",
        "candles    960, closed by 960 × flag",
        "besides    nothing",
        "events     8 × cut",
        *(
            f"seed {seed}: minute 7 was expected  (repeat with: volcast prove --live kraken --seed {seed} --seeds 1 --hours 1.5)"
            for seed in (11, 13)
        ),
        "NOT EXACT: 4 of 8 days",
    ]
