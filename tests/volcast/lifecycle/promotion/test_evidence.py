"""A comparison as evidence: its figures are kept, and it has to say what the promotion claims."""

from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.volcast.lifecycle.comparison.test_compared import comparison
from volcast.lifecycle.comparison.result import encode_comparison
from volcast.lifecycle.promotion.evidence import objection_of, read_evidence


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evidence") / "comparison.json"
    path.write_bytes(encode_comparison(comparison()))
    return path


def test_the_main_figures_of_the_promoted_model_are_kept(file: Path) -> None:
    found, whole = read_evidence(file, "better"), comparison()
    own = whole.model("better").evidence
    assert own is not None
    assert (found.file, found.sha256) == ("comparison.json", sha256(file.read_bytes()).hexdigest())
    assert (found.interval, found.champion, found.winner) == ("2024-01-30", "champion", "better")
    assert found.summary == whole.summary
    assert found.reason == whole.model("better").decision.reason  # type: ignore[union-attr]  # it is a challenger
    assert (found.outcomes, found.days, found.qlike_ratio) == (own.outcomes, own.days, own.qlike_ratio)
    assert (found.dm, found.p_better) == (own.dm, own.p_better)


def test_the_champion_has_no_figures_of_its_own(file: Path) -> None:
    assert read_evidence(file, "better", "0a1b").mlflow_run == "0a1b"
    found = read_evidence(file, "champion")
    assert (found.outcomes, found.dm, found.winner) == (None, None, "better")


def test_what_can_not_be_used_says_why(file: Path, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    for path, model, sentence in (
        (tmp_path / "none.json", "better", "cannot read .*none.json: No such file or directory"),
        (tmp_path / "other.json", "better", "other.json: this is no comparison of `volcast compare`"),
        (file, "har", "comparison.json says nothing of har; it compares champion, better"),
    ):
        with pytest.raises(ValueError, match=sentence):
            read_evidence(path, model)


def test_it_supports_its_winner_against_the_champion_it_had(file: Path) -> None:
    found = read_evidence(file, "better")
    assert objection_of(found, "better", {"champion"}, is_explained=False) is None
    assert objection_of(None, "better", {"champion"}, is_explained=False) is None
    loser = objection_of(read_evidence(file, "worse"), "worse", {"champion"}, is_explained=False)
    assert loser is not None
    assert loser.startswith("comparison.json lets better lead: ")
    kept = objection_of(replace(found, winner=None), "better", {"champion"}, is_explained=False)
    assert kept is not None
    assert kept.startswith("comparison.json keeps the champion: ")
    other = objection_of(found, "better", {"champion", "ewma"}, is_explained=False)
    assert other == (
        "comparison.json compares better with champion, but ewma leads now: compare anew, or say with --why why it holds "
        "nevertheless"
    )


def test_a_reason_of_the_users_own_overrides_it(file: Path) -> None:
    assert objection_of(read_evidence(file, "worse"), "worse", {"ewma"}, is_explained=True) is None
