"""The step that publishes the league of models over time, and the hash of the archive's last commit with it.

The hash stands in the step's sentence, so the night's message carries it out of the archive: with a hash that was kept elsewhere,
`volcast audit --head` proves later that nothing up to then was changed. The step depends on the rows up to the day, and not on
the files that they lie in, which compaction replaces.
"""

from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.track_record.league import League, league, league_json
from volcast.lifecycle.track_record.league_page import league_page

from .plan import inputs_hash
from .results import StepResult
from .steps import Done, Night


def publish_league(night: Night) -> Done | None:
    """Publish the league up to the night's day; None if nothing has come due by then. Raises StoreError."""
    day, archive = night.plan.day, night.archive
    if (known := find_league(night)) is not None:
        return Done(known, is_new=False)
    found = league(archive, None, day)
    if found.horizon_minutes is None:
        return None
    inputs = _inputs(archive, day)
    contents = {".json": league_json(found), ".html": league_page(found).encode()}
    names = [night.results.publish("league", ending, inputs, content) for ending, content in contents.items()]
    details = {"reports": names, "commit": found.commit, "head": found.head}
    kept = night.results.keep(StepResult("league", inputs, passed=True, summary=league_summary(found), details=details))
    return Done(kept, is_new=True)


def find_league(night: Night) -> StepResult | None:
    """Return the step's result for the rows of now; None if there is none."""
    return night.results.find("league", _inputs(night.archive, night.plan.day))


def league_summary(found: League) -> str:
    """Return the models with their ratios, and the hash to keep, as sentences."""
    totals = {row.model: row.ratio for row in found.totals if row.horizon_minutes == found.horizon_minutes}
    ratios = ", ".join(model if (ratio := totals.get(model)) is None else f"{model} {ratio:.4f}" for model in found.models)
    return (
        f"From {found.from_day} to {found.to_day}, QLIKE by that of whoever led: {ratios}. "
        f"The archive's commit {found.commit} has the hash {found.head}."
    )


def _inputs(archive: Archive, day: str) -> str:
    """Return the hash of how many rows there are up to the day, by table and symbol, and of all promotions."""
    rows: dict[tuple[str, str, str], int] = {}
    for file in archive.state.files.values():
        is_promotion = file.table == "candles" and file.symbol is None
        if (file.table in {"signals", "outcomes"} or is_promotion) and file.day is not None and file.day <= day:
            key = (file.table, file.symbol or "", file.day)
            rows[key] = rows.get(key, 0) + file.rows
    return inputs_hash("league", sorted(rows.items()))
