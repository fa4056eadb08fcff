"""The league of models over time, against the same numbers computed from the signals one by one."""

from collections import defaultdict
from pathlib import Path
from statistics import fmean

import msgspec
import pytest

from tests.volcast.lifecycle.track_record.archived import CONFIG, MINUTES, PROMOTED_AT, SYMBOLS, batches, minutes, time_ms, write
from volcast.core.codec import decode_signal
from volcast.core.types import Signal
from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.track_record.league import League, LeagueChange, LeaguePromotion, league, league_json

DAYS = ("2024-01-01", "2024-01-02")
SECOND_DAY = time_ms(120)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return Archive(write(tmp_path_factory.mktemp("league"), batches()).as_uri())


def losses() -> dict[tuple[str, str], list[tuple[float, float]]]:
    """By day and model: pairs of its loss and the leader's, over the first horizon."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for _, signals in minutes():
        for record in signals:
            signal = decode_signal(record.value)
            if isinstance(signal, Signal) and signal.outcome:
                day = DAYS[signal.open_time_ms >= SECOND_DAY]
                found[day, signal.model].append((signal.outcome.qlike, signal.outcome.qlike))
                for shadow in signal.shadows:
                    if shadow.qlike is not None:
                        found[day, shadow.model].append((shadow.qlike, signal.outcome.qlike))
    return found


def test_each_day_has_each_model_with_its_loss_and_its_ratio_to_whoever_led(archive: Archive) -> None:
    found = {(row.day, row.model): row for row in league(archive).rows if row.horizon_minutes == CONFIG.horizons[0]}
    expected = losses()
    assert found.keys() == expected.keys()
    for key, pairs in expected.items():
        own, leader = (fmean(each) for each in zip(*pairs, strict=True))
        row = found[key]
        assert row.outcomes == len(pairs)
        assert row.mean_qlike == pytest.approx(own, rel=1e-9)
        assert row.ratio == pytest.approx(own / leader, rel=1e-9)


def test_who_led_is_the_share_of_signals(archive: Archive) -> None:
    led = {(row.day, row.model): row.led for row in league(archive).rows if row.horizon_minutes == CONFIG.horizons[0]}
    share = (PROMOTED_AT - 120) / (MINUTES - 120)
    assert led[DAYS[0], "har"] == 1.0
    assert led[DAYS[1], "har"] == pytest.approx(share)
    assert led[DAYS[1], "ewma"] == pytest.approx(1 - share)
    assert led[DAYS[1], "last"] == 0.0


def test_promotions_and_what_followed(archive: Archive) -> None:
    found = league(archive)
    assert found.promotions == (LeaguePromotion("000001", "ewma", time_ms(PROMOTED_AT)),)
    assert found.changes == tuple(LeagueChange(symbol, time_ms(PROMOTED_AT), "ewma", "har") for symbol in SYMBOLS)


def test_the_models_stand_in_the_order_of_their_ratios(archive: Archive) -> None:
    found = league(archive)
    totals = [row for row in found.totals if row.horizon_minutes == CONFIG.horizons[0]]
    ratios = [row.ratio for row in totals]
    assert [row.model for row in totals] == list(found.models)
    assert ratios == sorted(ratios, key=lambda each: each or 9.0)
    assert (found.horizon_minutes, found.from_day, found.to_day) == (CONFIG.horizons[0], *DAYS)
    assert (found.commit, len(found.head)) == (4, 64)


def test_a_range_of_days_has_its_rows(archive: Archive) -> None:
    whole, second = league(archive), league(archive, DAYS[1], DAYS[1])
    places = [(row.day, row.model, row.horizon_minutes, row.outcomes) for row in second.rows]
    assert places == [(row.day, row.model, row.horizon_minutes, row.outcomes) for row in whole.rows if row.day == DAYS[1]]
    assert league(archive, DAYS[0], DAYS[0]).promotions == ()


def test_days_without_outcomes_are_empty(archive: Archive) -> None:
    found = league(archive, "2024-01-03")
    assert (found.rows, found.models, found.horizon_minutes, found.from_day) == ((), (), None, "")


def test_the_same_archive_gives_the_same_file(archive: Archive) -> None:
    assert league_json(league(archive)) == league_json(league(archive))


def test_the_json_file_reads_back(archive: Archive) -> None:
    found = league(archive)
    assert msgspec.json.decode(league_json(found), type=League) == found


def test_the_league_is_the_same_however_the_log_was_cut_into_commits(archive: Archive, tmp_path: Path) -> None:
    other = league(Archive(write(tmp_path, batches((MINUTES,))).as_uri()))
    for mine, theirs in zip(league(archive).rows, other.rows, strict=True):
        assert (mine.day, mine.model, mine.outcomes) == (theirs.day, theirs.model, theirs.outcomes)
        assert mine.mean_qlike == pytest.approx(theirs.mean_qlike, rel=1e-9)
