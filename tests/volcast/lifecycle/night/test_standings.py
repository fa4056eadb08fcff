"""The night's league: published once for the same rows, with the hash that is to be kept elsewhere."""

from pathlib import Path

import msgspec
import pytest

from tests.volcast.lifecycle.track_record.archived import batches, write
from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.archive.store import open_store
from volcast.lifecycle.archive.upkeep.compaction import compact
from volcast.lifecycle.night.message import text_of
from volcast.lifecycle.night.plan import NightPlan
from volcast.lifecycle.night.standings import find_league, publish_league
from volcast.lifecycle.night.steps import Done, Night
from volcast.lifecycle.track_record.audit import audit_archive
from volcast.lifecycle.track_record.league import League

DAYS = ("2024-01-01", "2024-01-02")


def night(folder: Path, day: str = DAYS[1]) -> Night:
    plan = NightPlan(day=day, champion=None, configured="har", challengers=("ewma",))
    return Night(plan, Archive(folder.as_uri()))


def published(folder: Path, day: str = DAYS[1]) -> Done:
    done = publish_league(night(folder, day))
    assert done is not None
    return done


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write(tmp_path, batches())


def test_it_is_published_with_the_hash_to_keep(archive: Path) -> None:
    done = published(archive)
    head = audit_archive(open_store(archive.as_uri())).head
    assert done.is_new
    assert done.result.details["reports"] == [f"reports/{DAYS[1]}/league.json", f"reports/{DAYS[1]}/league.html"]
    assert f"The archive's commit 4 has the hash {head}." in text_of({"league": done.result})
    found = msgspec.json.decode((archive / f"reports/{DAYS[1]}/league.json").read_bytes(), type=League)
    assert found.head == head
    assert found.models[0] in done.result.summary
    assert audit_archive(open_store(archive.as_uri()), anchors=[head]).passed


def test_the_same_rows_are_published_once_compacted_or_not(archive: Path) -> None:
    first = published(archive)
    before = sorted(path for path in archive.rglob("*") if path.is_file() and "reports" in path.parts)
    again = published(archive)
    compact(open_store(archive.as_uri()), settled_before_ms=2**50, nonce=lambda: "c", now_ms=lambda: 0)
    compacted = published(archive)
    assert (again.is_new, compacted.is_new) == (False, False)
    assert again.result == compacted.result == first.result
    assert sorted(path for path in archive.rglob("*") if path.is_file() and "reports" in path.parts) == before


def test_a_day_has_a_league_of_its_own_and_later_rows_make_another(tmp_path: Path) -> None:
    write(tmp_path, batches()[:3])
    first = published(tmp_path)
    assert published(tmp_path, DAYS[0]).result.details["reports"][0] == f"reports/{DAYS[0]}/league.json"
    grown = write_more(tmp_path)
    later = published(grown)
    assert later.is_new
    assert later.result.inputs != first.result.inputs
    assert later.result.details["reports"][0] == f"reports/{DAYS[1]}/league-{later.result.inputs[:12]}.json"


def write_more(folder: Path) -> Path:
    """Archive the last batch, too."""
    return write(folder, batches()[3:])


def test_without_outcomes_there_is_nothing_to_publish(tmp_path: Path) -> None:
    write(tmp_path, batches((5,)))
    assert publish_league(night(tmp_path)) is None
    assert find_league(night(tmp_path)) is None
    assert not (tmp_path / "reports").exists()
