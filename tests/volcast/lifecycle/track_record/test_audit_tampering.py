"""The audit finds each kind of change, and says by commit, file and row where it is."""

import gzip
import shutil
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.volcast.lifecycle.track_record.archived import (
    CONFIG,
    audit,
    audit_head,
    batches,
    commits,
    compacted,
    files,
    problems,
    reseal,
    rewrite,
    with_bytes,
    write,
    write_chain,
)
from volcast.lifecycle.archive.commits import decode_state, encode_state
from volcast.lifecycle.archive.layout import checkpoint_name, commit_name

H = CONFIG.horizons[0]
HEAD = "0" * 64


def test_another_head_is_a_problem(archive: Path) -> None:
    assert problems(archive, anchors=[HEAD]) == [
        f"commit 4: no commit has the hash {HEAD}, which was kept: history was cut or written anew behind it"
    ]


def test_a_changed_commit_is_found_by_the_next_one(archive: Path) -> None:
    path = archive / commit_name(2)
    path.write_bytes(path.read_bytes().replace(b'"nonce":"1"', b'"nonce":"7"'))
    assert problems(archive) == [
        f"commit 2, {checkpoint_name(2)}: the checkpoint is not what the commits up to 2 come to",
        f"commit 3, {commit_name(3)}: it does not follow {commit_name(2)}: one of the two was changed after it was written",
    ]


def test_the_last_commit_is_vouched_for_by_a_kept_hash_alone(archive: Path) -> None:
    head = audit(archive).head
    path = archive / commit_name(4)
    path.write_bytes(path.read_bytes().replace(b'"nonce":"3"', b'"nonce":"7"'))
    assert problems(archive) == []
    assert len(problems(archive, anchors=[head])) == 1


def test_a_dropped_commit_is_found(archive: Path) -> None:
    (archive / commit_name(3)).unlink()
    found = problems(archive)
    assert found[0] == f"commit 3, {commit_name(3)}: commit 3 is missing, but there is commit 4"
    assert any("the checkpoint" in each or "follow" in each for each in found) is False


def test_a_truncated_tail_is_found_by_a_kept_hash(archive: Path) -> None:
    head = audit(archive).head
    (archive / commit_name(4)).unlink()
    assert problems(archive) == []
    assert "history was cut or written anew" in problems(archive, anchors=[head])[0]


def test_commits_in_another_order_are_found(archive: Path) -> None:
    two, three = (archive / commit_name(number) for number in (2, 3))
    swapped = two.read_bytes(), three.read_bytes()
    three.write_bytes(swapped[0])
    two.write_bytes(swapped[1])
    assert f"commit 2, {commit_name(2)}: it says that it is commit 3" in problems(archive)


def test_a_history_that_was_written_anew_is_found_by_a_kept_hash_alone(original: Path, tmp_path: Path) -> None:
    """Whoever may write everything can make an archive without a fault, as of a log without its worst hour."""
    *kept, last = batches()
    anew = write(tmp_path, [*kept, {topic: records[:-20] for topic, records in last.items()}])
    assert problems(anew) == []
    assert "history was cut or written anew" in problems(anew, anchors=[audit_head(original)])[0]


def test_a_forecast_that_was_changed_with_all_that_vouches_for_it_does_not_fit_its_outcome(archive: Path) -> None:
    path = files(archive, "signals")[0]
    frame = pl.read_parquet(path)
    before, offset = frame["volatility"][3], frame["offset"][3]

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        at = pl.col("offset") == offset
        records = [
            each.replace(f'"volatility":{before}'.encode(), b'"volatility":0.5', 1) if i == 3 else each
            for i, each in enumerate(frame["record"])
        ]
        return frame.with_columns(record=pl.Series(records), volatility=pl.when(at).then(0.5).otherwise("volatility"))

    rewrite(archive, path, change)
    reseal(archive)
    found = [each for each in problems(archive) if checkpoint_name(2) not in each]
    assert len(found) == 1
    assert f"the outcome of har over {H} minutes scores the forecast {before}, and 0.5 was published" in found[0]


