"""`volcast models`, run as a process on a log that a consumer has answered."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.command import volcast
from tests.market import at
from tests.volcast.lifecycle.comparison.test_compared import comparison
from tests.volcast.lifecycle.promotion.signalled import WARM, answer, signal
from tests.volcast.lifecycle.promotion.test_losses import scored
from volcast.core.codec import PROMOTION_KEY, encode_promotion
from volcast.core.forecast.promotion import Promotion
from volcast.core.types import Signal
from volcast.lifecycle.comparison.result import encode_comparison
from volcast.log.contract import Commit, KeyValue
from volcast.log.sqlite.log import SqliteLog

BUS = ("--bus", "sqlite:///log.db")
WHO = ("--who", "ann", "--why", "it is better")


def run(folder: Path, *arguments: object) -> CompletedProcess[str]:
    return volcast(folder, "models", *arguments, *BUS)


def done(folder: Path, *arguments: object) -> str:
    result = run(folder, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


async def answered(folder: Path, *signals: Signal) -> None:
    async with SqliteLog(folder / "log.db") as log:
        await answer(log, *signals)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with a log of two symbols; har is warm for both, ewma for one."""
    await answered(tmp_path, signal("BTCUSDT", 5, har=WARM, ewma=WARM), signal("ETHUSDT", 5, har=WARM, ewma=3))
    return tmp_path


async def test_a_promotion_is_listed_shown_and_verified(folder: Path) -> None:
    written = done(folder, "promote", "har", *WHO)
    assert written.splitlines() == [
        "promotion 000001: har leads from 2024-01-01T00:07:00Z on, for all symbols, also those that begin later",
        "before: two_stage",
        "by ann: it is better",
    ]
    await answered(folder, signal("BTCUSDT", 7, "har", two_stage=WARM), signal("ETHUSDT", 7, "har", two_stage=WARM))
    found = json.loads(done(folder, "list", "--json", "--verify"))
    roles = [(each["model"], each["leads"], each["challenges"]) for each in found["models"]]
    assert roles == [("har", 2, 0), ("two_stage", 0, 2)]
    assert (found["verified"], found["markers"], found["problems"]) == (True, 1, [])
    (promotion,) = found["promotions"]
    expected = {"id": "000001", "kind": "promote", "model": "har", "state": "leads", "who": "ann", "from": "2024-01-01T00:07:00Z"}
    assert promotion | expected == promotion
    assert "verified: 1 promotion, the last record has SHA-256 " + promotion["sha256"] in done(folder, "list", "--verify")
    shown = done(folder, "show", "1")
    assert "record before  none, it is the first" in shown
    assert "markers        partition 0 offset 3" in shown
    symbols = json.loads(done(folder, "show", "--json"))["symbols"]
    assert symbols[0] == {
        "symbol": "BTCUSDT",
        "leader": "har",
        "since": {"promotion": "000001", "from": "2024-01-01T00:07:00Z"},
        "last_candle": "2024-01-01T00:07:00Z",
        "outcomes": WARM,
        "challengers": {"two_stage": {"outcomes": WARM, "warm": True}},
    }


async def test_a_rollback_lets_the_former_one_lead(folder: Path) -> None:
    done(folder, "promote", "har", *WHO)
    await answered(folder, *[signal(name, 7, "har", two_stage=WARM) for name in ("BTCUSDT", "ETHUSDT")])
    found = json.loads(done(folder, "rollback", "--who", "bob", "--json"))
    (promotion,) = found["promotions"]
    assert (promotion["kind"], promotion["of"], promotion["model"]) == ("rollback", "000001", "two_stage")
    assert (promotion["who"], promotion["why"], promotion["from"]) == ("bob", "rollback of 000001", "2024-01-01T00:09:00Z")
    assert [each["state"] for each in json.loads(done(folder, "list", "--json"))["promotions"]] == [
        "taken back",
        "waits for its candle",
    ]
    again = run(folder, "rollback")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.startswith("volcast: not rolled back: the trail has no promotion that could be taken back: see")


async def test_a_cold_model_is_refused_with_exit_code_1_and_sent_when_warm(folder: Path) -> None:
    refused = run(folder, "promote", "ewma", *WHO)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"volcast: not promoted: ewma is not warm for ETHUSDT (3 of {WARM} outcomes)")
    assert "no promotions" in done(folder, "list")
    assert f"ETHUSDT: 3 of {WARM} outcomes: it switches once ewma is warm" in done(folder, "promote", "ewma", *WHO, "--when-warm")
    assert done(folder, "show", "ewma").splitlines()[2].endswith("har 1440, ewma 3 (cold)")


async def test_the_list_says_what_became_of_a_promotion(folder: Path) -> None:
    async def state(*signals: Signal) -> str:
        await answered(folder, *signals)
        (found,) = json.loads(done(folder, "list", "--json"))["promotions"]
        return str(found["state"])

    done(folder, "promote", "ewma", *WHO, "--when-warm")
    both = ("BTCUSDT", "ETHUSDT")
    assert await state() == "waits for its candle"
    assert await state(*[signal(name, 7, ewma=WARM - 1, har=WARM) for name in both]) == "waits until it is warm"
    assert await state(*[signal(name, 8, ewma=WARM, har=WARM) for name in both]) == "not followed yet"
    assert await state(signal("BTCUSDT", 9, "ewma", two_stage=WARM)) == "leads 1 of 2 symbols"
    assert await state(signal("ETHUSDT", 9, "ewma", two_stage=WARM)) == "leads"
    assert await state(*[signal(name, 10, har=WARM) for name in both]) == "no model of these symbols"


