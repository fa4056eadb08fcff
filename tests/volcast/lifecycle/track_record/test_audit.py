"""The audit passes what was archived, compacted and expired, and counts what was sealed in time and what was computed again."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.volcast.lifecycle.track_record.archived import (
    CONFIG,
    FOREVER,
    MINUTES,
    SYMBOLS,
    audit,
    batches,
    commits,
    compacted,
    problems,
    time_ms,
    write,
    write_chain,
)
from volcast.core.types import MINUTE_MS
from volcast.lifecycle.archive.commits import LostRange
from volcast.lifecycle.archive.layout import checkpoint_name
from volcast.lifecycle.archive.store import open_store
from volcast.lifecycle.archive.upkeep.retention import clean, expire
from volcast.lifecycle.track_record.findings import CheckedScores, SealedForecasts
from volcast.lifecycle.track_record.walk import NothingToAudit

H = CONFIG.horizons[0]
HEAD = "0" * 64


def test_an_archive_passes(archive: Path) -> None:
    report = audit(archive)
    assert report.problems == []
    assert report.passed
    assert (report.commits, report.head_number, report.seals, report.checkpoints) == (4, 4, 4, 1)
    assert report.files == len(list((archive / "data").rglob("*.parquet")))


def test_all_outcomes_are_confirmed_but_those_of_forecasts_that_were_not_published(archive: Path) -> None:
    """The longer horizon of the new leader was forecast before the promotion, too, as a challenger's, which is not published."""
    longer = CONFIG.horizons[1]
    leader, challengers = (MINUTES - H) + (MINUTES - longer), 2 * (MINUTES - H)
    expected = len(SYMBOLS) * (leader + challengers - longer)
    assert audit(archive).scores == CheckedScores(confirmed=expected, incomplete=len(SYMBOLS) * longer)


def test_forecasts_are_in_time_if_the_store_got_them_before_the_end_of_their_horizon(tmp_path: Path) -> None:
    """Each commit here was written when the last candle of its signals had been open for 90 s."""
    report = audit(write(tmp_path, batches((20, MINUTES)), sealed_after_ms=90_000))
    # A candle that opened i minutes before the last: (1 + H) minutes must be more than i minutes and 90 s.
    in_time = min(20, H) + H
    assert report.forecasts == SealedForecasts(2 * in_time, 2 * (MINUTES - in_time))
    assert sum(each.in_time + each.late for each in report.days.values()) == 2 * MINUTES
    assert sorted(report.days) == ["2024-01-01", "2024-01-02"]


@pytest.mark.parametrize(("after_ms", "in_time"), [((1 + H) * MINUTE_MS - 1, True), ((1 + H) * MINUTE_MS, False)])
def test_the_end_of_the_horizon_is_the_border(tmp_path: Path, after_ms: int, *, in_time: bool) -> None:
    report = audit(write(tmp_path, batches((1,)), sealed_after_ms=after_ms))
    assert report.forecasts == (SealedForecasts(in_time=2) if in_time else SealedForecasts(late=2))


@pytest.mark.parametrize(("after_ms", "early"), [(0, False), (-1, True)])
def test_what_was_sealed_before_its_candle_was_over_is_not_in_time(tmp_path: Path, after_ms: int, *, early: bool) -> None:
    """A minute is allowed for the store's clock. Invented candles may be of any time, also of one to come."""
    report = audit(write(tmp_path, batches((1,)), sealed_after_ms=after_ms))
    assert report.forecasts == (SealedForecasts(early=2) if early else SealedForecasts(in_time=2))


def test_a_range_of_days_has_the_scores_of_its_days(archive: Path) -> None:
    first, second = audit(archive, to_day="2024-01-01"), audit(archive, from_day="2024-01-02")
    whole = audit(archive)
    assert first.problems == second.problems == []
    assert first.scores.confirmed + second.scores.confirmed == whole.scores.confirmed
    assert first.forecasts.late + second.forecasts.late == whole.forecasts.late
    assert 0 < second.files < whole.files
    assert audit(archive, from_day="2024-01-03").files == 0


def test_the_head_of_then_is_still_in_the_chain_of_today(tmp_path: Path) -> None:
    heads = [audit(write(tmp_path / str(count), batches()[:count])).head for count in (2, 4)]
    report = audit(tmp_path / "4", anchors=heads)
    assert report.anchors == {heads[0]: 2, heads[1]: 4}
    assert report.passed


def test_a_checkpoint_that_is_not_there_any_more_is_no_problem(archive: Path) -> None:
    """It is a cache; an audit does not start from it."""
    (archive / checkpoint_name(2)).unlink()
    assert problems(archive) == []


def test_after_compaction_and_cleaning_the_same_is_verified(archive: Path) -> None:
    before = audit(archive)
    compacted(archive)
    clean(open_store(archive.as_uri()), removed_before_ms=FOREVER, begun_before_ms=0)
    after = audit(archive)
    assert after.problems == []
    assert after.files < before.files
    assert (after.seals, after.scores, after.forecasts, after.rows) == (
        before.seals,
        before.scores,
        before.forecasts,
        before.rows,
    )


def test_expired_days_cannot_be_verified_and_the_rest_is(archive: Path) -> None:
    store = open_store(compacted(archive).as_uri())
    expire(store, {"signals": 1, "candles": 1, "outcomes": 1}, now_ms=time_ms(120) + 86_400_000, nonce=lambda: "e")
    clean(store, removed_before_ms=FOREVER, begun_before_ms=0)
    report = audit(archive)
    assert report.problems == []
    assert (report.seals, report.seals_expired) == (1, 3)
    assert (list(report.days), report.forecasts.unverifiable) == (["2024-01-02"], len(SYMBOLS) * (180 - 120))
    assert report.scores.incomplete > 0


def test_what_was_lost_is_said(archive: Path) -> None:
    lost = (LostRange("candles", 0, 5, 9),)
    write_chain(archive, [replace(each, lost=lost if each.number == 4 else ()) for each in commits(archive)])
    assert audit(archive).lost_ranges == 1


def test_a_folder_without_an_archive_is_said(tmp_path: Path) -> None:
    with pytest.raises(NothingToAudit, match="there is no archive at file://"):
        audit(tmp_path)