def test_a_changed_data_file_is_named(archive: Path) -> None:
    path = files(archive, "candles")[1]
    with_bytes(path, path.stat().st_size // 2)
    [first, *_] = audit(archive).problems
    assert first.file == path.relative_to(archive).as_posix()
    assert first.commit == int(path.name.split("-")[0])


def test_a_missing_data_file_is_named(archive: Path) -> None:
    path = files(archive, "signals")[0]
    path.unlink()
    assert f"commit {int(path.name.split('-')[0])}, {path.relative_to(archive)}: the file is missing" in problems(archive)


def test_a_typed_column_that_was_changed_with_its_commit_is_found_by_its_record(archive: Path) -> None:
    path = files(archive, "signals")[0]
    offset = pl.read_parquet(path)["offset"][7]
    rewrite(
        archive,
        path,
        lambda frame: frame.with_columns(volatility=pl.when(pl.col("offset") == offset).then(0.5).otherwise("volatility")),
    )
    found = [each for each in problems(archive) if "column" in each]
    assert len(found) == 1
    assert f"partition 0, offset {offset}: the column volatility is 0.5, and its record says" in found[0]


def test_a_record_that_was_changed_with_its_columns_and_commits_is_found_by_the_seal(archive: Path) -> None:
    """Whoever changes history consistently has to change the seals, too."""
    path = files(archive, "signals")[0]

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        record = frame["record"][3].replace(b'"source":"test.csv"', b'"source":"test.CSV"')
        records = [record if i == 3 else each for i, each in enumerate(frame["record"])]
        return frame.with_columns(
            record=pl.Series(records), source=pl.Series(["test.CSV" if i == 3 else s for i, s in enumerate(frame["source"])])
        )

    rewrite(archive, path, change)
    found = [each for each in problems(archive) if "sealed" in each]
    assert len(found) == 1
    assert found[0].startswith("commit 1, data/signals/symbol=BTCUSDT/day=2024-01-01/")
    assert found[0].endswith("a record of signals with one of the offsets 0 to 119 is not the one that was sealed")


def test_a_row_that_was_added_or_removed_is_found_by_the_seal(archive: Path) -> None:
    path = files(archive, "signals")[0]
    rewrite(archive, path, lambda frame: frame.filter(pl.col("offset") != frame["offset"][5]))
    assert any("signals have 119 records at the offsets 0 to 119, and 120 were sealed" in each for each in problems(archive))


def test_a_row_that_no_seal_covers_is_found(archive: Path) -> None:
    write_chain(archive, [replace(each, seals=() if each.number == 2 else each.seals) for each in commits(archive)])
    report = audit(archive)
    assert report.forecasts.unsealed == 100
    assert any("no seal covers it: it is the first of" in str(each) for each in report.problems)


def test_outcomes_that_do_not_follow_from_the_signals_are_found(archive: Path) -> None:
    path = files(archive, "outcomes")[0]
    rewrite(archive, path, lambda frame: frame.with_columns(qlike=frame["qlike"] * 0.99))
    assert any("the column qlike is" in each and "data/outcomes/" in each for each in problems(archive))


def test_missing_outcomes_are_found(archive: Path) -> None:
    path = files(archive, "outcomes")[0]
    rewrite(archive, path, lambda frame: frame.head(frame.height - 3))
    assert any("the outcomes of the day have" in each for each in problems(archive))


def test_candles_that_are_not_those_of_the_signals_are_found(archive: Path) -> None:
    path = files(archive, "candles")[0]
    offset = pl.read_parquet(path)["offset"][2]

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        changed = [
            r.replace(b'"volume":"1"', b'"volume":"2"') if o == offset else r
            for o, r in frame.select("offset", "record").iter_rows()
        ]
        volume = pl.when(pl.col("offset") == offset)
        return frame.with_columns(
            record=pl.Series(changed),
            volume=volume.then(2.0).otherwise("volume"),
            volume_text=volume.then(pl.lit("2")).otherwise("volume_text"),
        )

    rewrite(archive, path, change)
    found = [each for each in problems(archive) if "archived candle" in each]
    assert len(found) == 1
    assert f"offset {offset}: its prices and volume are" in found[0]


def test_a_changed_checkpoint_is_found(archive: Path) -> None:
    path = archive / checkpoint_name(2)
    state = decode_state(gzip.decompress(path.read_bytes()))
    state.files.popitem()
    path.write_bytes(gzip.compress(encode_state(state)))
    assert problems(archive) == [
        f"commit 2, {checkpoint_name(2)}: the checkpoint is not what the commits up to 2 come to",
        f"commit 3, {checkpoint_name(2)}: commit 3 names another hash of this checkpoint",
    ]


def test_a_damaged_checkpoint_is_found(archive: Path) -> None:
    (archive / checkpoint_name(2)).write_bytes(b"x")
    assert f"commit 2, {checkpoint_name(2)}: the checkpoint cannot be decompressed" in problems(archive)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_byte_of_any_object_that_is_changed_is_found(original: Path, tmp_path: Path, data: st.DataObject) -> None:
    """With the hash of the head. Checkpoints are looked at without their packing, whose header has bytes that mean nothing."""
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder)
    head = audit_head(original)
    objects = sorted(path for path in folder.rglob("*") if path.is_file() and "checkpoints" not in path.parts)
    path = data.draw(st.sampled_from(objects), "object")
    with_bytes(path, data.draw(st.integers(0, path.stat().st_size - 1), "byte"), 1 << data.draw(st.integers(0, 7), "bit"))
    assert not audit(folder, anchors=[head]).passed


def test_a_compaction_that_loses_rows_is_found(archive: Path) -> None:
    compacted(archive)
    path = next(each for each in files(archive, "candles") if each.name.startswith("000000000005"))
    rewrite(archive, path, lambda frame: frame.head(frame.height - 1))
    found = problems(archive)
    folder = path.parent.relative_to(archive)
    assert any(each.startswith("commit 5, ") and f"rows of {folder} to" in each for each in found)


def test_a_commit_that_adds_or_removes_what_its_kind_does_not_is_found(archive: Path) -> None:
    chain = commits(archive)
    chain[2] = replace(chain[2], removed=(chain[0].added[0].name,))
    chain[3] = replace(chain[3], kind="expired")
    write_chain(archive, chain)
    found = problems(archive)
    assert any("which only compaction and retention do" in each for each in found)
    assert any("though it is one of retention" in each for each in found)