async def test_one_is_not_replaced_while_it_is_still_to_lead(folder: Path) -> None:
    """Another one that waits for a later candle takes nothing from it before that."""

    async def states(*signals: Signal) -> list[str]:
        await answered(folder, *signals)
        return [str(each["state"]) for each in json.loads(done(folder, "list", "--json"))["promotions"]]

    for model, minute in (("har", 50), ("ewma", 40), ("har", 59)):
        done(folder, "promote", model, *WHO, "--when-warm", "--at", f"2024-01-01T00:{minute}")
    both, waits = ("BTCUSDT", "ETHUSDT"), "waits for its candle"
    assert await states() == ["replaced", waits, waits]
    assert await states(*[signal(name, 45, "ewma", har=WARM) for name in both]) == ["replaced", "leads", waits]
    assert await states(*[signal(name, 59, "har", ewma=WARM) for name in both]) == ["replaced", "replaced", "leads"]


async def test_evidence_is_stored_and_has_to_speak_for_the_model(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "comparison.json").write_bytes(encode_comparison(comparison()))
    assert run(folder, "promote", "har", "--evidence", "comparison.json").returncode == 2
    await answered(folder, signal("BTCUSDT", 6, "champion", better=WARM), signal("ETHUSDT", 6, "champion", better=WARM))
    text = done(folder, "promote", "better", "--evidence", "comparison.json")
    assert "evidence: comparison.json of 2024-01-30, SHA-256 " in text
    evidence = json.loads(done(folder, "show", "1", "--json"))["evidence"]
    assert evidence["winner"] == "better"
    assert evidence["dm"] < 0


async def test_waiting_shows_where_each_symbol_switched(folder: Path) -> None:
    result = run(folder, "promote", "har", *WHO, "--wait", "--timeout-s", "0.2")
    assert (result.returncode, result.stderr) == (1, "not yet shown by signals: BTCUSDT, ETHUSDT\n")
    assert result.stdout.endswith("0 symbols switched at the named candle\n")


async def test_a_symbol_without_a_signal_is_told(folder: Path) -> None:
    """Its state is there, so that it will switch, too; but nothing says how warm the model is."""
    async with SqliteLog(folder / "log.db") as log, log.consumer() as consumer:
        await consumer.assignment()
        restored = await consumer.open(0)
        await consumer.commit(0, Commit(restored.position, (), (), [KeyValue(b"XUSDT", b"snapshot")]))
    result = run(folder, "promote", "har", *WHO)
    assert (result.returncode, result.stderr) == (0, "no signal that can be read of XUSDT: how warm it is there is not known\n")


async def test_a_dry_run_writes_nothing(folder: Path) -> None:
    assert done(folder, "promote", "har", *WHO, "--dry-run").startswith("promotion 000001: har would lead from 2024-01-01T00:07")
    assert "no promotions" in done(folder, "list")


async def test_a_marker_without_a_record_and_an_edited_record_are_found(folder: Path) -> None:
    done(folder, "promote", "har", *WHO)
    done(folder, "promote", "ewma", *WHO, "--when-warm")
    async with SqliteLog(folder / "log.db") as log, log.appender("intruder") as appender:
        await appender.append([KeyValue(PROMOTION_KEY, encode_promotion(Promotion("000009", "ewma", at(9))))])
    with closing(sqlite3.connect(folder / "log.db")) as db, db:
        db.execute("UPDATE models SET value = CAST(replace(value, 'ann', 'eve') AS BLOB) WHERE key = CAST('000001' AS BLOB)")
    found = run(folder, "list", "--verify")
    assert found.returncode == 1
    assert "problem: models, offset 2: it names " in found.stderr
    assert "a marker lets 'ewma' lead as '000009', which is not on the trail" in found.stderr
    assert "verified" not in found.stdout
    without = run(folder, "list")
    assert without.returncode == 0  # it was not asked to verify, but what it saw it tells
    assert "problem: models, offset 2" in without.stderr


async def test_two_models_are_compared_on_the_same_outcomes(tmp_path: Path) -> None:
    await answered(tmp_path, scored("BTCUSDT", 60, "two_stage", 0.5, har=0.25), scored("BTCUSDT", 61, "har", 0.25, two_stage=0.5))
    text = done(tmp_path, "diff", "har", "two_stage")
    assert text.splitlines() == [
        "symbol\toutcomes\tQLIKE of har\tQLIKE of two_stage\tratio",
        "BTCUSDT\t2\t0.2500\t0.5000\t0.5000",
        "all\t2\t0.2500\t0.5000\t0.5000",
        "",
        "1 day: too few to tell the difference from chance",
    ]
    assert json.loads(done(tmp_path, "diff", "har", "two_stage", "--json"))["qlike_ratio"] == 0.5
    assert "no outcome that both har and last had forecast" in done(tmp_path, "diff", "har", "last")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("promote", "har", *WHO, "--at", "soon"), "'soon' is neither a day like 2024-01-31 nor a minute"),
        (("promote", "har", *WHO, "--symbols", ","), "--symbols names no symbol"),
        (("promote", "har", "--evidence", "none.json"), "cannot read none.json: No such file or directory"),
        (("show", "7"), "there is no promotion 7: see `volcast models list`"),
        (("show", "xgboost"), "no symbol has a model xgboost; there are ewma, har, two_stage"),
        (("diff", "har", "har"), "name two different models"),
    ],
)
async def test_wrong_usage_gets_a_sentence_and_exit_code_2(folder: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = run(folder, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert sentence in result.stderr


def test_a_log_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert run(tmp_path, "list").returncode == 2
    assert list(tmp_path.iterdir()) == []
